//! `dead-letters plan`, `plans`, `run`, `pause`, `resume`, `cancel` and `report`.

mod export;
mod list;
mod make;
mod options;
mod progress;
mod report;
mod run;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ledger::PlanId;

use super::act::Reason;
use super::selection::Wanted;
use options::{Rate, Share};
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::audit::cli;
use service::operator::plans;

const EXAMPLES: &str = "\
Examples:
  refersion-destination dead-letters plan class:refused field:email
  refersion-destination dead-letters plan field:country --patch fix.json --dry-run
  refersion-destination dead-letters run 7 --rate 5/s --canary 10 --stop-if 20% --reason 'the form is corrected'
  refersion-destination dead-letters pause 7
  refersion-destination dead-letters report 7 --csv report.csv
  refersion-destination dead-letters plan --left-of 7

A plan freezes its dead letters; nothing is sent. The workers run it, even if this command ends.
Exit codes of `run` and `report`: 0 all delivered, 3 done in part, 4 stopped by the plan's own rule.";

/// The commands about plans.
#[derive(Debug, Subcommand)]
pub(super) enum Act {
    /// Plan a replay: which dead letters, how many calls, how long
    #[command(after_help = EXAMPLES)]
    Plan {
        #[command(flatten)]
        wanted: Wanted,
        #[command(flatten)]
        make: Make,
    },
    /// List plans, or show one
    #[command(after_help = EXAMPLES)]
    Plans {
        /// The plan
        plan: Option<PlanId>,
        /// List its dead letters that are left out or were skipped, all or of one reason
        #[arg(long, value_name = "REASON", num_args = 0..=1, default_missing_value = "", requires = "plan")]
        skipped: Option<String>,
        /// List at most N
        #[arg(long, value_name = "N", default_value_t = super::SHOWN)]
        limit: usize,
    },
    /// Run a plan: its canary first, then the others, at most at its rate
    #[command(after_help = EXAMPLES)]
    Run(Run),
    /// Pause a plan: it sends no more events
    #[command(after_help = EXAMPLES)]
    Pause(Steer),
    /// Resume a plan that is paused or has stopped
    #[command(after_help = EXAMPLES)]
    Resume(Steer),
    /// End a plan; dead letters that it has not sent stay open
    #[command(after_help = EXAMPLES)]
    Cancel(Steer),
    /// Show the results of a plan
    #[command(after_help = EXAMPLES)]
    Report {
        /// The plan
        plan: PlanId,
        /// Write each dead letter into FILE, a JSON object on each line
        #[arg(long, value_name = "FILE", conflicts_with = "csv")]
        ndjson: Option<PathBuf>,
        /// Write each dead letter into FILE as CSV
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
    },
}

impl Act {
    /// The name of the act in the audit; `None` for a command that only shows something.
    pub(super) fn action(&self) -> Option<&'static str> {
        match self {
            Self::Plan { .. } => Some("plan_made"),
            Self::Plans { .. } | Self::Report { .. } => None,
            Self::Run(_) => Some("plan_run"),
            Self::Pause(_) => Some("plan_paused"),
            Self::Resume(_) => Some("plan_resumed"),
            Self::Cancel(_) => Some("plan_cancelled"),
        }
    }
}

/// How a plan is made.
#[derive(Debug, Args)]
pub(super) struct Make {
    /// Plan the dead letters that plan PLAN has not delivered
    #[arg(long, value_name = "PLAN")]
    left_of: Option<PlanId>,
    /// Repair the events by this JSON Patch (RFC 6902) first; events that it cannot repair are left out; - is standard input
    #[arg(long, value_name = "FILE")]
    patch: Option<PathBuf>,
    /// Show the effect of the patch, and neither plan nor store anything
    #[arg(long, requires = "patch", conflicts_with = "left_of")]
    dry_run: bool,
    /// Also show the duration at this rate of calls, as 5/s or 100/m; `run` has a rate of its own
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
    #[command(flatten)]
    reason: Reason,
}

/// How a plan is run.
#[derive(Debug, Args)]
pub(super) struct Run {
    /// The plan
    plan: PlanId,
    /// The highest rate of calls, as 5/s or 100/m [default: the rate of the connection]
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
    /// Number of persons that are replayed first; their results decide whether the others follow
    #[arg(long, value_name = "PERSONS", default_value_t = 0)]
    canary: u32,
    /// Stop when more than this share fails again, as 20% [default: 20% for a canary]
    #[arg(long, value_name = "SHARE")]
    stop_if: Option<Share>,
    #[command(flatten)]
    reason: Reason,
    /// Return at once; the plan continues to run
    #[arg(long)]
    detach: bool,
}

/// An action on a plan, and its reason.
#[derive(Debug, Args)]
pub(super) struct Steer {
    /// The plan
    plan: PlanId,
    #[command(flatten)]
    reason: Reason,
}

/// Carries out an act on plans.
///
/// # Errors
///
/// [`Failure`] if there is no such plan, its state does not allow the act, or the ledger cannot be used.
pub(super) async fn carry_out(act: Act, engines: &Engines, context: &mut Context) -> Result<Exit, Failure> {
    match act {
        Act::Plan { wanted, make } => make::make(engines, &wanted, &make, context).await,
        Act::Plans { plan: None, limit, .. } => list::list(engines, limit, context).await,
        Act::Plans { plan: Some(plan), skipped: None, .. } => show::one(engines, plan, context).await,
        Act::Plans { plan: Some(plan), skipped: Some(reason), limit } => {
            let reason = (!reason.is_empty()).then_some(reason);
            list::skipped(engines, (plan, reason), limit, context).await
        }
        Act::Run(options) => run::run(engines, options, context).await,
        Act::Pause(Steer { plan, reason }) => {
            let plan = plans::pause(engines, &cli(), plan, reason.text()).await?;
            show::steered(engines, &plan, context).await
        }
        Act::Resume(Steer { plan, reason }) => {
            let plan = plans::resume(engines, &cli(), plan, reason.text()).await?;
            show::steered(engines, &plan, context).await
        }
        Act::Cancel(Steer { plan, reason }) => {
            let plan = plans::cancel(engines, &cli(), plan, reason.text()).await?;
            show::steered(engines, &plan, context).await
        }
        Act::Report { plan, ndjson, csv } => {
            report::run(engines, plan, export::Export::of(ndjson, csv)?, context).await
        }
    }
}
