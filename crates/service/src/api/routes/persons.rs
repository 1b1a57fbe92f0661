//! Persons: their stored data, and the reasons why they wait.

use std::sync::Arc;

use axum::Json;
use jiff::Timestamp;
use ledger::AuditEntry;
use serde::Serialize;
use utoipa::ToSchema;

use super::answers::{SubjectInput, subject};
use super::profile_answer::{ProfileAnswer, masked, of};
use crate::api::extract::Input;
use crate::api::guard::Call;
use crate::api::mask;
use crate::api::problem::Problem;
use crate::operator::Directory;
use crate::operator::profile::{self, Depth};
use crate::operator::why::{self, Wait, Why};

/// The data that is kept about a person, by connection.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct ProfileList {
    /// How many there are.
    count: usize,
    /// All of them.
    profiles: Vec<ProfileAnswer>,
}

/// Show the data that is kept about a person. For operators this is unmasked, and audited.
#[utoipa::path(post, path = "/api/v1/profiles/search", tag = "persons", request_body = SubjectInput,
    responses((status = 200, body = ProfileList)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn search_profiles(
    call: Call,
    Input(input): Input<SubjectInput>,
) -> Result<Json<ProfileList>, Problem> {
    let directory = directory(&call, input.connection.as_deref()).await?;
    let subject = subject(&input.subject)?;
    let mut profiles = Vec::new();
    for profile in profile::find(&call.engines, &directory, &subject, Depth::Operator).await? {
        if call.is_masked() {
            profiles.push(masked(profile));
            continue;
        }
        let entry = AuditEntry {
            connection: Some(directory.id_of(&profile.connection)?),
            ..AuditEntry::new(call.engines.now(), &call.operator.name, "person_revealed", "a person")
        };
        call.engines.operators.note(&[entry]).await?;
        profiles.push(of(profile));
    }
    Ok(Json(ProfileList { count: profiles.len(), profiles }))
}

/// The waits of a person, by connection.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct WhyList {
    /// The connections that have data of the person.
    connections: Vec<WhyAnswer>,
}

#[derive(Serialize, ToSchema)]
struct WhyAnswer {
    /// The name of the connection.
    connection: String,
    /// `active` or `paused`.
    #[schema(value_type = String)]
    state: &'static str,
    /// Obstacles for all persons of this connection, and what to do about them.
    held_up: Vec<String>,
    /// Calls a second, while a worker delivers.
    rate: Option<f64>,
    /// Persons that are due now, this one included.
    due: u64,
    /// The waits of this person, oldest first; empty if nothing waits.
    waits: Vec<WaitAnswer>,
    /// Whether every event of the person was checked: the newest 1,000 are, and those among the first 50,000 of the queue.
    /// Waits of other events and dead letters are not listed.
    complete: bool,
}

#[derive(Serialize, ToSchema)]
struct WaitAnswer {
    /// `call`, `person`, `event` or `dead_letter`.
    #[schema(value_type = String)]
    what: &'static str,
    /// Its subject: the fields of a call, a shortened digest, an event id, or the id of a dead letter.
    about: String,
    /// The condition that it waits for.
    waits_for: String,
    /// When the wait began, if that is known.
    since: Option<Timestamp>,
    /// The earliest time of the next attempt.
    due_at: Option<Timestamp>,
}

/// Show why a person waits: a call, a pause, an address, an operator.
#[utoipa::path(post, path = "/api/v1/why", tag = "persons", request_body = SubjectInput,
    responses((status = 200, body = WhyList)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn why(
    call: Call,
    Input(input): Input<SubjectInput>,
) -> Result<Json<WhyList>, Problem> {
    let directory = directory(&call, input.connection.as_deref()).await?;
    let subject = subject(&input.subject)?;
    let all = why::why(&call.engines, &call.config, &directory, &subject).await?;
    let is_masked = call.is_masked();
    Ok(Json(WhyList { connections: all.into_iter().map(|why| answer(why, is_masked)).collect() }))
}

fn answer(why: Why, is_masked: bool) -> WhyAnswer {
    let wait = |it: Wait| WaitAnswer {
        what: it.what,
        about: it.about,
        waits_for: if is_masked { mask::text(&it.waits_for) } else { it.waits_for },
        since: it.since,
        due_at: it.due_at,
    };
    WhyAnswer {
        connection: why.connection,
        state: why.state,
        held_up: why.held_up,
        rate: why.rate,
        due: why.due,
        waits: why.waits.into_iter().map(wait).collect(),
        complete: why.complete,
    }
}

/// The connections that the operator may see, or this one of them.
async fn directory(call: &Call, only: Option<&str>) -> Result<Arc<Directory>, Problem> {
    let Some(name) = only else { return Ok(Arc::clone(&call.directory)) };
    let visible = [call.directory.id_of(name)?];
    Ok(Arc::new(Directory::of_visible(&call.engines, Some(&visible)).await?))
}
