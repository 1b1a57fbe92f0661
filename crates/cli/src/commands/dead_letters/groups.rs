//! `dead-letters groups`: dead letters by cause, and `dead-letters note`.

use jiff::Timestamp;
use ledger::groups::Mender;
use serde::Serialize;

use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::dead_letters::{self as letters, Frozen, GroupRow, Noted, groups};
use service::operator::{Directory, audit};
use service::output::{Output, age, counted, cut, spare, whole};

#[derive(Serialize)]
struct Listed {
    selector: String,
    /// Number of all groups, including those that `--limit` leaves out.
    count: usize,
    dead_letters: u64,
    groups: Vec<GroupRow>,
}

pub(super) async fn list(
    engines: &Engines,
    selected: &Frozen,
    limit: Option<usize>,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let directory = Directory::read(engines, None).await?;
    let now = engines.now();
    let mut rows = groups(engines, &directory, selected).await?;
    let (all, dead_letters) = (rows.len(), rows.iter().map(|row| row.count).sum());
    rows.truncate(limit.unwrap_or(usize::MAX));
    let selector = selected.selector.to_string();
    if context.output.is_json() {
        context.output.json(&Listed { selector, count: all, dead_letters, groups: rows })?;
        return Ok(Exit::Done);
    }
    let output = &mut context.output;
    output.line(&format!("selector: {selector}\n"))?;
    show(&rows, now, output)?;
    if rows.len() < all {
        output.line(&format!("{} of {all} groups shown; --limit shows more", rows.len()))?;
    }
    output.line(&format!("{}, {}", counted(all as u64, "group"), counted(dead_letters, "dead letter")))?;
    Ok(Exit::Done)
}

/// Shows a table for each place where causes can be corrected.
pub(super) fn show(rows: &[GroupRow], now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    for mender in Mender::ALL {
        let those: Vec<&GroupRow> = rows.iter().filter(|row| row.mend == mender).collect();
        if those.is_empty() {
            continue;
        }
        output.line(title(mender))?;
        let head = [
            whole("GROUP"),
            whole("LETTERS"),
            whole("PEOPLE"),
            cut("CONNECTION"),
            whole("CLASS"),
            spare("STATUS"),
            cut("FIELD"),
            spare("FIRST"),
            cut("LAST"),
            spare("24 HOURS"),
            spare("SAMPLE"),
            cut("CAUSE"),
        ];
        output.table(&head, &those.iter().map(|row| cells(row, now)).collect::<Vec<_>>())?;
        for (row, note) in those.iter().filter_map(|row| Some((row, row.note.as_ref()?))) {
            output.line(&format!("{}: {note}", row.group))?;
        }
        output.line("")?;
    }
    Ok(())
}

fn title(mender: Mender) -> &'static str {
    match mender {
        Mender::Data => "to be corrected in the data that Segment gets (mend:data)",
        Mender::Settings => "to be corrected in the settings of the connection (mend:settings)",
        Mender::Refersion => "to be corrected by Refersion, or by time (mend:refersion)",
        Mender::Us => "to be corrected in this program (mend:us)",
    }
}

fn cells(row: &GroupRow, now: Timestamp) -> Vec<String> {
    vec![
        row.group.clone(),
        row.count.to_string(),
        row.people.to_string(),
        row.connection.clone(),
        row.class.clone(),
        row.http_status.map(|status| status.to_string()).unwrap_or_default(),
        row.field.clone().unwrap_or_default(),
        age(row.first_at, now),
        age(row.last_at, now),
        trend(&row.hours),
        row.sample.to_string(),
        row.cause.clone(),
    ]
}

/// Hours of one bar.
const HOURS_OF_A_BAR: usize = 2;

/// Deaths in two hours each as bars, the current hours last.
fn trend(hours: &[u64]) -> String {
    const BARS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let hours: Vec<u64> = hours.chunks(HOURS_OF_A_BAR).map(|some| some.iter().sum()).collect();
    let most = hours.iter().copied().max().unwrap_or(0).max(1);
    let bar = |deaths: &u64| BARS[usize::try_from((deaths * 8).div_ceil(most)).unwrap_or(8).min(8)];
    hours.iter().map(bar).collect()
}

/// Writes the note of a group; an empty one removes it.
pub(super) async fn note(
    engines: &Engines,
    group: &str,
    text: &str,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let directory = Directory::read(engines, None).await?;
    let Noted { note, replaced } = letters::note(engines, &directory, &audit::cli(), group, text).await?;
    if context.output.is_json() {
        let answer = serde_json::json!({ "group": group, "note": note, "replaced": replaced });
        context.output.json(&answer)?;
        return Ok(Exit::Done);
    }
    let done = if note.is_some() { "noted" } else { "the note is removed" };
    context.output.line(&format!("{group}: {done}"))?;
    if let Some(before) = replaced {
        context.output.line(&format!("the previous note: {before}"))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use ledger::groups::{Cause, HOURS, Note, Span};
    use ledger::{DeadLetterState, Group};

    use super::*;
    use crate::commands::snapshots::{at, fits, shown};

    #[test]
    fn a_trend_is_as_high_as_its_highest_hour() {
        assert_eq!(trend(&[0, 0, 1, 0, 150, 250, 800, 0]), "·▁▄█");
        assert_eq!(trend(&[0; HOURS]), "·".repeat(12));
    }

    fn row(cause: &Cause, letters: u64, note: Option<&str>) -> GroupRow {
        let span = Span { letters, first: at(-90_000), last: at(-40) };
        let mut hours = [0; HOURS];
        (hours[HOURS - 2], hours[HOURS - 1]) = (letters / 2, letters);
        let group = Group {
            key: cause.key(1),
            connection: 1,
            cause: cause.clone(),
            states: [(DeadLetterState::Open, span)].into(),
            people: letters - 1,
            hours,
            sample: 117,
            note: note.map(|text| Note { text: text.to_owned(), at: at(0) }),
        };
        GroupRow::of(group, &[DeadLetterState::Open], &Directory::default()).unwrap()
    }

    #[test]
    fn groups_fit_a_terminal_of_80_and_of_120_columns() {
        let invalid =
            Cause::of("refused", Some(422), Some("email"), "the address \"a@b\" is not valid for this offer");
        let unknown =
            Cause::of("refused", Some(200), Some("custom:8"), "the affiliate was not changed, and no reason");
        let rows = [row(&invalid, 212, Some("the shop corrects its form")), row(&unknown, 60, None)];
        for width in [80, 120] {
            let text = shown(width, |output| show(&rows, at(0), output));
            assert!(fits(&text, width), "{text}");
            insta::assert_snapshot!(format!("groups_at_{width}"), text);
        }
    }
}
