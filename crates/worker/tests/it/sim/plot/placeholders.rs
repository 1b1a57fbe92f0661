//! People who meet at a placeholder address, at a tablet and under the userId of the till, in bad weather: these stop linking,
//! and everybody has an affiliate of their own in the end.
//!
//! What people have in common is never deleted, nor seen beside the tablet where anybody is deleted: what a delete covered over a
//! link stays covered when the link goes, so that would depend on the order of events.

use connections::NewAffiliateStatus;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::crew::Crew;
use super::super::member::Member;
use super::super::script::{self, Accepted, accept};
use super::super::stage::Stage;
use super::super::story::SentEvent;

/// The people: more than an identifier links in this plot.
const PEOPLE: u64 = 8;
/// The address that stands for anybody's.
const ANY_ADDRESS: &str = "any@x.test";

pub(super) async fn play(stage: &mut Stage, crew: &mut Crew) -> Vec<Accepted> {
    let mut accepted = Vec::new();
    let stormy = stage.dice.per_mille(700);
    // Whom a delete near the placeholder disabled before that was shared cannot be PENDING again.
    let active = stage.accounts[0].settings.new_affiliate_status == NewAffiliateStatus::Active;
    let deletes = active && stage.dice.per_mille(600);
    // Whoever takes an affiliate along cannot know whether a call is under way, and sends what was sent.
    stage.disturbed = true;
    let mut told: Vec<SentEvent> = Vec::new();
    for number in 0..10 + stage.dice.below(30) {
        match stage.dice.below(100) {
            0..6 if stormy => crew.trouble(),
            6..12 if stormy => script::weather(stage),
            12..16 if stormy => script::storm(stage),
            _ => {}
        }
        let said = match stage.dice.below(10) {
            0 if !told.is_empty() => stage.dice.pick(&told).clone(),
            _ => event(stage, number, deletes),
        };
        told.push(said.clone());
        accept(stage, &mut accepted, vec![(0, said)]).await;
        crew.tend(stage);
        let pause = *stage.dice.pick(&[20, 400, 3_000]);
        sleep(stage.dice.millis(pause)).await;
    }
    accepted
}

fn event(stage: &Stage, number: u64, deletes: bool) -> SentEvent {
    let dice = &stage.dice;
    let member =
        Member { number: usize::try_from(dice.below(PEOPLE)).expect("few"), bulk: dice.per_mille(300) };
    let (user, own) = (member.user(), member.address());
    let at = stage.now() - SignedDuration::try_from(dice.millis(20_000)).expect("a short time");
    match dice.below(12) {
        0..3 => said(member, number, at, [Some(&user), Some(&own), None]),
        3..6 => said(member, number, at, [Some(&user), Some(ANY_ADDRESS), None]),
        6 => said(member, number, at, [Some(&user), Some(&own), Some("tablet")]),
        7 => said(member, number, at, [Some("till"), Some(&own), None]),
        8 => said(member, number, at, [None, Some(ANY_ADDRESS), (!deletes).then_some("tablet")]),
        9 => said(member, number, at, [None, None, Some("tablet")]),
        10 => said(member, number, at, [Some(&user), None, Some("tablet")]),
        _ if !deletes => said(member, number, at, [Some(&user), Some(&own), Some("tablet")]),
        _ => SentEvent { json: leaves(member, number), ..member.leaves(stage.now()) },
    }
}

fn said(member: Member, number: u64, at: Timestamp, names: [Option<&str>; 3]) -> SentEvent {
    let joins = member.joins(at);
    let mut event: Value = serde_json::from_str(&joins.json).expect("an event");
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
        ..joins
    }
}

fn leaves(member: Member, number: u64) -> String {
    json!({ "type": "delete", "messageId": format!("leaves-{number}"), "userId": member.user() }).to_string()
}
