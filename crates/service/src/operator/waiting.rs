//! The reason why an event waits, in words.

use connections::{Connection, PausedFor, State as ConnectionState};
use identity::graph::{RetryState, TrackedEvent};
use identity::plan::{Analysis, Step, StepKind};
use identity::settle;
use ledger::{EventView, GraphRow, State};
use worker::rules::rules;

/// The reason why an event of the ledger waits; `None` if it does not wait. `graphs` are those of its identifiers.
#[must_use]
pub fn waits_for(view: &EventView, connection: &Connection, graphs: &[GraphRow]) -> Option<String> {
    if !matches!(view.state, State::Pending | State::Remembered) {
        return None;
    }
    if view.state == State::Pending
        && let ConnectionState::Paused(reason) = connection.state
    {
        return Some(until_resumed(reason));
    }
    let rules = rules(&connection.settings);
    let kept = |row: &&GraphRow| row.graph.events.iter().any(|kept| kept.event == view.event);
    let row = graphs.iter().find(kept)?;
    let analysis = Analysis::of(&row.graph, &rules);
    let kept = row.graph.events.iter().find(|kept| kept.event == view.event)?;
    match kept.delete {
        true => delete_waits_for(&analysis),
        false => identify_waits_for(&analysis, kept),
    }
}

/// The condition under which a paused connection continues.
#[must_use]
pub fn until_resumed(reason: PausedFor) -> String {
    let until = match reason {
        PausedFor::Operator => "an operator resumes it",
        PausedFor::Configuration => "a call is accepted, or an operator resumes it",
        PausedFor::Credentials => "its keys work again",
        PausedFor::Breaker => "the API answers again",
    };
    format!("the connection to be resumed (paused for {reason}, until {until})")
}

fn identify_waits_for(analysis: &Analysis<'_>, kept: &TrackedEvent) -> Option<String> {
    settle::waits_for(analysis, kept.identifier)
}

fn delete_waits_for(analysis: &Analysis<'_>) -> Option<String> {
    let step = analysis.steps.iter().find(|step| step.serves_a_delete())?;
    Some(step_waits_for(step, analysis.graph.retries.get(&step.anchor)))
}

/// The reason why a step waits: its turn, its next try, or an operator.
#[must_use]
pub fn step_waits_for(step: &Step, retry: Option<&RetryState>) -> String {
    let call = match step.kind() {
        StepKind::Create => "the create",
        StepKind::Edit => "the edit",
        StepKind::Status => "the status change",
        StepKind::Search => "the search",
    };
    match retry {
        Some(retry) if retry.given_up => {
            format!("an operator: {call} was given up ({})", retry.class)
        }
        Some(retry) => format!("the next attempt of {call} ({}, {} attempts)", retry.class, retry.attempts),
        None => call.to_owned(),
    }
}
