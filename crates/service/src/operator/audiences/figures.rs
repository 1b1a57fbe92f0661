//! Computes the figures of an audience from its counts, the rate of calls, and Segment's figures.

use connections::{Connection, State};
use ledger::audiences::MAX_AUDIENCES;
use ledger::{AudienceCounts, Counting, Drift, Rejections, Verified};

use super::row::{AtSegment, LastVerify, List, Rejected, Row};
use crate::segment_api::Asked;

/// Affiliates in one call. Source: Refersion REST v2, `/affiliate/edit`.
const PER_CALL: f64 = 50.0;

impl List {
    /// Adds the audiences of one connection; `rate` is the rate of its calls.
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
    /// An audience of a connection; `rate` is the rate of its calls.
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
        // Members that are affiliates and whose membership Refersion lacks need an edit. Of the other waiting persons, at most
        // as many need a create as there are members without an affiliate.
        let others = waiting - waiting.min(affiliates.saturating_sub(held));
        let creates = others.min(members.saturating_sub(affiliates));
        let mapped_to = mapped_to(connection, &audience.named.key);
        // Without a field no call is due, so members whom only the directory shows as affiliates are not counted as affiliates.
        let match_rate = share(affiliates, members).filter(|_| !mapped_to.is_empty());
        Self {
            connection: connection.name.to_string(),
            mapped_to,
            audience: audience.named.name,
            class: audience.named.class,
            space_id: audience.named.space,
            segment_id: audience.named.segment_id,
            members,
            left,
            affiliates,
            match_rate,
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

    /// Adds Segment's figures. Among members that have not arrived, the share of affiliates is assumed to be that of the others.
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
        let missing = (not_arrived as f64 * self.match_rate.unwrap_or(1.0)).ceil() as u64;
        let edits = self.waiting.saturating_add(missing);
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

    /// Adds the last comparison, with the known drift.
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

/// The rate in use, in calls a second: `now`, the rate of the worker that delivers, or the learned rate while no worker does.
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
    fn the_remaining_time_assumes_batches_of_fifty() {
        let edits = |waiting, rate| eta(waiting, 0, rate);
        assert_eq!([edits(1, 5.0), edits(50, 1.0), edits(51, 1.0), edits(1_000_000, 5.0)], [1, 1, 2, 4_000]);
    }

    #[test]
    fn a_create_is_a_call_of_its_own() {
        assert_eq!(eta(1_000, 100, 5.0), (100 + 20) / 5);
    }
}
