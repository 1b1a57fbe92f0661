//! Compares the identity rules with the reference model, which shares no code with them.
//!
//! Random histories come from seeds. `PEOPLE_CASES=100000` sets how many each random test runs; `PEOPLE_SEED=17` runs
//! that one alone. A failure prints its seed and the fewest of its events that still fail.

#![expect(clippy::disallowed_methods, reason = "tests take seeds and times from outside")]

mod agreement;
mod audiences;
mod bounds;
mod calls;
mod dead_events;
mod dice;
mod directory;
mod disagreements;
mod events;
mod faults;
mod interleavings;
mod order;
mod outcomes;
mod random_traits;
mod repeats;
mod rows;
mod run;
mod shared;
mod store;
mod takeover;
mod tiny;
