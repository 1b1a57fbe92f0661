//! The engines of the ledger, run as their callers run them.

#![expect(clippy::disallowed_methods, reason = "tests take seeds and times from outside")]

mod counts;
mod message_ids;
mod postgres_engine;
mod postgres_locks;
mod postgres_plans;
mod postgres_pooler;
mod postgres_removal;
mod postgres_server;
mod postgres_weeks;
mod sqlite_engine;
mod sqlite_file;
mod sqlite_removal;
mod upgrade;
mod upgrade_events;
mod upgrade_letters;
