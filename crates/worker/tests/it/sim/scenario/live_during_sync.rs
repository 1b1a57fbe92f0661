//! Promise 5: a live identify is not stuck behind an audience that is synced, and the audience is synced nevertheless.

use std::collections::BTreeMap;
use std::time::Duration;

use simulator::{Faults, Latency};
use tokio::time::{Instant, sleep};

use super::super::harness::Harness;
use super::super::member::Member;
use super::super::script::{Accepted, accept};
use super::ScenarioResult;

/// The longest time until all members are affiliates.
const CREATED_WITHIN: Duration = Duration::from_secs(600);
/// If both lanes are due, at least one of this many calls is bulk.
const BULK_EVERY: usize = 10;
/// Live events that come at once.
const BURST: usize = 30;
/// Calls that may be planned already when a live event comes, beside those that are sent until it is absorbed.
const PLANNED_AHEAD: usize = 3;

pub(super) async fn run(harness: &mut Harness) -> ScenarioResult {
    let latency = Latency { min: Duration::from_millis(1), max: harness.dice.millis(400) };
    let faults = Faults { latency, ..Faults::default() };
    harness.refersion.core.lock().set_faults(harness.began.elapsed(), faults);
    let mut accepted = Vec::new();
    let audience = 70 + usize::try_from(harness.dice.below(60)).expect("small");
    let bulk: Vec<Member> = (0..audience).map(|number| Member { number, bulk: true }).collect();
    let live: Vec<Member> = (1_000..1_005 + BURST).map(|number| Member { number, bulk: false }).collect();
    let (single, burst) = live.split_at(live.len() - BURST);
    sign_up_all(harness, &mut accepted, &bulk).await;
    for one in single {
        sleep(harness.dice.millis(1_500)).await;
        sign_up_all(harness, &mut accepted, &[*one]).await;
    }
    sign_up_all(harness, &mut accepted, burst).await;
    let latest = Instant::now() + CREATED_WITHIN;
    while Instant::now() < latest && !harness.is_idle().await {
        sleep(Duration::from_secs(1)).await;
    }
    let calls = Calls::of(harness);
    let mut wrong: Vec<String> = accepted
        .iter()
        .filter(|event| !event.sent.bulk)
        .filter_map(|event| calls.held_up(harness, event))
        .collect();
    wrong.extend(calls.starved(&bulk, burst));
    ScenarioResult { accepted, wrong }
}

async fn sign_up_all(harness: &Harness, accepted: &mut Vec<Accepted>, members: &[Member]) {
    let now = harness.now();
    accept(harness, accepted, members.iter().map(|member| (0, member.sign_up(now))).collect()).await;
}

/// Creates, in the order in which they went out.
struct Calls {
    sent: Vec<(Duration, String)>,
    place: BTreeMap<String, usize>,
}

impl Calls {
    fn of(harness: &Harness) -> Self {
        let creates = harness.sent().into_iter().filter(|call| call.path == "/v2/affiliate/new");
        let sent: Vec<(Duration, String)> =
            creates.filter_map(|call| Some((call.at, call.about.into_iter().next()?))).collect();
        let place = sent.iter().enumerate().map(|(place, (_, about))| (about.clone(), place)).collect();
        Self { sent, place }
    }

    /// The fault if a live event waited for more than the calls planned before it, other live ones, and every tenth call of
    /// bulk.
    fn held_up(&self, harness: &Harness, event: &Accepted) -> Option<String> {
        let address = event.sent.address.as_ref()?;
        let Some(place) = self.place.get(address) else {
            return Some(format!("{address} was never created"));
        };
        let came = harness.since_the_beginning(event.received_at);
        let between = self.sent[..*place].iter().filter(|(at, _)| *at >= came);
        let (mut bulk, mut live) = (0_usize, 0_usize);
        for (_, about) in between {
            if is_bulk(about) { bulk += 1 } else { live += 1 }
        }
        let rate = harness.accounts[0].settings.rate_per_second;
        let within_a_second = (0..20).filter(|calls| f64::from(*calls) < rate).count();
        let allowed = PLANNED_AHEAD + within_a_second + (live + 1).div_ceil(BULK_EVERY - 1);
        (bulk > allowed).then(|| format!("{address} waited for {bulk} bulk calls, and {allowed} are allowed"))
    }

    /// The fault if bulk had less than every tenth call while live events waited, although it had work.
    fn starved(&self, bulk: &[Member], burst: &[Member]) -> Option<String> {
        let places = |members: &[Member]| -> Vec<usize> {
            members.iter().filter_map(|member| self.place.get(&member.address()).copied()).collect()
        };
        let (burst, bulk) = (places(burst), places(bulk));
        let (first, last) = (*burst.iter().min()?, *burst.iter().max()?);
        let served = bulk.iter().filter(|place| (first..last).contains(*place)).count();
        let some_left = bulk.iter().any(|place| *place > last);
        let due = (last - first) / BULK_EVERY;
        (some_left && served + 1 < due)
            .then(|| format!("bulk had {served} of {} calls while live ones waited", last - first))
    }
}

fn is_bulk(address: &str) -> bool {
    let number = address.trim_start_matches("member").split('@').next().and_then(|text| text.parse().ok());
    number.is_some_and(|number: usize| number < 1_000)
}
