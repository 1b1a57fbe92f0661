//! The client with a scripted transport, and the HTTP transport with a misbehaving server.

mod batches;
mod creating;
mod gzip;
mod http;
mod proxies;
mod reading;
mod support;
