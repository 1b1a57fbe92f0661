//! What the reader promises of files as people have them, and of any bytes.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod any_bytes;
mod exports;
