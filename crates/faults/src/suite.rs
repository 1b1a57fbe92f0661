//! Runs the rows, several at a time.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::fault::{ALL, Fault};
use crate::plan;
use crate::row::{Length, Row, run_row};
use crate::row_engines::{Pair, RowEngines};
use crate::servers::Machines;

/// The rows to run.
pub type Plan = plan::Plan<Length>;

/// Runs every row of the plan; `report` is called with each that has ended.
///
/// # Errors
///
/// If there is no such row. A broken promise is in its row, and so is a failure of the harness, which proves nothing.
pub async fn run(plan: &Plan, report: impl Fn(&Row)) -> anyhow::Result<Vec<Row>> {
    let rows: Vec<Fault> = ALL.into_iter().filter(|fault| is_wanted(plan, fault)).collect();
    anyhow::ensure!(!rows.is_empty(), "no fault has such a name: {}", plan.only.join(", "));
    let machines = Arc::new(OnceCell::new());
    let run_one = |fault| {
        let (plan, machines) = (plan.clone(), Arc::clone(&machines));
        async move {
            let row = in_turn(&plan, &fault, &machines).await;
            row.unwrap_or_else(|cause| Row::failed(&fault, &cause))
        }
    };
    plan.each(rows, run_one, report).await
}

/// Runs a row on the servers that it needs: on shared ones, or on its own if it strikes them.
async fn in_turn(plan: &Plan, fault: &Fault, shared: &OnceCell<Machines>) -> anyhow::Result<Row> {
    if plan.pair == Pair::Scaled && fault.kind.strikes_servers() {
        let machines = Machines::start().await?;
        return on(RowEngines::for_row(&machines).await?, plan, fault).await;
    }
    on(RowEngines::shared(plan.pair, shared).await?, plan, fault).await
}

async fn on(row_engines: RowEngines, plan: &Plan, fault: &Fault) -> anyhow::Result<Row> {
    run_row(fault, &plan.length, row_engines, plan.program.clone(), plan.seed).await
}

fn is_wanted(plan: &Plan, fault: &Fault) -> bool {
    plan.names(fault.name) && (plan.pair == Pair::Scaled || fault.kind.works_on_files())
}
