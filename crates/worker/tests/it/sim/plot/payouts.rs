//! Strangers who state the addresses of others: they take the addresses over, and not the payouts.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::super::member::Member;
use super::super::script::{Accepted, accept};
use super::super::stage::Stage;
use super::super::story::SentEvent;
use super::Told;

/// People whose addresses are taken over.
const PEOPLE: usize = 6;
/// Time in which their affiliates are created.
const CREATED_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn play(stage: &mut Stage) -> Told {
    let mut accepted: Vec<Accepted> = Vec::new();
    for number in 0..PEOPLE {
        let joins = Member { number, bulk: false }.joins(stage.now());
        let own = with_traits(joins, json!({ "payout": format!("own{number}@pay.test") }));
        accept(stage, &mut accepted, vec![(0, own)]).await;
    }
    sleep(CREATED_WITHIN + stage.dice.millis(5_000)).await;
    for number in 0..PEOPLE {
        let takes_over = stranger(Member { number, bulk: false }, stage);
        accept(stage, &mut accepted, vec![(0, takes_over)]).await;
        sleep(stage.dice.millis(60)).await;
    }
    Told { accepted, wrong: Vec::new() }
}

/// Another user with the member's address and a payout of their own.
fn stranger(member: Member, stage: &Stage) -> SentEvent {
    let number = member.number;
    let traits = json!({ "firstName": "Eve", "payout": format!("stranger{number}@pay.test") });
    let said = with_traits(member.joins(stage.now()), traits);
    let user = format!("stranger-{number}");
    let mut event: Value = serde_json::from_str(&said.json).expect("an event");
    event["userId"] = json!(user);
    event["messageId"] = json!(format!("takes-over-{number}"));
    SentEvent { json: event.to_string(), user: Some(user), words: Vec::new(), ..said }
}

fn with_traits(said: SentEvent, traits: Value) -> SentEvent {
    let mut event: Value = serde_json::from_str(&said.json).expect("an event");
    for (name, value) in traits.as_object().into_iter().flatten() {
        event["traits"][name] = value.clone();
    }
    SentEvent { json: event.to_string(), ..said }
}
