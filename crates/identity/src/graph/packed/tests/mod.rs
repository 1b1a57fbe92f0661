//! A packed graph is unpacked as it was, and any other bytes do no harm.

mod chance;

use std::sync::Arc;

use super::table::Table;
use super::*;
use crate::graph::{Affiliate, Claim, Identifier, Kind, Status, TraitValue};
use crate::stamp::{Moment, Span, Stamp};
use crate::{Digest, Map, Text};
use chance::Chance;

/// How many random graphs each test draws.
const CASES: u64 = 2_000;

/// One user who claimed one address, at which there is an affiliate.
fn small() -> Graph {
    let (user, address) = (Digest([1; 16]), Digest([2; 16]));
    let stamp = Stamp { time: Moment(1_000), received: None, key: Arc::from("m-1"), revision: 0 };
    let stated = |value: Option<&str>, refused: Option<&str>| TraitValue {
        value: value.map(Text::from),
        stamp: stamp.clone(),
        refused: refused.map(str::to_owned),
        blame: None,
    };
    let of_user = Identifier {
        sealed: Some("c2VhbGVk".to_owned()),
        stated_at: Some(Moment(1_000)),
        traits: Map::from_iter([
            ("first_name".into(), stated(Some("Ada"), None)),
            ("phone".into(), stated(Some("x"), Some("too short"))),
            ("zip".into(), stated(None, None)),
        ]),
        ..Identifier::new(Kind::User)
    };
    let delivered = Map::from_iter([("first_name".into(), Some("Ada".into())), ("zip".into(), None)]);
    Graph {
        identifiers: Map::from_iter([(user, of_user), (address, Identifier::new(Kind::Address))]),
        claims: vec![Claim { ordinary: Some(Span::of(&stamp)), ..Claim::new(user, address) }],
        affiliates: vec![Affiliate {
            id: Some(300),
            code: Some("ada1".to_owned()),
            status: Some(Status::Active),
            delivered,
            ..Affiliate::at(address)
        }],
        ..Graph::default()
    }
}

/// The bytes of the small graph; forms 1 and 2 differ in the first stamp, and in the part that follows the mark of a
/// refused trait.
fn bytes_of_small(form: u8, stamp: &[u8], refusal: &[u8]) -> Vec<u8> {
    [
        [form, 2].as_slice(),
        // The user: its flags, the moment 1,000 as a zigzag number, the sealed name, three traits.
        &[1; 16],
        b"\x0C\xD0\x0F\x08c2VhbGVk\x03",
        // The first trait contains the stamp: no difference in time, then the part in which the forms differ.
        b"\x15first_name\x07Ada\x00\x00",
        stamp,
        b"\x0Bphone\x03x\x03",
        refusal,
        b"\x13too short",
        b"\x07zip\x00\x02",
        // The address: flags, no traits.
        &[2; 16],
        b"\x01\x00",
        // One claim: the class, the user, the address, twice the stamp.
        b"\x01\x01\x01\x02\x02\x02",
        // No sightings. One affiliate: flags, address, id, code, two fields delivered, none shown.
        b"\x00\x01\x19\x02\xAC\x02\x04ada1\x02\x02\x04\x0C\x00\x00",
        // Neither events nor retry states.
        b"\x00\x00",
    ]
    .concat()
}

/// Ledgers contain the bytes of form 2. A change that needs other bytes here needs a form 3, and a reader of both.
#[test]
fn the_bytes_of_form_2_are_these() {
    // Revision 0 without a receipt, the key.
    let expected = bytes_of_small(2, b"\x00\x03m-1", b"\x01");
    assert_eq!(pack(&small()), expected);
    assert_eq!(unpack(&expected).unwrap(), small());
    // Revision 0 with a receipt 5 microseconds after the time.
    let mut received = small();
    let profiles = received.identifiers.iter_mut();
    let stamps = profiles.flat_map(|(_, it)| it.traits.iter_mut()).map(|(_, stated)| &mut stated.stamp);
    let spans = received.claims[0].ordinary.iter_mut().flat_map(|span| [&mut span.first, &mut span.last]);
    stamps.chain(spans).for_each(|stamp| stamp.received = Some(Moment(1_005)));
    let expected = bytes_of_small(2, b"\x01\x0A\x03m-1", b"\x01");
    assert_eq!(pack(&received), expected);
    assert_eq!(unpack(&expected).unwrap(), received);
}

#[test]
fn a_graph_of_form_1_is_read_with_its_revisions() {
    assert_eq!(unpack(&bytes_of_small(1, b"\x00\x03m-1", b"")).unwrap(), small());
    let repaired = unpack(&bytes_of_small(1, b"\x03\x03m-1", b"")).unwrap();
    assert!(
        repaired
            .identifiers
            .values()
            .flat_map(|it| it.traits.values())
            .all(|stated| stated.stamp.revision == 3)
    );
}

/// The payee and the hold follow the code, and add nothing to a graph without them.
#[test]
fn a_payee_and_its_hold_are_packed_after_the_code() {
    let mut graph = small();
    graph.affiliates[0].payee = Some(Digest([1; 16]));
    graph.affiliates[0].held_since = Some(Moment(1_000));
    let bytes = pack(&graph);
    let affiliate = b"\x00\x01\x99\x30\x02\xAC\x02\x04ada1\x01\x00\x02\x02\x04\x0C\x00\x00".as_slice();
    assert!(bytes.windows(affiliate.len()).any(|part| part == affiliate), "{bytes:?}");
    assert_eq!(unpack(&bytes).unwrap(), graph);
}

#[test]
fn a_packed_graph_is_unpacked_unchanged() {
    for seed in 0..CASES {
        let graph = Chance::of(seed).graph(6);
        let back = unpack(&pack(&graph)).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(back == graph, "seed {seed}: {graph:#?} became {back:#?}");
    }
}

#[test]
fn a_large_graph_is_unpacked_unchanged() {
    for seed in 0..3 {
        let graph = Chance::of(seed).graph(500);
        assert!(unpack(&pack(&graph)).unwrap() == graph, "seed {seed}");
    }
}

#[test]
fn a_graph_stored_as_json_is_read() {
    for seed in 0..CASES {
        let graph = Chance::of(seed).graph(6);
        let json = serde_json::to_vec(&graph).unwrap();
        assert!(unpack(&json).unwrap() == graph, "seed {seed}");
        assert!(unpack(&json[..json.len() - 1]).is_err(), "seed {seed}");
    }
}

#[test]
fn a_truncated_graph_is_refused() {
    for seed in 0..CASES / 100 {
        let bytes = pack(&Chance::of(seed).graph(3));
        for length in 0..bytes.len() {
            assert!(unpack(&bytes[..length]).is_err(), "seed {seed}, {length} bytes");
        }
    }
}

#[test]
fn a_graph_with_trailing_bytes_is_refused() {
    let mut bytes = pack(&small());
    bytes.push(0);
    assert_eq!(unpack(&bytes).unwrap_err().to_string(), "a graph cannot be read: something follows it");
}

/// The read either ends in an error or in some graph, which then can be packed. A panic fails the test.
#[test]
fn a_corrupted_byte_gives_an_error_or_a_valid_graph() {
    every_byte_becomes(&pack(&small()), |_| (0..=u8::MAX).collect());
    for seed in 0..2 {
        let bytes = pack(&Chance::of(seed).graph(2));
        every_byte_becomes(&bytes, |byte| (0..8).map(|bit| byte ^ 1 << bit).collect());
    }
}

fn every_byte_becomes(bytes: &[u8], others: impl Fn(u8) -> Vec<u8>) {
    for (at, byte) in bytes.iter().enumerate() {
        for other in others(*byte) {
            let mut bytes = bytes.to_vec();
            bytes[at] = other;
            if let Ok(graph) = unpack(&bytes) {
                assert!(unpack(&pack(&graph)).unwrap() == graph, "byte {at} is {other} in {bytes:?}");
            }
        }
    }
}

#[test]
fn random_bytes_give_an_error_or_a_valid_graph() {
    for seed in 0..CASES * 10 {
        let mut chance = Chance::of(seed);
        let mut bytes = vec![if chance.percent(50) { FORM } else { FORM_1 }];
        // Small numbers get further into the reader than large ones.
        let largest = if chance.percent(50) { 8 } else { 256 };
        bytes.extend((0..chance.below(200)).map(|_| chance.below(largest) as u8));
        if let Ok(graph) = unpack(&bytes) {
            assert!(unpack(&pack(&graph)).unwrap() == graph, "seed {seed}");
        }
    }
}

#[test]
fn a_newer_form_is_refused_with_its_reason() {
    for form in (0..=u8::MAX).filter(|form| ![FORM_1, FORM, b'{'].contains(form)) {
        let error = unpack(&[form, 0, 0, 0, 0, 0, 0]).unwrap_err().to_string();
        assert_eq!(error, "a graph cannot be read: a newer program wrote it; upgrade this one");
    }
}

/// A vector of that length would end the process, so the count is checked before memory is allocated.
#[test]
fn a_count_that_the_bytes_cannot_hold_is_refused() {
    let largest = [[0xFF; 9].as_slice(), &[1]].concat();
    for before in 0..6 {
        let bytes = [&[FORM], [0; 6].get(..before).unwrap(), &largest, &[0; 40]].concat();
        assert!(unpack(&bytes).is_err(), "after {before} empty parts");
    }
}

/// Otherwise each byte of a damaged graph could refer to one long text.
#[test]
fn only_short_texts_are_shared() {
    let twice = |length: usize| {
        let text = Some(Text::from("x".repeat(length)));
        let delivered = Map::from_iter([("a".into(), text.clone()), ("b".into(), text)]);
        let graph = Graph {
            affiliates: vec![Affiliate { delivered, ..Affiliate::at(Digest([0; 16])) }],
            ..Graph::default()
        };
        assert_eq!(unpack(&pack(&graph)).unwrap(), graph);
        pack(&graph).len()
    };
    let short = twice(SHARED_AT_MOST);
    assert!(short < 2 * SHARED_AT_MOST);
    assert!(twice(SHARED_AT_MOST + 1) > 2 * SHARED_AT_MOST);
}

#[test]
fn a_text_that_is_not_utf8_is_refused() {
    let mut bytes = pack(&small());
    let at = bytes.windows(3).position(|bytes| bytes == b"Ada").unwrap();
    bytes[at] = 0xFF;
    assert_eq!(unpack(&bytes).unwrap_err().to_string(), "a graph cannot be read: a text is not UTF-8");
}

#[test]
fn equal_stamps_share_their_key() {
    let graph = unpack(&pack(&small())).unwrap();
    let key = &graph.claims[0].first().unwrap().key;
    for stated in graph.identifiers.values().flat_map(|identifier| identifier.traits.values()) {
        assert!(Arc::ptr_eq(&stated.stamp.key, key));
    }
}

/// Texts with equal hashes make a graph larger, not slower or wrong.
#[test]
fn a_table_with_equal_hashes_never_returns_a_wrong_place() {
    let mut table = Table::with_room(4);
    let mut written = Vec::new();
    for round in 0..3 {
        for one in 0..1_000 {
            match table.place(7, one) {
                Some(place) => assert_eq!(written[place - 1], one, "round {round}"),
                None => written.push(one),
            }
        }
    }
    assert_eq!(table.len(), written.len());
}

#[test]
fn a_table_finds_nearly_all_of_its_texts() {
    let mut table = Table::with_room(4);
    let texts: Vec<String> = (0..5_000).map(|number| format!("text {number}")).collect();
    let mut missed = 0;
    for text in &texts {
        assert_eq!(table.place(table::hash(text), text.as_str()), None);
    }
    for (at, text) in texts.iter().enumerate() {
        match table.place(table::hash(text), text.as_str()) {
            Some(place) => assert_eq!(place, at + 1),
            None => missed += 1,
        }
    }
    assert!(missed < 10, "{missed} of 5,000 texts were written twice");
}
