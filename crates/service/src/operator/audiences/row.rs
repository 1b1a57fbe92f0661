//! An audience as operators and scripts read it.

use jiff::Timestamp;
use serde::Serialize;

/// All audiences. The names of these fields are fixed: scripts rely on them.
#[derive(Debug, Default, Serialize)]
pub struct List {
    /// Each of them.
    pub audiences: Vec<Row>,
    /// Connections with more audiences than are kept: the others are not counted.
    pub beyond_the_limit: Vec<String>,
    /// How many are kept of one connection.
    pub limit: usize,
}

/// One audience.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The name of the connection.
    pub connection: String,
    /// The key of the audience, as its events write it.
    pub audience: String,
    /// Segment's class of it; null where a lone boolean was taken for an audience.
    pub class: Option<String>,
    /// Engage's space.
    pub space_id: Option<String>,
    /// Segment's id of the audience.
    pub segment_id: Option<String>,
    /// The fields of Refersion that it goes to: `custom field 7`, `paypal_email`.
    pub mapped_to: Vec<String>,
    /// Members.
    pub members: u64,
    /// Persons who were members.
    pub left: u64,
    /// Members that are affiliates.
    pub affiliates: u64,
    /// Affiliates per member; null without members, and unknown (null) while the audience is mapped to no field.
    pub match_rate: Option<f64>,
    /// Members whose membership Refersion has.
    pub held: u64,
    /// Persons, in or out, whose affiliate has the newest value.
    pub delivered: u64,
    /// Persons, in or out, whose affiliate does not have the newest value yet.
    pub waiting: u64,
    /// Persons whose membership Refersion has refused.
    pub refused: u64,
    /// Open dead letters by cause; null in a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Vec<Rejected>>,
    /// Delivered persons as a share of those that are delivered or wait; null while nobody waits.
    pub progress: Option<f64>,
    /// Upper limit of the waiting persons that need a create; the others are affiliates, and need an edit.
    pub waiting_for_create: u64,
    /// Seconds until the waiting persons are delivered, at the current rate; null while nobody waits, and while paused.
    pub eta_seconds: Option<u64>,
    /// When its first event arrived.
    pub first_seen: Timestamp,
    /// When the count changed last.
    pub last_change: Option<Timestamp>,
    /// Graphs from before the newest audience of the connection are being counted: numbers are too low until then.
    pub counting: bool,
    /// Segment's figures; left out without a token, and in a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<AtSegment>,
    /// The last comparison of Refersion with the values that were sent; null: there was none. Left out in a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Option<LastVerify>>,
    /// Calls a second; `None` while paused.
    #[serde(skip)]
    pub rate: Option<f64>,
}

/// The last `connections verify` of the connection, as far as it concerns an audience.
#[derive(Debug, Serialize)]
pub struct LastVerify {
    /// When it ended.
    pub at: Timestamp,
    /// Affiliates of the connection that were compared.
    pub compared: u64,
    /// Affiliates that differ in a field of this audience, by this comparison and by webhooks since.
    pub drifted: u64,
    /// It was asked to send again what differed.
    pub repair: bool,
    /// It met everybody.
    pub complete: bool,
}

/// Segment's figures of an audience, or the reason why they are unknown.
#[derive(Debug, Default, Serialize)]
pub struct AtSegment {
    /// Its members at Segment.
    pub members: Option<u64>,
    /// The status of its computation, in Segment's word.
    pub status: Option<String>,
    /// Whether it is computed at all.
    pub enabled: Option<bool>,
    /// Members that Segment has and that have not arrived.
    pub not_arrived: Option<u64>,
    /// Seconds until waiting persons and those that have not arrived are delivered at the current rate, as soon as Segment sends them.
    pub eta_seconds: Option<u64>,
    /// When Segment was asked; its answer is kept for a minute.
    pub asked_at: Option<Timestamp>,
    /// The reason why the figures are unknown.
    pub error: Option<String>,
}

/// Open dead letters with one cause.
#[derive(Debug, Serialize)]
pub struct Rejected {
    /// The class of the failure.
    pub class: String,
    /// The field that was refused.
    pub field: Option<String>,
    /// The cause in words.
    pub cause: String,
    /// How many.
    pub dead_letters: u64,
}
