//! The table, and the broken promises.

use std::fmt::Write as _;

use crate::row::Row;

/// Broken promises that are written out for each row; the others are counted.
const SHOWN: usize = 12;

const COLUMNS: usize = 12;
const HEAD: [&str; COLUMNS] = [
    "fault",
    "struck",
    "accepted",
    "outcomes",
    "lost",
    "wrong",
    "left over",
    "calls",
    "least",
    "repeated",
    "in 10 s",
    "took",
];

/// The table as Markdown, which reads well in a terminal too.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    markdown(HEAD, &rows.iter().map(cells).collect::<Vec<_>>())
}

/// A table as Markdown: the first column is a name, the others are figures.
pub(crate) fn markdown<const COLUMNS: usize>(head: [&str; COLUMNS], cells: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| {
        let widths = cells.iter().map(|row| row[column].len());
        widths.chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    let mut text = line(&head.map(str::to_owned), &widths);
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    text.push_str(&format!("| {} |\n", rule.join(" | ")));
    for row in cells {
        text.push_str(&line(row, &widths));
    }
    text
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::from("|");
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let cell = if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") };
        text.push(' ');
        text.push_str(&cell);
        text.push_str(" |");
    }
    text.push('\n');
    text
}

fn cells(row: &Row) -> [String; COLUMNS] {
    let proof = &row.proof;
    [
        row.fault.to_owned(),
        row.injected.to_string(),
        proof.accepted.to_string(),
        proof.outcomes.values().sum::<usize>().to_string(),
        proof.lost.to_string(),
        proof.wrong.to_string(),
        proof.left_over.to_string(),
        proof.calls.to_string(),
        proof.least.to_string(),
        proof.repeated.to_string(),
        proof.busiest.to_string(),
        format!("{} s", row.took.as_secs()),
    ]
}

/// Every broken promise, by row; empty where all were kept.
#[must_use]
pub fn breaches(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows.iter().filter(|row| !row.proof.breaches.is_empty()) {
        let breaches = &row.proof.breaches;
        let logs = row.logs.as_deref().unwrap_or("nowhere");
        writeln!(text, "{} ({} broken promises; logs are in {logs}):", row.fault, breaches.len())
            .expect("a text can be written to");
        for breach in breaches.iter().take(SHOWN) {
            writeln!(text, "  {breach}").expect("a text can be written to");
        }
    }
    text
}
