//! Promises about published and arrived events.

use std::collections::BTreeMap;

use identity::graph::Lane;
use numbers::Ranges;

use super::Engine;
use super::fixtures::{at, uuid};
use crate::{Missing, Stream};

fn ranges(text: &str) -> Ranges {
    text.parse().expect("ranges")
}

fn stream(number: u128, confirmed: &str) -> Stream {
    Stream {
        id: uuid(number),
        queue: "segment.live".to_owned(),
        lane: Lane::Live,
        started_at: at(0),
        last_at: at(9),
        confirmed: ranges(confirmed),
        marks: vec![(1, at(1)), (4, at(5))],
    }
}

fn missing(number: u128, numbers: &str) -> Missing {
    Missing {
        stream: uuid(number),
        queue: "segment.live".to_owned(),
        numbers: ranges(numbers),
        beyond: 2,
        since: at(1),
        until: at(5),
        found_at: at(99),
    }
}

/// A stream is stored as it was last reported.
pub async fn streams_are_stored_as_last_reported(engine: &impl Engine) {
    assert_eq!(engine.streams().await.expect("read"), []);
    let bulk = Stream { lane: Lane::Bulk, ..stream(2, "1-3,5") };
    engine.report_streams(&[stream(1, "1-3"), bulk.clone()], at(10)).await.expect("written");
    let further = Stream { last_at: at(20), marks: vec![(1, at(1))], ..stream(1, "1-40") };
    engine.report_streams(std::slice::from_ref(&further), at(30)).await.expect("written");
    assert_eq!(engine.streams().await.expect("read"), [further, bulk]);
}

/// All noted numbers have arrived, even if several processes note them, or note them several times.
pub async fn noted_numbers_have_arrived(engine: &impl Engine) {
    let note = async |number: u128, numbers: &str| {
        engine.note_arrivals(&BTreeMap::from([(uuid(number), ranges(numbers))])).await.expect("noted");
    };
    note(1, "1-3,7").await;
    note(2, "5").await;
    note(1, "4-6,7-9").await;
    let expected = BTreeMap::from([(uuid(1), ranges("1-9")), (uuid(2), ranges("5"))]);
    assert_eq!(engine.arrived(at(0)).await.expect("read"), expected);
    assert_eq!(engine.arrived(at(1)).await.expect("read"), expected, "asked again");
    for number in 0..2_100 {
        note(3, &(2 * number).to_string()).await;
    }
    note(1, "9-12").await;
    let arrived = engine.arrived(at(2)).await.expect("read");
    assert_eq!((arrived[&uuid(1)].clone(), arrived[&uuid(3)].count()), (ranges("1-12"), 2_100));
}

/// Missing events stay until they are replaced or confirmed; confirmed ones count as arrived.
pub async fn missing_events_are_kept_until_they_are_confirmed(engine: &impl Engine) {
    engine.set_missing(uuid(1), Some(&missing(1, "4-7"))).await.expect("written");
    engine.set_missing(uuid(2), Some(&missing(2, "1"))).await.expect("written");
    engine.set_missing(uuid(1), Some(&missing(1, "5-7"))).await.expect("written");
    engine.set_missing(uuid(2), None).await.expect("written");
    assert_eq!(engine.missing().await.expect("read"), [missing(1, "5-7")]);
    assert_eq!(engine.confirm_missing().await.expect("confirmed"), 5);
    assert_eq!(engine.missing().await.expect("read"), []);
    assert_eq!(engine.arrived(at(0)).await.expect("read"), BTreeMap::from([(uuid(1), ranges("5-7"))]));
    assert_eq!(engine.confirm_missing().await.expect("confirmed"), 0);
}

/// Streams that nobody reports any more are deleted.
pub async fn streams_without_reports_are_deleted(engine: &impl Engine) {
    engine.report_streams(&[stream(1, "1")], at(10)).await.expect("written");
    engine.report_streams(&[stream(2, "1")], at(20)).await.expect("written");
    for (number, second) in [(1, 10), (2, 20)] {
        engine.note_arrivals(&BTreeMap::from([(uuid(number), ranges("1"))])).await.expect("noted");
        engine.arrived(at(second)).await.expect("read");
    }
    engine.forget_streams(at(15)).await.expect("forgotten");
    assert_eq!(engine.streams().await.expect("read"), [stream(2, "1")]);
    assert_eq!(engine.arrived(at(30)).await.expect("read").into_keys().collect::<Vec<_>>(), [uuid(2)]);
}
