//! Fault specifications.

use std::time::Duration;

use proptest::prelude::*;
use simulator::{Faults, FaultsError, Kind, Latency, Limit, Outage, Probability};

#[test]
fn the_documented_example_is_parsed() {
    let spec = "latency=20ms..200ms,429=1%,429-after=1%:2s,500=1%,html=0.5%,drop-before=0.5%,drop-after=0.5%,\
        partial=1%,down=30s@60s,limit=50..200";
    let faults = Faults::parse(spec).unwrap();
    let (min, max) = (Duration::from_millis(20), Duration::from_millis(200));
    assert_eq!(faults.latency, Latency { min, max });
    assert_eq!(faults.probabilities[&Kind::TooMany], Probability::per_million(10_000));
    assert_eq!(faults.probabilities[&Kind::Html], Probability::per_million(5_000));
    assert_eq!((faults.probabilities.len(), faults.retry_after), (7, Duration::from_secs(2)));
    let (duration, start) = (Duration::from_secs(30), Duration::from_secs(60));
    assert_eq!(faults.outages, [Outage { duration, start }]);
    assert_eq!(faults.limit, Some(Limit { min: 50, max: 200 }));
}

#[test]
fn spaces_and_empty_items_are_ignored() {
    assert_eq!(Faults::parse("").unwrap(), Faults::default());
    assert_eq!(Faults::parse(" 429 = 1% , , 500=2%\n").unwrap().to_string(), "429=1%,500=2%");
    assert_eq!(
        Faults::parse("latency=50ms,limit=9,credentials=good").unwrap().to_string(),
        "latency=50ms,limit=9..9"
    );
}

#[test]
fn an_error_names_the_invalid_item() {
    let message = |spec| Faults::parse(spec).unwrap_err().to_string();
    assert!(message("429=1%,teapot=1%").starts_with("unknown fault `teapot=1%`: the known ones are latency"));
    assert!(message("nonsense").starts_with("unknown fault `nonsense`"));
    assert_eq!(message("500=1"), "cannot read `500=1`: write it like `500=0.5%`");
    assert_eq!(message("down=30s"), "cannot read `down=30s`: write it like `down=30s@60s`");
    assert_eq!(message("429=1%,429=2%"), "`429` is given twice: give it once");
}

#[test]
fn values_out_of_range_are_refused() {
    let bad = [
        "500=101%",
        "500=-1%",
        "500=1.23456%",
        "500=.5%",
        "500=+1%",
        "500=%",
        "latency=200ms..20ms",
        "latency=20",
        "latency=1d",
        "latency=ms",
        "latency=99999999999999999999s",
        "latency=9999999h",
        "limit=0..5",
        "limit=9..5",
        "slow=1%",
        "slow=1%:x",
        "429-after=2s",
        "credentials=maybe",
        "account=",
        "down=x@1s",
    ];
    for spec in bad {
        assert!(matches!(Faults::parse(spec), Err(FaultsError::Malformed { .. })), "{spec}");
    }
}

prop_compose! {
    fn any_faults()(
        latency in (0..5_000u64, 0..5_000u64),
        probabilities in prop::collection::btree_map(prop::sample::select(Kind::ALL.to_vec()), 0..=1_000_000u32, 0..6),
        times in (0..100_000u64, 0..100_000u64, 0..100_000u64),
        outages in prop::collection::vec((0..90_000u64, 0..90_000u64), 0..3),
        limit in prop::option::of((1..500u32, 0..500u32)),
        bad_credentials: bool,
        account in prop::option::of("[a-z_0-9]{1,9}"),
        operation in prop::option::of("[a-z_/]{1,9}"),
    ) -> Faults {
        let ms = Duration::from_millis;
        // A time without its probability has no text form.
        let if_drawn = |kind, time| if probabilities.contains_key(&kind) { ms(time) } else { Duration::ZERO };
        Faults {
            latency: Latency { min: ms(latency.0), max: ms(latency.0 + latency.1) },
            slow_by: if_drawn(Kind::Slow, times.0),
            retry_after: if_drawn(Kind::TooManyAfter, times.1),
            late_by: if_drawn(Kind::Late, times.2),
            probabilities: probabilities
                .into_iter()
                .map(|(kind, count)| (kind, Probability::per_million(count)))
                .collect(),
            outages: outages
                .into_iter()
                .map(|(duration, start)| Outage { duration: ms(duration), start: ms(start) })
                .collect(),
            limit: limit.map(|(min, more)| Limit { min, max: min + more }),
            bad_credentials,
            account,
            operation,
        }
    }
}

proptest! {
    #[test]
    fn a_formatted_specification_parses_to_the_same_faults(faults in any_faults()) {
        prop_assert_eq!(Faults::parse(&faults.to_string()).unwrap(), faults);
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in ".{0,60}") {
        if let Ok(faults) = Faults::parse(&text) {
            prop_assert_eq!(Faults::parse(&faults.to_string()).unwrap(), faults);
        }
    }
}
