//! The fault suite in its short form, and that it would notice what it is there to notice.

mod neighbours;
mod notices;
mod table;
