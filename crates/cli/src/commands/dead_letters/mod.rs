//! `dead-letters`: events that nobody will try again until an operator says so.

mod discard;
mod replay;
mod show;

use clap::{Args, Subcommand, ValueEnum};
use connections::ConnectionName;
use ledger::{DeadLetterFilter, DeadLetterState};

use super::Context;
use crate::failure::{Exit, Failure};
use crate::operator::Directory;

/// Dead letters that are listed or replayed unless `--limit` says otherwise.
const SHOWN: usize = 100;

const EXAMPLES: &str = "\
Examples:
  refersion-destination dead-letters list --state open
  refersion-destination dead-letters list --class refused --json
  refersion-destination dead-letters show 17
  refersion-destination dead-letters replay 17 18
  refersion-destination dead-letters replay --all --class refused --connection shop
  refersion-destination dead-letters discard 17

A replay takes the same event in again, under the same id and with the same time: what was said since still wins.";

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
        filter: Filter,
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<StateWord>,
    },
    /// Show one dead letter with its event; that is somebody's personal data
    #[command(after_help = EXAMPLES)]
    Show {
        /// Its id
        id: i64,
    },
    /// Take the events of dead letters in again
    #[command(after_help = EXAMPLES)]
    Replay {
        /// Their ids
        #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<i64>,
        /// All that are open and that the other options do not leave out
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        filter: Filter,
    },
    /// Give dead letters up, and drop their events' payloads
    #[command(after_help = EXAMPLES)]
    Discard {
        /// Their ids
        #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<i64>,
        /// All that are open and that the other options do not leave out
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        filter: Filter,
    },
}

#[derive(Debug, Args)]
struct Filter {
    /// Only those of this class
    #[arg(long, value_name = "CLASS", value_parser = class)]
    class: Option<String>,
    /// Only those of this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<ConnectionName>,
    /// The newest N only; without it, a list shows the newest 100, and `replay --all` takes all
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Every class that a dead letter of this version may have.
const CLASSES: [&str; 13] = [
    "email_taken",
    "gone",
    "no_answer",
    "not_here",
    "poison",
    "refused",
    "request",
    "throttled",
    "too_large",
    "too_many",
    "too_many_identifiers",
    "unavailable",
    "unreadable",
];

impl Filter {
    fn of(&self, directory: &Directory) -> DeadLetterFilter {
        let named = self.connection.as_ref().and_then(|_| directory.all().next());
        DeadLetterFilter {
            connection: named.map(|connection| connection.id),
            class: self.class.clone(),
            limit: self.limit.unwrap_or(SHOWN),
            ..DeadLetterFilter::default()
        }
    }
}

impl Filter {
    /// All that are open, or those with these ids.
    fn chosen(&self, directory: &Directory, ids: Vec<i64>, all: bool) -> DeadLetterFilter {
        let filter = self.of(directory);
        match all {
            true => DeadLetterFilter {
                state: Some(DeadLetterState::Open),
                limit: self.limit.unwrap_or(usize::MAX),
                ..filter
            },
            false => DeadLetterFilter { limit: ids.len(), ids: Some(ids), ..filter },
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StateWord {
    /// Nobody has looked at it
    Open,
    /// It was taken in again, and has not ended yet
    Replaying,
    /// It was delivered after all
    Resolved,
    /// It will not be tried again
    Discarded,
}

impl From<StateWord> for DeadLetterState {
    fn from(word: StateWord) -> Self {
        match word {
            StateWord::Open => Self::Open,
            StateWord::Replaying => Self::Replaying,
            StateWord::Resolved => Self::Resolved,
            StateWord::Discarded => Self::Discarded,
        }
    }
}

/// A class as it is typed: what no dead letter can have is a mistake.
fn class(text: &str) -> Result<String, String> {
    match CLASSES.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("the classes are {}", CLASSES.join(", "))),
    }
}

/// Letters as a table, under a name that stands for any connection.
#[cfg(test)]
pub(super) fn show_for_test(
    letters: &[ledger::DeadLetterView],
    now: jiff::Timestamp,
    output: &mut crate::output::Output,
) -> Result<(), Failure> {
    let directory = Directory::default();
    let rows: Vec<_> = letters.iter().cloned().map(|letter| show::Row::of(letter, &directory)).collect();
    show::table(&rows, now, output)
}

/// Carries out `dead-letters`.
///
/// # Errors
///
/// [`Failure`] if there is no such connection or dead letter, or queue or ledger cannot be used.
pub async fn run(arguments: Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    match arguments.act {
        Act::List { filter, state } => {
            let directory = Directory::read(&engines, filter.connection.as_ref()).await?;
            let filter = DeadLetterFilter { state: state.map(Into::into), ..filter.of(&directory) };
            show::list(&engines, &filter, context).await
        }
        Act::Show { id } => show::one(&engines, id, context).await,
        Act::Replay { ids, all, filter } => {
            let directory = Directory::read(&engines, filter.connection.as_ref()).await?;
            replay::run(&engines, &filter.chosen(&directory, ids, all), context).await
        }
        Act::Discard { ids, all, filter } => {
            let directory = Directory::read(&engines, filter.connection.as_ref()).await?;
            discard::run(&engines, &filter.chosen(&directory, ids, all), context).await
        }
    }
}
