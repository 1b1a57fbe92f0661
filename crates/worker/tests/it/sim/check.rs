//! The promises that have to hold when the system is idle.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use connections::NewAffiliateStatus;
use ledger::Schedule as _;
use reference::{Difference, World, affiliates_of, check_outcomes, compare, expect};
use serde_json::json;
use sqlite::Database;
use sqlite::rusqlite::types::ValueRef;

use super::adoption;
use super::audiences;
use super::harness::{Account, Harness, secret};
use super::network::Sent;
use super::payouts;
use super::repairs;
use super::script::Accepted;
use super::story::is_refused;

/// The longest text that the simulated Refersion takes, in characters.
const LONGEST: usize = 255;

/// Everything that is wrong, one line each.
pub(crate) async fn check(harness: &Harness, accepted: &[Accepted]) -> Vec<String> {
    let mut wrong = outcomes(harness, accepted).await;
    for (index, account) in harness.accounts.iter().enumerate() {
        wrong.extend(converged(harness, account, index, accepted).await);
        wrong.extend(payouts::misdirected(harness, account, index, accepted));
        wrong.extend(audiences::counted(harness, account).await);
        wrong.extend(rate_kept(harness, account));
        wrong.extend(adoption::check(harness, account).await);
        wrong.extend(one_at_a_time(harness, account));
        let deletes = accepted.iter().any(|event| event.account == index && event.sent.delete);
        wrong.extend(needless_calls(harness, account, deletes));
    }
    wrong.extend(leftover_personal_data(harness, accepted).await);
    wrong.extend(harness.watch.seen.lock().iter().cloned());
    wrong
}

/// Promise 1: every accepted event has one current outcome.
async fn outcomes(harness: &Harness, accepted: &[Accepted]) -> Vec<String> {
    let rows = rows(&harness.memories[1], "SELECT lower(hex(event_id)), state FROM events").await;
    let found: Vec<_> = rows.iter().map(|row| json!({ "event_id": row[0], "state": row[1] })).collect();
    let originals = accepted.iter().filter(|event| event.revision == 0);
    let ids: Vec<String> = originals.map(|event| event.id.simple().to_string()).collect();
    let faults = check_outcomes(ids.iter().map(String::as_str), &json!(found));
    faults.iter().map(ToString::to_string).collect()
}

/// Promise 2: Refersion holds the values that the reference model computes from the raw events.
async fn converged(harness: &Harness, account: &Account, index: usize, accepted: &[Accepted]) -> Vec<String> {
    let faults = differences(harness, account, index, accepted).await;
    let faults = faults.iter().map(ToString::to_string);
    faults.filter(|fault| !adoption::is_about_added_affiliate(account, fault)).collect()
}

/// The differences between Refersion and the values that the reference model computes from the raw events.
pub(crate) async fn differences(
    harness: &Harness,
    account: &Account,
    index: usize,
    accepted: &[Accepted],
) -> Vec<Difference> {
    let events = accepted.iter().filter(|event| event.account == index && repairs::counts(harness, event));
    let events = events.map(|event| reference::Accepted {
        received_at: event.received_at,
        json: event.sent.json.as_bytes(),
        revision: event.revision,
    });
    let world = World {
        existed: existed(harness, account, accepted).await,
        payees: payouts::payees(harness, account, accepted).await,
    };
    let expected = expect(events, &settings(harness, account), &world);
    let core = harness.refersion.core.lock();
    let state = serde_json::to_value(core.state()).expect("a state is JSON");
    drop(core);
    let actual = affiliates_of(&state, &account.public_key, &account.existed).unwrap_or_default();
    let refused = |address: &str, field: &str, value: &str| {
        value.chars().count() > LONGEST || (field == "email" && is_refused(address))
    };
    compare(&expected, &actual, &refused)
}

fn settings(harness: &Harness, account: &Account) -> reference::Settings {
    let settings = &account.settings;
    reference::Settings {
        require_address: settings.require_address,
        new_status_active: settings.new_affiliate_status == NewAffiliateStatus::Active,
        one_word_last_name: match &settings.one_word_name {
            connections::OneWordName::Placeholder(text) => Some(text.clone()),
            connections::OneWordName::Wait => None,
        },
        custom_fields: settings.custom_fields.clone(),
        paypal_trait: settings.paypal_trait.clone(),
        blocked: settings.blocked_identifiers.clone(),
        mapping: settings.trait_map.clone(),
        shared_after: Some(harness.limits.shared_after),
    }
}

/// The addresses at which the worker found affiliates that were there before us.
async fn existed(harness: &Harness, account: &Account, accepted: &[Accepted]) -> BTreeSet<String> {
    let graphs = harness.ledger.walk(account.id, 0, 10_000).await.expect("a ledger");
    let names = payouts::addresses(harness, account, accepted);
    let found = graphs.iter().flat_map(|row| &row.graph.identifiers).filter(|(_, it)| it.existed);
    found.filter_map(|(digest, _)| names.get(digest).cloned()).collect()
}

/// Promise 6: the rate is a ceiling, and `Retry-After` is honoured.
fn rate_kept(harness: &Harness, account: &Account) -> Vec<String> {
    let mut wrong = Vec::new();
    let sent = harness.refersion.sent.lock();
    let mine: Vec<_> = sent.iter().filter(|call| call.public_key == account.public_key).collect();
    let allowed = account.settings.rate_per_second * 10.0 + 1.0;
    for (index, call) in mine.iter().enumerate() {
        let end = call.at + Duration::from_secs(10);
        let within = mine[index..].iter().take_while(|other| other.at <= end).count();
        if f64::from(u32::try_from(within).expect("few calls")) > allowed {
            wrong.push(format!("{within} calls in the 10 s from {:?}, and {allowed} are allowed", call.at));
            break;
        }
    }
    for request in harness.refersion.wait_requests.lock().iter() {
        let early = mine.iter().find(|call| {
            let same = call.by == request.by && request.public_key == account.public_key;
            same && request.from < call.at && call.at < request.until
        });
        if let Some(call) = early {
            wrong
                .push(format!("a call at {:?} though asked to stay away until {:?}", call.at, request.until));
        }
    }
    wrong
}

/// Calls of one process arrive before another process sends a call to the same account, so that calls do not race.
fn one_at_a_time(harness: &Harness, account: &Account) -> Vec<String> {
    let sent = harness.refersion.sent.lock();
    let mine: Vec<_> = sent.iter().filter(|call| call.public_key == account.public_key).collect();
    let racing = mine.iter().enumerate().find_map(|(index, call)| {
        let other = mine[index..].iter().find(|other| other.by != call.by)?;
        call.arrived.filter(|arrived| *arrived > other.at).map(|arrived| (call, other, arrived))
    });
    let describe = |(call, other, arrived): (&&Sent, &&Sent, Duration)| {
        format!(
            "worker {} sent a call at {:?}, before that of worker {} arrived at {arrived:?}",
            other.by, other.at, call.by
        )
    };
    racing.map(describe).into_iter().collect()
}

/// Promise 3: no call sends values that Refersion holds, unless an answer was lost, an affiliate was there before us (most of
/// its fields are never shown), or a delete erased the record of what had been sent.
fn needless_calls(harness: &Harness, account: &Account, deletes: bool) -> Vec<String> {
    let core = harness.refersion.core.lock();
    let calls = core.calls();
    let mine = calls.accounts.iter().find(|mine| mine.public_key == account.public_key);
    let Some(effects) = mine.map(|mine| mine.effects) else { return Vec::new() };
    let mut wrong = Vec::new();
    if effects.repeated_in_one_batch > 0 {
        wrong.push("a batch named an affiliate twice".to_owned());
    }
    let in_vain =
        effects.edited_in_vain + effects.status_changed_in_vain + effects.creates_of_a_taken_address;
    if in_vain > 0
        && !(harness.disturbed || harness.staff.is_some() || deletes || !account.existed.is_empty())
    {
        wrong.push(format!("{in_vain} items of calls sent what was there already: {effects:?}"));
    }
    wrong
}

/// Promise 7: words of people who asked to be forgotten are nowhere. Promise 8: secrets are nowhere.
async fn leftover_personal_data(harness: &Harness, accepted: &[Accepted]) -> Vec<String> {
    let mut kept = String::new();
    for memory in &harness.memories {
        kept.push_str(&dump(memory).await);
    }
    let covered = |event: &&Accepted| is_covered(event, accepted);
    let (gone, alive): (Vec<&Accepted>, Vec<&Accepted>) =
        accepted.iter().filter(|event| !event.sent.delete).partition(covered);
    let alive: BTreeSet<&String> = alive.iter().flat_map(|event| &event.sent.words).collect();
    let gone = gone.iter().flat_map(|event| &event.sent.words).filter(|word| !alive.contains(word));
    let mut wrong: Vec<String> = gone
        .filter(|word| kept.contains(word.as_str()))
        .map(|word| format!("{word} was to be forgotten and is still kept"))
        .collect();
    for number in 0..2 {
        if kept.contains(&secret(number)) {
            wrong.push("a secret is kept in the clear".to_owned());
        }
    }
    wrong
}

/// Whether a delete names the identifier that an event states, or an address that its user had claimed by then.
fn is_covered(event: &Accepted, accepted: &[Accepted]) -> bool {
    let time = event.sent.timestamp.unwrap_or(event.received_at).min(event.received_at);
    let mine = |other: &&Accepted| other.account == event.account;
    let deletes = accepted.iter().filter(mine).filter(|other| other.sent.delete && other.received_at >= time);
    let sent = &event.sent;
    deletes.into_iter().any(|delete| {
        let (by, at) = (&delete.sent, delete.received_at);
        if let Some(user) = &sent.user {
            let claimed = |address: &String| {
                accepted.iter().filter(mine).any(|other| {
                    let first = other.sent.timestamp.unwrap_or(other.received_at).min(other.received_at);
                    let claims = !other.sent.delete && other.sent.user.as_ref() == Some(user);
                    claims && other.sent.address.as_ref() == Some(address) && first <= at
                })
            };
            return by.user.as_ref() == Some(user) || by.address.as_ref().is_some_and(claimed);
        }
        match (&sent.address, &sent.anonymous) {
            (Some(address), _) => by.address.as_ref() == Some(address),
            (None, anonymous) => anonymous.is_some() && by.anonymous == *anonymous,
        }
    })
}

/// Every row of every table, as text.
async fn dump(memory: &Database) -> String {
    let tables = rows(memory, "SELECT name FROM sqlite_master WHERE type = 'table'").await;
    let mut text = String::new();
    for table in tables {
        for row in rows(memory, &format!("SELECT * FROM \"{}\"", table[0])).await {
            writeln!(text, "{}: {}", table[0], row.join(" | ")).expect("text can be written to");
        }
    }
    text
}

/// The rows of a query, as texts.
pub(crate) async fn rows(memory: &Database, query: &str) -> Vec<Vec<String>> {
    let query = query.to_owned();
    let read = memory.run(move |connection| -> Result<_, sqlite::Error> {
        let mut statement = connection.prepare(&query)?;
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| {
            (0..columns).map(|column| Ok(text(row.get_ref(column)?))).collect::<Result<Vec<String>, _>>()
        })?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    });
    read.await.expect("the query is right")
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}
