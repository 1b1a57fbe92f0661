//! The reference model: the cases of the design, special cases, and the detection of wrong accounts.

mod accounts;
mod deletes;
mod order;
mod outcomes;
mod readings;
mod rows;
mod story;
