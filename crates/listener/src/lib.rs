//! An HTTP/1.1 listener that no client can exhaust, shared by all servers of the workspace.
//!
//! [`serve()`] accepts connections up to [`Limits`] and passes their requests to a function. A new connection always gets a
//! place while any other is idle: the one that has been idle for longest is closed. A connection in the middle of a request
//! is not closed for another one, unless its client has stopped sending and no other is idle. [`client()`] determines the
//! client of a request, also behind trusted proxies, and [`check_host`] checks the rules of HTTP/1.1 for `Host`.

mod body;
mod connection;
mod forwarded;
mod host;
mod limits;
mod linger;
mod meters;
mod networks;
mod places;
mod progress;
mod rare;
mod refusal;
mod serve;
mod stream;

pub use body::Upload;
pub use forwarded::{Client, client};
pub use host::{HostError, check_host};
pub use limits::Limits;
pub use meters::{Figures, Meters};
pub use networks::{Networks, NetworksError, party};
pub use rare::RareLog;
pub use serve::serve;
