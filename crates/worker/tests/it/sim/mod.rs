//! The whole worker, simulated: time, network, engines, crashes and people are all drawn from one seed.
//!
//! A failure prints its seed; `SIMULATION_SEED=… cargo test -p worker --test it one_seed -- --nocapture` replays it.
//! `SIMULATION_SEEDS=…` says how many seeds are run, `SIMULATION_EVENTS=…` that seeds are run until they had this many
//! events, and `SIMULATION_FIRST=…` which seed is the first.
//! Most seeds run random events; `scenario` has the cases that chance alone would seldom produce.

mod adoption;
mod audiences;
mod audiences_port;
pub(crate) mod check;
pub(crate) mod dice;
mod directory_port;
mod harness;
mod interruptions_port;
mod kinds;
pub(crate) mod ledger_port;
mod member;
mod network;
mod payouts;
pub(crate) mod planted_bug;
pub(crate) mod process;
mod processes;
mod queue_port;
mod repairs;
mod scenario;
mod script;
mod shapes;
mod staff;
pub(crate) mod store_port;
mod story;
mod tests;
mod times;
mod trace;
pub(crate) mod watch;
mod webhooks;

use std::time::Duration;

use connections::{PausedFor, Registry as _, State, StateStore as _};
use ledger::View as _;
use planted_bug::PlantedBug;
use queue::Observe as _;
use tokio::time::{Instant, sleep};

use harness::Harness;
use network::Sent;
use process::MAX_OPERATIONS;
use processes::Processes;
use scenario::{Scenario, ScenarioResult};
use script::Accepted;

/// The longest time from the last fault until the system is idle.
const IDLE_WITHIN: Duration = Duration::from_secs(1800);
/// How long the system must stay idle to count as idle.
const IDLE_FOR: Duration = Duration::from_secs(20);

/// The result of a simulation.
pub(crate) struct SimulationResult {
    pub(crate) sent: Vec<Sent>,
    pub(crate) events: usize,
    pub(crate) lasted: Duration,
    pub(crate) wrong: Vec<String>,
    /// The outcome of each event, and the stored data at the end, for the analysis of a failure.
    pub(crate) trace: String,
}

/// Runs one seed from beginning to end, in the scenario of that seed.
pub(crate) fn simulate(seed: u64, planted_bug: PlantedBug) -> SimulationResult {
    run_scenario(Scenario::of(seed), seed, planted_bug)
}

/// Runs a scenario from beginning to end.
pub(crate) fn run_scenario(scenario: Scenario, seed: u64, planted_bug: PlantedBug) -> SimulationResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let mut harness = Harness::set_up(seed, planted_bug, scenario.population()).await;
        let endpoint = staff::set_up(&harness);
        let workers = scenario.workers(&harness.dice);
        let mut processes = Processes::start(&harness, harness.dice.split(), workers);
        let ScenarioResult { accepted, mut wrong } = scenario.run(&mut harness, &mut processes).await;
        script::end_faults(&harness, &mut processes);
        adoption::ask(&harness).await;
        wrong.extend(wait_until_idle(&harness, &mut processes).await);
        let before = harness.sent().len();
        sleep(IDLE_FOR).await;
        if wrong.is_empty() && harness.sent().len() > before {
            wrong.push("calls go on though nothing is left to send".to_owned());
        }
        if wrong.is_empty() {
            wrong.extend(verify(&mut harness, &mut processes, &accepted).await);
        }
        processes.end();
        if let Some(endpoint) = endpoint {
            endpoint.abort();
        }
        wrong.extend(check::check(&harness, &accepted).await);
        let trace = if wrong.is_empty() { String::new() } else { trace::of(&harness, &accepted).await };
        SimulationResult {
            sent: harness.sent(),
            events: accepted.len(),
            lasted: harness.began.elapsed(),
            wrong,
            trace,
        }
    })
}

/// Lets the merchant's staff change something once more. A comparison finds all changes, and one that repairs leaves no
/// difference.
async fn verify(harness: &mut Harness, processes: &mut Processes, accepted: &[Accepted]) -> Vec<String> {
    if harness.staff.is_none() {
        return Vec::new();
    }
    staff::change_while_idle(harness);
    let mut wrong = Vec::new();
    for repair in [false, true] {
        sleep(IDLE_FOR).await;
        staff::ask(harness, repair).await;
        wrong.extend(wait_until_idle(harness, processes).await);
        if !repair && wrong.is_empty() {
            wrong.extend(staff::missed_or_false_drift(harness, accepted).await);
        }
    }
    wrong
}

/// Waits until nothing is left to do. An operator resumes connections that only an operator can resume, and replays events
/// that died because of faults that are over.
async fn wait_until_idle(harness: &Harness, processes: &mut Processes) -> Vec<String> {
    let latest = Instant::now() + IDLE_WITHIN;
    let mut wait = Duration::from_millis(500);
    let mut idle_rounds = 0;
    let operations = || harness.engine_faults.lock().operations;
    while Instant::now() < latest && operations() < MAX_OPERATIONS {
        processes.supervise(harness);
        sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(20));
        resume(harness).await;
        if !harness.is_idle().await {
            idle_rounds = 0;
            continue;
        }
        let may_succeed_now = |class: &str| !["unreadable", "refused", "gone", "too_large"].contains(&class);
        script::replay(harness, &may_succeed_now).await;
        idle_rounds += 1;
        wait = Duration::from_secs(5);
        if idle_rounds == 3 {
            return Vec::new();
        }
    }
    let counts = harness.ledger.counts(None, harness.now()).await.expect("a ledger");
    let (after, operations, depth) = (harness.began.elapsed(), operations(), harness.queue.depth().await);
    let walks = adoption::open_walks(harness).await;
    let webhooks = harness.refersion.core.lock().next_webhook_at();
    vec![format!(
        "not idle after {after:?} and {operations} operations: {counts:?}, {depth:?}, {walks:?}, webhooks at {webhooks:?}"
    )]
}

async fn resume(harness: &Harness) {
    for connection in harness.ledger.list().await.expect("a ledger") {
        if connection.state == State::Paused(PausedFor::Operator) {
            harness.refersion.end_waits();
            harness.ledger.resume(connection.id, None).await.expect("the connection is there");
        }
    }
}
