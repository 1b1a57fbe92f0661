//! Deliver by itself: the requests of each procedure, and the outcomes that it derives from the answers.

mod creates;
mod edits;
mod in_doubt;
mod listed;
mod refersion;
mod scrubs;
mod statuses;
mod unchanged;
