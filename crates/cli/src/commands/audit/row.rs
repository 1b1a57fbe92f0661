//! A line of the audit as scripts and people see it: JSON, CSV and a table.

use jiff::Timestamp;
use ledger::{AuditEntry, AuditResult};
use serde::Serialize;
use service::failure::Failure;
use service::operator::Directory;
use service::output::{Output, age, csv_row, cut, spare, whole};

/// A line. The names of its fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) at: Timestamp,
    connection: Option<String>,
    actor: String,
    action: String,
    subject: String,
    result: AuditResult,
    selector: Option<String>,
    number: Option<u64>,
    reason: Option<String>,
}

impl Row {
    pub(super) fn of(id: i64, entry: AuditEntry, directory: &Directory) -> Self {
        Self {
            id,
            at: entry.at,
            connection: entry.connection.map(|connection| directory.name(connection)),
            actor: entry.actor,
            action: entry.action,
            subject: entry.subject,
            result: entry.result,
            selector: entry.selector,
            number: entry.number,
            reason: entry.reason,
        }
    }
}

pub(super) const CSV_HEAD: &str = "id,at,connection,actor,action,subject,result,selector,number,reason";

/// A line as RFC 4180 writes it.
pub(super) fn csv(row: &Row) -> String {
    let or_nothing = |text: &Option<String>| text.clone().unwrap_or_default();
    let cells = [
        row.id.to_string(),
        row.at.to_string(),
        or_nothing(&row.connection),
        row.actor.clone(),
        row.action.clone(),
        row.subject.clone(),
        row.result.to_string(),
        or_nothing(&row.selector),
        row.number.map(|number| number.to_string()).unwrap_or_default(),
        or_nothing(&row.reason),
    ];
    csv_row(cells.each_ref().map(String::as_str))
}

/// The lines as a table.
pub(super) fn show(rows: &[Row], now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    let cells = |row: &Row| {
        vec![
            age(row.at, now),
            row.connection.clone().unwrap_or_default(),
            row.action.clone(),
            row.subject.clone(),
            row.actor.clone(),
            row.result.to_string(),
            row.reason.clone().unwrap_or_default(),
        ]
    };
    let head = [
        cut("AGE"),
        cut("CONNECTION"),
        whole("WHAT"),
        cut("SUBJECT"),
        cut("BY"),
        spare("RESULT"),
        spare("REASON"),
    ];
    output.table(&head, &rows.iter().map(cells).collect::<Vec<_>>())?;
    output.line("")
}

#[cfg(test)]
mod tests {
    use ledger::AuditResult;

    use super::*;
    use crate::commands::snapshots::{at, fits, shown};

    fn row(seconds: i64, action: &str, actor: &str) -> Row {
        let entry = AuditEntry {
            connection: Some(1),
            reason: (actor != "worker").then(|| "the customer asked".to_owned()),
            ..AuditEntry::new(at(seconds), actor, action, "affiliate 37569297")
        };
        Row {
            connection: Some("shop-in-another-country".to_owned()),
            ..Row::of(7, entry, &Directory::default())
        }
    }

    #[test]
    fn an_audit_fits_a_terminal_of_80_and_of_120_columns() {
        let rows = [row(-90, "address_changed", "worker"), row(-9_000, "payout_confirmed", "cli:ann")];
        for width in [80, 120] {
            let text = shown(width, |output| show(&rows, at(0), output));
            assert!(fits(&text, width), "{text}");
            insta::assert_snapshot!(format!("audit_at_{width}"), text);
        }
    }

    #[test]
    fn a_cell_with_a_comma_a_quote_or_a_line_break_is_quoted() {
        let mut row = row(0, "dead_letters_discarded", "cli:ann");
        row.reason = Some("it said \"no\", twice".to_owned());
        row.result = AuditResult::Failed;
        let line = csv(&row);
        assert!(
            line.ends_with(",,failed,,\"it said \"\"no\"\", twice\"")
                || line.contains("\"it said \"\"no\"\", twice\""),
            "{line}"
        );
    }
}
