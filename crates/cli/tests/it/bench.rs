//! The benchmark measures what it says, on either pair of engines. How fast anything is, no test can promise.

use serde_json::Value;
use testbed::{postgres, rabbitmq};

use crate::program::run;

const MEMBERS: u64 = 200;

/// 32 bytes in base64.
const MASTER_KEY: &str = "dGhlIGtleSBvZiBhIHRlc3QgaXMgbm8gc2VjcmV0ISE=";

/// Runs it, and checks what holds on every machine.
fn bench(variables: &[(&str, &str)]) {
    let members = MEMBERS.to_string();
    let ended = run(&["bench", "sync", "--members", &members, "--workers", "2", "--json"], variables);
    assert_eq!(ended.code, Some(0), "{} {}", ended.stdout, ended.stderr);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["wrong_affiliates"], 0, "{report}");
    assert_eq!(report["plain"]["calls"], MEMBERS, "{report}");
    let (calls, least) = (&report["from_queue"]["calls"], &report["from_queue"]["least_calls"]);
    assert_eq!(*least, MEMBERS.div_ceil(50));
    // All of it waits in the queue when the workers begin, so batches are full but for the last ones of each take. On files
    // the start of the second worker may take back what the first one holds, which then comes again event by event.
    assert!((4..=MEMBERS / 8).contains(&calls.as_u64().unwrap()), "{report}");
}

#[test]
fn the_benchmark_runs_on_files_of_its_own() {
    bench(&[]);
}

#[test]
fn the_benchmark_runs_on_servers_and_leaves_them_empty() {
    let (queue, ledger) = (rabbitmq::shared_url().unwrap(), postgres::fresh_database().unwrap());
    let prefix = format!("bench-{}", std::process::id());
    let variables = [
        ("REFERSION_DESTINATION__QUEUE__URL", queue.as_str()),
        ("REFERSION_DESTINATION__QUEUE__PREFIX", &prefix),
        ("REFERSION_DESTINATION__LEDGER__URL", &ledger),
        ("REFERSION_DESTINATION__SECRETS__KEY", MASTER_KEY),
    ];
    bench(&variables);
    // It refuses engines that are not empty, so a second run shows that the first has left nothing.
    bench(&variables);
}

#[test]
fn accepting_is_measured_one_by_one_and_in_batches() {
    let ended =
        run(&["bench", "ingest", "--events", "400", "--batch", "50", "--connections", "4", "--json"], &[]);
    assert_eq!(ended.code, Some(0), "{} {}", ended.stdout, ended.stderr);
    let rows: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&rows[0]["path"], &rows[1]["path"]), (&"/segment".into(), &"/v1/batch".into()), "{rows}");
    for row in rows.as_array().unwrap() {
        assert!(row["events_per_second"].as_f64().unwrap() > 0.0, "{row}");
        assert!(row["p50_ms"].as_f64().unwrap() <= row["p99_ms"].as_f64().unwrap(), "{row}");
    }
}
