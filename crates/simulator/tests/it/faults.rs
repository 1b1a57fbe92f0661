//! Each fault: the answer to the caller, and whether the call was carried out.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::Reply;

use crate::support::{Api, PUBLIC, SECRET, answer, new};

/// Of 1,000 creates, the number that were answered with this status and the number that were carried out.
fn creates(spec: &str, status: u16) -> (usize, usize) {
    let mut api = Api::with_faults(spec);
    let answered =
        (0..1_000).filter(|number| api.status("new", &new(&format!("{number}@x.com"))) == status).count();
    (answered, api.simulator.state().accounts[0].affiliates.len())
}

fn is_about(number: usize, expected: usize) -> bool {
    number.abs_diff(expected) < 80
}

#[test]
fn faults_before_the_effect_prevent_it() {
    for (name, status) in [("drop-before", 0), ("403", 403), ("503", 503), ("429", 429)] {
        let (answered, done) = creates(&format!("{name}=50%"), status);
        assert!(is_about(answered, 500) && answered + done == 1_000, "{name}: {answered}, {done}");
    }
    assert_eq!(creates("429-after=100%:2s", 429), (1_000, 0));
    assert_eq!(creates("html=100%", 200).1, 0);
}

#[test]
fn faults_after_the_effect_hide_it() {
    assert_eq!(creates("drop-after=100%", 0), (1_000, 1_000));
    assert_eq!(creates("garbage=100%", 200), (1_000, 1_000));
}

#[test]
fn half_of_the_calls_with_a_server_error_were_carried_out() {
    for status in [500, 502, 504] {
        let (answered, done) = creates(&format!("{status}=100%"), status);
        assert!(answered == 1_000 && is_about(done, 500), "{status}: {done}");
    }
}

#[test]
fn a_retry_after_a_lost_answer_finds_the_address_taken() {
    let mut api = Api::with_faults("drop-after=100%");
    let body = new("ann@x.com");
    assert!(matches!(
        api.send("/v2/affiliate/new", (PUBLIC, SECRET), body.to_string().as_bytes()),
        Reply::Drop { .. }
    ));
    api.faults("");
    assert_eq!(api.call("new", &body).0, 422);
    assert_eq!((api.effects().created, api.effects().creates_of_a_taken_address), (1, 1));
}

#[test]
fn the_gateways_page_is_html_with_a_gateways_status() {
    let mut api = Api::with_faults("html=100%");
    let reply = api.send("/v2/affiliate/list", (PUBLIC, SECRET), b"{}");
    let Reply::Answer { status, headers, body, .. } = reply else { panic!("dropped") };
    assert!([502, 503, 504].contains(&status));
    assert_eq!(headers, [("content-type".to_owned(), "text/html".to_owned())]);
    assert!(body.starts_with(b"<html>"));
}

#[test]
fn garbage_is_a_success_without_a_usable_body() {
    let mut api = Api::with_faults("garbage=100%");
    for _ in 0..30 {
        let (status, body) = api.call("list", &json!({}));
        assert!(status == 200 && !body.is_object(), "{body}");
    }
}

#[test]
fn retry_after_is_sent_and_early_calls_are_counted() {
    let mut api = Api::with_faults("429-after=100%:1500ms");
    let reply = api.send("/v2/affiliate/list", (PUBLIC, SECRET), b"{}");
    let Reply::Answer { status: 429, headers, .. } = reply else { panic!("{reply:?}") };
    assert!(headers.contains(&("retry-after".to_owned(), "2".to_owned())), "whole seconds, rounded up");
    api.faults("429=100%");
    let early = |api: &Api| api.simulator.calls().accounts[0].before_retry_after;
    let mut call_at = |ms| {
        api.now = Duration::from_millis(ms);
        assert_eq!(api.status("list", &json!({})), 429);
        early(&api)
    };
    assert_eq!([call_at(1_999), call_at(2_000)], [1, 1]);
}

#[test]
fn a_429_without_retry_after_differs_from_that_of_a_batch_that_is_too_long() {
    let mut api = Api::with_faults("429=100%");
    let reply = api.send("/v2/affiliate/list", (PUBLIC, SECRET), b"{}");
    let Reply::Answer { headers, .. } = &reply else { panic!("dropped") };
    assert!(headers.iter().all(|(name, _)| name != "retry-after"));
    assert!(!answer(reply).1.to_string().contains("elements"));
}

#[test]
fn latency_is_within_its_range_and_slow_answers_take_longer() {
    let latency = |spec: &str| {
        let mut api = Api::with_faults(spec);
        let after = (0..200).map(|_| match api.send("/v2/affiliate/list", (PUBLIC, SECRET), b"{}") {
            Reply::Answer { after, .. } | Reply::Drop { after } => after,
        });
        let mut after: Vec<Duration> = after.collect();
        after.sort();
        (after[0], after[199])
    };
    let ms = Duration::from_millis;
    let (min, max) = latency("latency=20ms..200ms");
    assert!(ms(20) <= min && min < ms(30) && ms(190) < max && max <= ms(200));
    assert_eq!(latency("latency=20ms,slow=100%:12s"), (ms(12_020), ms(12_020)));
    assert_eq!(latency(""), (ms(0), ms(0)));
}

#[test]
fn partial_reports_each_valid_item_as_not_changed_once() {
    let mut api = Api::with_faults("partial=100%");
    let ids: Vec<u64> = (0..50).map(|number| api.create(&format!("{number}@x.com"))).collect();
    let edit = |api: &mut Api, ids: &[u64]| -> Vec<u64> {
        let items: Vec<Value> = ids.iter().map(|id| json!({ "id": id, "company": "C" })).collect();
        let (_, body) = api.call("edit", &json!({ "affiliates": items }));
        serde_json::from_value(body["ids_not_changed"].clone()).unwrap()
    };
    let not_changed = edit(&mut api, &ids);
    assert!((10..=40).contains(&not_changed.len()), "{}", not_changed.len());
    let changed = api.effects().edited as usize;
    assert!(
        50 - not_changed.len() < changed && changed < 50,
        "some of them were changed nevertheless: {changed}"
    );
    assert!(edit(&mut api, &not_changed).is_empty(), "the next attempt succeeds");
    let state = api.simulator.state();
    assert!(state.accounts[0].affiliates.iter().all(|affiliate| affiliate.company == "C"));
    assert_eq!(edit(&mut api, &ids[..1]).len(), 1, "a later attempt may be hit again");
}

#[test]
fn partial_does_not_concern_creates() {
    assert_eq!(creates("partial=100%", 200), (1_000, 1_000));
}

#[test]
fn an_outage_has_a_start_and_an_end() {
    let mut api = Api::new();
    api.now = Duration::from_secs(100);
    api.faults("down=30s@60s");
    let mut up_at = |second| {
        api.now = Duration::from_secs(second);
        (0..20).all(|_| api.status("list", &json!({})) == 200)
    };
    assert_eq!([159, 160, 189, 190].map(&mut up_at), [true, false, false, true]);
}

#[test]
fn no_call_is_carried_out_during_an_outage() {
    assert_eq!(creates("down=1h@0s", 200), (0, 0));
}

#[test]
fn calls_beyond_the_hidden_limit_are_429() {
    let mut api = Api::with_faults("limit=50..200");
    let mut admitted = 0;
    for ms in 0..20_000 {
        api.now = Duration::from_millis(ms);
        admitted += usize::from(api.status("list", &json!({})) == 200);
    }
    assert!((1_000..=4_200).contains(&admitted), "{admitted}");
    assert!(api.simulator.calls().faults["limit"] > 10_000);
}

#[test]
fn each_account_has_its_own_limit() {
    let mut api = Api::with_faults("limit=5..5");
    let mut admitted =
        |keys| (0..20).filter(|_| answer(api.send("/v2/affiliate/list", keys, b"{}")).0 == 200).count();
    assert_eq!([admitted(("pub_1", "s")), admitted(("pub_2", "s"))], [5, 5]);
}

#[test]
fn credentials_are_bad_until_other_faults_are_set() {
    let mut api = Api::with_faults("credentials=bad");
    assert_eq!(api.status("list", &json!({})), 401);
    api.faults("credentials=good");
    assert_eq!(api.status("list", &json!({})), 200);
}

#[test]
fn faults_of_one_account_do_not_concern_others() {
    let mut api = Api::with_faults("503=100%,credentials=bad,account=pub_1");
    assert_eq!(api.status("list", &json!({})), 503);
    assert_eq!(answer(api.send("/v2/affiliate/list", ("pub_2", "s"), b"{}")).0, 200);
}

#[test]
fn faults_are_counted_by_their_name() {
    let mut api = Api::with_faults("drop-after=100%,slow=100%:1s");
    for _ in 0..7 {
        api.status("list", &json!({}));
    }
    assert_eq!(api.simulator.calls().faults, [("drop-after".into(), 7), ("slow".into(), 7)].into());
}

#[test]
fn faults_may_concern_one_operation_alone() {
    let mut api = Api::with_faults("403=100%,operation=affiliate/new");
    assert_eq!(api.status("new", &new("ann@x.com")), 403);
    assert_eq!(api.status("list", &json!({ "limit": "1", "page": "1" })), 200);
}
