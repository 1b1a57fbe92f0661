//! Reconcile by itself: order, batches, pauses, retries and changed settings.

mod bounds;
mod deletes;
mod disagreements;
mod events;
mod fast_path;
mod ledger_outage;
mod left_out;
mod order;
mod pauses;
mod payouts;
mod refused;
mod repaired;
mod retention;
mod retries;
mod settings;
mod shared;
mod shop;
mod waits;
mod walks;
mod wire;
