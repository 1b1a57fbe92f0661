//! Sends events with the crate `segment`, and prints how many; panics if the crate reports an error.

use segment::message::{Alias, Group, Identify, Message, Page, Screen, Track, User};
use segment::{AutoBatcher, Batcher, Client, HttpClient};
use serde_json::{Value, json};

/// Identifies in the batch.
const BATCHED: usize = 120;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, write_key, prefix] = arguments.try_into().expect("host, write key and prefix");
    let client = HttpClient::new(Default::default(), host);
    let other = || User::UserId { user_id: format!("{prefix}-others") };
    let singles: [Message; 6] = [
        identify(&prefix, 0).into(),
        Track { user: other(), event: "Bought".to_owned(), ..Default::default() }.into(),
        Page { user: other(), name: "home".to_owned(), ..Default::default() }.into(),
        Screen { user: other(), name: "home".to_owned(), ..Default::default() }.into(),
        Group { user: other(), group_id: "acme".to_owned(), ..Default::default() }.into(),
        Alias { user: other(), previous_id: "before".to_owned(), ..Default::default() }.into(),
    ];
    for single in singles {
        client.send(write_key.clone(), single).await.expect("the event is accepted");
    }
    let mut batcher = AutoBatcher::new(client, Batcher::new(None), write_key);
    for number in 1..=BATCHED {
        batcher.push(identify(&prefix, number)).await.expect("the batch is accepted");
    }
    batcher.flush().await.expect("the batch is accepted");
    println!("{}", json!({ "identifies": 1 + BATCHED, "others": 5 }));
}

fn identify(prefix: &str, number: usize) -> Identify {
    let user = User::UserId { user_id: format!("{prefix}-{number}") };
    Identify { user, traits: traits(prefix, number), ..Default::default() }
}

fn traits(prefix: &str, number: usize) -> Value {
    json!({
        "firstName": "Ann", "lastName": format!("Smith {number}"), "email": format!("{prefix}-{number}@example.com"),
        "address": {
            "street": "Main Street 1", "city": "San Francisco", "state": "CA", "postalCode": "94105", "country": "US",
        },
    })
}
