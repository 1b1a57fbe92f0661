//! The promises that have to hold when the system is idle, after any faults.

use std::collections::{BTreeMap, BTreeSet};

use connections::{NewAffiliateStatus, OneWordName};
use identity::Digest;
use ledger::EventView;
use reference::{World, affiliates_of, check_outcomes, compare, expect, least_calls, left_over};
use serde_json::json;
use service::engines::Engines;
use simulator::AccountCalls;
use uuid::Uuid;
use worker::translate::{ADDRESS, MESSAGE, Translator, USER};

use crate::accounts::{Account, RATE, configuration, settings};
use crate::harness::Harness;
use crate::messages::LONGEST_TEXT;
use crate::segment_side::Log;

/// Message ids that are looked for at once.
const ASKED_AT_ONCE: usize = 500;
/// Events that are read at once; a message has few.
const READ_AT_ONCE: usize = 20_000;
/// Graphs that are read at once.
const GRAPHS_AT_ONCE: usize = 1_000;

/// The findings of a row.
#[derive(Debug, Default)]
pub struct Proof {
    /// Events with a 2xx.
    pub accepted: usize,
    /// Accepted events by how they ended.
    pub outcomes: BTreeMap<&'static str, usize>,
    /// Accepted events without exactly one outcome.
    pub lost: usize,
    /// Differences between Refersion and the reference model.
    pub wrong: usize,
    /// Affiliates that belong to no person any more.
    pub left_over: usize,
    /// Calls that were made, of every kind.
    pub calls: u64,
    /// The minimum number of calls.
    pub least: usize,
    /// Items that sent Refersion values that it held already.
    pub repeated: u64,
    /// The most calls of one connection in any 10 s.
    pub busiest: u64,
    /// Every broken promise, in words.
    pub breaches: Vec<String>,
}

/// Checks everything.
///
/// # Errors
///
/// If the engines cannot be read.
pub async fn check(harness: &Harness, log: &Log, addresses: &[Vec<String>]) -> anyhow::Result<Proof> {
    let engines = Engines::open(&configuration(harness.direct_variables())?).await?;
    let found = found(&harness.accounts, &engines, log).await?;
    let mut proof = Proof { accepted: log.accepted.len(), ..Proof::default() };
    outcomes(&mut proof, log, &found);
    arrivals(&mut proof, &engines).await?;
    let (state, calls) = harness.refersion.with(|simulator, _| (simulator.state(), simulator.calls()));
    let state = serde_json::to_value(state)?;
    for (index, account) in harness.accounts.iter().enumerate() {
        let existed = existed(&engines, account, &addresses[index]).await?;
        converged(&mut proof, (index, account), log, &found, (&state, existed))?;
        if let Some(mine) = calls.accounts.iter().find(|mine| mine.public_key == account.public_key) {
            count_calls(&mut proof, mine);
        }
    }
    for (answer, times) in &log.unexpected {
        proof.breaches.push(format!("the ingest endpoint answered {times} times: {answer}"));
    }
    Ok(proof)
}

/// An event that the ledger has of one of our messages.
pub(crate) struct Found {
    view: EventView,
    /// The message's id. The ledger keeps its digest only.
    message: String,
}

/// Every event that the ledger has of our messages.
pub(crate) async fn found(accounts: &[Account], engines: &Engines, log: &Log) -> anyhow::Result<Vec<Found>> {
    let mut found: BTreeMap<Uuid, Found> = BTreeMap::new();
    let ids: Vec<_> = log.messages.values().collect();
    for some in ids.chunks(ASKED_AT_ONCE) {
        let digest = |message: &&crate::messages::Message| {
            let connection = accounts[message.account].id;
            Translator { vault: &engines.vault, connection }.digest(MESSAGE, &message.id)
        };
        let messages: BTreeMap<Digest, &str> =
            some.iter().map(|message| (digest(message), message.id.as_str())).collect();
        let digests: Vec<Digest> = messages.keys().copied().collect();
        let views = engines.ledger.find_events(&digests, READ_AT_ONCE).await?;
        anyhow::ensure!(views.len() < READ_AT_ONCE, "more events than can be read at once");
        found.extend(views.into_iter().filter_map(|view| {
            let message = view.found_by.iter().find_map(|digest| messages.get(digest))?;
            Some((view.event, Found { message: (*message).to_owned(), view }))
        }));
    }
    Ok(found.into_values().collect())
}

/// Promise 1. An event that became durable without a 2xx counts if the ledger has it.
pub(crate) fn outcomes(proof: &mut Proof, log: &Log, found: &[Found]) {
    let perhaps = |found: &&Found| log.uncertain.contains(&found.message);
    let ids: BTreeSet<String> = log.accepted.keys().map(Uuid::to_string).collect();
    let mut all = ids.clone();
    all.extend(found.iter().filter(perhaps).map(|found| found.view.event.to_string()));
    let rows: Vec<_> = found
        .iter()
        .map(|Found { view, .. }| json!({ "event_id": view.event.to_string(), "state": view.state.word() }))
        .collect();
    let faults = check_outcomes(all.iter().map(String::as_str), &json!(rows));
    proof.lost = faults.len();
    proof.breaches.extend(faults.iter().map(ToString::to_string));
    let views = found.iter().map(|found| &found.view);
    for view in views.filter(|view| log.accepted.contains_key(&view.event)) {
        *proof.outcomes.entry(view.state.word()).or_default() += 1;
    }
}

/// Everything has arrived, so nothing may seem to be missing, neither now nor later.
async fn arrivals(proof: &mut Proof, engines: &Engines) -> anyhow::Result<()> {
    let arrived = engines.arrivals.arrived(engines.now()).await?;
    for stream in engines.arrivals.streams().await? {
        let missing = stream.confirmed.without(&arrived.get(&stream.id).cloned().unwrap_or_default());
        if !missing.is_empty() {
            proof.breaches.push(format!("events of {} seem to be missing: {missing}", stream.queue));
        }
    }
    for missing in engines.arrivals.missing().await? {
        proof.breaches.push(format!(
            "{} events of {} were reported missing",
            missing.events(),
            missing.queue
        ));
    }
    Ok(())
}

/// The addresses at which the worker found affiliates that were there before us.
async fn existed(
    engines: &Engines,
    account: &Account,
    addresses: &[String],
) -> anyhow::Result<BTreeSet<String>> {
    let translator = Translator { vault: &engines.vault, connection: account.id };
    let kinds = [ADDRESS, USER];
    let names = addresses.iter().flat_map(|text| kinds.map(|kind| (translator.digest(kind, text), text)));
    let names: BTreeMap<Digest, &String> = names.collect();
    let (mut existed, mut after) = (BTreeSet::new(), 0);
    loop {
        let graphs = engines.ledger.walk(account.id, after, GRAPHS_AT_ONCE).await?;
        let Some(last) = graphs.last() else { return Ok(existed) };
        after = last.row.id;
        let identifiers = graphs.iter().flat_map(|row| &row.graph.identifiers);
        let before = identifiers.filter(|(_, identifier)| identifier.existed);
        existed.extend(before.filter_map(|(digest, _)| Some((*names.get(digest)?).clone())));
    }
}

/// Promise 2.
fn converged(
    proof: &mut Proof,
    (index, account): (usize, &Account),
    log: &Log,
    found: &[Found],
    (state, existed): (&serde_json::Value, BTreeSet<String>),
) -> anyhow::Result<()> {
    let mine = found.iter().filter(|found| found.view.connection == account.id);
    let events = mine.filter_map(|found| {
        let message = log.messages.get(&found.message)?;
        Some(reference::Accepted {
            received_at: found.view.received_at,
            json: message.json.as_bytes(),
            revision: 0,
        })
    });
    let expected = expect(events, &model(index), &World { existed, ..World::default() });
    let actual = affiliates_of(state, &account.public_key, &account.existed())?;
    let refused = |_: &str, _: &str, value: &str| value.chars().count() > LONGEST_TEXT;
    let differences = compare(&expected, &actual, &refused);
    proof.wrong += differences.len();
    proof.breaches.extend(differences.iter().map(ToString::to_string));
    if expected.unreadable > 0 {
        proof.breaches.push(format!("{} unreadable events were accepted", expected.unreadable));
    }
    proof.left_over += left_over(&expected, &actual).iter().filter(|one| !one.existed_before).count();
    proof.least += least_calls(&expected, &account.initial).total();
    Ok(())
}

/// The settings of an account, as the model takes them.
fn model(index: usize) -> reference::Settings {
    let settings = settings(index, "");
    reference::Settings {
        require_address: settings.require_address,
        new_status_active: settings.new_affiliate_status == NewAffiliateStatus::Active,
        one_word_last_name: match settings.one_word_name {
            OneWordName::Placeholder(text) => Some(text),
            OneWordName::Wait => None,
        },
        custom_fields: settings.custom_fields,
        paypal_trait: settings.paypal_trait,
        blocked: settings.blocked_identifiers,
        mapping: settings.trait_map,
        shared_after: None,
    }
}

/// Promise 6, and the price of everything.
fn count_calls(proof: &mut Proof, calls: &AccountCalls) {
    proof.calls += calls.calls;
    proof.busiest = proof.busiest.max(calls.max_in_10s);
    let effects = calls.effects;
    proof.repeated +=
        effects.edited_in_vain + effects.status_changed_in_vain + effects.creates_of_a_taken_address;
    let allowed = u64::from(RATE) * 10 + 1;
    if calls.max_in_10s > allowed {
        let most = calls.max_in_10s;
        proof
            .breaches
            .push(format!("{most} calls of {} in 10 s, and {allowed} are allowed", calls.public_key));
    }
    if effects.repeated_in_one_batch > 0 {
        proof.breaches.push(format!("a batch of {} named an affiliate twice", calls.public_key));
    }
}
