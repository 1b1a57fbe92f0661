//! People who meet at a placeholder address, at a tablet and under the userId of the till, while faults happen: these
//! identifiers stop linking, and each person has a separate affiliate at the end.
//!
//! The shared identifiers are never deleted, nor seen together in a run with deletes: an identifier that a delete covered
//! over a link stays covered when the link is removed, so the result would depend on the order of events.

use connections::NewAffiliateStatus;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::harness::Harness;
use super::super::member::Member;
use super::super::processes::Processes;
use super::super::script::{self, Accepted, accept};
use super::super::story::SentEvent;

/// The people: more than an identifier links in this scenario.
const PEOPLE: u64 = 8;
/// The placeholder address.
const ANY_ADDRESS: &str = "any@x.test";

pub(super) async fn run(harness: &mut Harness, processes: &mut Processes) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    let with_faults = harness.dice.per_mille(700);
    // An affiliate that a delete disabled before the placeholder was shared cannot be set to PENDING again.
    let active = harness.accounts[0].settings.new_affiliate_status == NewAffiliateStatus::Active;
    let deletes = active && harness.dice.per_mille(600);
    // If an affiliate moves with its person when the graph is split, a call may be under way, so its values are sent again.
    harness.disturbed = true;
    let mut earlier: Vec<SentEvent> = Vec::new();
    for number in 0..10 + harness.dice.below(30) {
        match harness.dice.below(100) {
            0..6 if with_faults => processes.disturb(),
            6..12 if with_faults => script::change_refersion_faults(harness),
            12..16 if with_faults => script::change_engine_faults(harness),
            _ => {}
        }
        let sent = match harness.dice.below(10) {
            0 if !earlier.is_empty() => harness.dice.pick(&earlier).clone(),
            _ => event(harness, number, deletes),
        };
        earlier.push(sent.clone());
        accept(harness, &mut accepted, vec![(0, sent)]).await;
        processes.supervise(harness);
        let pause = *harness.dice.pick(&[20, 400, 3_000]);
        sleep(harness.dice.millis(pause)).await;
    }
    accepted
}

fn event(harness: &Harness, number: u64, deletes: bool) -> SentEvent {
    let dice = &harness.dice;
    let member =
        Member { number: usize::try_from(dice.below(PEOPLE)).expect("few"), bulk: dice.per_mille(300) };
    let (user, own) = (member.user(), member.address());
    let at = harness.now() - SignedDuration::try_from(dice.millis(20_000)).expect("a short time");
    match dice.below(12) {
        0..3 => named_event(member, number, at, [Some(&user), Some(&own), None]),
        3..6 => named_event(member, number, at, [Some(&user), Some(ANY_ADDRESS), None]),
        6 => named_event(member, number, at, [Some(&user), Some(&own), Some("tablet")]),
        7 => named_event(member, number, at, [Some("till"), Some(&own), None]),
        8 => named_event(member, number, at, [None, Some(ANY_ADDRESS), (!deletes).then_some("tablet")]),
        9 => named_event(member, number, at, [None, None, Some("tablet")]),
        10 => named_event(member, number, at, [Some(&user), None, Some("tablet")]),
        _ if !deletes => named_event(member, number, at, [Some(&user), Some(&own), Some("tablet")]),
        _ => SentEvent { json: leaves(member, number), ..member.leaves(harness.now()) },
    }
}

fn named_event(member: Member, number: u64, at: Timestamp, names: [Option<&str>; 3]) -> SentEvent {
    let sign_up = member.sign_up(at);
    let mut event: Value = serde_json::from_str(&sign_up.json).expect("an event");
    let [user, address, anonymous] = names;
    event["messageId"] = json!(format!("meets-{number}"));
    event["userId"] = json!(user);
    event["anonymousId"] = json!(anonymous);
    event["traits"]["email"] = json!(address);
    event["traits"]["plan"] = json!(format!("plan-{number}"));
    if number.is_multiple_of(3) {
        event["traits"]["company"] = json!(format!("firm-{number}"));
    }
    let owned = |name: Option<&str>| name.map(str::to_owned);
    SentEvent {
        json: event.to_string(),
        user: owned(user),
        address: owned(address),
        anonymous: owned(anonymous),
        words: Vec::new(),
        ..sign_up
    }
}

fn leaves(member: Member, number: u64) -> String {
    json!({ "type": "delete", "messageId": format!("leaves-{number}"), "userId": member.user() }).to_string()
}
