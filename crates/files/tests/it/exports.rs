//! The exports of Engage in all their forms. Source of the samples: `engage/files` of `segmentio/segment-docs`, whose
//! quotation marks are partly typographic.

use files::{Counts, Found, Options, Parser, Reason, Unusable, read_whole};
use serde_json::{Value, json};

const AUDIENCE_A: &str = include_str!("data/audience_a.csv");
const AUDIENCE_B: &str = include_str!("data/audience_b.csv");
const AUDIENCE_C: &str = include_str!("data/audience_c.csv");
const TRAIT_A: &str = include_str!("data/trait_a.csv");
const TRAIT_B: &str = include_str!("data/trait_b.csv");
const TRAIT_C: &str = include_str!("data/trait_c.csv");

fn audience() -> Options {
    Options { audience: Some("vip".to_owned()), ..Options::default() }
}

fn a_trait() -> Options {
    Options { trait_name: Some("ltv".to_owned()), ..Options::default() }
}

fn read(text: &str, options: &Options) -> Counts {
    read_whole(text.as_bytes(), options, 64 * 1024).unwrap()
}

/// The userId, anonymousId and traits of the events.
fn events(text: &str, options: &Options) -> Vec<Value> {
    let counts = read(text, options);
    assert_eq!(counts.bad, [0; 0]);
    let of = |event: &String| {
        let event: Value = serde_json::from_str(event).unwrap();
        json!([event["userId"], event["anonymousId"], event["traits"]])
    };
    counts.events.iter().map(of).collect()
}

fn reasons(text: &str, options: &Options) -> Vec<(u64, Reason)> {
    let (mut parser, mut begin, mut reasons) = (Parser::new(options.clone()), 0, Vec::new());
    loop {
        let line = parser.place().line;
        let step = parser.next(&text.as_bytes()[begin..], true).unwrap();
        begin += step.consumed;
        match step.found {
            Found::Bad(reason) => reasons.push((line, reason)),
            Found::Part => return reasons,
            Found::Nothing | Found::Events(_) => {}
        }
    }
}

#[test]
fn an_audience_is_true_for_each_row() {
    let a = events(AUDIENCE_A, &audience());
    let first = json!([null, "anon_1", {"vip": true, "email": "luke@force.com"}]);
    let further = json!([null, null, {"vip": true, "email": "chosen_one@force.com"}]);
    let second = json!([null, "anon_2", {"vip": true, "email": "green_master@force.com"}]);
    assert_eq!(a, [first, further, second]);
    assert_eq!(a, events(AUDIENCE_B, &audience()), "the columns repeat the identifiers");
}

#[test]
fn hashed_addresses_are_bad_lines() {
    assert_eq!(reasons(AUDIENCE_C, &audience()), [(2, Reason::Hashed), (3, Reason::Hashed)]);
}

#[test]
fn a_trait_has_the_value_of_its_row() {
    let a = events(TRAIT_A, &a_trait());
    assert_eq!(a[0], json!([null, "anon_1", {"ltv": "34", "email": "luke@force.com"}]));
    assert_eq!(a[2], json!([null, "anon_2", {"ltv": "23", "email": "green_master@force.com"}]));
    assert_eq!(a, events(TRAIT_B, &a_trait()));
    let c = events(TRAIT_C, &a_trait());
    assert!(c.contains(&json!([null, null, {"ltv": "34", "email": "chosen_one@force.com"}])), "{c:?}");
}

#[test]
fn a_key_that_all_rows_share_names_the_trait() {
    let same = "key,value,email\nplan,gold,a@b.c\nplan,tin,d@e.f\n";
    assert_eq!(events(same, &Options::default())[0], json!([null, null, {"plan": "gold", "email": "a@b.c"}]));
    let refused = read_whole(TRAIT_A.as_bytes(), &Options::default(), 1 << 16);
    assert_eq!(refused, Err(Unusable::TraitMissing), "those of profiles differ");
}

#[test]
fn the_meaning_of_the_key_does_not_depend_on_the_size_of_reads() {
    let of = |text: &str| read_whole(text.as_bytes(), &Options::default(), 1);
    assert_eq!(of("key,value,email\np1,gold,a@b.c\np2,tin,d@e.f\n"), Err(Unusable::TraitMissing));
    assert_eq!(of("key,value,email\nplan,gold,a@b.c\nplan,tin,d@e.f").unwrap().events.len(), 2);
    let long = format!("key,value,email\n{}", "plan,gold,a@b.c\n".repeat(200));
    assert_eq!(of(&long).unwrap().events.len(), 200);
}

#[test]
fn fewer_than_two_rows_leave_the_meaning_of_the_key_open() {
    for rows in ["", "p1,gold,a@b.c\n", "p1,gold,a@b.c"] {
        let text = format!("key,value,email\n{rows}");
        assert_eq!(
            read_whole(text.as_bytes(), &Options::default(), 64),
            Err(Unusable::TraitMissing),
            "{rows}"
        );
        assert!(read_whole(text.as_bytes(), &a_trait(), 64).is_ok(), "{rows}");
    }
    // A long row makes the reader neither wait forever nor keep everything.
    let long = format!("key,value,email\n{}", format!("p1,\"{}\"\n", "x".repeat(39_000)).repeat(99));
    assert!(read_whole(long.as_bytes(), &Options::default(), 7_000).is_ok());
}

#[test]
fn events_may_have_any_line_ends_and_a_cr_within_one_does_not_lose_it() {
    let event = r#"{"type":"identify","userId":"u"}"#;
    let text = format!("{event}\r{event}\r\n{{\r{event}\n\r\r{event}\r");
    for piece in [1, 2, 7, 1 << 16] {
        let counts = read_whole(text.as_bytes(), &Options::default(), piece).unwrap();
        assert_eq!((counts.events.len(), counts.bad, counts.end), (4, vec![3], 8), "in pieces of {piece}");
    }
    let within = format!("{}\n{event}\r", event.replace(',', ",\r"));
    let counts = read_whole(within.as_bytes(), &Options::default(), 1).unwrap();
    assert_eq!((counts.events.len(), counts.bad, counts.end), (2, vec![], 4));
    let many = format!("{event}\r").repeat(10_000);
    assert_eq!(read_whole(many.as_bytes(), &Options::default(), 5_000).unwrap().events.len(), 10_000);
    let rows = "email\ra@b.c\r\nnone\rd@e.f";
    let counts = read(rows, &audience());
    assert_eq!((counts.events.len(), counts.bad, counts.end), (2, vec![3], 4));
}

#[test]
fn unreadable_external_ids_make_a_bad_line_despite_valid_columns() {
    let text =
        "external_ids,email\n\"{\"\"broken\",a@b.c\n\"[{\"\"type\"\":\"\"email\"\"}]\",a@b.c\n,a@b.c\n";
    assert_eq!(reasons(text, &audience()), [(2, Reason::ExternalIds), (3, Reason::ExternalIds)]);
    assert_eq!(read(text, &audience()).events.len(), 1);
}

#[test]
fn line_ends_byte_order_marks_and_quotes_do_not_change_the_events() {
    let text = "key,external_ids,first_name,Company\r\n1,\"{\"\"user_id\"\":[\"\"u1\"\"],\"\"email\"\":[\"\"a@b.c\"\"]}\",Ann,\"Acme,\nInc\"\n\r\n2,\"{“user_id”:[“u2”]}\",,\n";
    let expected = [
        json!(["u1", null, {"vip": true, "email": "a@b.c", "first_name": "Ann", "Company": "Acme,\nInc"}]),
        json!(["u2", null, {"vip": true}]),
    ];
    assert_eq!(events(text, &audience()), expected);
    assert_eq!(events(&format!("\u{feff}{text}"), &audience()), expected);
    assert_eq!(events(text.trim_end(), &audience()), expected);
    let ids = |text: &str| -> Vec<Value> {
        let events = read(text, &audience()).events;
        events
            .iter()
            .map(|event| serde_json::from_str::<Value>(event).unwrap()["messageId"].clone())
            .collect()
    };
    assert_eq!(ids(text), ids(text));
    assert_eq!(ids(&text.replace("\r\n\r\n", "\r\n\n")), ids(text), "line ends are not content");
    assert_ne!(ids(&text.replace("Ann", "Bob"))[0], ids(text)[0]);
}

#[test]
fn events_are_bulk_identifies_of_engage_with_the_time_of_the_file() {
    let time = "2026-01-02T03:04:05Z".parse().unwrap();
    let counts = read(AUDIENCE_A, &Options { time, ..audience() });
    let event =
        segment::read(counts.events[0].as_bytes(), jiff::Timestamp::from_second(1_900_000_000).unwrap())
            .unwrap();
    let segment::Body::Identify(identify) = event.body else { panic!("no identify") };
    assert_eq!((event.bulk, identify.engage, identify.time), (true, true, time));
    let personas: Value = serde_json::from_str(&counts.events[0]).unwrap();
    let expected = json!({"computation_class": "audience", "computation_key": "vip"});
    assert_eq!(personas["context"]["personas"], expected);
}

#[test]
fn each_bad_row_has_its_reason_and_the_others_are_read() {
    let text = "key,external_ids,email\n1,,a@b.c\n2,,\n3,,n/a\n4,[],\n5,,x@y.z,6\n7,\"{\n8,,c@d.e\n";
    let cells = Reason::Cells { expected: 3, found: 4 };
    let expected = [
        (3, Reason::NoIdentifier),
        (4, Reason::NoIdentifier),
        (5, Reason::ExternalIds),
        (6, cells),
        (7, Reason::OpenQuote),
    ];
    assert_eq!(reasons(text, &audience()), expected);
    assert_eq!(read(text, &audience()).events.len(), 2);
}

#[test]
fn a_file_of_another_kind_gives_an_error_with_advice() {
    let unusable = |bytes: &[u8], options: &Options| read_whole(bytes, options, 7).unwrap_err();
    assert_eq!(unusable(b"\xff\xfek\0e\0", &audience()), Unusable::NotUtf8);
    assert_eq!(unusable(b"\x1f\x8b\x08\0\0", &audience()), Unusable::Gzip);
    assert_eq!(unusable(b" [{}]", &Options::default()), Unusable::Array);
    assert_eq!(unusable(b"name;email\n", &audience()), Unusable::NotAnExport);
    assert_eq!(unusable(AUDIENCE_A.as_bytes(), &Options::default()), Unusable::AudienceMissing);
    assert_eq!(unusable(b"{\"type\":1}", &audience()), Unusable::Events);
    assert_eq!(read_whole(b"", &audience(), 7), Ok(Counts { end: 1, ..Counts::default() }));
}
