//! The identifiers that a refused event names, so that a delete finds its stored parts.

use jiff::Timestamp;
use segment::{Outline, ReadOptions, Refusal, shortened};

fn outline(json: &str) -> Outline {
    Outline::of(json.as_bytes(), &ReadOptions::default())
}

fn deep() -> String {
    format!("{}1e400{}", "[".repeat(2_000), "]".repeat(2_000))
}

#[track_caller]
fn names_both(json: &str) {
    let outline = outline(json);
    assert_eq!(outline.user.as_deref(), Some("u1"), "{json:.300}");
    assert_eq!(outline.message_id.as_deref(), Some("m1"));
    let addresses: Vec<_> = outline.addresses.iter().map(String::as_str).collect();
    assert_eq!(addresses, ["a@b.example", "c@d.example"]);
}

const NAMES: &str = r#""user_id":"u1","messageId":"m1","traits":{"Email":"A@b.example","t":DEEP},"context":{"traits":{"email":"c@d.example"}}"#;

fn event(deep: &str) -> String {
    format!("{{\"x\":{deep},{}}}", NAMES.replace("DEEP", deep))
}

#[test]
fn identifiers_are_found_in_events_of_any_depth() {
    names_both(&event("1"));
    names_both(&event(&deep()));
    names_both(&event(&format!("[\"\\ud83d\",{}]", deep())));
}

#[test]
fn identifiers_are_found_in_objects_within_arrays_and_texts() {
    names_both(&format!("[7,{}]", event("1")));
    names_both(&serde_json::Value::from(event(&deep())).to_string());
    for json in ["null", "\"{\"", "[[]]", "", "[", &deep()] {
        assert!(outline(json) == Outline::default(), "{json:.100}");
    }
}

#[test]
fn a_shortened_event_keeps_its_identifiers_and_is_no_event() {
    for filler in ["1".to_owned(), deep()] {
        let long = event(&format!("[\"{}\",{filler}]", "\u{e9}".repeat(100_000)));
        let kept = shortened(&long, 1_001);
        assert!(kept.len() < 3_000);
        names_both(&kept);
        let value: serde_json::Value = serde_json::from_str(&kept).expect("JSON");
        assert!(long.starts_with(value["beginning"].as_str().expect("a text")));
        let read = segment::read(kept.as_bytes(), Timestamp::UNIX_EPOCH);
        assert!(matches!(read, Err(Refusal::TooLong)), "{read:?}");
    }
}
