//! The client against a scripted transport, and the real transport against a socket that misbehaves.

mod batches;
mod creating;
mod http;
mod reading;
mod support;
