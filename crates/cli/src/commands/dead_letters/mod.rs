//! `dead-letters`: events that are not tried again until an operator says so.

mod act;
mod groups;
mod one;
mod plans;
mod repair;
mod row;
mod selection;
mod show;

use clap::{Args, Subcommand};
use ledger::DeadLetterState;

use act::Reason;
use selection::{StateWord, Wanted};
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
#[cfg(test)]
use service::operator::Directory;
use service::operator::audit;
use service::operator::dead_letters::{Close, Verb};

/// Dead letters that are listed unless `--limit` says otherwise.
const SHOWN: usize = 100;

const EXAMPLES: &str = "\
Examples:
  refersion-destination dead-letters groups
  refersion-destination dead-letters list status:422 field:email 'age:<2d' --json
  refersion-destination dead-letters replay class:refused connection:shop
  refersion-destination dead-letters plan class:refused field:email
  refersion-destination dead-letters run 7 --rate 5/s --canary 10 --stop-if 20% --reason 'the form is corrected'
  refersion-destination dead-letters discard audience:vip 'age:>4w' --reason 'a test audience'

A selector is a list of terms, all of which must match. If a term has several values, one must match: class:refused,gone
  state:open             open, replaying, resolved or discarded; without it, `replay` and `discard` take open ones,
                         `restore` discarded ones
  class:refused          the class of the failure                  status:422      HTTP status of Refersion's answer
  field:email            the field that was refused                connection:shop the name of the connection
  audience:vip           the audience that Engage synced with it   id:17,18        their ids; also without the key
  'age:<2d' 'age:>30m'   time since it died; units s, m, h, d, w   'died:>=2026-11-29' 'died:<2026-11-29T12:00:00Z'
  mend:data              data (in Segment), settings (of the connection), refersion, us (this program)
  group:g1f0c5e2a9b47    the group, as `groups` shows it
  repaired:yes           yes or no: whether its event has been repaired
  text:'taken by'        the cause contains this, in upper or lower case

`edit 17` opens the event in $EDITOR. `patch field:email --patch fix.json` applies a JSON Patch to all dead letters of a
selector. Both keep the original; ids, times and the type of an event cannot be changed.
A replay processes the newest revision of the event again, with the same id and time: newer statements still win.";

/// The arguments of `dead-letters`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List dead letters, newest first
    #[command(after_help = EXAMPLES)]
    List {
        #[command(flatten)]
        wanted: Wanted,
        /// The same as state:STATE
        #[arg(long, value_enum)]
        state: Option<StateWord>,
        /// The page that begins after this dead letter
        #[arg(long, value_name = "ID")]
        after: Option<i64>,
    },
    /// Show dead letters by cause, with their number and where to correct it
    #[command(after_help = EXAMPLES)]
    Groups {
        #[command(flatten)]
        wanted: Wanted,
    },
    /// Write a note on a group of dead letters
    #[command(after_help = EXAMPLES)]
    Note {
        /// The key of the group, as `groups` shows it
        group: String,
        /// The note; an empty one removes it. No personal data: the note is kept longer than the dead letters
        text: String,
    },
    /// Show one dead letter, with its personal data
    #[command(after_help = EXAMPLES)]
    Show {
        /// Its id
        id: i64,
    },
    /// Change the event of a dead letter, in $EDITOR on a terminal, or by a patch
    #[command(after_help = EXAMPLES)]
    Edit {
        #[command(flatten)]
        edit: repair::One,
        #[command(flatten)]
        reason: Reason,
    },
    /// Change the events of dead letters by a JSON Patch
    #[command(after_help = EXAMPLES)]
    Patch {
        #[command(flatten)]
        wanted: Wanted,
        #[command(flatten)]
        many: repair::Many,
        #[command(flatten)]
        reason: Reason,
    },
    #[command(flatten)]
    Planned(plans::Act),
    /// Replay dead letters: process their events again
    #[command(after_help = EXAMPLES)]
    Replay {
        #[command(flatten)]
        wanted: Wanted,
        /// The same as state:open
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        reason: Reason,
    },
    /// Discard dead letters; they can be restored for seven days
    #[command(after_help = EXAMPLES)]
    Discard {
        #[command(flatten)]
        wanted: Wanted,
        /// The same as state:open
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        reason: Reason,
        /// Drop the events' payloads at once: they cannot be restored
        #[arg(long)]
        for_good: bool,
    },
    /// Reopen discarded dead letters
    #[command(after_help = EXAMPLES)]
    Restore {
        #[command(flatten)]
        wanted: Wanted,
        #[command(flatten)]
        reason: Reason,
    },
}

impl Act {
    /// The name of the act in the audit; `None` for a command that only shows something.
    fn action(&self) -> Option<&'static str> {
        match self {
            Self::List { .. } | Self::Groups { .. } | Self::Show { .. } => None,
            Self::Patch { many, .. } if many.is_dry_run() => None,
            Self::Note { .. } => Some("group_noted"),
            Self::Edit { .. } | Self::Patch { .. } => Some("dead_letters_repaired"),
            Self::Planned(act) => act.action(),
            Self::Replay { .. } => Some(Verb::Replay.action()),
            Self::Discard { .. } => Some(Verb::Close(Close::Discard(None)).action()),
            Self::Restore { .. } => Some(Verb::Close(Close::Restore).action()),
        }
    }
}

/// Letters as a table, under a name that stands for any connection.
#[cfg(test)]
pub(super) fn show_for_test(
    letters: &[ledger::DeadLetterView],
    now: jiff::Timestamp,
    output: &mut service::output::Output,
) -> Result<(), Failure> {
    let directory = Directory::default();
    let rows: Vec<_> = letters.iter().cloned().map(|letter| row::Row::of(letter, &directory)).collect();
    show::table(&rows, now, output)
}

/// Carries out `dead-letters`.
///
/// # Errors
///
/// [`Failure`] if there is no such connection or dead letter, or queue or ledger cannot be used.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let action = arguments.act.action();
    let done = carry_out(arguments.act, &engines, context).await;
    // A successful act is recorded where it is done.
    if let (Some(action), Err(failure)) = (action, &done) {
        audit::note_failed(&engines, action, failure).await;
    }
    done
}

async fn carry_out(act: Act, engines: &Engines, context: &mut Context) -> Result<Exit, Failure> {
    match act {
        Act::List { wanted, state, after } => {
            let mut asked = wanted.to_list(state, engines).await?;
            asked.selection.filter.limit = wanted.limit.unwrap_or(SHOWN);
            if let Some(id) = after {
                asked.selection.filter.after = Some(show::place_of(engines, id).await?);
            }
            show::list(engines, asked, context).await
        }
        Act::Groups { wanted } => {
            let selected = wanted.to_group(engines).await?;
            groups::list(engines, &selected, wanted.limit, context).await
        }
        Act::Note { group, text } => groups::note(engines, &group, &text, context).await,
        Act::Show { id } => one::show(engines, id, context).await,
        Act::Edit { edit, reason } => repair::edit(engines, &edit, &reason, context).await,
        Act::Patch { wanted, many, reason } => {
            let asked = wanted.to_act(false, DeadLetterState::Open, engines).await?;
            repair::patch(engines, &asked.selection, (&many, &reason), context).await
        }
        Act::Planned(act) => plans::carry_out(act, engines, context).await,
        Act::Replay { wanted, all, reason } => {
            let asked = wanted.to_act(all, DeadLetterState::Open, engines).await?;
            act::run(engines, &asked, (Verb::Replay, &reason), context).await
        }
        Act::Discard { wanted, all, reason, for_good } => {
            let asked = wanted.to_act(all, DeadLetterState::Open, engines).await?;
            let verb = Verb::Close(Close::discard(engines.now(), for_good));
            act::run(engines, &asked, (verb, &reason), context).await
        }
        Act::Restore { wanted, reason } => {
            let asked = wanted.to_act(false, DeadLetterState::Discarded, engines).await?;
            act::run(engines, &asked, (Verb::Close(Close::Restore), &reason), context).await
        }
    }
}
