//! Promises of the reader about real files, and about any bytes.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod any_bytes;
mod exports;
