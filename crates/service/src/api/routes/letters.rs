//! Dead letters, as they are listed, counted and grouped.

use axum::Json;
use axum::http::StatusCode;
use connections::ConnectionId;
use ledger::selector::Term;
use ledger::{AuditEntry, DeadLetterFilter, DeadLetterState, DeadLetterView, Selector};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::letter_answers::{DeadLetter, DeadLetterGroup, group, letter};
use crate::api::cursor;
use crate::api::extract::{Params, cut, page};
use crate::api::guard::Call;
use crate::api::problem::Problem;
use crate::failure::Failure;
use crate::operator::dead_letters::{Frozen, Selection, groups};
use crate::operator::repairs::Sample;

/// Which dead letters, and which page of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct ListParams {
    /// Terms as in docs/dead-letters.md; without any, every dead letter. Viewers cannot use `text:`.
    selector: Option<String>,
    /// Entries of a page; 100 if left out.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    cursor: Option<String>,
}

/// The selector of the dead letters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct CountParams {
    /// Terms as in docs/dead-letters.md; without any, every dead letter. Viewers cannot use `text:`.
    selector: Option<String>,
}

/// Dead letters, newest first.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct DeadLetterList {
    /// The selector, with ages as times.
    selector: String,
    /// The exact number of selected dead letters.
    count: u64,
    /// A page of them.
    dead_letters: Vec<DeadLetter>,
    /// The cursor of the next page; null at the end.
    next: Option<String>,
}

/// The number of dead letters.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct DeadLetterCount {
    /// The selector, with ages as times.
    selector: String,
    /// The exact number of selected dead letters.
    count: u64,
}

/// List dead letters.
#[utoipa::path(get, path = "/api/v1/dead-letters", tag = "dead letters", params(ListParams),
    responses((status = 200, body = DeadLetterList)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn list_dead_letters(
    call: Call,
    Params(params): Params<ListParams>,
) -> Result<Json<DeadLetterList>, Problem> {
    let limit = page(params.limit)?;
    let after = cursor::read(params.cursor.as_deref())?;
    let selection = select(&call, params.selector.as_deref()).await?;
    let filter = DeadLetterFilter { limit: limit + 1, after, ..selection.filter };
    let mut views = call.engines.ledger.dead_letters(&filter).await?;
    let next = cut(&mut views, limit, |view| cursor::write(view.died_at, view.id));
    Ok(Json(DeadLetterList {
        selector: selection.selector.to_string(),
        count: selection.count,
        next,
        dead_letters: views.into_iter().map(|view| letter(&call, view)).collect(),
    }))
}

/// Count dead letters.
#[utoipa::path(get, path = "/api/v1/dead-letters/count", tag = "dead letters", params(CountParams),
    responses((status = 200, body = DeadLetterCount)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn count_dead_letters(
    call: Call,
    Params(params): Params<CountParams>,
) -> Result<Json<DeadLetterCount>, Problem> {
    let selection = select(&call, params.selector.as_deref()).await?;
    Ok(Json(DeadLetterCount { selector: selection.selector.to_string(), count: selection.count }))
}

/// Groups, sorted by where the cause can be fixed, then the largest first.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct GroupList {
    /// The selector.
    selector: String,
    /// How many groups there are.
    count: usize,
    /// How many dead letters are in them.
    dead_letters: u64,
    /// All of them.
    groups: Vec<DeadLetterGroup>,
}

/// Show dead letters by cause.
#[utoipa::path(get, path = "/api/v1/dead-letters/groups", tag = "dead letters", params(CountParams),
    responses((status = 200, body = GroupList)), security(("bearer" = ["viewer"])))]
pub(in crate::api) async fn group_dead_letters(
    call: Call,
    Params(params): Params<CountParams>,
) -> Result<Json<GroupList>, Problem> {
    let mut selector = parse(&call, params.selector.as_deref())?;
    if !selector.names_a_state() {
        let open = Term::State(vec![DeadLetterState::Open]);
        selector.and(open).map_err(Failure::from)?;
    }
    let selected = Frozen::of(&call.engines, &call.directory, selector)?;
    let rows = groups(&call.engines, &call.directory, &selected).await?;
    Ok(Json(GroupList {
        selector: selected.selector.to_string(),
        count: rows.len(),
        dead_letters: rows.iter().map(|row| row.count).sum(),
        groups: rows.into_iter().map(|row| group(row, call.is_masked())).collect(),
    }))
}

/// The dead letters of a selector, among the connections that the operator may see.
pub(super) async fn select(call: &Call, selector: Option<&str>) -> Result<Selection, Problem> {
    Ok(Selection::of(&call.engines, &call.directory, parse(call, selector)?).await?)
}

/// Reads a selector. Causes are masked for viewers, so viewers must not find out by searching what is masked.
pub(super) fn parse(call: &Call, selector: Option<&str>) -> Result<Selector, Problem> {
    let selector = Selector::parse(selector.unwrap_or_default()).map_err(Failure::from)?;
    let searches = selector.terms().iter().any(|term| matches!(term, Term::Text(_)));
    match searches && call.is_masked() {
        true => {
            let detail = "`text:` searches whole causes, of which viewers do not see the personal parts";
            let hint = "select by other terms, as group:, or ask an operator with the role operator";
            Err(Problem::new(StatusCode::FORBIDDEN, "denied", detail, hint))
        }
        false => Ok(selector),
    }
}

/// Writes down that the payloads of dead letters were shown, each with its connection.
pub(super) async fn revealed(call: &Call, letters: &[(i64, ConnectionId)]) -> Result<(), Problem> {
    let line = |(id, connection): &(i64, i64)| {
        let subject = format!("dead letter {id}");
        let entry = AuditEntry::new(call.engines.now(), &call.operator.name, "payload_revealed", subject);
        AuditEntry { connection: Some(*connection), ..entry }
    };
    let lines: Vec<AuditEntry> = letters.iter().map(line).collect();
    Ok(call.engines.operators.note(&lines).await?)
}

/// The same for the samples of a patch whose difference is shown.
pub(super) async fn samples_revealed(call: &Call, samples: &[Sample]) -> Result<(), Problem> {
    let shown = samples.iter().filter(|sample| sample.changes.is_some());
    let shown: Vec<_> = shown.map(|sample| (sample.id, sample.connection)).collect();
    if shown.is_empty() { Ok(()) } else { revealed(call, &shown).await }
}

/// The dead letter of this id, if the operator may see it.
pub(super) async fn visible(call: &Call, id: i64) -> Result<DeadLetterView, Problem> {
    let connections = call.directory.scope();
    let filter =
        DeadLetterFilter { ids: Some(vec![id]), connections, limit: 1, ..DeadLetterFilter::default() };
    let found = call.engines.ledger.dead_letters(&filter).await?.pop();
    found.ok_or_else(|| {
        let hint = "GET /api/v1/dead-letters lists those that you may see";
        Problem::not_found("no_such_dead_letter", &format!("dead letter {id}"), hint)
    })
}
