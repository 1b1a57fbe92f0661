//! Plays the rows, one after the other or several at a time.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::play::{Length, Report, play};
use super::rows::{ALL, Row};
use crate::ground::{Ground, Pair};
use crate::plan;
use crate::servers::Machines;

/// What is played.
pub type Plan = plan::Plan<Length>;

/// Plays every row of the plan; `report` is called with each that has ended.
///
/// # Errors
///
/// If a task of the harness panics. A row that cannot be played is in its report.
pub async fn run(plan: &Plan, report: impl Fn(&Report)) -> anyhow::Result<Vec<Report>> {
    let machines = Arc::new(OnceCell::new());
    let play = |row| {
        let (plan, machines) = (plan.clone(), Arc::clone(&machines));
        async move {
            let played = in_turn(&plan, &row, &machines).await;
            played.unwrap_or_else(|cause| Report::not_played(&row, &cause))
        }
    };
    plan.each(rows(plan), play, report).await
}

fn rows(plan: &Plan) -> Vec<Row> {
    let files = plan.pair == Pair::Sqlite;
    ALL.into_iter().filter(|row| plan.names(row.name) && row.disturbance.works_on(files)).collect()
}

async fn in_turn(plan: &Plan, row: &Row, machines: &OnceCell<Machines>) -> anyhow::Result<Report> {
    let ground = Ground::shared(plan.pair, machines).await?;
    play(row, &plan.length, ground, plan.program.clone(), plan.seed).await
}
