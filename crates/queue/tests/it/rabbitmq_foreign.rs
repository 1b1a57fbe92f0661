//! Messages of other programs: one plain Segment event each, with the headers that docs/rabbitmq.md describes.

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable};
use queue::contract::envelope;
use queue::rabbitmq::{Options, TYPE};
use queue::{Consume as _, Item, Lane, Publish as _};

use crate::brokers::{Observer, TIMEOUT, connect, options, shared, until_poison_is_requeued};

/// Publishes as another program would.
async fn publish_foreign(
    observer: &Observer,
    exchange: &str,
    headers: &[(&str, AMQPValue)],
    body: &str,
    adorn: impl FnOnce(BasicProperties) -> BasicProperties,
) {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), value.clone());
    }
    let properties = adorn(BasicProperties::default().with_headers(table));
    let options = BasicPublishOptions::default();
    let publishing =
        observer.channel.basic_publish(exchange.into(), "live".into(), options, body.as_bytes(), properties);
    publishing.await.unwrap().await.unwrap();
}

fn connection_seven() -> (&'static str, AMQPValue) {
    ("connection", AMQPValue::LongInt(7))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_another_program_is_taken_like_any_other_and_the_same_each_time() {
    let (url, options) = (shared().await, options());
    let first = connect(&url, &options).await;
    let observer = Observer::at(&url).await;
    let received = ("received-at", AMQPValue::LongString("2026-01-02T03:04:05Z".into()));
    let named = |properties: BasicProperties| properties.with_message_id("m-1".into());
    let headers = [connection_seven(), received];
    publish_foreign(&observer, &options.prefix, &headers, r#"{"type":"identify"}"#, named).await;
    let batch = first.take(1, TIMEOUT).await.unwrap();
    let [Item::Readable(event)] = &batch.items[..] else { panic!("{batch:?}") };
    assert_eq!((event.connection, event.payload.get()), (7, r#"{"type":"identify"}"#));
    assert_eq!((event.lane, event.received_at), (Lane::Live, "2026-01-02T03:04:05Z".parse().unwrap()));
    drop(first);
    let again = connect(&url, &options).await.take(1, TIMEOUT).await.unwrap();
    let [Item::Readable(repeated)] = &again.items[..] else { panic!("{again:?}") };
    assert_eq!(repeated.event_id, event.event_id);
    assert!(again.redelivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_a_time_counts_as_accepted_when_it_is_taken() {
    let (url, options) = (shared().await, options());
    let queue = connect(&url, &options).await;
    let (observer, before) = (Observer::at(&url).await, Timestamp::now());
    publish_foreign(&observer, &options.prefix, &[connection_seven()], "{}", |plain| plain).await;
    let batch = queue.take(1, TIMEOUT).await.unwrap();
    let [Item::Readable(event)] = &batch.items[..] else { panic!("{batch:?}") };
    assert!(before.duration_until(event.received_at).as_secs() < 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn unreadable_messages_are_delivered_with_a_reason_and_do_not_affect_others() {
    let (url, options) = (shared().await, options());
    let queue = connect(&url, &options).await;
    let observer = Observer::at(&url).await;
    let nobody = ("connection", AMQPValue::LongString("acme".into()));
    let badly_timed = ("received-at", AMQPValue::LongString("yesterday".into()));
    let garbage: [(&[_], &str, &str); 5] = [
        (&[connection_seven()], "no JSON", "body is not JSON"),
        (&[connection_seven()], "[{}]", "not one JSON object"),
        (&[], "{}", "`connection`"),
        (&[nobody], "{ }", "`connection`"),
        (&[connection_seven(), badly_timed], "{  }", "`received-at`"),
    ];
    for (headers, body, _) in garbage {
        publish_foreign(&observer, &options.prefix, headers, body, |plain| plain).await;
    }
    let ours = |plain: BasicProperties| plain.with_type(TYPE.into());
    publish_foreign(&observer, &options.prefix, &[], "pretended", ours).await;
    queue.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    let mut items = Vec::new();
    while items.len() < 7 {
        let batch = queue.take(10, TIMEOUT).await.unwrap();
        queue.acknowledge(&batch).await.unwrap();
        items.extend(batch.items);
    }
    let reasons = garbage.map(|(_, body, reason)| (body, reason));
    for (body, reason) in reasons.into_iter().chain([("pretended", "not an envelope")]) {
        let why = items.iter().find_map(|item| match item {
            Item::Unreadable { raw, why } => (raw == body.as_bytes()).then_some(why),
            Item::Readable(_) => None,
        });
        assert!(why.is_some_and(|why| why.contains(reason)), "{why:?} of {body:?}");
    }
    assert!(items.iter().any(|item| matches!(item, Item::Readable(good) if good.event_id.as_u128() == 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_another_program_that_crashes_every_taker_becomes_a_dead_letter() {
    // With a shorter limit, a slow machine might send the event back twice, and one of the two copies would stay readable.
    let (url, options) = (shared().await, Options { publish_time: TIMEOUT, ..options() });
    let queue = connect(&url, &options).await;
    let observer = Observer::at(&url).await;
    publish_foreign(&observer, &options.prefix, &[connection_seven()], r#"{"a":1}"#, |plain| plain).await;
    observer.deliver_unanswered_until_poison(&options.prefix).await;
    // The engine sends the poison back once.
    let batch = queue.take(1, TIMEOUT).await.unwrap();
    assert!(matches!(&batch.items[..], [Item::Readable(event)] if event.connection == 7), "{batch:?}");
    until_poison_is_requeued(&queue).await;
    drop(queue);
    observer.until_requeued(&options.prefix).await;
    observer.deliver_unanswered_until_poison(&options.prefix).await;
    let queue = connect(&url, &options).await;
    queue.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    let (mut unreadable, mut well) = (0, Vec::new());
    while unreadable == 0 || well.is_empty() {
        let batch = queue.take(10, TIMEOUT).await.unwrap();
        assert!(!batch.items.is_empty(), "unreadable: {unreadable}, well: {well:?}");
        queue.acknowledge(&batch).await.unwrap();
        for item in batch.items {
            match item {
                Item::Unreadable { raw, .. } => unreadable += u32::from(raw == br#"{"a":1}"#),
                Item::Readable(event) => well.push(event.event_id.as_u128()),
            }
        }
    }
    assert_eq!(unreadable, 1);
    assert_eq!(well, [1]);
}
