//! Acts on dead letters. Each takes a selector, repeats it with the exact count, and refuses an empty one.

use std::collections::BTreeMap;

use axum::Json;
use ledger::DeadLetterState;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answers::reason;
use super::letters::parse;
use crate::api::extract::{Input, Part};
use crate::api::guard::Call;
use crate::api::problem::Problem;
use crate::operator::dead_letters::{Close, Row, Selection, Verb, act, carry_out, note, to_act};

/// The first dead letters with which nothing was done.
const NAMED: usize = 100;

/// Which dead letters, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ActInput {
    /// Terms as in docs/dead-letters.md; not empty. Without a state or ids: those that the act can take.
    #[schema(min_length = 1)]
    selector: String,
    /// Why; kept for good in the audit, so no personal data.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// Which dead letters, why, and whether for good.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct DiscardInput {
    /// Terms as in docs/dead-letters.md; not empty. Without a state or ids: open ones.
    #[schema(min_length = 1)]
    selector: String,
    /// Why; kept for good in the audit, so no personal data.
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// Drop the payloads at once: they cannot be restored.
    #[serde(default)]
    for_good: bool,
}

/// What was done.
#[derive(Default, Serialize, ToSchema)]
pub(in crate::api) struct Acted {
    /// The selector as the audit has it: with its state, with ages as times, without texts that were searched for, and with at
    /// most 20 ids.
    selector: String,
    /// How many dead letters it selected, exactly.
    count: u64,
    /// The plan that notes what becomes of those that are replayed.
    plan: Option<i64>,
    /// With how many it was done.
    done: usize,
    /// With how many it was not done.
    not_done: usize,
    /// How many these are, by reason.
    reasons: BTreeMap<String, usize>,
    /// The first 100 of them.
    left: Vec<Left>,
}

/// A dead letter with which nothing was done.
#[derive(Serialize, ToSchema)]
struct Left {
    /// Its id.
    id: i64,
    /// Its state.
    #[schema(value_type = String)]
    state: &'static str,
    /// Why.
    #[schema(value_type = String)]
    reason: &'static str,
}

/// Process the events of dead letters again, under their ids and with their times.
#[utoipa::path(post, path = "/api/v1/dead-letters/replay", tag = "dead letters", request_body = ActInput,
    responses((status = 200, body = Acted)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn replay_dead_letters(
    call: Call,
    Input(input): Input<ActInput>,
) -> Result<Json<Acted>, Problem> {
    run(&call, input, Verb::Replay, DeadLetterState::Open).await
}

/// Give dead letters up; for seven days they can be restored.
#[utoipa::path(post, path = "/api/v1/dead-letters/discard", tag = "dead letters", request_body = DiscardInput,
    responses((status = 200, body = Acted)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn discard_dead_letters(
    call: Call,
    Input(input): Input<DiscardInput>,
) -> Result<Json<Acted>, Problem> {
    let verb = Verb::Close(Close::discard(call.engines.now(), input.for_good));
    let input = ActInput { selector: input.selector, reason: input.reason };
    run(&call, input, verb, DeadLetterState::Open).await
}

/// Open discarded dead letters again.
#[utoipa::path(post, path = "/api/v1/dead-letters/restore", tag = "dead letters", request_body = ActInput,
    responses((status = 200, body = Acted)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn restore_dead_letters(
    call: Call,
    Input(input): Input<ActInput>,
) -> Result<Json<Acted>, Problem> {
    run(&call, input, Verb::Close(Close::Restore), DeadLetterState::Discarded).await
}

async fn run(
    call: &Call,
    input: ActInput,
    verb: Verb,
    acts_on: DeadLetterState,
) -> Result<Json<Acted>, Problem> {
    let selector = to_act(parse(Some(&input.selector))?, acts_on)?;
    let reason = reason(input.reason)?;
    let selection = Selection::of(&call.engines, &call.directory, selector).await?;
    let act = act(&call.engines, &call.operator.name, &selection, reason.as_deref());
    let mut acted = Acted::default();
    acted.plan = carry_out(&call.engines, &selection, verb, &act, &mut |row| acted.count(&row)).await?;
    // What was refused is left to the guard.
    call.acts_as();
    // The selector is that of the audit, because answers are kept for repetitions of a request.
    (acted.selector, acted.count) = (act.selector, selection.count);
    Ok(Json(acted))
}

impl Acted {
    fn count(&mut self, row: &Row) {
        let Some(reason) = row.reason else {
            self.done += 1;
            return;
        };
        self.not_done += 1;
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
        if self.left.len() < NAMED {
            self.left.push(Left { id: row.id, state: row.state, reason });
        }
    }
}

/// A note on a group.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NoteInput {
    /// The note; an empty one takes it away. No personal data: it is kept longer than the dead letters.
    #[schema(max_length = 1000)]
    note: String,
}

/// What is noted on a group.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Noted {
    /// The key of the group.
    group: String,
    /// The note; null if there is none now.
    note: Option<String>,
    /// The note that it replaced, maybe of another operator; null if there was none.
    replaced: Option<String>,
}

/// Write a note on a group of dead letters, or take it away.
#[utoipa::path(put, path = "/api/v1/dead-letters/groups/{key}/note", tag = "dead letters",
    params(("key" = String, Path, description = "The key of the group", pattern = "^[a-z0-9]{1,64}$")),
    request_body = NoteInput,
    responses((status = 200, body = Noted)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn note_group(
    call: Call,
    Part(key): Part<String>,
    Input(input): Input<NoteInput>,
) -> Result<Json<Noted>, Problem> {
    let most = ledger::groups::MAX_NOTE_CHARS;
    if input.note.chars().count() > most {
        return Err(Problem::invalid(format!("a note has at most {most} characters")));
    }
    let noted = note(&call.engines, &call.directory, &call.operator.name, &key, &input.note).await?;
    call.acts_as();
    Ok(Json(Noted { group: key, note: noted.note, replaced: noted.replaced }))
}
