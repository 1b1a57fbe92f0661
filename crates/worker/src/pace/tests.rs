//! Tests which calls start, which calls may arrive at any moment, and what the pace learns.

use proptest::prelude::*;

use super::measure::{Measured, Scenario, Shape, simulate};
use super::*;

/// A pace that does not limit the number of calls under way.
fn without_a_limit(ceiling: f64) -> Pace {
    let mut pace = Pace::new(ceiling, None, 10_000, Duration::ZERO);
    pace.places = pace.most;
    pace
}

/// Checks that any ten seconds contain at most ten times the ceiling, plus one, of these times.
fn in_any_ten_seconds(times: &[f64], ceiling: f64) -> Result<(), TestCaseError> {
    for (index, first) in times.iter().enumerate() {
        let within = times[index..].iter().take_while(|other| **other <= first + 10.0).count();
        let allowed = ceiling * 10.0 + 1.0;
        prop_assert!(within as f64 <= allowed + 1e-6, "{within} calls in 10 s at {ceiling}/s");
    }
    Ok(())
}

proptest! {
    #[test]
    fn at_most_ten_times_the_rate_plus_one_calls_start_in_any_ten_seconds(
        ceiling in 0.05_f64..500.0,
        steps in proptest::collection::vec((1_u64..400, 0_u8..20), 1..1500),
    ) {
        let mut pace = Pace::new(ceiling, None, 10_000, Duration::ZERO);
        let mut now = Duration::ZERO;
        let mut starts: Vec<f64> = Vec::new();
        for (millis, result) in steps {
            now += Duration::from_millis(millis);
            while pace.start(now).is_ok() {
                starts.push(now.as_secs_f64());
                let result = if result == 0 { CallResult::Throttled(None) } else { CallResult::Succeeded };
                pace.ended(now, result, Duration::from_millis(20));
            }
        }
        in_any_ten_seconds(&starts, ceiling)?;
    }

    /// A call arrives at some moment between its start and its end.
    #[test]
    fn at_most_ten_times_the_ceiling_plus_one_calls_arrive_in_any_ten_seconds(
        ceiling in 0.05_f64..200.0,
        steps in proptest::collection::vec((1_u64..100, 0_u64..12_000, 0.0_f64..=1.0), 1..1500),
    ) {
        let mut pace = without_a_limit(ceiling);
        let mut now = Duration::ZERO;
        let (mut under_way, mut arrivals): (Vec<Duration>, Vec<f64>) = Default::default();
        for (millis, takes, part) in steps {
            now += Duration::from_millis(millis);
            under_way.sort_unstable();
            let ended = under_way.partition_point(|end| *end <= now);
            for end in under_way.drain(..ended) {
                pace.ended(end, CallResult::Succeeded, Duration::from_millis(20));
            }
            let takes = Duration::from_millis(takes);
            while pace.start(now).is_ok() {
                under_way.push(now + takes);
                arrivals.push((now + takes.mul_f64(part)).as_secs_f64());
            }
        }
        arrivals.sort_by(f64::total_cmp);
        in_any_ten_seconds(&arrivals, ceiling)?;
    }
}

#[test]
fn slow_calls_start_only_up_to_the_number_that_may_arrive_at_once() {
    let mut pace = without_a_limit(10.0);
    let mut started = 0;
    for millis in 1..60_000 {
        started += usize::from(pace.start(Duration::from_millis(millis)).is_ok());
    }
    assert_eq!(started, 101, "all of them may arrive in one moment");
    assert_eq!(pace.start(Duration::from_secs(60)), Err(None), "until one ends");
    pace.ended(Duration::from_secs(60), CallResult::Succeeded, Duration::from_secs(59));
    assert_eq!(
        pace.room(Duration::from_secs(61), Duration::from_secs(1), 100),
        0,
        "it may have arrived just now"
    );
    assert!(pace.start(Duration::from_millis(70_001)).is_ok());
}

#[test]
fn a_new_holder_begins_with_an_empty_bucket() {
    let mut pace = Pace::new(5.0, None, 8, Duration::ZERO);
    assert!(pace.start(Duration::ZERO).is_err());
    assert!(pace.start(Duration::from_millis(201)).is_ok());
    assert!(pace.start(Duration::from_millis(202)).is_err());
}

#[test]
fn the_rate_shrinks_when_throttled_and_grows_back_while_calls_succeed() {
    let mut pace = Pace::new(10.0, None, 8, Duration::ZERO);
    for millis in [980, 1000] {
        pace.ended(
            Duration::from_millis(millis),
            CallResult::Throttled(Some(Duration::from_secs(3))),
            Duration::ZERO,
        );
    }
    assert!((pace.rate() - 5.0).abs() < 1e-9);
    assert_eq!(pace.start(Duration::from_secs(2)), Err(Some(Duration::from_secs(2))));
    for tenth in 40..600 {
        pace.ended(Duration::from_millis(tenth * 100), CallResult::Succeeded, Duration::from_millis(50));
    }
    assert!((pace.rate() - 10.0).abs() < 1e-9);
}

const NO_OUTAGE: (Duration, Duration) = (Duration::ZERO, Duration::ZERO);

/// The means over four seeds: the share of the possible calls that are made, and the share of calls that are throttled.
fn measured(shape: Shape, ceiling: f64) -> (f64, f64) {
    measured_with(shape, ceiling, NO_OUTAGE)
}

fn measured_with(shape: Shape, ceiling: f64, outage: (Duration, Duration)) -> (f64, f64) {
    let (warm_up, lasts) = match shape {
        Shape::Window(_, length) => (length * 4, length * 10),
        _ => (Duration::from_secs(30), Duration::from_secs(300)),
    };
    let latency = (Duration::from_millis(40), Duration::from_millis(80));
    let scenario = |seed| Scenario { shape, ceiling, latency, warm_up, lasts, outage, seed };
    let simulated: Vec<Measured> = (1..=4).map(|seed| simulate(&scenario(seed))).collect();
    let mean = |share: fn(&Measured) -> f64| simulated.iter().map(share).sum::<f64>() / 4.0;
    (mean(Measured::used), mean(Measured::throttled_share))
}

#[test]
fn a_hidden_limit_is_used_to_nine_tenths_and_two_calls_in_a_hundred_are_throttled() {
    let bucket = Shape::Bucket { low: 8.0, high: 40.0 };
    let windows = [10, 60].map(|seconds| Shape::Window(24.0, Duration::from_secs(seconds)));
    for shape in [bucket, windows[0], windows[1], Shape::Bucket { low: 50.0, high: 200.0 }] {
        for ceiling in [50.0, 1000.0, 5000.0] {
            let (used, throttled) = measured(shape, ceiling);
            let seen = format!("{shape:?}, ceiling {ceiling}: {used:.3} used, {throttled:.4} throttled");
            assert!(used >= 0.9 && throttled <= 0.02, "{seen}");
        }
    }
}

#[test]
fn a_limit_of_calls_at_the_same_time_is_found() {
    for most in [2, 4, 10, 40] {
        // Calls on their way do not use the limit, so a client that keeps `most` under way makes 0.85 of the possible
        // calls.
        let (used, throttled) = measured(Shape::AtOnce(most), 1000.0);
        assert!(used >= 0.7 && throttled <= 0.02, "{most} at once: {used:.3} used, {throttled:.4} throttled");
    }
}

#[test]
fn rare_failures_leave_nine_tenths_of_the_rate() {
    for (ceiling, throttled, bad) in [(20.0, 13, 27), (5.0, 22, 44), (20.0, 0, 40), (5.0, 0, 66)] {
        let (used, _) = measured(Shape::Chance { throttled, bad }, ceiling);
        assert!(used >= 0.9, "ceiling {ceiling}, {throttled} and {bad} in a thousand: {used:.3} used");
    }
}

/// Slow calls are still answered for a while after the rate was lowered; they must not lower it again.
#[test]
fn a_high_ceiling_and_slow_answers_do_not_stop_a_connection() {
    for shape in [Shape::Bucket { low: 8.0, high: 40.0 }, Shape::Window(24.0, Duration::from_secs(10))] {
        let latency = (Duration::from_millis(300), Duration::from_millis(500));
        let (warm_up, lasts) = (Duration::from_secs(60), Duration::from_secs(300));
        for seed in 1..=4 {
            let used = simulate(&Scenario {
                shape,
                ceiling: 5000.0,
                latency,
                warm_up,
                lasts,
                outage: NO_OUTAGE,
                seed,
            })
            .used();
            assert!(used >= 0.6, "seed {seed}, {shape:?}: {used:.3} used");
        }
    }
}

/// Throttling without a limit, as by a busy gateway, must not count as a limit for long.
#[test]
fn the_rate_recovers_within_minutes_after_arbitrary_throttling() {
    for (share, lasts) in [(100, 5), (100, 10), (60, 5), (60, 10), (20, 10)] {
        let mut random = 1_u64;
        let mut pace = Pace::new(12.0, None, 100, Duration::ZERO);
        let mut under_way: std::collections::VecDeque<(Duration, Duration, CallResult)> = Default::default();
        let ends = 28_000 + 2 * lasts * 1000;
        for millis in 1..ends + 180_000 {
            let now = Duration::from_millis(millis);
            let is_ill = (20_000..20_000 + lasts * 1000).contains(&millis)
                || (28_000 + lasts * 1000..ends).contains(&millis);
            while let Some((_, started, result)) = under_way.pop_front_if(|(end, ..)| *end <= now) {
                pace.ended(now, result, now - started);
            }
            while pace.start(now).is_ok() {
                random =
                    random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let is_throttled = is_ill && (random >> 33) % 100 < share;
                let result = if is_throttled { CallResult::Throttled(None) } else { CallResult::Succeeded };
                under_way.push_back((now + Duration::from_millis(60), now, result));
            }
        }
        assert!(pace.rate() > 9.6, "{share} % for {lasts} s: {:.1} calls a second", pace.rate());
    }
}

/// Seconds from the end of an outage until the rate is nine tenths of the ceiling. In the outage each call fails after
/// `takes`; after it every call is answered well.
fn seconds_to_recover(ceiling: f64, outage: u64, takes: Duration, is_new_holder: bool) -> u64 {
    let mut pace = Pace::new(ceiling, None, 100, Duration::ZERO);
    let mut under_way: std::collections::VecDeque<(Duration, Duration, CallResult)> = Default::default();
    let (begins, ends) = (20_000, 20_000 + outage * 1_000);
    for millis in 1..ends + 600_000 {
        let now = Duration::from_millis(millis);
        while let Some((_, started, result)) = under_way.pop_front_if(|(end, ..)| *end <= now) {
            pace.ended(now, result, now - started);
        }
        if is_new_holder && millis == ends {
            under_way.clear();
            pace = Pace::new(ceiling, Some(pace.learned(now)), 100, now);
        }
        while pace.start(now).is_ok() {
            let is_away = (begins..ends).contains(&millis);
            let (took, result) = if is_away {
                (takes, CallResult::Failed)
            } else {
                (Duration::from_millis(60), CallResult::Succeeded)
            };
            under_way.push_back((now + took, now, result));
        }
        if millis >= ends && pace.rate() >= 0.9 * ceiling {
            return (millis - ends) / 1_000;
        }
    }
    u64::MAX
}

#[test]
fn the_rate_recovers_half_a_minute_after_an_outage() {
    for ceiling in [5.0, 20.0, 100.0, 1000.0] {
        for outage in [10, 60, 600] {
            for takes in [Duration::from_millis(50), Duration::from_secs(10)] {
                let same = seconds_to_recover(ceiling, outage, takes, false);
                assert!(same <= 30, "{outage} s away, {takes:?} each, {ceiling}/s: back after {same} s");
                let next = seconds_to_recover(ceiling, outage, takes, true);
                assert!(
                    next <= 1,
                    "{outage} s away, {takes:?} each, {ceiling}/s: the next holder after {next} s"
                );
            }
        }
    }
}

/// An outage says nothing about other limits.
#[test]
fn an_outage_does_not_change_how_hidden_limits_are_kept() {
    let outage = (Duration::from_secs(100), Duration::from_secs(160));
    for shape in [Shape::Bucket { low: 8.0, high: 40.0 }, Shape::Window(24.0, Duration::from_secs(10))] {
        for ceiling in [50.0, 1000.0] {
            let (used, throttled) = measured_with(shape, ceiling, outage);
            let seen = format!("{shape:?}, ceiling {ceiling}: {used:.3} used, {throttled:.4} throttled");
            assert!(used >= 0.8 && throttled <= 0.02, "{seen}");
        }
    }
}

/// Some APIs answer 503 when they are overloaded: a rate that has led to trouble again is not used again at once.
#[test]
fn a_rate_that_caused_failures_twice_is_not_restored_at_once() {
    let mut recovery = super::recovery::Recovery::default();
    recovery.falls_from(100.0, 100.0);
    assert!((recovery.sustainable_rate(1.0) - 100.0).abs() < 1e-9);
    recovery.falls_from(2.0, 100.0);
    assert!((recovery.sustainable_rate(1.0) - 100.0).abs() < 1e-9, "it is the same outage");
    let mut rate = 1.0;
    for _ in 0..60 {
        rate = recovery.well(rate).unwrap_or(rate);
    }
    assert!(rate > 10.0 && rate < 30.0, "{rate}");
    recovery.falls_from(rate, 100.0);
    assert!((recovery.sustainable_rate(1.0) - 0.9 * rate).abs() < 1e-9);
    recovery.ends();
    assert_eq!((recovery.well(5.0), recovery.sustainable_rate(5.0)), (None, 5.0));
}
