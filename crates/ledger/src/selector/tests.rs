//! Promises of selectors: they are parsed as they are written, and no text causes a panic.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

fn error(text: &str) -> String {
    Selector::parse(text).unwrap_err().to_string()
}

fn now() -> Timestamp {
    "2026-11-29T12:00:00Z".parse().unwrap()
}

#[test]
fn every_key_is_read_with_its_values() {
    let text = "class:refused,gone status:422 field:email audience:vip age:<2d connection:shop state:open \
                text:\"taken by \\\"another\\\"\" id:1,2 died:<2026-11-29 group:g1f0c5e2a9b47 mend:data,us repaired:no";
    let selector = parsed(text);
    assert_eq!(selector.terms().len(), KEYS.len());
    assert_eq!(selector.terms()[7], Term::Text("taken by \"another\"".to_owned()));
    assert_eq!(parsed(&selector.to_string()), selector);
    for (key, example) in KEYS {
        assert_eq!(parsed(example).terms()[0].key(), key);
    }
}

#[test]
fn an_error_names_the_term_its_place_and_what_is_possible() {
    let cases = [
        ("state:open statu:422", "`statu:422` (character 12 of the selector): there is no key `statu`"),
        ("class:nonsense", "`nonsense` is not valid: the classes are email_taken, gone"),
        ("state:closed", "open, replaying, resolved, discarded"),
        ("text:é status:99", "`status:99` (character 8 of the selector)"),
        ("taken by", "a term is a key, a colon and a value"),
        ("text:\"taken", "not closed"),
        ("class:", "a value is missing"),
        ("class:gone class:refused", "is given twice: write several values as class:A,B"),
        ("age:2d", "say age:<2d or age:>30m"),
        ("age:<99999999w", "say age:<2d"),
        ("text:a,b", "takes one value"),
        ("id:x", "whole numbers"),
        ("repaired:maybe", "it is repaired:yes or repaired:no"),
        ("group:zzz", "`zzz` is not valid: a group is g and 12 hexadecimal digits"),
        ("group:g1f0c5e2a9b4Z", "a group is g and 12 hexadecimal digits"),
    ];
    for (text, expected) in cases {
        let found = error(text);
        assert!(found.contains(expected), "{text}: {found}");
    }
}

#[test]
fn a_selector_that_is_too_long_is_refused() {
    assert!(error(&" ".repeat(MAX_BYTES + 1)).contains("longer than"));
    let ages = "age:<1d ".repeat(MAX_TERMS + 1);
    assert!(error(&ages).contains("at most 64 terms"));
    assert!(error(&format!("id:{}", "1,".repeat(MAX_VALUES))).contains("at most 10000 values"));
}

#[test]
fn arguments_need_no_quotes_within_quotes() {
    let arguments = |all: &[&str]| {
        let all: Vec<String> = all.iter().map(|&it| it.to_owned()).collect();
        Selector::of_arguments(&all).map(|selector| selector.to_string())
    };
    assert_eq!(
        arguments(&["text:taken by another", "state:open"]).unwrap(),
        "text:\"taken by another\" state:open"
    );
    assert_eq!(arguments(&["class:refused state:open"]).unwrap(), "class:refused state:open");
    assert_eq!(arguments(&["17", "18", "state:open"]).unwrap(), "id:17,18 state:open");
    assert!(arguments(&["taken by another"]).is_err());
    let open = arguments(&["text:\"taken by another"]).unwrap_err().to_string();
    assert!(open.contains("a quote is opened and not closed"), "{open}");
}

#[test]
fn a_frozen_selector_means_the_same_at_any_later_time() {
    let frozen = parsed("age:<2d age:>1h state:open").freeze(now());
    assert_eq!(frozen.to_string(), "died:>=2026-11-27T12:00:00Z died:<2026-11-29T11:00:00Z state:open");
    let later = now() + SignedDuration::from_hours(100);
    let bounds = |selector: &Selector, at| {
        let filter = selector.filter(at, |_| Ok::<_, ()>(1)).unwrap();
        (filter.died_from, filter.died_before)
    };
    assert_eq!(bounds(&frozen, later), bounds(&frozen, now()));
    assert_ne!(bounds(&parsed("age:<2d"), later), bounds(&parsed("age:<2d"), now()));
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_]{1,8}", "[ -~]{1,12}", "\\PC{1,6}"]
}

fn any_term() -> impl Strategy<Value = Term> {
    let class = prop::sample::select(CLASSES.to_vec()).prop_map(str::to_owned);
    let state = prop::sample::select(DeadLetterState::ALL.to_vec());
    let time = (0i64..4_000_000_000_000_000).prop_map(|at| Timestamp::from_microsecond(at).unwrap());
    let unit = prop::sample::select(Unit::ALL.to_vec());
    prop_oneof![
        prop::collection::vec(0..i64::MAX, 1..4).prop_map(Term::Id),
        prop::collection::vec(state, 1..4).prop_map(Term::State),
        prop::collection::vec(class, 1..4).prop_map(Term::Class),
        prop::collection::vec(100u16..600, 1..4).prop_map(Term::Status),
        prop::collection::vec(any_name(), 1..4).prop_map(Term::Field),
        prop::collection::vec(any_name(), 1..4).prop_map(Term::Audience),
        prop::collection::vec(any_name(), 1..4).prop_map(Term::Connection),
        prop::collection::vec("g[0-9a-f]{12}", 1..4).prop_map(Term::Group),
        prop::collection::vec(prop::sample::select(Mender::ALL.to_vec()), 1..4).prop_map(Term::Mend),
        any::<bool>().prop_map(Term::Repaired),
        any_name().prop_map(Term::Text),
        (any::<bool>(), 0u32..5_000, unit).prop_map(|(is_younger, amount, unit)| Term::Age(Age {
            is_younger,
            amount,
            unit
        })),
        time.clone().prop_map(Term::DiedFrom),
        time.prop_map(Term::DiedBefore),
    ]
}

proptest! {
    #[test]
    fn a_printed_selector_is_read_as_the_same(terms in prop::collection::vec(any_term(), 0..8)) {
        let mut selector = Selector::default();
        for term in terms {
            let _twice = selector.and(term);
        }
        prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
    }

    #[test]
    fn any_text_is_read_or_refused_with_its_place(text in prop_oneof![
        "\\PC{0,40}",
        "(id|age|text|died|state|[a-z]{1,5})[:,\" \\\\<>=]{0,3}[0-9a-zé\" ,\\\\]{0,8}( [a-z]{1,4}:[^ ]{0,4}){0,3}",
    ]) {
        match Selector::parse(&text) {
            Ok(selector) => prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector)),
            Err(error) => prop_assert!(error.place >= 1 && error.place <= text.chars().count().max(1)),
        }
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _read = Selector::parse(&String::from_utf8_lossy(&bytes));
    }
}
