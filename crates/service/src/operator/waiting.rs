//! What an event waits for, in words.

use connections::{Connection, PausedFor, State as ConnectionState};
use identity::graph::{RetryState, TrackedEvent};
use identity::plan::{Picture, Step, StepKind};
use identity::settle;
use ledger::{EventView, GraphRow, State};
use worker::rules::rules;

/// What an event of the ledger waits for; `None` if it waits for nothing. `graphs` are those of its identifiers.
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
    let picture = Picture::of(&row.graph, &rules);
    let kept = row.graph.events.iter().find(|kept| kept.event == view.event)?;
    match kept.delete {
        true => delete_waits_for(&picture),
        false => identify_waits_for(&picture, kept),
    }
}

/// What a paused connection waits for.
#[must_use]
pub fn until_resumed(reason: PausedFor) -> String {
    let who = match reason {
        PausedFor::Operator => "an operator resumes it",
        PausedFor::Configuration => "a call is accepted, or an operator resumes it",
        PausedFor::Credentials => "its keys work again",
        PausedFor::Breaker => "the API answers again",
    };
    format!("the connection to be resumed (paused for {reason}, until {who})")
}

fn identify_waits_for(picture: &Picture<'_>, kept: &TrackedEvent) -> Option<String> {
    settle::waits_for(picture, kept.identifier)
}

fn delete_waits_for(picture: &Picture<'_>) -> Option<String> {
    let step = picture.steps.iter().find(|step| step.serves_a_delete())?;
    Some(step_waits_for(step, picture.graph.troubles.get(&step.anchor)))
}

/// What a step waits for: its turn, its next try, or an operator.
#[must_use]
pub fn step_waits_for(step: &Step, trouble: Option<&RetryState>) -> String {
    let call = match step.kind() {
        StepKind::Create => "the create",
        StepKind::Edit => "the edit",
        StepKind::Status => "the status change",
        StepKind::Search => "the search",
    };
    match trouble {
        Some(trouble) if trouble.given_up => {
            format!("an operator: {call} was given up ({})", trouble.class)
        }
        Some(trouble) => format!("the next try of {call} ({}, {} attempts)", trouble.class, trouble.attempts),
        None => call.to_owned(),
    }
}
