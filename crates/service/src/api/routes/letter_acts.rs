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

/// The dead letters to act on, and the reason.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct ActInput {
    /// Terms as in docs/dead-letters.md; not empty. Without a state or ids: the dead letters to which the act can apply.
    #[schema(min_length = 1)]
    selector: String,
    /// The reason. It is kept in the audit permanently, so it must not contain personal data.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

/// The dead letters to discard, the reason, and whether their payloads are dropped.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct DiscardInput {
    /// Terms as in docs/dead-letters.md; not empty. Without a state or ids: open ones.
    #[schema(min_length = 1)]
    selector: String,
    /// The reason. It is kept in the audit permanently, so it must not contain personal data.
    #[schema(max_length = 500)]
    reason: Option<String>,
    /// Drop the payloads at once: they cannot be restored.
    #[serde(default)]
    for_good: bool,
}

/// The result of an act.
#[derive(Default, Serialize, ToSchema)]
pub(in crate::api) struct Acted {
    /// The selector as the audit records it: with its state, with ages as times, without search texts, and with at most 20 ids.
    selector: String,
    /// The exact number of selected dead letters.
    count: u64,
    /// The plan that records the results of the replayed dead letters.
    plan: Option<i64>,
    /// Number of dead letters for which it was done.
    done: usize,
    /// Number of dead letters for which it was not done.
    not_done: usize,
    /// Number of dead letters for which it was not done, by reason.
    reasons: BTreeMap<String, usize>,
    /// The first 100 dead letters for which it was not done.
    left: Vec<Left>,
}

/// A dead letter for which nothing was done.
#[derive(Serialize, ToSchema)]
struct Left {
    /// Its id.
    id: i64,
    /// Its state.
    #[schema(value_type = String)]
    state: &'static str,
    /// The reason.
    #[schema(value_type = String)]
    reason: &'static str,
}

/// Process the events of dead letters again, with the same ids and times.
#[utoipa::path(post, path = "/api/v1/dead-letters/replay", tag = "dead letters", request_body = ActInput,
    responses((status = 200, body = Acted)), security(("bearer" = ["operator"])))]
pub(in crate::api) async fn replay_dead_letters(
    call: Call,
    Input(input): Input<ActInput>,
) -> Result<Json<Acted>, Problem> {
    run(&call, input, Verb::Replay, DeadLetterState::Open).await
}

/// Discard dead letters; they can be restored for seven days.
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

/// Reopen discarded dead letters.
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
    let selector = to_act(parse(call, Some(&input.selector))?, acts_on)?;
    let reason = reason(input.reason)?;
    let selection = Selection::of(&call.engines, &call.directory, selector).await?;
    let act = act(&call.engines, &call.operator.name, &selection, reason.as_deref());
    let mut acted = Acted::default();
    acted.plan = carry_out(&call.engines, &selection, verb, &act, &mut |row| acted.count(&row)).await?;
    // The guard audits refused acts, which have returned above.
    call.acts_as();
    // The selector is that of the audit, because answers are stored for repeated requests.
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
    /// The note; an empty one removes it. No personal data: it is kept longer than the dead letters.
    #[schema(max_length = 1000)]
    note: String,
}

/// The note on a group.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Noted {
    /// The key of the group.
    group: String,
    /// The note; null if there is none now.
    note: Option<String>,
    /// The note that it replaced, maybe of another operator; null if there was none.
    replaced: Option<String>,
}

/// Write a note on a group of dead letters, or remove it.
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
