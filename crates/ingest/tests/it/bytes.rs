//! Any request gets an answer of the contract, and the ingest endpoint stays open.

use ingest::Limits;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::client::{Client, post};
use crate::harness::{Harness, KEY, TestQueue};

/// Bytes, texts, and things that look like events.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![Just("identify"), Just("delete"), Just("track"), Just("")];
    let value = "(null|true|-?[0-9]{1,30}|\"[^\"\\\\]{0,8}\"|\\[\\]|\\{\\}|\"\\\\u[0-9a-fD]{4}\")";
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        ".{0,100}".prop_map(String::into_bytes),
        (word, value, value, value).prop_map(|(kind, user, traits, context)| format!(
            r#"{{"type":"{kind}","userId":{user},"traits":{{"email":{traits},"address":{context}}},"context":{context}}}"#
        )
        .into_bytes()),
        (prop::collection::vec(value, 0..5), prop::option::of(0_usize..40)).prop_map(|(items, cut)| {
            let array = format!(" [{}]", items.join(","));
            array.into_bytes().into_iter().take(cut.unwrap_or(usize::MAX)).collect()
        }),
        (1_usize..2000).prop_map(|depth| [b"{\"a\":".repeat(depth), b"1".to_vec(), b"}".repeat(depth)].concat()),
    ]
}

#[test]
fn every_body_gets_an_answer_of_the_contract() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let harness = runtime.block_on(Harness::new(TestQueue::new(&[]), Limits::default()));
    let checked = TestRunner::default().run(&bodies(), |body| {
        let reply = runtime
            .block_on(async { Client::connect(harness.address).await.exchange(&post(KEY, body)).await });
        prop_assert!([202, 400, 501].contains(&reply.status), "{reply:?}");
        prop_assert!(reply.status == 202 || !reply.message().is_empty());
        Ok(())
    });
    checked.unwrap();
}

#[test]
fn no_bytes_on_the_wire_stop_the_ingest_endpoint() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let harness = runtime.block_on(Harness::new(TestQueue::new(&[]), Limits::default()));
    let checked = TestRunner::default().run(&prop::collection::vec(any::<u8>(), 0..200), |bytes| {
        let reply = runtime.block_on(async {
            Client::connect(harness.address).await.send(&bytes).await;
            let good = post(KEY, r#"{"type":"identify","userId":"u1"}"#);
            Client::connect(harness.address).await.exchange(&good).await
        });
        prop_assert_eq!(reply.status, 202);
        Ok(())
    });
    checked.unwrap();
}
