//! What starts, and what may arrive, at any moment; and what is learned.

use proptest::prelude::*;

use super::*;

/// With as many calls under way as one likes.
fn without_a_limit(ceiling: f64) -> Pace {
    let mut pace = Pace::new(ceiling, None, 10_000, Duration::ZERO);
    pace.limit = pace.most;
    pace
}

/// In any ten seconds lie at most ten times the ceiling, and one, of these times.
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
    fn in_any_ten_seconds_at_most_ten_times_the_rate_and_one_calls_start(
        ceiling in 0.05_f64..500.0,
        steps in proptest::collection::vec((1_u64..400, 0_u8..20), 1..1500),
    ) {
        let mut pace = Pace::new(ceiling, None, 10_000, Duration::ZERO);
        let mut now = Duration::ZERO;
        let mut starts: Vec<f64> = Vec::new();
        for (millis, went) in steps {
            now += Duration::from_millis(millis);
            while pace.start(now).is_ok() {
                starts.push(now.as_secs_f64());
                let went = if went == 0 { Went::Throttled(None) } else { Went::Well };
                pace.ended(now, went, Duration::from_millis(20));
            }
        }
        in_any_ten_seconds(&starts, ceiling)?;
    }

    /// A call arrives at some moment between its start and its end.
    #[test]
    fn in_any_ten_seconds_at_most_ten_times_the_ceiling_and_one_calls_arrive(
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
                pace.ended(end, Went::Well, Duration::from_millis(20));
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
fn where_calls_take_long_no_more_of_them_start_than_may_arrive_at_once() {
    let mut pace = without_a_limit(10.0);
    let mut started = 0;
    for millis in 1..60_000 {
        started += usize::from(pace.start(Duration::from_millis(millis)).is_ok());
    }
    assert_eq!(started, 101, "all of them may arrive in one moment");
    assert_eq!(pace.start(Duration::from_secs(60)), Err(None), "until one ends");
    pace.ended(Duration::from_secs(60), Went::Well, Duration::from_secs(59));
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
fn the_rate_shrinks_when_throttled_and_grows_back_while_the_api_is_well() {
    let mut pace = Pace::new(10.0, None, 8, Duration::ZERO);
    pace.ended(Duration::from_secs(1), Went::Throttled(Some(Duration::from_secs(3))), Duration::ZERO);
    assert!((pace.rate() - 5.0).abs() < 1e-9);
    assert_eq!(pace.start(Duration::from_secs(2)), Err(Some(Duration::from_secs(2))));
    for second in 4..60 {
        pace.ended(Duration::from_secs(second), Went::Well, Duration::from_millis(50));
    }
    assert!((pace.rate() - 10.0).abs() < 1e-9);
}

#[test]
fn a_hidden_limit_is_found_and_mostly_kept() {
    let limit = 100.0;
    let mut pace = Pace::new(1000.0, None, 10_000, Duration::ZERO);
    let (mut allowed, mut well, mut throttled) = (0.0_f64, 0_u32, 0_u32);
    for millis in 1..120_000_u64 {
        let now = Duration::from_millis(millis);
        allowed = (allowed + limit / 1000.0).min(limit / 10.0);
        while pace.start(now).is_ok() {
            let fits = allowed >= 1.0;
            let went = if fits { Went::Well } else { Went::Throttled(None) };
            pace.ended(now, went, Duration::from_millis(20));
            if fits {
                allowed -= 1.0;
            }
            if millis > 30_000 {
                if fits { well += 1 } else { throttled += 1 }
            }
        }
    }
    let possible = limit * 90.0;
    assert!(f64::from(well) > possible * 0.9, "{well} of {possible} calls");
    assert!(f64::from(throttled) < f64::from(well) * 0.12, "{throttled} throttled of {well}");
}
