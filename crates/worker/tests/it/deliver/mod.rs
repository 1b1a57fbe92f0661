//! Deliver by itself: what each procedure asks of Refersion, and what it makes of the answers.

mod creates;
mod edits;
mod in_doubt;
mod listed;
mod refersion;
mod scrubs;
mod statuses;
mod unchanged;
