//! Runs the rows, one after the other or several at a time.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::rows::{ALL, Row};
use super::run::{Length, Report, run_row};
use crate::plan;
use crate::row_engines::{Pair, RowEngines};
use crate::servers::Machines;

/// The rows to run.
pub type Plan = plan::Plan<Length>;

/// Runs every row of the plan; `report` is called with each that has ended.
///
/// # Errors
///
/// If a task of the harness panics. A row that cannot be run is in its report.
pub async fn run(plan: &Plan, report: impl Fn(&Report)) -> anyhow::Result<Vec<Report>> {
    let machines = Arc::new(OnceCell::new());
    let run_one = |row| {
        let (plan, machines) = (plan.clone(), Arc::clone(&machines));
        async move {
            let report = in_turn(&plan, &row, &machines).await;
            report.unwrap_or_else(|cause| Report::failed(&row, &cause))
        }
    };
    plan.each(rows(plan), run_one, report).await
}

fn rows(plan: &Plan) -> Vec<Row> {
    let files = plan.pair == Pair::Sqlite;
    ALL.into_iter().filter(|row| plan.names(row.name) && row.disturbance.works_on(files)).collect()
}

async fn in_turn(plan: &Plan, row: &Row, machines: &OnceCell<Machines>) -> anyhow::Result<Report> {
    let row_engines = RowEngines::shared(plan.pair, machines).await?;
    run_row(row, &plan.length, row_engines, plan.program.clone(), plan.seed).await
}
