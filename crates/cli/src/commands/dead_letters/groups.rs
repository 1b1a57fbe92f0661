//! `dead-letters groups`: dead letters by cause, and `dead-letters note`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ledger::groups::{Mender, Span};
use ledger::selector::Term;
use ledger::{DeadLetterFilter, DeadLetterState, Group, Selector};
use serde::Serialize;

use crate::commands::Context;
use crate::engines::Engines;
use crate::failure::{Exit, Failure};
use crate::operator::Directory;
use crate::output::{Output, age, counted, cut, spare, whole};

/// A group. The names of its fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    group: String,
    mend: Mender,
    connection: String,
    class: String,
    http_status: Option<u16>,
    field: Option<String>,
    cause: String,
    /// Dead letters in the states that the selector names; without any, those that are open.
    count: u64,
    people: u64,
    first_at: Timestamp,
    last_at: Timestamp,
    /// By state, whatever the selector says.
    states: BTreeMap<DeadLetterState, u64>,
    /// Deaths in each of the last 24 hours, the current one last.
    hours: Vec<u64>,
    sample: i64,
    note: Option<String>,
}

#[derive(Serialize)]
struct Listed {
    selector: String,
    /// All groups, also those that `--limit` leaves out.
    count: usize,
    dead_letters: u64,
    groups: Vec<Row>,
}

pub(super) async fn list(
    engines: &Engines,
    (selector, filter): &(Selector, DeadLetterFilter),
    limit: Option<usize>,
    context: &mut Context,
) -> Result<Exit, Failure> {
    if let Some(term) = selector.terms().iter().find(|term| !is_counted(term)) {
        let message = format!("groups cannot be selected by `{term}`");
        let hint = "the terms of groups are class, connection, field, group, mend, state and status; `dead-letters list` \
                    takes every term";
        return Err(Failure::usage("selector", message, hint));
    }
    let directory = Directory::read(engines, None).await?;
    let now = engines.now();
    let groups = engines.dead_letters.groups(now).await?;
    let picked = groups.into_iter().filter(|group| group.is_picked_by(filter));
    let open = [DeadLetterState::Open];
    let states: &[DeadLetterState] = filter.states.as_deref().unwrap_or(&open);
    let mut rows: Vec<Row> = picked.filter_map(|group| Row::of(group, states, &directory)).collect();
    rows.sort_by_key(|row| (row.mend, std::cmp::Reverse(row.count), row.group.clone()));
    let (all, dead_letters) = (rows.len(), rows.iter().map(|row| row.count).sum());
    rows.truncate(limit.unwrap_or(usize::MAX));
    let selector = selector.to_string();
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

/// Whether counts are kept by what a term asks for.
fn is_counted(term: &Term) -> bool {
    !matches!(
        term,
        Term::Id(_)
            | Term::Audience(_)
            | Term::Text(_)
            | Term::Age(_)
            | Term::DiedFrom(_)
            | Term::DiedBefore(_)
    )
}

impl Row {
    /// `None` if no dead letter of the group is in one of these states.
    fn of(group: Group, states: &[DeadLetterState], directory: &Directory) -> Option<Self> {
        let spans: Vec<&Span> = states.iter().filter_map(|state| group.states.get(state)).collect();
        let is_classified = !group.key.is_empty();
        Some(Self {
            count: spans.iter().map(|span| span.letters).sum(),
            first_at: spans.iter().map(|span| span.first).min()?,
            last_at: spans.iter().map(|span| span.last).max()?,
            mend: group.cause.mender,
            connection: directory.name(group.connection),
            class: group.cause.class,
            http_status: group.cause.http_status,
            field: group.cause.field,
            cause: if is_classified { group.cause.text } else { "(not classified yet)".to_owned() },
            people: group.people,
            states: group.states.iter().map(|(state, span)| (*state, span.letters)).collect(),
            hours: group.hours.to_vec(),
            sample: group.sample,
            note: group.note.map(|note| note.text),
            group: group.key,
        })
    }
}

/// A table for each who can correct the cause.
pub(super) fn show(rows: &[Row], now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    for mender in Mender::ALL {
        let those: Vec<&Row> = rows.iter().filter(|row| row.mend == mender).collect();
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

fn cells(row: &Row, now: Timestamp) -> Vec<String> {
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

/// Writes the note of a group; an empty one takes it away.
pub(super) async fn note(
    engines: &Engines,
    group: &str,
    text: &str,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let note = (!text.trim().is_empty()).then(|| text.trim());
    if !engines.dead_letters.note_group(group, note, engines.now()).await? {
        let message = format!("there is no group {group} of dead letters");
        return Err(Failure::refused("no_such_group", message, "`dead-letters groups` shows their keys"));
    }
    if context.output.is_json() {
        context.output.json(&serde_json::json!({ "group": group, "note": note }))?;
    } else {
        let done = if note.is_some() { "noted" } else { "the note is removed" };
        context.output.line(&format!("{group}: {done}"))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use ledger::groups::{Cause, HOURS, Note};

    use super::*;
    use crate::commands::snapshots::{at, fits, shown};

    #[test]
    fn a_trend_is_as_high_as_its_highest_hour() {
        assert_eq!(trend(&[0, 0, 1, 0, 150, 250, 800, 0]), "·▁▄█");
        assert_eq!(trend(&[0; HOURS]), "·".repeat(12));
    }

    fn row(cause: &Cause, letters: u64, note: Option<&str>) -> Row {
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
        Row::of(group, &[DeadLetterState::Open], &Directory::default()).unwrap()
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
