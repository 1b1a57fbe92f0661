//! The fault suite: the real program as several processes, with faults that strike again and again while events flow.
//!
//! Each row of the table ([`fault`]) has its own harness ([`harness`]): engines, a simulated Refersion, two ingest
//! endpoints, two workers. Seeded messages ([`messages`]) are posted over HTTP ([`segment_side`]) while the fault strikes
//! ([`strike`]). Then the faults end, the system becomes idle ([`idle`]), and the promises are checked from outside
//! ([`proof`]): by the ledger's port, by Refersion's state, and by the reference model, which shares no code with the
//! worker.
//!
//! Rows of another kind ([`neighbours`]) measure what an honest connection notices while another one misbehaves.

#![expect(clippy::disallowed_methods, reason = "the suite sends in real time")]

pub mod accounts;
pub mod dice;
pub mod fault;
pub mod harness;
pub mod idle;
pub mod messages;
pub mod neighbours;
pub mod plan;
pub mod process;
pub mod proof;
pub mod proxy;
pub mod row;
pub mod row_engines;
pub mod segment_side;
pub mod servers;
pub mod setup;
pub mod strike;
pub mod suite;
mod supervision;
pub mod table;
