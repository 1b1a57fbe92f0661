//! Walks through Refersion's list in the middle of everything else, and affiliates that a merchant adds meanwhile.

use jiff::Timestamp;
use ledger::{Directory as _, WalkRequest};
use simulator::{ExistingAffiliate, Status};

use super::dice::Dice;
use super::harness::{Account, Harness, Population};
use super::story::is_refused;

/// Separates the random stream of adoption from the others, so that these stay the same.
const SALT: u64 = 0x00ad_0975;

/// Whether a seed adopts, by dice of its own.
pub(crate) fn of(seed: u64, population: Population) -> Option<Dice> {
    let dice = Dice::new(seed ^ SALT);
    (matches!(population, Population::Any) && dice.per_mille(600)).then_some(dice)
}

/// An operator asks for a walk, or a merchant adds an affiliate in Refersion's dashboard.
pub(crate) async fn random_step(harness: &mut Harness) {
    let Some(dice) = harness.adoption.clone() else { return };
    match dice.below(12) {
        0 | 1 => ask(harness).await,
        2 => {
            let place = usize::try_from(dice.below(harness.accounts.len() as u64)).expect("few accounts");
            let address = dice.pick(&harness.accounts[place].story.addresses).clone();
            add(harness, place, &address, &dice);
        }
        _ => {}
    }
}

/// Asks for a walk of every account, if the seed adopts.
pub(crate) async fn ask(harness: &Harness) {
    if harness.adoption.is_none() {
        return;
    }
    for account in &harness.accounts {
        let asked = harness.ledger.request_walk(account.id, request(harness.now()));
        asked.await.expect("the connection is there");
    }
}

/// The walks that are wanted or under way, for the analysis of a failure.
pub(crate) async fn open_walks(harness: &Harness) -> Vec<String> {
    let mut open = Vec::new();
    for account in &harness.accounts {
        let state = harness.ledger.directory(account.id).await.expect("a ledger");
        if state.requested.is_some() || state.walk.is_some() {
            open.push(format!("asked {:?}, walk {:?}", state.requested, state.walk));
        }
    }
    open
}

/// Whether no walk is wanted or under way.
pub(crate) async fn is_idle(harness: &Harness, account: &Account) -> bool {
    let state = harness.ledger.directory(account.id).await.expect("a ledger");
    state.requested.is_none() && state.walk.is_none()
}

/// The faults of a walk that nothing disturbed: affiliates of the merchant that it did not find.
pub(crate) async fn check(harness: &Harness, account: &Account) -> Vec<String> {
    if harness.adoption.is_none() {
        return Vec::new();
    }
    let state = harness.ledger.directory(account.id).await.expect("a ledger");
    // Affiliates that the worker created after the last walk are not listed.
    let there = account.existed.len();
    let listed = state.finished.as_ref().map_or(0, |finished| finished.walk.seen);
    let is_complete = state.complete_since.is_some();
    let mut wrong = Vec::new();
    if !is_complete || listed < there as u64 {
        wrong.push(format!("the walk met {listed} of {there} affiliates; complete: {is_complete}"));
    }
    wrong
}

fn request(now: Timestamp) -> WalkRequest {
    WalkRequest { asked_at: now, verify: false, repair: false, max_calls: None }
}

fn add(harness: &mut Harness, place: usize, address: &str, dice: &Dice) {
    if is_refused(address) {
        return;
    }
    let status = *dice.pick(&[Status::Active, Status::Pending, Status::Denied, Status::Disabled]);
    let added = ExistingAffiliate { status, ..ExistingAffiliate::active(address) };
    let mut core = harness.refersion.core.lock();
    let account = &mut harness.accounts[place];
    let placed = core.add_affiliate(&account.public_key, added);
    account.added.extend(placed.as_ref().map(|placed| placed.id));
    account.existed.extend(placed.map(|placed| placed.id));
}

/// Whether a fault is about an affiliate of a deleted person that the merchant added after Refersion was searched: nobody
/// could know of it.
pub(crate) fn is_about_added_affiliate(account: &Account, fault: &str) -> bool {
    let names = |id: &u64| fault.contains(&format!("still active: affiliate {id} "));
    account.added.iter().any(names)
}
