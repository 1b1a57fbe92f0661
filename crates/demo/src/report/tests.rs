//! The report and the exit code, with promises kept and broken.

use super::super::figures::{CallRow, DeadRow, LatencyRow, ProofRow, RateRow};
use super::*;
use service::output::captured::captured;

fn kept() -> Report {
    let outcomes = [("created", 2), ("dead", 1)];
    Report {
        seed: 7,
        members: 2,
        seconds: 1.5,
        answers: BTreeMap::from([(202, 3), (400, 1)]),
        accepted: 3,
        outcomes: outcomes
            .into_iter()
            .map(|(outcome, count)| (outcome, BTreeMap::from([(String::new(), count)])))
            .collect(),
        calls: vec![CallRow { operation: "affiliate/new".to_owned(), answered: 2, failed: 1, least: 2 }],
        rate: RateRow { ceiling: 10.0, most_in_10s: 101, allowed_in_10s: 101 },
        latencies: vec![LatencyRow { what: "ingest answer", times: 4, p50_ms: 1, p99_ms: 12_345 }],
        faults: BTreeMap::from([("429".to_owned(), 1)]),
        dead: vec![DeadRow {
            class: "refused".to_owned(),
            field: Some("company".to_owned()),
            events: 1,
            example: "Value exceed the char limit".to_owned(),
        }],
        unmapped: vec![("favoriteColor".to_owned(), 1)],
        proof: ProofRow { affiliates: 2, events: 3, forbidden: 14, disabled: 1, ..ProofRow::default() },
    }
}

fn printed(report: &Report, json: bool) -> String {
    captured(json, None, |output| report.print(output)).unwrap()
}

#[test]
fn kept_promises_give_success() {
    let report = kept();
    assert_eq!(report.exit(), Exit::Done);
    let text = printed(&report, false);
    for line in [
        "Refersion's state equals the reference model's: 2 affiliates compared, 0 differences.",
        "Every accepted event has exactly one outcome: 3 events looked up, 0 exceptions.",
        "Deletes forbid 14 addresses; 1 affiliate is disabled there. Affiliates without a person: 0.",
        "Rate: at most 10 calls a second; the busiest 10 s had 101 calls, and 101 are allowed.",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("BROKEN"), "{text}");
}

#[test]
fn a_difference_is_listed_and_fails() {
    let mut report = kept();
    report.proof.differences = 12;
    report.proof.first_differences = vec!["ann@example.com: there is no affiliate".to_owned()];
    assert_eq!(report.exit(), Exit::Failed);
    let text = printed(&report, false);
    for part in
        ["DIFFERS FROM", "  ann@example.com: there is no affiliate", "  and 11 more", "BROKEN PROMISE"]
    {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn a_lost_event_a_missing_outcome_and_too_high_a_rate_fail() {
    let breaches: [fn(&mut Report); 3] = [
        |report| report.proof.outcome_faults = 1,
        |report| report.accepted = 4,
        |report| report.rate.most_in_10s = 102,
    ];
    for breach in breaches {
        let mut report = kept();
        breach(&mut report);
        assert_eq!((report.exit(), report.broken().len()), (Exit::Failed, 1), "{report:?}");
    }
}

#[test]
fn json_output_is_one_object_with_the_same_figures() {
    let page: serde_json::Value = serde_json::from_str(&printed(&kept(), true)).unwrap();
    assert_eq!(page["broken_promises"], serde_json::json!([]));
    assert_eq!(page["report"]["proof"]["affiliates"], 2);
    assert_eq!(page["report"]["seed"], 7);
}

#[test]
fn surprising_figures_are_explained() {
    let mut report = kept();
    let text = printed(&report, false);
    assert!(!text.contains("Live events took longer") && !text.contains("Fewer answers"), "{text}");
    report.calls[0].answered = 1;
    let lane = |what, p50_ms| LatencyRow { what, times: 1, p50_ms, p99_ms: p50_ms };
    report.latencies = vec![lane("accepted to outcome, live", 900), lane("accepted to outcome, bulk", 200)];
    let text = printed(&report, false);
    assert!(text.contains("Live events took longer") && text.contains("Fewer answers"), "{text}");
}
