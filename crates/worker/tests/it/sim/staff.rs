//! The merchant's staff, who change affiliates directly in Refersion, and operators who verify.

use std::collections::{BTreeMap, BTreeSet};

use connections::NewAffiliateStatus;
use identity::drift::{EMAIL, STATUS};
use ledger::{Directory as _, Drift, Hints as _, WalkRequest};
use reference::Difference;
use simulator::{AffiliateState, StaffChange, Status};
use tokio::task::JoinHandle;

use super::dice::Dice;
use super::harness::{Account, Harness, Population};
use super::script::Accepted;
use super::webhooks::{Endpoint, any, reliable, target};
use super::{adoption, check};

/// Separates the random stream of staff from the others, so that these stay the same.
const SALT: u64 = 0x57af_f975;

/// The staff of all accounts, if a seed has any.
pub(crate) struct Staff {
    dice: Dice,
    has_webhooks: bool,
    /// The index of the account, code and field of everything that they changed.
    touched: BTreeSet<(usize, String, String)>,
    /// The number of changes, which makes their values distinct.
    changes: u64,
}

impl Staff {
    /// Those of a seed, by dice of their own.
    pub(crate) fn of(seed: u64, population: Population) -> Option<Self> {
        let dice = Dice::new(seed ^ SALT);
        let is_there = matches!(population, Population::Any) && dice.per_mille(500);
        let has_webhooks = dice.per_mille(750);
        is_there.then(|| Self { dice, has_webhooks, touched: BTreeSet::new(), changes: 0 })
    }
}

/// The custom fields of every account, whose names webhooks and lists show; without staff, any number is one.
pub(crate) fn custom_fields(seed: u64, population: Population) -> BTreeMap<u64, String> {
    let all = [(101, "VIP"), (102, "Plan"), (103, "Tier")].map(|(id, label)| (id, label.to_owned()));
    Staff::of(seed, population).map(|_| all.into()).unwrap_or_default()
}

/// Sets up webhooks in the dashboard, and the endpoint that takes them.
pub(crate) fn set_up(harness: &Harness) -> Option<JoinHandle<()>> {
    let staff = harness.staff.as_ref().filter(|staff| staff.has_webhooks)?;
    let mut core = harness.refersion.core.lock();
    harness.accounts.iter().for_each(|account| core.set_webhooks(&account.public_key, target()));
    core.set_deliveries(any(&staff.dice));
    drop(core);
    Some(tokio::spawn(Endpoint::of(harness, staff.dice.split()).serve()))
}

/// Lets the staff change something, or an operator ask for a comparison.
pub(crate) async fn random_step(harness: &mut Harness) {
    let Some(dice) = harness.staff.as_ref().map(|staff| staff.dice.clone()) else { return };
    match dice.below(8) {
        0 | 1 => change_something(harness, false),
        2 => ask(harness, dice.below(2) == 0).await,
        _ => {}
    }
}

/// Asks for a comparison of every account, if the seed has staff.
pub(crate) async fn ask(harness: &Harness, repair: bool) {
    if harness.staff.is_none() {
        return;
    }
    for account in &harness.accounts {
        let request = WalkRequest { asked_at: harness.now(), verify: true, repair, max_calls: None };
        harness.ledger.request_walk(account.id, request).await.expect("the connection is there");
    }
}

/// Webhooks are reliable from now on, and some affiliates change once more while nothing else happens.
pub(crate) fn change_while_idle(harness: &mut Harness) {
    if harness.staff.is_none() {
        return;
    }
    harness.refersion.core.lock().set_deliveries(reliable());
    for _ in 0..4 {
        change_something(harness, true);
    }
}

/// Staff move affiliates only while the system is idle: a worker that does not know the ids of a moved affiliate finds none
/// at its address, and creates a second one.
fn change_something(harness: &mut Harness, idle: bool) {
    let Some(staff) = &mut harness.staff else { return };
    let index = usize::try_from(staff.dice.below(harness.accounts.len() as u64)).expect("few accounts");
    let account = &harness.accounts[index];
    let now = harness.refersion.began.elapsed();
    let mut core = harness.refersion.core.lock();
    let state = core.state();
    let all = state.accounts.iter().filter(|state| state.public_key == account.public_key);
    let all: Vec<&AffiliateState> = all.flat_map(|state| &state.affiliates).collect();
    if all.is_empty() {
        return;
    }
    let one = *staff.dice.pick(&all);
    staff.changes += 1;
    let text = format!("Staff{}", staff.changes);
    let (field, change) = match staff.dice.below(6) {
        // The worker keeps only affiliates disabled that one of its deletes has disabled. If a person comes back whose
        // affiliate cannot be set to PENDING again, staff decide.
        0 | 1 if was_disabled_by_worker(account, one) => {
            (STATUS.to_owned(), StaffChange::Status(Status::Active))
        }
        0 if idle => (EMAIL.to_owned(), StaffChange::Field("email".to_owned(), format!("{text}@staff.test"))),
        // Fields that were never sent belong to the staff.
        1 if staff.has_webhooks && one.custom_fields.contains_key(&101) => {
            ("custom:101".to_owned(), StaffChange::CustomField(101, text))
        }
        2 | 3 => ("last_name".to_owned(), StaffChange::Field("last_name".to_owned(), text)),
        _ => ("first_name".to_owned(), StaffChange::Field("first_name".to_owned(), text)),
    };
    if core.staff_changes(now, &account.public_key, one.id, change) {
        staff.touched.insert((index, one.code.clone(), field));
    }
}

fn was_disabled_by_worker(account: &Account, one: &AffiliateState) -> bool {
    let is_active = account.settings.new_affiliate_status == NewAffiliateStatus::Active;
    is_active && one.status == Status::Disabled && !account.existed.contains(&one.id)
}

/// Whether no webhook is under way any more.
pub(crate) fn is_idle(harness: &Harness) -> bool {
    harness.refersion.core.lock().next_webhook_at().is_none()
}

/// The faults of a comparison that nothing disturbed: drift that it missed, or reported although there is none.
pub(crate) async fn missed_or_false_drift(harness: &Harness, accepted: &[Accepted]) -> Vec<String> {
    let Some(staff) = &harness.staff else { return Vec::new() };
    let mut wrong = Vec::new();
    for (index, account) in harness.accounts.iter().enumerate() {
        let drift = harness.ledger.drift(account.id, 1_000).await.expect("a ledger");
        let found: BTreeSet<(&str, &str)> = drift.iter().flat_map(fields).collect();
        for (code, field) in &found {
            if !staff.touched.contains(&(index, (*code).to_owned(), (*field).to_owned())) {
                wrong.push(format!("{field} of {code} is reported to differ, and nothing has changed it"));
            }
        }
        let names = harness.ledger.custom_fields(account.id).await.expect("a ledger");
        for difference in check::differences(harness, account, index, accepted).await {
            let is_missed = match &difference {
                Difference::Field { address, field, .. } => {
                    let is_seen = !field.starts_with("custom:") || names.contains_key(&101);
                    let code = code_of(harness, account, |it| it.email == *address);
                    is_seen && code.is_some_and(|code| !found.contains(&(code.as_str(), field.as_str())))
                }
                Difference::StillActive { id, .. } => {
                    let code = code_of(harness, account, |it| it.id == *id);
                    code.is_some_and(|code| !found.contains(&(code.as_str(), STATUS)))
                }
                // Somebody has moved it to another address.
                Difference::Missing { .. } => !found.iter().any(|(_, field)| *field == EMAIL),
                Difference::Several { .. } | Difference::Status { .. } => true,
            };
            if is_missed {
                wrong.push(format!("a comparison has not found that {difference}"));
            }
        }
    }
    wrong.retain(|wrong| {
        !harness.accounts.iter().any(|account| adoption::is_about_added_affiliate(account, wrong))
    });
    wrong
}

fn fields(drift: &Drift) -> impl Iterator<Item = (&str, &str)> {
    drift.fields.iter().map(|field| (drift.code.as_str(), field.as_str()))
}

fn code_of(harness: &Harness, account: &Account, is: impl Fn(&AffiliateState) -> bool) -> Option<String> {
    let state = harness.refersion.core.lock().state();
    let all = state.accounts.into_iter().filter(|state| state.public_key == account.public_key);
    all.flat_map(|state| state.affiliates).find(|affiliate| is(affiliate)).map(|affiliate| affiliate.code)
}
