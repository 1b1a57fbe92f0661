//! Plans and their items, as the API shows them.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use connections::ConnectionId;
use identity::Digest;
use jiff::Timestamp;
use ledger::Plan;
use ledger::plans::PlanItem;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answers::shown_selector;
use super::repair_answers::SampleAnswer;
use crate::api::guard::Call;
use crate::api::problem::Problem;
use crate::operator::plans::seconds;

/// A plan: a frozen set of dead letters that is replayed under limits.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct PlanAnswer {
    /// Its id.
    id: i64,
    /// `planning`, `ready`, `running`, `paused`, `stopped`, `cancelled`, `done` or `expired`.
    #[schema(value_type = String)]
    state: &'static str,
    /// The selector of the plan, with its times frozen and without search texts.
    selector: String,
    /// The plan whose unfinished items it contains.
    left_of: Option<i64>,
    /// SHA-256 over the ids of its dead letters in ascending order, in hex.
    digest: String,
    /// Dead letters by connection, those that were left out included.
    connections: BTreeMap<String, u64>,
    /// When it was planned.
    created_at: Timestamp,
    /// When it expires unless it is run.
    expires_at: Timestamp,
    /// The expected calls and time.
    estimate: EstimateAnswer,
    /// The effect of its patch; null without a patch.
    patched: Option<PatchedEvents>,
    /// The options of its run.
    options: OptionsAnswer,
    /// When the first event was released.
    started_at: Option<Timestamp>,
    /// When it ended or stopped; a stopped plan can be resumed.
    ended_at: Option<Timestamp>,
    /// Whether the plan continued after the canary; null before that.
    canary_passed: Option<bool>,
    /// The reason why it stopped by its own rule.
    stopped_because: Option<String>,
    /// Calls about its persons that were open when a worker ended, and were sent again.
    repeated_calls: u64,
    /// Dead letters by state and reason.
    items: Vec<ItemCountAnswer>,
    /// The effect of its patch on the first three events. It is personal data, so it is only in the answer that made the plan, and not
    /// if that answer is repeated for an `Idempotency-Key`; empty otherwise.
    pub(super) samples: Vec<SampleAnswer>,
}

#[derive(Serialize, ToSchema)]
struct PatchedEvents {
    /// Events that have a new revision.
    changed: u64,
    /// Events that the patch did not change.
    unchanged: u64,
}

#[derive(Serialize, ToSchema)]
struct EstimateAnswer {
    /// Events that are replayed.
    events: u64,
    /// The persons that these events concern.
    persons: u64,
    /// All calls, if each contains as many affiliates as possible.
    calls: u64,
    /// Maximum number of calls if Refersion refuses none.
    most_calls: u64,
    /// Calls that create one affiliate.
    creates: u64,
    /// Calls that edit up to 50 affiliates.
    edits: u64,
    /// Calls that change the status of up to 50 affiliates.
    status_changes: u64,
    /// Calls that search for an affiliate.
    searches: u64,
    /// Seconds at the learned rates of the connections; null if no call is needed.
    seconds: Option<f64>,
    /// Seconds at the rate of the run or of the request, as far as the learned rates allow it; null without a rate.
    seconds_at_rate: Option<f64>,
}

#[derive(Serialize, ToSchema)]
struct OptionsAnswer {
    /// Calls a second at most.
    rate: Option<f64>,
    /// Number of persons that are replayed first.
    canary: u32,
    /// The share of failures at which it stops, from 0 to 1.
    stop_if: Option<f64>,
    /// The reason of the run.
    reason: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct ItemCountAnswer {
    /// `planned`, `left_out`, `releasing`, `released`, `delivered`, `same_cause`, `new_cause`, `waits` or `skipped`.
    #[schema(value_type = String)]
    state: &'static str,
    /// The reason or the outcome, as a word; empty if there is none.
    reason: String,
    /// The number.
    count: u64,
}

/// The result of one dead letter of a plan.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct ItemAnswer {
    /// The dead letter.
    id: i64,
    /// Its event.
    event_id: Uuid,
    /// The name of its connection.
    connection: String,
    /// The key of its group when it was planned.
    group: String,
    /// Its state in the plan.
    #[schema(value_type = String)]
    state: &'static str,
    /// The reason or the outcome, as a word; empty if there is none.
    reason: String,
    /// When it was released.
    released_at: Option<Timestamp>,
    /// When its event ended.
    ended_at: Option<Timestamp>,
}

/// A plan in words, with the time at the rate of its run.
pub(super) fn plan(call: &Call, plan: Plan) -> PlanAnswer {
    let rate = plan.options.rate;
    plan_at(call, plan, rate)
}

/// A plan in words, with the time at a rate.
pub(super) fn plan_at(call: &Call, plan: Plan, rate: Option<f64>) -> PlanAnswer {
    let estimate = plan.frame.estimate;
    let named = |(id, count): (&ConnectionId, &u64)| (call.directory.name(*id), *count);
    let items = plan.counts.iter().map(|it| ItemCountAnswer {
        state: it.state.word(),
        reason: it.reason.clone(),
        count: it.count,
    });
    PlanAnswer {
        id: plan.id,
        state: plan.state.word(),
        left_of: plan.frame.left_of,
        connections: plan.frame.connections.iter().map(named).collect(),
        created_at: plan.created_at,
        expires_at: plan.expires_at,
        estimate: EstimateAnswer {
            events: estimate.events,
            persons: estimate.persons,
            calls: estimate.calls(),
            most_calls: estimate.most_calls,
            creates: estimate.creates,
            edits: estimate.edits,
            status_changes: estimate.status_changes,
            searches: estimate.searches,
            seconds: estimate.seconds,
            seconds_at_rate: rate.and_then(|rate| seconds(&estimate, Some(rate))),
        },
        items: items.collect(),
        patched: plan.frame.patched.map(|it| PatchedEvents { changed: it.changed, unchanged: it.unchanged }),
        started_at: plan.progress.started_at,
        ended_at: plan.progress.ended_at,
        canary_passed: plan.progress.canary.map(|canary| canary.passed),
        stopped_because: plan.progress.stopped_because,
        repeated_calls: plan.repeated_calls,
        options: OptionsAnswer {
            rate: plan.options.rate,
            canary: plan.options.canary,
            stop_if: plan.options.stop_if,
            reason: plan.options.reason,
        },
        selector: shown_selector(call, &plan.frame.selector),
        digest: plan.frame.digest,
        samples: Vec::new(),
    }
}

/// An item in words.
pub(super) fn item(call: &Call, item: PlanItem) -> ItemAnswer {
    ItemAnswer {
        id: item.letter,
        event_id: item.event,
        connection: call.directory.name(item.connection),
        group: item.group,
        state: item.state.word(),
        reason: item.reason,
        released_at: item.released_at,
        ended_at: item.ended_at,
    }
}

/// The place of an item among those of a plan.
pub(super) fn write_place(item: &PlanItem) -> String {
    let person = u128::from_be_bytes(item.person.0);
    BASE64_URL_SAFE_NO_PAD.encode(format!("{}:{person:x}:{}", item.connection, item.letter))
}

/// The place that a text of [`write_place`] names.
pub(super) fn read_place(cursor: Option<&str>) -> Result<Option<(ConnectionId, Digest, i64)>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let place = || {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let mut parts = text.splitn(3, ':');
        let connection = parts.next()?.parse().ok()?;
        let person = u128::from_str_radix(parts.next()?, 16).ok()?;
        Some((connection, Digest(person.to_be_bytes()), parts.next()?.parse().ok()?))
    };
    let wrong = || Problem::invalid("the cursor is not valid: pass `next` of the previous page unchanged");
    place().map(Some).ok_or_else(wrong)
}
