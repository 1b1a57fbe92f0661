//! Plays the rows, one after the other or several at a time.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;

use super::play::{Length, Report, play};
use super::rows::{ALL, Row};
use crate::ground::{Ground, Pair};
use crate::servers::Machines;

/// What is played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Decides the events of A, and chance elsewhere.
    pub seed: u64,
    /// Rows whose name contains one of these; none: every row.
    pub only: Vec<String>,
    /// How much is done in each row.
    pub length: Length,
    /// The engines.
    pub pair: Pair,
    /// The program under test.
    pub program: PathBuf,
    /// Rows at the same time. Times are figures only with one.
    pub side_by_side: usize,
}

impl Plan {
    /// The rows of this plan.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let named = |row: &Row| self.only.is_empty() || self.only.iter().any(|name| row.name.contains(name));
        let files = self.pair == Pair::Sqlite;
        ALL.into_iter().filter(|row| named(row) && row.disturbance.works_on(files)).collect()
    }
}

/// Plays every row of the plan; `report` is called with each that has ended.
///
/// # Errors
///
/// If a task of the harness panics. A row that cannot be played is in its report.
pub async fn run(plan: &Plan, report: impl Fn(&Report)) -> anyhow::Result<Vec<Report>> {
    let places = Arc::new(Semaphore::new(plan.side_by_side));
    let machines = Arc::new(OnceCell::new());
    let mut playing = JoinSet::new();
    for (number, row) in plan.rows().into_iter().enumerate() {
        let (plan, places, machines) = (plan.clone(), Arc::clone(&places), Arc::clone(&machines));
        playing.spawn(async move {
            let place = places.acquire_owned().await?;
            let played = in_turn(&plan, &row, &machines).await;
            drop(place);
            Ok::<_, anyhow::Error>((number, played.unwrap_or_else(|cause| Report::not_played(&row, &cause))))
        });
    }
    let mut played = Vec::new();
    while let Some(ended) = playing.join_next().await {
        let (number, one) = ended??;
        report(&one);
        played.push((number, one));
    }
    played.sort_by_key(|(number, _)| *number);
    Ok(played.into_iter().map(|(_, report)| report).collect())
}

async fn in_turn(plan: &Plan, row: &Row, machines: &OnceCell<Machines>) -> anyhow::Result<Report> {
    let ground = match plan.pair {
        Pair::Sqlite => Ground::Files,
        Pair::Scaled => {
            let machines = machines.get_or_try_init(Machines::start).await?;
            Ground::Servers(Box::new(machines.for_a_row().await?))
        }
    };
    play(row, &plan.length, ground, plan.program.clone(), plan.seed).await
}
