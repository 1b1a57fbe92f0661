//! The binary as a script meets it: exit codes, standard output, standard error.

#![expect(clippy::unwrap_used, reason = "a helper that fails ends its test")]

mod adopt;
mod api;
mod api_client;
mod api_repairs;
mod audiences;
mod audit;
mod bench;
mod client_libraries;
mod config;
mod connections;
mod damage;
mod dead_letters;
mod deaf_log;
mod demo;
mod durability;
mod estimates;
mod files;
mod forgotten;
mod lossy;
mod notices;
mod payout;
mod plans;
mod pooler;
mod program;
mod proxies;
mod reading;
mod registration;
mod repairs;
mod room;
mod running;
mod scaled;
mod segment_api;
mod sends;
mod shapes;
mod simulate;
mod story;
mod terminal;
mod tls;
mod triage;
mod usage;
mod ways;
mod webhooks;
mod working;
mod world;
