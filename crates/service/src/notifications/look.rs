//! A look at everything that operators may be notified of.

use std::collections::BTreeMap;

use connections::State;
use jiff::{SignedDuration, Timestamp};
use ledger::plans::{ItemState, Tally};
use ledger::{DeadLetterState, Group, Plan, PlanFilter, PlanState};

use crate::engines::Engines;
use crate::failure::Failure;

/// The state of the installation at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    pub(super) at: Timestamp,
    pub(super) connections: BTreeMap<i64, Shop>,
    /// Groups with open dead letters, by key; `None` if this look leaves them out.
    pub(super) groups: Option<BTreeMap<String, Letters>>,
    /// Events of the bulk lane that wait in the queue, of all connections.
    pub(super) bulk: u64,
    /// Plans of replays that have ended lately.
    pub(super) replays: Vec<Replay>,
}

/// A plan of a replay that has ended.
#[derive(Clone, Debug)]
pub(super) struct Replay {
    pub(super) plan: i64,
    pub(super) ended_at: Timestamp,
    /// Whether it stopped by its own rule.
    pub(super) is_stopped: bool,
    pub(super) delivered: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
    /// Their persons wait, so nothing was sent for them yet.
    pub(super) kept: u64,
    /// Left out when the plan was made.
    pub(super) left_out: u64,
    pub(super) not_sent: u64,
}

/// How long a look still notices the end of a plan, in case no process looked in between.
const ENDED_WITHIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Shop {
    pub(super) name: String,
    /// Why it is paused, and since when.
    pub(super) paused: Option<(String, Timestamp)>,
    pub(super) pending: u64,
    pub(super) ended: u64,
}

/// A group of dead letters, without its cause: the cause may repeat Refersion's message about a value.
#[derive(Clone, Debug)]
pub(super) struct Letters {
    pub(super) connection: i64,
    pub(super) class: String,
    pub(super) http_status: Option<u16>,
    pub(super) field: Option<String>,
    pub(super) open: u64,
    pub(super) people: u64,
}

impl Look {
    pub(super) async fn take(engines: &Engines, with_groups: bool) -> Result<Self, Failure> {
        let at = engines.now();
        let mut connections = BTreeMap::new();
        for connection in engines.connections.list().await? {
            let counts = engines.ledger.counts(Some(connection.id), at).await?;
            let paused = match connection.state {
                State::Paused(reason) => {
                    Some((reason.as_str().to_owned(), connection.paused_since.unwrap_or(at)))
                }
                State::Active => None,
            };
            let ended = counts.outcomes.values().sum();
            let shop = Shop { name: connection.name.to_string(), paused, pending: counts.pending, ended };
            connections.insert(connection.id, shop);
        }
        let groups = match with_groups {
            true => Some(engines.dead_letters.groups(at).await?.into_iter().filter_map(letters).collect()),
            false => None,
        };
        let bulk = engines.queue.depth().await?.bulk;
        let of_plans = PlanFilter {
            ended_since: Some(at.saturating_sub(ENDED_WITHIN).unwrap_or(at)),
            ..PlanFilter::in_states(&[PlanState::Done, PlanState::Stopped])
        };
        let ended = engines.plans.plans(&of_plans, at).await?;
        let replays = ended.iter().filter_map(replay).collect();
        Ok(Self { at, connections, groups, bulk, replays })
    }
}

fn replay(plan: &Plan) -> Option<Replay> {
    let Tally { delivered, failed } = plan.tally();
    Some(Replay {
        plan: plan.id,
        ended_at: plan.progress.ended_at?,
        is_stopped: plan.state == PlanState::Stopped,
        delivered,
        failed,
        skipped: plan.count(ItemState::Skipped),
        kept: plan.count(ItemState::Waits),
        left_out: plan.count(ItemState::LeftOut),
        not_sent: plan.count(ItemState::Planned),
    })
}

fn letters(group: Group) -> Option<(String, Letters)> {
    let open = group.states.get(&DeadLetterState::Open)?.letters;
    let letters = Letters {
        connection: group.connection,
        class: group.cause.class,
        http_status: group.cause.http_status,
        field: group.cause.field,
        open,
        people: group.people,
    };
    (!group.key.is_empty()).then_some((group.key, letters))
}
