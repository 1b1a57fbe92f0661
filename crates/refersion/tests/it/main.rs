//! The client with a scripted transport, and the HTTP transport with a misbehaving server.

mod batches;
mod creating;
mod http;
mod reading;
mod support;
