//! The operator who asks, and the numbers of waiting events.

use axum::Json;
use connections::Connection;
use ledger::{Counts, OperatorRole};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

use crate::api::guard::Call;
use crate::api::problem::Problem;
use crate::operator::directory::state_words;
use crate::operator::workers::{Waiting, Workers};

/// The operator to whom the token belongs.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Me {
    /// The name.
    name: String,
    /// viewer, operator or admin.
    #[schema(value_type = super::answers::Role)]
    role: OperatorRole,
    /// The names of the connections that it may see; null: all.
    connections: Option<Vec<String>>,
    /// True if personal data is masked.
    masked: bool,
}

/// Show the operator to whom the token belongs.
#[utoipa::path(get, path = "/api/v1/me", tag = "system",
    responses((status = 200, body = Me)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn get_me(call: Call) -> Json<Me> {
    let names = || call.directory.all().map(|connection| connection.name.to_string()).collect();
    Json(Me {
        name: call.operator.name.clone(),
        role: call.operator.role,
        connections: call.directory.is_limited().then(names),
        masked: call.is_masked(),
    })
}

/// The backlog and the state of the connections that the operator may see.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Status {
    /// Events in the queue that are not absorbed yet; null unless the operator may see every connection.
    queue: Option<QueueStatus>,
    #[serde(flatten)]
    counts: StatusCounts,
    /// Each connection.
    connections: Vec<ConnectionStatus>,
    /// Problems of the whole installation; empty if there are none.
    problems: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct QueueStatus {
    /// Events of the live lane.
    live: u64,
    /// Events of the bulk lane.
    bulk: u64,
}

/// The backlog.
#[derive(Default, Serialize, ToSchema)]
struct StatusCounts {
    /// Events without an outcome.
    pending: u64,
    /// Affiliates and persons that differ from the values last sent.
    dirty: u64,
    /// Persons and identifiers that lack data for a create.
    waiting: u64,
    /// Affiliates whose payout field is held back.
    held_back: u64,
    /// Open dead letters.
    dead_letters: u64,
}

#[derive(Serialize, ToSchema)]
struct ConnectionStatus {
    /// Its name.
    name: String,
    /// `active` or `paused`.
    #[schema(value_type = String)]
    state: &'static str,
    /// `operator`, `credentials`, `configuration` or `breaker`; null while it is active.
    #[schema(value_type = Option<String>)]
    paused_for: Option<&'static str>,
    /// The reason of the pause, in a sentence.
    paused_because: Option<String>,
    /// The rate in calls a second: in use now, or learned last.
    rate: f64,
    /// Calls a second that the settings allow.
    rate_ceiling: f64,
    /// Persons that are due now.
    due: u64,
    #[serde(flatten)]
    counts: StatusCounts,
    /// Open dead letters by class.
    dead_letters_by_class: BTreeMap<String, u64>,
}

/// Show the backlog and the state of the connections.
#[utoipa::path(get, path = "/api/v1/status", tag = "system",
    responses((status = 200, body = Status)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn get_status(call: Call) -> Result<Json<Status>, Problem> {
    let engines = &call.engines;
    // The queue is read first: an event that is absorbed in between is counted twice rather than not at all.
    let depth = engines.queue.depth().await.map_err(crate::failure::Failure::from)?;
    let workers = Workers::read(engines, &call.config).await?;
    let rates = workers.rates();
    let (mut connections, mut sum) = (Vec::new(), StatusCounts::default());
    for connection in call.directory.all() {
        let counts = engines.ledger.counts(Some(connection.id), engines.now()).await?;
        sum.add(&counts);
        connections.push(row(connection, counts, rates.get(&connection.id).copied()));
    }
    let sees_all = !call.directory.is_limited();
    // Events in the queue belong to no connection yet.
    let queued = if sees_all { depth.live + depth.bulk } else { 0 };
    let waiting = Waiting { queued, pending: sum.pending };
    let problems = workers.unserved(&waiting).or_else(|| workers.missing().map(str::to_owned));
    Ok(Json(Status {
        queue: sees_all.then_some(QueueStatus { live: depth.live, bulk: depth.bulk }),
        counts: sum,
        connections,
        problems: problems.into_iter().collect(),
    }))
}

impl StatusCounts {
    fn add(&mut self, counts: &Counts) {
        self.pending += counts.pending;
        self.dirty += counts.dirty;
        self.waiting += counts.waiting;
        self.held_back += counts.held_back;
        self.dead_letters += counts.dead_letters;
    }
}

fn row(connection: &Connection, counts: Counts, rate: Option<f64>) -> ConnectionStatus {
    let (state, paused_for) = state_words(connection.state);
    let rate_ceiling = connection.settings.rate_per_second;
    let mut own = StatusCounts::default();
    own.add(&counts);
    ConnectionStatus {
        name: connection.name.to_string(),
        state,
        paused_for,
        paused_because: connection.paused_because.clone(),
        rate: rate.or(connection.learned_rate).map_or(rate_ceiling, |rate| rate.min(rate_ceiling)),
        rate_ceiling,
        due: counts.due,
        counts: own,
        dead_letters_by_class: counts.dead_letters_by_class,
    }
}
