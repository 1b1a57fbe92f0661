//! Segment's Webhooks destinations, classic and Actions: arrays of events, at the path of the direct destination.
//!
//! <https://segment.com/docs/connections/destinations/catalog/webhooks/>,
//! <https://segment.com/docs/connections/destinations/catalog/actions-webhook/>
//!
//! A readable array is accepted as a whole, because its answer stands for all of its items: the worker skips those of other
//! types and makes dead letters of unreadable ones.

use jiff::Timestamp;
use queue::Lane;
use serde_json::value::RawValue;

use crate::publisher::{self, Incoming};

/// The longest item that is kept whole, in bytes. Segment's own limit for one event is 32 KiB; the queue's is 2 MiB.
const MAX_ITEM_BYTES: usize = 1024 * 1024;

/// The length of the beginning that is kept of a longer item beside its identifiers, in bytes.
const KEPT_BYTES: usize = 64 * 1024;

/// Number of items that are read before other requests get a turn.
pub(crate) const ITEMS_AT_ONCE: usize = 64;

/// All items of an array, without the key that came with them.
pub(crate) async fn events(items: &[&RawValue], api_key: &str, received_at: Timestamp) -> Vec<Incoming> {
    let mut events = Vec::with_capacity(items.len());
    for some in items.chunks(ITEMS_AT_ONCE) {
        events.extend(some.iter().map(|item| event(item, api_key, received_at)));
        tokio::task::yield_now().await;
    }
    events
}

fn event(item: &RawValue, api_key: &str, received_at: Timestamp) -> Incoming {
    let payload = payload(item, api_key);
    match segment::check(payload.get().as_bytes(), received_at) {
        Ok(event) => Incoming::of(event, payload),
        // Nobody waits for the outcome of an event that cannot be read.
        Err(_) => Incoming { lane: Lane::Bulk, is_delete: false, is_public: false, payload },
    }
}

/// The item unchanged, without the key; of one that is too long, its identifiers and its beginning.
fn payload(item: &RawValue, api_key: &str) -> Box<RawValue> {
    if item.get().len() <= MAX_ITEM_BYTES {
        return publisher::without_key(item.to_owned(), api_key);
    }
    // The key is removed first, so that no key is cut in two.
    let kept = segment::shortened(&segment::text_without_key(item.get(), api_key), KEPT_BYTES);
    RawValue::from_string(kept).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "pub_0123.sec_456789abcdef";

    fn read(json: &str) -> Incoming {
        event(&RawValue::from_string(json.to_owned()).unwrap(), KEY, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn each_item_goes_into_its_lane_unchanged() {
        let engage = r#"{"type":"identify","userId":"u","traits":{"a":true},"context":{"personas":{"computation_class":"audience"}}}"#;
        for (json, lane, is_delete) in [
            (r#"{"type" : "identify","userId":"u1"}"#, Lane::Live, false),
            (r#"{"type":"delete","userId":"u1"}"#, Lane::Live, true),
            (engage, Lane::Bulk, false),
            (r#"{"type":"track","userId":"u1"}"#, Lane::Bulk, false),
            ("1e400", Lane::Bulk, false),
            ("null", Lane::Bulk, false),
            (r#"{"type":7}"#, Lane::Bulk, false),
        ] {
            let event = read(json);
            assert_eq!((event.lane, event.is_delete, event.payload.get()), (lane, is_delete, json), "{json}");
        }
    }

    #[test]
    fn no_item_keeps_the_key() {
        let deep = format!("{}\"sec_456789abcdef\"{}", "[".repeat(200), "]".repeat(200));
        let escaped = deep.replace("sec_4", "sec\\u005f4").replace(']', " ]").replacen(
            '[',
            "[\"sec_456789abcdef\",",
            1,
        );
        let long = format!("[\"sec_456789abcdef\",\"{}\"]", "x".repeat(MAX_ITEM_BYTES));
        for json in ["[\"pub_0123.sec_456789abcdef\"]", &deep, &escaped, &long] {
            let event = read(json);
            assert!(!event.payload.get().contains("sec_456789abcdef"), "{}", event.payload.get());
            assert!(!event.payload.get().contains("u005f"), "an escape hides nothing");
            assert!(event.payload.get().contains("[redacted]"));
        }
    }

    #[test]
    fn the_beginning_and_the_identifiers_of_an_item_that_is_too_long_are_kept() {
        let text = "\u{e9}".repeat(MAX_ITEM_BYTES / 2);
        let whole = format!("{{\"type\":\"identify\",\"text\":\"{text}\",\"userId\":\"u1\"}}");
        let kept: serde_json::Value = serde_json::from_str(read(&whole).payload.get()).unwrap();
        let beginning = kept["beginning"].as_str().unwrap();
        assert!(whole.starts_with(beginning) && beginning.len() > KEPT_BYTES - 2);
        assert_eq!(kept["userId"], "u1");
        let fits = format!("{{\"userId\":\"{}\"}}", "x".repeat(MAX_ITEM_BYTES - 13));
        assert_eq!(read(&fits).payload.get(), fits);
    }
}
