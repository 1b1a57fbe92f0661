//! Plays the rows, several at a time.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;

use crate::faults::{ALL, Fault};
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
    /// The program under trial.
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
    let idle = Arc::new(Mutex::new(Vec::new()));
    let mut playing = JoinSet::new();
    for (number, fault) in rows.into_iter().enumerate() {
        let (plan, places, idle) = (plan.clone(), Arc::clone(&places), Arc::clone(&idle));
        playing.spawn(async move {
            let place = places.acquire_owned().await?;
            let row = in_turn(&plan, &fault, &idle).await;
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

/// Plays a row on machines that no other row has at the moment; the next one takes them over.
async fn in_turn(plan: &Plan, fault: &Fault, idle: &Mutex<Vec<Machines>>) -> anyhow::Result<Row> {
    let (ground, machines) = match plan.pair {
        Pair::Sqlite => (Ground::Files, None),
        Pair::Scaled => {
            let idle = idle.lock().await.pop();
            let machines = match idle {
                Some(machines) => machines,
                None => Machines::start().await?,
            };
            (Ground::Servers(Box::new(machines.for_a_row().await?)), Some(machines))
        }
    };
    let row = play(fault, &plan.length, ground, plan.program.clone(), plan.seed).await;
    idle.lock().await.extend(machines);
    row
}

fn is_wanted(plan: &Plan, fault: &Fault) -> bool {
    let named = plan.only.is_empty() || plan.only.iter().any(|name| fault.name.contains(name.as_str()));
    let fits = match plan.pair {
        Pair::Sqlite => fault.kind.works_on_files(),
        Pair::Scaled => true,
    };
    named && fits
}
