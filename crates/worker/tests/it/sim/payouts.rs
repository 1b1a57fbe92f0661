//! Checks whose statements reach the payout fields.

use std::collections::{BTreeMap, BTreeSet};

use identity::Digest;
use identity::plan::Analysis;
use ledger::Schedule as _;
use reference::{Payee, affiliates_of};
use worker::rules::rules;

use super::harness::{Account, Harness};
use super::script::Accepted;

/// The addresses that the story can name and that events named, by digest.
pub(super) fn addresses(
    harness: &Harness,
    account: &Account,
    accepted: &[Accepted],
) -> BTreeMap<Digest, String> {
    let story = &account.story;
    let named = accepted.iter().filter_map(|event| event.sent.address.as_ref());
    let all = story.addresses.iter().chain(&story.users).chain(named);
    all.map(|name| (digest(harness, account, worker::translate::ADDRESS, name), name.clone())).collect()
}

/// The payee of each person with an affiliate, by address. It depends on when the create was sent.
pub(super) async fn payees(
    harness: &Harness,
    account: &Account,
    accepted: &[Accepted],
) -> BTreeMap<String, Payee> {
    let addresses = addresses(harness, account, accepted);
    let users = accepted.iter().filter_map(|event| event.sent.user.as_ref());
    let users = account.story.users.iter().chain(users);
    let name = |kind: &'static str, name: &String| digest(harness, account, kind, name);
    let mut known: BTreeMap<Digest, Payee> = BTreeMap::new();
    known.extend(addresses.iter().map(|(digest, name)| (*digest, Payee::Address(name.clone()))));
    known.extend(users.map(|it| (name(worker::translate::USER, it), Payee::User(it.clone()))));
    let rules = rules(&account.settings);
    let mut payees = BTreeMap::new();
    for row in harness.ledger.walk(account.id, 0, 10_000).await.expect("a ledger") {
        let analysis = Analysis::of(&row.graph, &rules);
        for person in &analysis.resolution.persons {
            let payee = analysis.resolution.bound(&row.graph, person).and_then(|affiliate| affiliate.payee);
            let both = (addresses.get(&person.address), payee.and_then(|payee| known.get(&payee)));
            if let (Some(address), Some(payee)) = both {
                payees.insert(address.clone(), payee.clone());
            }
        }
    }
    payees
}

fn digest(harness: &Harness, account: &Account, kind: &'static str, name: &str) -> Digest {
    Digest(harness.vault.digest(kind, account.id, name))
}

/// Without deletes, a payout field holds only what the user stated for whom the affiliate was created, as Refersion
/// itself remembers. This trusts nothing that the worker keeps.
pub(super) fn misdirected(
    harness: &Harness,
    account: &Account,
    index: usize,
    accepted: &[Accepted],
) -> Vec<String> {
    let mine: Vec<&Accepted> = accepted.iter().filter(|event| event.account == index).collect();
    if mine.iter().any(|event| event.sent.delete) {
        return Vec::new();
    }
    let core = harness.refersion.core.lock();
    let state = serde_json::to_value(core.state()).expect("a state is JSON");
    let actual = affiliates_of(&state, &account.public_key, &BTreeSet::new()).unwrap_or_default();
    let field = |fields: &BTreeMap<String, String>, name: &str| fields.get(name).cloned().unwrap_or_default();
    let made = actual.iter().filter(|affiliate| !account.existed.contains(&affiliate.id));
    made.filter_map(|affiliate| {
        let (paid, user) =
            (field(&affiliate.fields, "paypal_email"), field(&affiliate.fields, "unique_merchant_id"));
        let stated =
            |event: &&Accepted| event.sent.user.as_ref() == Some(&user) && event.sent.json.contains(&paid);
        let is_wrong = !paid.is_empty() && !user.is_empty() && !mine.iter().any(stated);
        is_wrong
            .then(|| format!("affiliate {} is paid at {paid}, which its payee never stated", affiliate.id))
    })
    .collect()
}
