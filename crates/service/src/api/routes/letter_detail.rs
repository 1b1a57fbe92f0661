//! One dead letter with all that helps to understand it.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::answers::{Attempt, Event, attempts, event};
use super::letter_answers::{DeadLetter, letter, payload};
use super::letters::{revealed, visible};
use super::profile_answer::{ProfileAnswer, masked, of};
use crate::api::extract::Part;
use crate::api::guard::Call;
use crate::api::problem::Problem;
use crate::operator::events::find_by;
use crate::operator::profile;

/// Events of the same person that are shown: the newest.
const LATER: usize = 20;

/// A dead letter with its event, its failed calls, its persons and later events.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct DeadLetterDetail {
    #[serde(flatten)]
    letter: DeadLetter,
    /// The event as received, with its numbers as they were written; null after it was erased; for viewers its values are masked.
    #[schema(value_type = serde_json::Value)]
    payload: Option<Box<serde_json::value::RawValue>>,
    /// Failed calls, oldest first: at most the newest 100.
    calls: Vec<Attempt>,
    /// The persons that its event is about, as they are now.
    person: Vec<ProfileAnswer>,
    /// Events of the same person that were received after it, the newest first, at most 20.
    later_events: Vec<Event>,
}

/// Show one dead letter with its event, its failed calls, the person, and later events. For operators this is unmasked, and
/// audited.
#[utoipa::path(get, path = "/api/v1/dead-letters/{id}", tag = "dead letters",
    params(("id" = i64, Path, description = "Its id")),
    responses((status = 200, body = DeadLetterDetail)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn get_dead_letter(
    call: Call,
    Part(id): Part<i64>,
) -> Result<Json<DeadLetterDetail>, Problem> {
    let (engines, is_masked) = (&call.engines, call.is_masked());
    let view = visible(&call, id).await?;
    if !is_masked {
        revealed(&call, &[(id, view.connection)]).await?;
    }
    let (mut person, mut later, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    let found = engines.dead_letters.event(view.event).await?;
    if let (Some(found), Some(connection)) = (found, call.directory.get(view.connection)) {
        person = profile::of_digests(engines, connection, &found.found_by).await?;
        later = find_by(engines, &call.directory, &found.found_by, LATER, 0).await?.events;
        later.retain(|row| (row.received_at, row.event_id) > (view.received_at, view.event));
        calls = found.attempts;
    }
    let profile = if is_masked { masked } else { of };
    Ok(Json(DeadLetterDetail {
        payload: view.payload.clone().map(|text| payload(text, is_masked)),
        letter: letter(&call, view),
        calls: attempts(calls, is_masked),
        person: person.into_iter().map(profile).collect(),
        later_events: later.into_iter().map(|row| event(row, is_masked)).collect(),
    }))
}
