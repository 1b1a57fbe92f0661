//! Identifiers that name nobody.

use segment::{Blocked, Body, Event, ReadOptions, Refusal};
use serde_json::{Value, json};

fn read(json: &Value) -> Result<Event, Refusal> {
    let options =
        ReadOptions { blocked: Blocked::standard().and(["desk@example.com"]), ..ReadOptions::default() };
    segment::read_with(json.to_string().as_bytes(), crate::now(), &options)
}

/// UserId, address and anonymousId, and the names of the blocked identifiers.
fn identifiers(json: &Value) -> (Vec<String>, Vec<String>) {
    let (found, blocked) = match read(json).expect("these events are accepted").body {
        Body::Identify(it) => {
            let address = it.address.map(|stated| stated.address);
            (it.user.into_iter().chain(address).chain(it.anonymous).collect(), it.blocked)
        }
        Body::Delete(it) => {
            (it.user.into_iter().chain(it.addresses).chain(it.anonymous).collect(), it.blocked)
        }
    };
    (found, blocked.into_iter().map(|it| format!("{} {}", it.place, it.name)).collect())
}

#[test]
fn blocked_identifiers_do_not_count_in_identifies_and_deletes() {
    for kind in ["identify", "delete"] {
        for (junk, name) in [
            (json!("undefined"), "undefined"),
            (json!(false), "false"),
            (json!(0), "(only zeros)"),
            (json!(-1), "-1"),
            (json!("[object Object]"), "(a printed value)"),
            (json!("GUEST"), "guest"),
            (json!("00000000-0000-0000-0000-000000000000"), "(only zeros)"),
            (json!("\u{feff}null"), "null"),
        ] {
            let event =
                json!({"type": kind, "userId": junk, "anonymousId": junk, "email": "kim@example.com"});
            let (found, blocked) = identifiers(&event);
            assert_eq!(found, ["kim@example.com"], "{event}");
            assert_eq!(blocked, [format!("anonymousId {name}"), format!("userId {name}")], "{event}");
        }
    }
}

#[test]
fn the_next_spelling_or_place_of_an_identifier_counts() {
    let event = json!({"type": "identify", "userId": "undefined", "user_id": "u7",
        "traits": {"email": "Desk@example.com"}, "context": {"traits": {"email": "kim@example.com"}}});
    let (found, blocked) = identifiers(&event);
    assert_eq!(found, ["u7", "kim@example.com"]);
    assert_eq!(blocked, ["email desk@example.com", "userId undefined"]);
}

#[test]
fn an_event_with_only_blocked_identifiers_is_read_and_one_without_any_is_refused() {
    for kind in ["identify", "delete"] {
        assert!(identifiers(&json!({"type": kind, "userId": "null"})).0.is_empty());
        assert!(read(&json!({"type": kind, "userId": null})).is_err());
    }
    assert!(identifiers(&json!({"type": "identify", "userId": "desk@example.com"})).0.is_empty());
}

#[test]
fn the_ingest_endpoint_blocks_nothing() {
    let event = crate::identify(&json!({"type": "identify", "userId": "undefined"}));
    assert_eq!((event.user.as_deref(), event.blocked.len()), (Some("undefined"), 0));
}
