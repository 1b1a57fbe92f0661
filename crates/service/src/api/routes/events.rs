//! Events and their history.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::answers::{Event, event, subject};
use crate::api::cursor;
use crate::api::extract::{Input, Part, cut, page};
use crate::api::guard::Call;
use crate::api::problem::Problem;
use crate::operator::Directory;
use crate::operator::dead_letters::in_micros;
use crate::operator::events::{find, one};

/// The newest events of a subject that can be listed.
const LISTED: usize = 1_000;

/// Events of a subject that are counted beyond these.
const COUNTED: usize = 9_000;

/// A search for events.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct EventSearch {
    /// A message id, an email address, a userId or an anonymousId.
    #[schema(min_length = 1, max_length = 1000)]
    subject: String,
    /// Entries of a page; 100 if left out.
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    cursor: Option<String>,
}

/// Events, newest first.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct EventList {
    /// How many there are, counted up to 10,000; the newest 1,000 can be listed.
    count: usize,
    /// False if only a part of the queue was searched.
    complete: bool,
    /// A page of them.
    events: Vec<Event>,
    /// The cursor of the next page; null at the end.
    next: Option<String>,
}

/// Find the events about a person, or the one with a message id.
#[utoipa::path(post, path = "/api/v1/events/search", tag = "events", request_body = EventSearch,
    responses((status = 200, body = EventList)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn search_events(
    call: Call,
    Input(input): Input<EventSearch>,
) -> Result<Json<EventList>, Problem> {
    let limit = page(input.limit)?;
    let after = cursor::read::<Uuid>(input.cursor.as_deref())?;
    let subject = subject(&input.subject)?;
    let found = find(&call.engines, &call.directory, &subject, LISTED, COUNTED).await?;
    let is_visible = |name: &str| is_visible(&call.directory, name);
    let is_after = |at, id| after.is_none_or(|after| (at, id) < after);
    let mut rows = found.events;
    rows.retain(|row| is_visible(&row.connection) && is_after(in_micros(row.received_at), row.event_id));
    let next = cut(&mut rows, limit, |row| cursor::write(row.received_at, row.event_id));
    Ok(Json(EventList {
        count: found.total,
        complete: found.complete,
        next,
        events: rows.into_iter().map(|row| event(row, call.is_masked())).collect(),
    }))
}

/// Show one event.
#[utoipa::path(get, path = "/api/v1/events/{id}", tag = "events",
    params(("id" = Uuid, Path, description = "Its id")),
    responses((status = 200, body = Event)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn get_event(call: Call, Part(id): Part<Uuid>) -> Result<Json<Event>, Problem> {
    let view = call.engines.dead_letters.event(id).await?;
    let view = view.filter(|view| call.directory.get(view.connection).is_some());
    let view = view.ok_or_else(|| {
        let hint = "it may still be in the queue, or have expired; POST /api/v1/events/search finds events";
        Problem::not_found("no_such_event", &format!("event {id}"), hint)
    })?;
    let row = one(&call.engines, &call.directory, view).await?;
    row.map(|row| Json(event(row, call.is_masked())))
        .ok_or_else(|| Problem::internal("an event was not shown"))
}

fn is_visible(directory: &Directory, name: &str) -> bool {
    directory.id_of(name).is_ok()
}
