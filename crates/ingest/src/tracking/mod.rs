//! Segment's Tracking API, so that Segment's own client libraries can be pointed here by changing the host.
//!
//! <https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/>. Its answers are not those of the direct
//! destination: success is exactly 200, because several libraries send anything else again, and errors carry a `code` beside
//! the `message`, because the Python library sends an error without one again.

mod answers;
mod browser;
mod gzip;
mod path;
mod request;

pub(crate) use answers::{preflight, refused_below};
pub(crate) use path::{Route, is_below};
