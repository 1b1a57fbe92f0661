//! Reconcile by itself: order, batches, pauses, retries and changed settings.

mod bounds;
mod carried;
mod deletes;
mod disagreements;
mod events;
mod ledger_away;
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
mod wire;
