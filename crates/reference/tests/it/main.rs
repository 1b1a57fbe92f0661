//! The reference model held against the design: its table of cases, its traps, and that it sees a wrong account.

mod accounts;
mod deletes;
mod order;
mod outcomes;
mod readings;
mod rows;
mod story;
