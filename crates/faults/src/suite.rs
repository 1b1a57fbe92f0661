//! Plays the rows, several at a time.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;

use crate::fault::{ALL, Fault};
use crate::ground::{Ground, Pair};
use crate::row::{Length, Row, play};
use crate::servers::Machines;

/// What is played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Decides stories and strikes.
    pub seed: u64,
    /// Rows whose name contains one of these; none: every row.
    pub only: Vec<String>,
    /// How much is done in each row.
    pub length: Length,
    /// The engines.
    pub pair: Pair,
    /// The program under test.
    pub program: PathBuf,
    /// Rows at the same time.
    pub side_by_side: usize,
}

/// Plays every row of the plan; `tell` hears of each that has ended.
///
/// # Errors
///
/// If there is no such row. A broken promise is in its row, and so is a failure of the harness, which proves nothing.
pub async fn run(plan: &Plan, tell: impl Fn(&Row)) -> anyhow::Result<Vec<Row>> {
    let rows: Vec<Fault> = ALL.into_iter().filter(|fault| is_wanted(plan, fault)).collect();
    anyhow::ensure!(!rows.is_empty(), "no fault has such a name: {}", plan.only.join(", "));
    let places = Arc::new(Semaphore::new(plan.side_by_side));
    let machines = Arc::new(OnceCell::new());
    let mut playing = JoinSet::new();
    for (number, fault) in rows.into_iter().enumerate() {
        let (plan, places, machines) = (plan.clone(), Arc::clone(&places), Arc::clone(&machines));
        playing.spawn(async move {
            let place = places.acquire_owned().await?;
            let row = in_turn(&plan, &fault, &machines).await;
            drop(place);
            Ok::<_, anyhow::Error>((number, row.unwrap_or_else(|cause| Row::not_played(&fault, &cause))))
        });
    }
    let mut played = Vec::new();
    while let Some(ended) = playing.join_next().await {
        let (number, row) = ended??;
        tell(&row);
        played.push((number, row));
    }
    played.sort_by_key(|(number, _)| *number);
    Ok(played.into_iter().map(|(_, row)| row).collect())
}

/// Plays a row on the servers that it needs: those that all share, or, where it strikes them, some of its own.
async fn in_turn(plan: &Plan, fault: &Fault, shared: &OnceCell<Machines>) -> anyhow::Result<Row> {
    if plan.pair == Pair::Sqlite {
        return on(Ground::Files, plan, fault).await;
    }
    if fault.kind.strikes_servers() {
        let machines = Machines::start().await?;
        return on(servers(&machines).await?, plan, fault).await;
    }
    let machines = shared.get_or_try_init(Machines::start).await?;
    on(servers(machines).await?, plan, fault).await
}

async fn servers(machines: &Machines) -> anyhow::Result<Ground> {
    Ok(Ground::Servers(Box::new(machines.for_a_row().await?)))
}

async fn on(ground: Ground, plan: &Plan, fault: &Fault) -> anyhow::Result<Row> {
    play(fault, &plan.length, ground, plan.program.clone(), plan.seed).await
}

fn is_wanted(plan: &Plan, fault: &Fault) -> bool {
    let named = plan.only.is_empty() || plan.only.iter().any(|name| fault.name.contains(name.as_str()));
    let fits = match plan.pair {
        Pair::Sqlite => fault.kind.works_on_files(),
        Pair::Scaled => true,
    };
    named && fits
}
