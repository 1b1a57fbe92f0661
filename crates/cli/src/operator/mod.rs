//! What an operator sees: events with what happened to them, persons with what is kept of them, and what both wait for.
//!
//! Nothing here writes; `verification` asks Refersion whether keys work. The commands put it into tables or JSON.

pub mod directory;
pub mod events;
pub mod profile;
pub mod repairs;
pub mod subject;
pub mod verification;
pub mod waiting;
pub mod why;
pub mod workers;

pub use directory::Directory;
pub use subject::Subject;
