//! `dead-letters edit`: one dead letter, with an editor or a patch.

use ledger::{Act, DeadLetterView};
use repair::{Change, RepairError};
use serde::Serialize;

use super::super::act::Reason;
use super::super::show::letter;
use super::ask::{ask, can_ask, can_edit, confirm};
use super::{One, editor, read_patch, show_changes};
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::repairs::{
    Advice, Means, NotRepaired, Outcome, Proposal, RepairResult, Repairer, Version, newest, store,
};
use service::operator::{Directory, audit};

const NO_TERMINAL: &str = "give a JSON Patch with --patch FILE, and --yes; with --yes, EDITOR may also name a script that edits the file";

const CONFLICT: &str = "check it with `dead-letters show`, and repair it again if that is still needed";

/// The stored repair.
#[derive(Serialize)]
struct Edited {
    #[serde(flatten)]
    outcome: Outcome,
    changes: Vec<Change>,
}

pub(in super::super) async fn run(
    engines: &Engines,
    edit: &One,
    reason: &Reason,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let directory = Directory::read(engines, None).await?;
    let repairer = Repairer::new(&directory, &context.loaded.config.identifiers.blocked_list());
    let letter = letter(engines, edit.id).await?;
    let versions = newest(engines, std::slice::from_ref(&letter)).await?;
    let version = versions.get(&letter.id).cloned().unwrap_or(Version { revision: 0, payload: None });
    if edit.if_revision.is_some_and(|wanted| wanted != version.revision) {
        let message = format!("the newest revision of dead letter {} is {}", letter.id, version.revision);
        return Err(Failure::refused("conflict", message, CONFLICT));
    }
    let proposal = match &edit.patch {
        Some(path) => {
            let patch = read_patch(path)?;
            let proposed = repairer.propose(&letter, &version, &Means::Patch(&patch));
            proposed.map_err(|why| refused(&why, &letter))?
        }
        None if can_edit() || (edit.yes && editor::is_named()) => by_hand(&repairer, &letter, &version)?,
        None => {
            let message = "there is no terminal for an editor";
            return Err(Failure::usage("no_terminal", message, NO_TERMINAL));
        }
    };
    if !context.output.is_json() {
        show_changes(&proposal.repaired.changes, &mut context.output)?;
    }
    confirm("Store these changes?", edit.yes)?;
    let (at, actor, selector) = (engines.now(), audit::cli(), format!("id:{}", letter.id));
    let act = Act { at, actor, selector, reason: reason.text() };
    let stored = store(engines, std::slice::from_ref(&proposal), &act).await?;
    let outcome = stored.into_iter().next().map(|stored| Outcome::of(&letter, stored));
    finish(outcome, proposal, context)
}

fn finish(outcome: Option<Outcome>, proposal: Proposal, context: &mut Context) -> Result<Exit, Failure> {
    match outcome {
        Some(outcome) if outcome.result == RepairResult::Changed => {
            let (id, revision) = (outcome.id, outcome.revision.unwrap_or_default());
            if context.output.is_json() {
                context.output.json(&Edited { outcome, changes: proposal.repaired.changes })?;
            } else {
                let line = format!("stored as revision {revision}; `dead-letters replay {id}` sends it");
                context.output.line(&line)?;
            }
            Ok(Exit::Done)
        }
        other => {
            let is_conflict = other.as_ref().is_some_and(|it| it.result == RepairResult::Conflict);
            let code = if is_conflict { "conflict" } else { "not_repaired" };
            let reason = other.and_then(|outcome| outcome.reason).unwrap_or_default();
            Err(Failure::refused(code, format!("not stored: {reason}"), CONFLICT))
        }
    }
}

/// Opens the editor, again and again while the operator wants to correct a refused text: nothing that was typed is lost.
fn by_hand(repairer: &Repairer, letter: &DeadLetterView, version: &Version) -> Result<Proposal, Failure> {
    // The editor does not open for an event that cannot be repaired.
    let probe = repairer.propose(letter, version, &Means::Text("{}"));
    if let Err(why @ (NotRepaired::NotOpen | NotRepaired::NoPayload)) = probe {
        return Err(refused(&why, letter));
    }
    if let Some(advice @ Advice::Discard) = Advice::about(letter) {
        let message = format!("the event of dead letter {} cannot be repaired", letter.id);
        return Err(Failure::refused("not_repairable", message, advice.words()));
    }
    let mut text = repair::pretty(version.payload.as_deref().unwrap_or_default());
    loop {
        text = editor::edit(&text)?;
        match repairer.propose(letter, version, &Means::Text(&text)) {
            Ok(proposal) => return Ok(proposal),
            Err(why) => {
                let is_worth_it = !matches!(why, NotRepaired::Refused(RepairError::Unchanged));
                if !is_worth_it || !can_ask() || ask(&format!("{why}. Edit again? Type yes: ")) != "yes" {
                    return Err(refused(&why, letter));
                }
            }
        }
    }
}

fn refused(why: &NotRepaired, letter: &DeadLetterView) -> Failure {
    let advice = Advice::about(letter).filter(|_| matches!(why, NotRepaired::Refused(_)));
    let (code, hint) = match why {
        NotRepaired::Refused(RepairError::Unchanged) => ("unchanged", "there is nothing to store"),
        NotRepaired::Refused(RepairError::Locked(_)) => {
            ("locked", "change other fields, as those under `traits`")
        }
        NotRepaired::Refused(_) => ("invalid", "nothing was changed; correct it and repeat the command"),
        NotRepaired::NotOpen => {
            ("not_open", "`dead-letters show` shows its state; `restore` reopens a discarded one")
        }
        NotRepaired::NoPayload => ("no_payload", "there is nothing left to repair"),
    };
    Failure::refused(code, why.to_string(), advice.map_or(hint, Advice::words))
}
