//! The table of B's observations, and of broken promises.

use std::fmt::Write as _;
use std::time::Duration;

use super::run::Report;
use crate::table::markdown;

/// Broken promises that are written out for each row; the others are counted.
const SHOWN: usize = 12;

const COLUMNS: usize = 12;
const HEAD: [&str; COLUMNS] = [
    "while",
    "struck",
    "accepted",
    "lost",
    "p50",
    "p99",
    "max",
    "admitted",
    "turned away",
    "no answer",
    "peak memory",
    "took",
];

/// The table as Markdown.
#[must_use]
pub fn table(reports: &[Report]) -> String {
    markdown(HEAD, &reports.iter().map(cells).collect::<Vec<_>>())
}

fn cells(report: &Report) -> [String; COLUMNS] {
    let noticed = &report.noticed;
    let memory = report.memory.iter().map(|(role, bytes)| format!("{} {} MiB", role.word(), bytes >> 20));
    [
        report.row.to_owned(),
        report.struck.to_string(),
        noticed.accepted.to_string(),
        noticed.lost.to_string(),
        milliseconds(noticed.p50),
        milliseconds(noticed.p99),
        milliseconds(noticed.max),
        milliseconds(noticed.admitted),
        noticed.rejected.to_string(),
        noticed.unanswered.to_string(),
        memory.collect::<Vec<_>>().join(", "),
        format!("{} s", report.took.as_secs()),
    ]
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

/// Every broken promise, by row; empty where all were kept.
#[must_use]
pub fn breaches(reports: &[Report]) -> String {
    let mut text = String::new();
    for report in reports.iter().filter(|report| !report.breaches.is_empty()) {
        let (count, logs) = (report.breaches.len(), report.logs.as_deref().unwrap_or("nowhere"));
        writeln!(text, "{} ({count} broken promises; logs are in {logs}):", report.row)
            .expect("a text can be written to");
        for breach in report.breaches.iter().take(SHOWN) {
            writeln!(text, "  {breach}").expect("a text can be written to");
        }
    }
    text
}
