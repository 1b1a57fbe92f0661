//! One line of JSON as an event.

use segment::Refusal;
use serde_json::value::RawValue;

use crate::LATEST;
use crate::event::{Event, Kind, LineId};
use crate::reason::Reason;

/// The seed of the ids of events in files of JSON.
const SEED: &[u8] = b"events";

/// Reads one line. Adds a `messageId` if the event has none, and a time if an identify has none; otherwise the event stays as it is. `time`
/// is RFC 3339.
pub(crate) fn event(line: &[u8], number: u64, time: &str) -> Result<Event, Reason> {
    let text = std::str::from_utf8(line).map_err(|_| Reason::NotJson)?.trim();
    let ids = LineId::new(SEED, number, line);
    let digest = ids.digest(0);
    let (kind, added) = match segment::check(text.as_bytes(), LATEST) {
        Ok(event) => {
            let mut added = String::new();
            if !event.has_message_id {
                added.push_str(&format!("\"messageId\":\"{}\",", ids.message_id(digest)));
            }
            // The time of an identify is never later than its receipt, so an identify with this time has none of its own. A delete takes
            // its time from its receipt.
            if !event.is_delete && event.time == LATEST {
                added.push_str(&format!("\"timestamp\":\"{time}\","));
            }
            (if event.is_delete { Kind::Delete } else { Kind::Identify }, added)
        }
        Err(refusal) => (other(&refusal)?, String::new()),
    };
    let payload = RawValue::from_string(with(text, &added)).map_err(|_| Reason::NotJson)?;
    Ok(Event { kind, payload, digest })
}

fn other(refusal: &Refusal) -> Result<Kind, Reason> {
    Reason::of(refusal).map_or(Ok(Kind::Other), Err)
}

/// The event with these members before its own. An event has at least one member, its type.
fn with(event: &str, members: &str) -> String {
    match event.strip_prefix('{') {
        Some(rest) if !members.is_empty() => format!("{{{members}{rest}"),
        _ => event.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use segment::Body;

    use super::*;

    const TIME: &str = "2026-01-02T03:04:05Z";

    fn payload(line: &str) -> String {
        event(line.as_bytes(), 7, TIME).unwrap().payload.get().to_owned()
    }

    #[test]
    fn an_event_with_an_id_and_a_time_stays_as_it_is() {
        let line = r#"{"type" : "identify","userId":"u","messageId":"m","timestamp":"2026-01-01T00:00:00Z"}"#;
        assert_eq!(payload(line), line);
        assert_eq!(payload(&format!("  {line}\r")), line);
        let received =
            r#"{"type":"identify","userId":"u","messageId":"m","receivedAt":"2026-01-01T00:00:00Z"}"#;
        assert_eq!(payload(received), received);
    }

    #[test]
    fn an_event_without_an_id_or_a_time_gets_them() {
        for line in [
            r#"{"type":"identify","userId":"u"}"#,
            r#"{"messageId":null,"timestamp":"soon","type":"identify","userId":"u"}"#,
        ] {
            let text = payload(line);
            let read = segment::read(text.as_bytes(), LATEST).unwrap();
            let Body::Identify(identify) = read.body else { panic!("no identify: {text}") };
            assert_eq!(identify.time, TIME.parse::<Timestamp>().unwrap(), "{text}");
            assert!(read.message_id.unwrap().starts_with("file-"), "{text}");
        }
        let delete = payload(r#"{"type":"delete","userId":"u"}"#);
        assert!(delete.contains("messageId") && !delete.contains("timestamp"), "{delete}");
    }

    #[test]
    fn lines_of_other_types_are_events_and_other_lines_are_bad() {
        let of = |line: &str| event(line.as_bytes(), 1, TIME).map(|event| event.kind);
        assert_eq!(of(r#"{"type":"track","userId":"u"}"#), Ok(Kind::Other));
        let engage = r#"{"type":"identify","userId":"u","context":{"personas":{}}}"#;
        assert_eq!(of(engage), Ok(Kind::Identify));
        assert_eq!(of("{}"), Err(Reason::NoType));
        assert_eq!(of(r#"{"type":"identify"}"#), Err(Reason::NoIdentifier));
        assert_eq!(of(r#"{"type":"delete"}"#), Err(Reason::NoIdentifier));
        assert_eq!(of("[1]"), Err(Reason::NotAnObject));
        assert_eq!(of(r#"{"type":"identify","userId":"u""#), Err(Reason::NotJson));
        assert_eq!(event(b"{\"a\":\"\xff\"}", 1, TIME).unwrap_err(), Reason::NotJson);
    }
}
