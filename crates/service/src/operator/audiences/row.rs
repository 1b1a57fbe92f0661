//! An audience as operators and scripts read it.

use connections::{Connection, State};
use jiff::Timestamp;
use ledger::audiences::MAX_AUDIENCES;
use ledger::{AudienceCounts, Counting, Drift, Rejections, Verified};
use serde::Serialize;

use crate::segment_api::Asked;

/// Affiliates in one call. Source: Refersion REST v2, `/affiliate/edit`.
const PER_CALL: f64 = 50.0;

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
    /// Persons who are in.
    pub members: u64,
    /// Persons who were in.
    pub left: u64,
    /// Members that are affiliates.
    pub affiliates: u64,
    /// Affiliates per member; null without members.
    pub match_rate: Option<f64>,
    /// Members whose membership Refersion has.
    pub held: u64,
    /// Persons, in or out, whose affiliate holds what was said last.
    pub delivered: u64,
    /// Persons, in or out, whose affiliate does not hold yet what was said last.
    pub waiting: u64,
    /// Persons whose membership Refersion has refused.
    pub refused: u64,
    /// Open dead letters by cause; null in a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<Vec<Rejected>>,
    /// The delivered share of what is delivered or waits; null while nothing waits.
    pub progress: Option<f64>,
    /// Of those waiting, how many need a create at most; the others are affiliates, and need an edit.
    pub waiting_for_create: u64,
    /// Seconds until what has arrived is delivered, at the rate of now; null while nothing waits, and while paused.
    pub eta_seconds: Option<u64>,
    /// When its first event arrived.
    pub first_seen: Timestamp,
    /// When the count changed last.
    pub last_change: Option<Timestamp>,
    /// Graphs from before the newest audience of the connection are being counted: numbers are too low until then.
    pub counting: bool,
    /// What Segment believes; left out without a token, and in a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<AtSegment>,
    /// The last comparison of Refersion with what was sent; null: there was none. Left out in a list.
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

/// What Segment believes of an audience, or why that is not known.
#[derive(Debug, Default, Serialize)]
pub struct AtSegment {
    /// Its members at Segment.
    pub members: Option<u64>,
    /// How its computation goes, in Segment's word.
    pub status: Option<String>,
    /// Whether it is computed at all.
    pub enabled: Option<bool>,
    /// Members that Segment has and that have not arrived.
    pub not_arrived: Option<u64>,
    /// Seconds until what waits, and what has not arrived, is delivered at the rate of now, as soon as Segment sends it.
    pub eta_seconds: Option<u64>,
    /// When Segment was asked; its answer is kept for a minute.
    pub asked_at: Option<Timestamp>,
    /// Why this is not known.
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

impl List {
    /// Adds those of one connection; `rate` is that of its calls.
    pub fn add(
        &mut self,
        connection: &Connection,
        counting: Counting,
        counts: Vec<AudienceCounts>,
        rate: Option<f64>,
    ) {
        self.limit = MAX_AUDIENCES;
        self.beyond_the_limit.extend(counting.beyond.then(|| connection.name.to_string()));
        self.audiences.extend(counts.into_iter().map(|it| Row::of(connection, counting, it, rate)));
    }
}

impl Row {
    /// One of a connection; `rate` is that of its calls.
    #[must_use]
    pub fn of(
        connection: &Connection,
        counting: Counting,
        counts: AudienceCounts,
        rate: Option<f64>,
    ) -> Self {
        let AudienceCounts { audience, members, left, affiliates, held, delivered, waiting, refused, .. } =
            counts;
        let share = |part: u64, all: u64| (all > 0).then(|| part as f64 / all as f64);
        let progress = share(delivered, delivered + waiting).filter(|_| waiting > 0);
        // Members that are affiliates and whose membership Refersion lacks need an edit; of the others no more than there are
        // members without an affiliate can need a create.
        let others = waiting - waiting.min(affiliates.saturating_sub(held));
        let creates = others.min(members.saturating_sub(affiliates));
        Self {
            connection: connection.name.to_string(),
            mapped_to: mapped_to(connection, &audience.named.key),
            audience: audience.named.name,
            class: audience.named.class,
            space_id: audience.named.space,
            segment_id: audience.named.segment_id,
            members,
            left,
            affiliates,
            match_rate: share(affiliates, members),
            held,
            delivered,
            waiting,
            refused,
            rejected: None,
            progress,
            waiting_for_create: creates,
            eta_seconds: rate.filter(|_| waiting > 0).map(|rate| eta(waiting, creates, rate)),
            first_seen: audience.first_seen,
            last_change: counts.changed_at,
            counting: counting.position.is_some(),
            segment: None,
            verified: None,
            rate,
        }
    }

    /// Adds what Segment believes. Of those that have not arrived as many are taken for affiliates as of the others.
    pub fn believe(&mut self, Asked { believed, at }: Asked) {
        let asked_at = Some(at);
        let believed = match believed {
            Ok(believed) => believed,
            Err(error) => {
                let error = Some(error.to_string());
                self.segment = Some(AtSegment { error, asked_at, ..AtSegment::default() });
                return;
            }
        };
        let not_arrived = believed.size.saturating_sub(self.members);
        let edits = self.waiting + (not_arrived as f64 * self.match_rate.unwrap_or(1.0)).ceil() as u64;
        let is_sent = !self.mapped_to.is_empty() && edits > 0;
        self.segment = Some(AtSegment {
            members: Some(believed.size),
            status: believed.status,
            enabled: believed.enabled,
            not_arrived: Some(not_arrived),
            eta_seconds: self.rate.filter(|_| is_sent).map(|rate| eta(edits, self.waiting_for_create, rate)),
            asked_at,
            error: None,
        });
    }

    /// Adds the last comparison, with what is known to differ.
    pub fn verify(&mut self, fields: &[String], last: Option<Verified>, drift: &[Drift]) {
        let differs = |drift: &&Drift| drift.fields.iter().any(|field| fields.contains(field));
        let drifted = drift.iter().filter(differs).count() as u64;
        let last = last.map(|Verified { ended_at, compared, repair, complete, .. }| LastVerify {
            at: ended_at,
            compared,
            drifted,
            repair,
            complete,
        });
        self.verified = Some(last);
    }

    /// Adds the causes of open dead letters.
    pub fn reject(&mut self, rejections: impl Iterator<Item = Rejections>) {
        let rejected = |Rejections { class, field, cause, letters, .. }| Rejected {
            class,
            field,
            cause,
            dead_letters: letters,
        };
        self.rejected = Some(rejections.map(rejected).collect());
    }
}

/// Seconds until `waiting` affiliates are edited, after `creates` of them were created, at `rate` calls per second: a create is a call of
/// its own and cannot set a custom field, so each is followed by its share of an edit.
fn eta(waiting: u64, creates: u64, rate: f64) -> u64 {
    ((creates as f64 + (waiting as f64 / PER_CALL).ceil()) / rate).ceil() as u64
}

/// The fields of drift that an audience's trait goes to.
pub(super) fn drift_fields(connection: &Connection, key: &str) -> Vec<String> {
    let settings = &connection.settings;
    let is_it = |name: &String| segment::fold_key(name) == key;
    let custom = settings.custom_fields.iter().filter(|(name, _)| is_it(name));
    let paypal = settings.paypal_trait.iter().filter(|name| is_it(name)).map(|_| "paypal_email".to_owned());
    custom.map(|(_, id)| format!("custom:{id}")).chain(paypal).collect()
}

/// The fields that an audience's trait goes to, in words.
fn mapped_to(connection: &Connection, key: &str) -> Vec<String> {
    let in_words = |field: String| match field.strip_prefix("custom:") {
        Some(id) => format!("custom field {id}"),
        None => field,
    };
    drift_fields(connection, key).into_iter().map(in_words).collect()
}

/// The rate in use, in calls a second: `now` is that of the worker that delivers; the learned one while nobody does.
/// `None` while the connection is paused.
#[must_use]
pub fn rate_of(connection: &Connection, now: Option<f64>) -> Option<f64> {
    let ceiling = connection.settings.rate_per_second;
    let rate = now.or(connection.learned_rate).map_or(ceiling, |rate| rate.min(ceiling));
    (connection.state == State::Active && rate > 0.0).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_go_is_that_of_calls_with_fifty() {
        let edits = |waiting, rate| eta(waiting, 0, rate);
        assert_eq!([edits(1, 5.0), edits(50, 1.0), edits(51, 1.0), edits(1_000_000, 5.0)], [1, 1, 2, 4_000]);
    }

    #[test]
    fn a_create_is_a_call_of_its_own() {
        assert_eq!(eta(1_000, 100, 5.0), (100 + 20) / 5);
    }
}
