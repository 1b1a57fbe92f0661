//! `retention`: how far expired events have been dropped, and the operator's confirmation that the clock is right.

use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use ledger::SweepClock;
use serde::Serialize;
use worker::Limits;

use service::Context;
use service::config::Config;
use service::failure::{Exit, Failure};
use service::operator::audit;

const EXAMPLES: &str = "\
Examples:
  refersion-destination retention show
  refersion-destination retention confirm
  refersion-destination retention show --json

Events and dead letters are dropped when they are older than the limits in [retention]. If the clock jumps ahead, or the
machine was off, the worker does not trust the clock: it catches up by at most a tenth of the shortest retention each
day. If you know that the clock is right, run `retention confirm`: the worker then follows the clock at once.";

const SHOW_EXAMPLES: &str = "\
Examples:
  refersion-destination retention show
  refersion-destination retention show --config production.toml
  refersion-destination retention show --json

It shows up to which time expired events have been dropped, and how far that is behind the clock.";

const CONFIRM_EXAMPLES: &str = "\
Examples:
  refersion-destination retention confirm
  refersion-destination retention confirm --config production.toml
  refersion-destination retention confirm --json

Check the clock first (`date`; on Postgres, that of the server). The next sweep drops everything that has expired by
this clock, which cannot be undone.";

/// The arguments of `retention`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Show up to which time expired events have been dropped
    #[command(after_help = SHOW_EXAMPLES)]
    Show,
    /// Confirm that the clock is right
    #[command(after_help = CONFIRM_EXAMPLES)]
    Confirm,
}

/// The state of sweeps. The names of these fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
pub(super) struct RetentionState {
    /// The time that counts: the machine's, or that of the database server.
    now: Timestamp,
    /// Events that had expired by then have been dropped; `null` before the first sweep.
    swept: Option<Timestamp>,
    /// The clock is not trusted: events are kept longer than they are set to.
    pub(super) is_behind: bool,
    /// How much longer, in seconds.
    pub(super) behind_seconds: u64,
}

impl RetentionState {
    /// The state of sweeps, by their clock and these settings.
    pub(super) fn of(clock: SweepClock, config: &Config) -> Self {
        let limits = Limits {
            keep_outcomes: config.retention.outcomes,
            keep_dead_letters: config.retention.dead_letters,
            keep_dead_letters_by_class: config.retention.dead_letters_by_class.0.clone(),
            ..Limits::default()
        };
        let behind = clock.swept.map_or(Duration::ZERO, |swept| {
            Duration::try_from(clock.now.duration_since(swept)).unwrap_or_default()
        });
        let is_behind = behind > worker::sweep_clock::tolerance(&limits) + BETWEEN_SWEEPS;
        Self { now: clock.now, swept: clock.swept, is_behind, behind_seconds: behind.as_secs() }
    }

    /// In words.
    pub(super) fn in_words(&self) -> String {
        match (self.swept, self.is_behind) {
            (None, _) => "no sweep has run yet".to_owned(),
            (Some(swept), false) => format!("everything that had expired by {swept} is dropped"),
            (Some(swept), true) => format!(
                "everything that had expired by {swept} is dropped, {:.1} days behind the clock: the clock jumped, or no \
                 worker ran; sweeps catch up by themselves; if the clock is right, run `retention confirm`",
                Duration::from_secs(self.behind_seconds).as_secs_f64() / 86_400.0
            ),
        }
    }
}

/// Sweeps of a running worker are at most this far apart.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(120);

/// Shows the state of sweeps, or confirms the clock.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be read or written.
pub async fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let mut clock = engines.ledger.sweep_clock(engines.now()).await?;
    if matches!(arguments.act, Act::Confirm) {
        engines.ledger.set_swept(clock.now).await?;
        clock.swept = Some(clock.now);
        audit::note(&engines, &audit::cli(), "clock_confirmed", format!("swept until {}", clock.now)).await?;
    }
    let state = RetentionState::of(clock, &context.loaded.config);
    if context.output.is_json() {
        context.output.json(&state)?;
    } else if matches!(arguments.act, Act::Confirm) {
        context
            .output
            .line(&format!("confirmed: the next sweep drops everything that has expired by {}", clock.now))?;
    } else {
        context.output.line(&state.in_words())?;
    }
    Ok(Exit::Done)
}
