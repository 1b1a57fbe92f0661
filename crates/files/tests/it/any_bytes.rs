//! Any bytes, in pieces of any length: no panic, always an answer, and events that can be read.

use files::{Counts, Form, Options, Unusable, read_whole};
use jiff::Timestamp;
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// Files that the deterministic run makes.
const FILES: u64 = 3_000;

/// Parts that files are made of: valid ones, and ones that are nearly valid.
const PARTS: [&[u8]; 40] = [
    b"key,external_ids\n",
    b"key,value,external_ids,anonymous_id,email,email_1\r\n",
    b"email\n",
    b"\n",
    b"\r\n",
    b"\r",
    b",",
    b"\"",
    b"\"\"",
    "“".as_bytes(),
    "”".as_bytes(),
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"\\",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"1,\"{\"\"user_id\"\":[\"\"u1\"\"]}\"\n",
    b"2,,a@b.c\n",
    b"true,34,,,x@y.z,\n",
    b"a@b.c",
    b"anon",
    b"{\"type\":\"identify\",\"userId\":\"u\"}",
    b"{\"type\":\"delete\",\"email\":\"a@b.c\"}\n",
    b"{\"type\":\"track\",\"event\":\"x\"}\n",
    b"\"type\":",
    b"\"identify\"",
    b"\"userId\":\"u\"",
    b"\"messageId\":null,",
    b"\"timestamp\":\"2026\",",
    b"\"traits\":{",
    b"null",
    b"1e999",
    b"\\ud800",
    b"    ",
    b"NaN",
];

fn options(audience: bool, a_trait: bool, form: u8) -> Options {
    Options {
        audience: audience.then(|| "vip".to_owned()),
        trait_name: a_trait.then(|| "plan".to_owned()),
        time: Timestamp::from_second(1_800_000_000).unwrap(),
        form: [None, Some(Form::Events), Some(Form::Export)][usize::from(form % 3)],
    }
}

/// Reads it in pieces of this length and as a whole, which must be the same.
fn check(bytes: &[u8], options: &Options, piece: usize) -> Result<Counts, Unusable> {
    let read = read_whole(bytes, options, piece);
    assert_eq!(read, read_whole(bytes, options, bytes.len()), "in pieces of {piece}");
    if let Ok(counts) = &read {
        for event in &counts.events {
            if let Err(refusal) =
                segment::read(event.as_bytes(), Timestamp::from_second(1_900_000_000).unwrap())
            {
                assert_eq!(refusal.http_status(), 501, "{event}");
            }
        }
        let is_line_end =
            |(at, byte): (usize, &u8)| *byte == b'\n' || *byte == b'\r' && bytes.get(at + 1) != Some(&b'\n');
        assert_eq!(counts.end, 1 + bytes.iter().enumerate().filter(|it| is_line_end(*it)).count() as u64);
    }
    read
}

#[test]
fn a_short_file_read_byte_by_byte_gives_a_result() {
    for bytes in [&b""[..], b"\x08", b"\0\0\x08", b"{}", b"abc", b"\xef\xbb\xbf", b"\r\n"] {
        for form in 0..3 {
            drop(check(bytes, &options(true, false, form), 1));
        }
    }
}

#[test]
fn files_made_of_parts_always_give_a_result() {
    let (mut events, mut bad) = (0, 0);
    for seed in 0..FILES {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut bytes = Vec::new();
        for _ in 0..rng.random_range(0..60) {
            let part = PARTS[rng.random_range(0..PARTS.len())];
            let times = if rng.random_bool(0.005) { 20_000 } else { 1 };
            bytes.extend(part.repeat(times));
        }
        let options = options(rng.random_bool(0.7), rng.random_bool(0.3), rng.random_range(0..3));
        let piece = rng.random_range(1..200_000);
        eprintln!("seed {seed}");
        if let Ok(counts) = check(&bytes, &options, piece) {
            events += counts.events.len();
            bad += counts.bad.len();
        }
    }
    assert!(events > 300 && bad > 300, "{events} events and {bad} bad lines are too few to say anything");
}

proptest! {
    #[test]
    fn any_bytes_give_a_result(
        bytes in proptest::collection::vec(any::<u8>(), 0..300), piece in 1_usize..300, form in 0_u8..3,
    ) {
        drop(check(&bytes, &options(true, false, form), piece));
    }

    #[test]
    fn every_line_is_an_event_or_bad_independently_of_others(lines in proptest::collection::vec("[^\n\r]{1,40}", 1..20), good in 0_usize..20) {
        let event = r#"{"type":"identify","userId":"u"}"#;
        let mut lines = lines;
        lines.insert(good.min(lines.len()), event.to_owned());
        let text = format!("{event}\n{}", lines.join("\n"));
        let counts = check(text.as_bytes(), &options(false, false, 1), 17);
        let counts = counts.unwrap();
        let blank = lines.iter().filter(|line| line.trim().is_empty()).count();
        prop_assert!(counts.events.len() >= 2);
        prop_assert!(counts.events.len() + counts.bad.len() + blank > lines.len());
    }

    #[test]
    fn any_cells_are_read_as_they_were_written(name in "[^\u{0}]{0,30}", email in "[a-z]{1,8}", user in "\\PC{1,20}") {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let ids = serde_json::json!({"user_id": [user], "email": [format!("{email}@example.org")]}).to_string();
        let text = format!("external_ids,note\n{},{}\n", quoted(&ids), quoted(&name));
        let counts = check(text.as_bytes(), &options(true, false, 2), 11).unwrap();
        prop_assert_eq!(counts.events.len(), 1);
        let event: serde_json::Value = serde_json::from_str(&counts.events[0]).unwrap();
        let note = (!name.trim().is_empty()).then_some(name);
        prop_assert_eq!(event["traits"]["note"].as_str().map(str::to_owned), note);
        let address = format!("{email}@example.org");
        prop_assert_eq!(event["traits"]["email"].as_str(), Some(address.as_str()));
    }
}
