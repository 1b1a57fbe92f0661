//! One connection does not stop another: each row lets connection A, or the machine, misbehave, and measures B.
//!
//! B is an honest connection. It sends one identify every 50 to 100 ms, about affiliates that are known, in the live
//! lane and below its ceiling. A row ([`rows`]) starts the real program ([`system`]), lets B send ([`honest`]), runs
//! its disturbance ([`disturb`]), and then checks that every event of B arrived, how long each took, and how much memory
//! each process needed ([`check`]). B's latency is the time from the 202 to the moment at which the call that carries the
//! value reaches Refersion ([`arrivals`]).

pub mod arrivals;
pub mod check;
pub mod crafted;
mod damage;
pub mod disturb;
mod files;
mod flood;
pub mod honest;
mod limits;
mod outage;
mod processes;
pub mod rows;
pub mod run;
mod sockets;
mod state;
pub mod suite;
pub mod system;
pub mod table;
