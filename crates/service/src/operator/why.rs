//! The reasons why a person waits: for a call, a pause, an address, or an operator.

use std::collections::BTreeSet;

use connections::{Connection, State as ConnectionState};
use identity::Digest;
use identity::plan::{Analysis, Step};
use identity::resolution::Person;
use identity::settle;
use jiff::Timestamp;
use ledger::{DeadLetterFilter, DeadLetterState, GraphRow};
use serde::Serialize;
use worker::rules::rules;

use super::directory::{pause_hint, state_words};
use super::events::{EventRow, find};
use super::profile::{self, differs};
use super::waiting::step_waits_for;
use super::workers::Workers;
use super::{Directory, Subject};
use crate::config::Config;
use crate::engines::Engines;
use crate::failure::Failure;

/// The newest events that are looked at.
const LOOKED_AT: usize = 1_000;

/// The reasons why a person waits in one connection. The names of its fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
pub struct Why {
    /// The name of the connection.
    pub connection: String,
    /// `active` or `paused`.
    pub state: &'static str,
    /// Obstacles for all persons of this connection, with advice.
    pub held_up: Vec<String>,
    /// Calls a second, while a worker delivers.
    pub rate: Option<f64>,
    /// Persons that are due now, this one included: they take turns at that rate.
    pub due: u64,
    /// The waits of this person, oldest first; empty if nothing waits.
    pub waits: Vec<Wait>,
    /// Whether every event of the person was looked at: the newest 1,000 are, and those among the first 50,000 of the queue. Of
    /// others, events and dead letters that wait are not named.
    pub complete: bool,
}

/// One thing that waits.
#[derive(Debug, Serialize)]
pub struct Wait {
    /// `call`, `person`, `event` or `dead_letter`.
    pub what: &'static str,
    /// The subject: the fields of a call, a shortened digest, an event id, the id of a dead letter.
    pub about: String,
    /// The reason why it waits.
    pub waits_for: String,
    /// Since when, if that is known.
    pub since: Option<Timestamp>,
    /// Not before this.
    pub due_at: Option<Timestamp>,
}

/// The reasons why a person waits, by connection; connections that know nothing of the person are left out.
///
/// # Errors
///
/// [`Failure`] if the queue or the ledger cannot be read.
pub async fn why(
    engines: &Engines,
    config: &Config,
    directory: &Directory,
    subject: &Subject,
) -> Result<Vec<Why>, Failure> {
    let workers = Workers::read(engines, config).await?;
    let found = find(engines, directory, subject, LOOKED_AT, 1).await?;
    let complete = found.complete && found.total <= LOOKED_AT;
    let mut all = Vec::new();
    for connection in directory.all() {
        let digests = subject.digests(engines, connection.id);
        let graphs = engines.ledger.gather(connection.id, &digests, &[]).await?.graphs;
        let name = connection.name.to_string();
        let events: Vec<&EventRow> = found.events.iter().filter(|row| row.connection == name).collect();
        if graphs.is_empty() && events.is_empty() {
            continue;
        }
        let mut waits: Vec<Wait> = events.iter().filter_map(|row| event(row)).collect();
        graphs.iter().for_each(|row| waits.extend(of_graph(connection, row, &digests)));
        waits.extend(dead_letters(engines, &events).await?);
        waits.sort_by_key(|wait| (wait.since, wait.what));
        all.push(Why {
            state: state_words(connection.state).0,
            held_up: held_up(engines.now(), connection, &workers),
            rate: workers.rates().get(&connection.id).copied(),
            due: engines.ledger.counts(Some(connection.id), engines.now()).await?.due,
            connection: name,
            waits,
            complete,
        });
    }
    Ok(all)
}

/// Obstacles for all persons of a connection.
fn held_up(now: Timestamp, connection: &Connection, workers: &Workers) -> Vec<String> {
    let mut all = Vec::new();
    if let ConnectionState::Paused(reason) = connection.state {
        let because = connection.paused_because.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        let hint = pause_hint(connection).unwrap_or_default();
        all.push(format!("the connection is paused for {reason}{because}; {hint}"));
    }
    if let Some(until) = connection.asked_to_wait_until.filter(|until| *until > now) {
        all.push(format!("Refersion asked to wait until {until}"));
    }
    if !workers.delivers() {
        all.push("no worker is running: start `serve` or `worker`".to_owned());
    }
    all
}

/// An event that has not ended.
fn event(row: &EventRow) -> Option<Wait> {
    Some(Wait {
        what: "event",
        about: row.event_id.to_string(),
        waits_for: row.waiting_for.clone()?,
        since: Some(row.received_at),
        due_at: None,
    })
}

/// The calls that a person's graph needs, and the identifiers that belong to no person yet.
fn of_graph(connection: &Connection, row: &GraphRow, asked: &[Digest]) -> Vec<Wait> {
    let rules = rules(&connection.settings);
    let analysis = Analysis::of(&row.graph, &rules);
    let mine = profile::mine(&analysis, asked);
    let calls = analysis.steps.iter().filter(|step| is_mine(&analysis, step, &mine)).map(|step| {
        let retry = analysis.graph.retries.get(&step.anchor);
        Wait {
            what: "call",
            about: differs(step),
            waits_for: step_waits_for(step, retry),
            since: retry.map(|retry| retry.since.into()),
            due_at: retry.filter(|retry| !retry.given_up).map(|retry| retry.due_at.into()),
        }
    });
    let without = mine.iter().filter(|digest| analysis.resolution.person(**digest).is_none());
    let without = without.filter_map(|digest| Some((*digest, settle::waits_for(&analysis, *digest)?)));
    let persons = analysis.resolution.persons.iter().filter(|person| mine.contains(&person.root));
    let lacking = persons.filter_map(|person| Some((person.root, lacks(&analysis, person)?)));
    let waits = without.chain(lacking).filter_map(|(digest, waits_for)| {
        Some(Wait {
            what: "person",
            about: digest.to_string().chars().take(profile::SHORT).collect(),
            waits_for,
            since: row.graph.identifiers.get(&digest)?.stated_at.map(Into::into),
            due_at: None,
        })
    });
    calls.chain(waits).collect()
}

/// The data without which no affiliate is created for a person; `None` if one is bound, or if nothing is missing.
fn lacks(analysis: &Analysis<'_>, person: &Person<'_>) -> Option<String> {
    if analysis.resolution.bound(analysis.graph, person).is_some() {
        return None;
    }
    let lacking = analysis.rules.lacking(&person.traits, false);
    (!lacking.is_empty()).then(|| format!("the missing {}, which a create requires", lacking.join(", ")))
}

fn is_mine(analysis: &Analysis<'_>, step: &Step, mine: &BTreeSet<Digest>) -> bool {
    let persons = mine.iter().filter_map(|digest| analysis.resolution.person(*digest));
    let own =
        persons.filter_map(|person| analysis.resolution.bound(analysis.graph, person)).map(|it| it.address);
    mine.contains(&step.anchor) || own.into_iter().any(|address| address == step.anchor)
}

/// The open dead letters among events.
async fn dead_letters(engines: &Engines, events: &[&EventRow]) -> Result<Vec<Wait>, Failure> {
    let ids: Vec<i64> = events.iter().filter_map(|row| row.dead_letter_id).collect();
    let limit = ids.len();
    let states = Some(vec![DeadLetterState::Open]);
    let filter = DeadLetterFilter { ids: Some(ids), states, limit, ..DeadLetterFilter::default() };
    let letters = engines.ledger.dead_letters(&filter).await?;
    let wait = |letter: ledger::DeadLetterView| Wait {
        what: "dead_letter",
        about: letter.id.to_string(),
        waits_for: format!("an operator ({}): {}", letter.class, letter.cause),
        since: Some(letter.died_at),
        due_at: None,
    };
    Ok(letters.into_iter().map(wait).collect())
}
