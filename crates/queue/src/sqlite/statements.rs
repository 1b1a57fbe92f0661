//! The statements of the engine, each in a file of its own.

pub(super) const ACKNOWLEDGE: &str = include_str!("sql/acknowledge.sql");
pub(super) const ANYTHING_TO_TAKE: &str = include_str!("sql/anything_to_take.sql");
pub(super) const ANY_NEWER: &str = include_str!("sql/any_newer.sql");
pub(super) const COPY_MESSAGE: &str = include_str!("sql/copy_message.sql");
pub(super) const DELETE_ALL_TICKETS: &str = include_str!("sql/delete_all_tickets.sql");
pub(super) const DELETE_EXPIRED_TICKETS: &str = include_str!("sql/delete_expired_tickets.sql");
pub(super) const DELETE_MESSAGE: &str = include_str!("sql/delete_message.sql");
pub(super) const DELETE_TICKET: &str = include_str!("sql/delete_ticket.sql");
pub(super) const DEPTH: &str = include_str!("sql/depth.sql");
pub(super) const HAND_OUT: &str = include_str!("sql/hand_out.sql");
pub(super) const INSERT_BODY: &str = include_str!("sql/insert_body.sql");
pub(super) const INSERT_MESSAGE: &str = include_str!("sql/insert_message.sql");
pub(super) const INSERT_RESCUE: &str = include_str!("sql/insert_rescue.sql");
pub(super) const INSERT_TICKET: &str = include_str!("sql/insert_ticket.sql");
pub(super) const LOOK: &str = include_str!("sql/look.sql");
pub(super) const NEXT_CONNECTION: &str = include_str!("sql/next_connection.sql");
pub(super) const OLDEST: &str = include_str!("sql/oldest.sql");
pub(super) const PROVE_WRITING: &str = include_str!("sql/prove_writing.sql");
pub(super) const RAISE_TICKETS: &str = include_str!("sql/raise_tickets.sql");
pub(super) const RECLAIM: &str = include_str!("sql/reclaim.sql");
pub(super) const RELEASE: &str = include_str!("sql/release.sql");
pub(super) const RESCUES: &str = include_str!("sql/rescues.sql");
pub(super) const RETURN_EXPIRED: &str = include_str!("sql/return_expired.sql");
pub(super) const STORED_BYTES: &str = include_str!("sql/stored_bytes.sql");
pub(super) const SUSPECTS: &str = include_str!("sql/suspects.sql");
pub(super) const WAITING: &str = include_str!("sql/waiting.sql");
