//! The whole worker, simulated: time, network, engines, crashes and people are all drawn from one seed.
//!
//! A failure prints its seed; `SIMULATION_SEED=… cargo test -p worker --test it one_seed -- --nocapture` replays it.
//! `SIMULATION_SEEDS=…` says how many seeds are played, `SIMULATION_EVENTS=…` that seeds are played until they had this many
//! events, and `SIMULATION_FIRST=…` which seed is the first.
//! Most seeds tell anything; `plot` has the stories that chance alone would seldom tell.

mod adoption;
mod audiences;
mod audiences_port;
pub(crate) mod check;
mod crew;
pub(crate) mod dice;
mod directory_port;
mod interruptions_port;
mod kinds;
pub(crate) mod ledger_port;
pub(crate) mod life;
mod member;
mod network;
mod payouts;
pub(crate) mod plant;
mod plot;
mod queue_port;
mod repairs;
mod script;
mod shapes;
mod staff;
mod stage;
pub(crate) mod store_port;
mod story;
mod tale;
mod tests;
mod times;
pub(crate) mod watch;
mod webhooks;

use std::time::Duration;

use connections::{PausedFor, Registry as _, State, StateStore as _};
use ledger::View as _;
use plant::Plant;
use queue::Observe as _;
use tokio::time::{Instant, sleep};

use crew::Crew;
use life::RESTLESS;
use network::Sent;
use plot::{Plot, Told};
use script::Accepted;
use stage::Stage;

/// The longest time after the last fault until everything has come to rest.
const REST_WITHIN: Duration = Duration::from_secs(1800);
/// How long it stays at rest before that is believed.
const AT_REST_FOR: Duration = Duration::from_secs(20);

/// How a simulation went.
pub(crate) struct Played {
    pub(crate) sent: Vec<Sent>,
    pub(crate) events: usize,
    pub(crate) lasted: Duration,
    pub(crate) wrong: Vec<String>,
    /// What became of each event, and what is kept in the end: for whoever looks into a failure.
    pub(crate) tale: String,
}

/// Plays one seed from beginning to end: mostly anything, now and then a plot of its own.
pub(crate) fn play(seed: u64, plant: Plant) -> Played {
    play_plot(Plot::of(seed), seed, plant)
}

/// Plays a plot from beginning to end.
pub(crate) fn play_plot(plot: Plot, seed: u64, plant: Plant) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let mut stage = Stage::set(seed, plant, plot.cast()).await;
        let endpoint = staff::set_up(&stage);
        let workers = plot.workers(&stage.dice);
        let mut crew = Crew::start(&stage, stage.dice.split(), workers);
        let Told { accepted, mut wrong } = plot.play(&mut stage, &mut crew).await;
        script::calm(&stage, &mut crew);
        adoption::ask(&stage).await;
        wrong.extend(come_to_rest(&stage, &mut crew).await);
        let before = stage.sent().len();
        sleep(AT_REST_FOR).await;
        if wrong.is_empty() && stage.sent().len() > before {
            wrong.push("calls go on though nothing is to be told".to_owned());
        }
        if wrong.is_empty() {
            wrong.extend(verify(&mut stage, &mut crew, &accepted).await);
        }
        crew.end();
        if let Some(endpoint) = endpoint {
            endpoint.abort();
        }
        wrong.extend(check::check(&stage, &accepted).await);
        let tale = if wrong.is_empty() { String::new() } else { tale::of(&stage, &accepted).await };
        Played { sent: stage.sent(), events: accepted.len(), lasted: stage.began.elapsed(), wrong, tale }
    })
}

/// The merchant's staff change something once more; a comparison finds all of it, and one that repairs leaves nothing.
async fn verify(stage: &mut Stage, crew: &mut Crew, accepted: &[Accepted]) -> Vec<String> {
    if stage.staff.is_none() {
        return Vec::new();
    }
    staff::change_at_rest(stage);
    let mut wrong = Vec::new();
    for repair in [false, true] {
        sleep(AT_REST_FOR).await;
        staff::ask(stage, repair).await;
        wrong.extend(come_to_rest(stage, crew).await);
        if !repair && wrong.is_empty() {
            wrong.extend(staff::compared(stage, accepted).await);
        }
    }
    wrong
}

/// Waits until nothing is to be done any more; an operator resumes what only an operator can, and replays what died of
/// faults that are over.
async fn come_to_rest(stage: &Stage, crew: &mut Crew) -> Vec<String> {
    let latest = Instant::now() + REST_WITHIN;
    let mut wait = Duration::from_millis(500);
    let mut rested = 0;
    let operations = || stage.storm.lock().operations;
    while Instant::now() < latest && operations() < RESTLESS {
        crew.tend(stage);
        sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(20));
        resume(stage).await;
        if !stage.is_at_rest().await {
            rested = 0;
            continue;
        }
        let lost_hope = |class: &str| !["unreadable", "refused", "gone", "too_large"].contains(&class);
        script::replay(stage, &lost_hope).await;
        rested += 1;
        wait = Duration::from_secs(5);
        if rested == 3 {
            return Vec::new();
        }
    }
    let counts = stage.ledger.counts(None, stage.now()).await.expect("a ledger");
    let (after, operations, depth) = (stage.began.elapsed(), operations(), stage.queue.depth().await);
    let walks = adoption::open_walks(stage).await;
    let webhooks = stage.refersion.core.lock().next_webhook_at();
    vec![format!(
        "not at rest after {after:?} and {operations} operations: {counts:?}, {depth:?}, {walks:?}, webhooks at {webhooks:?}"
    )]
}

async fn resume(stage: &Stage) {
    for connection in stage.ledger.list().await.expect("a ledger") {
        if connection.state == State::Paused(PausedFor::Operator) {
            stage.refersion.waits_end();
            stage.ledger.resume(connection.id, None).await.expect("the connection is there");
        }
    }
}
