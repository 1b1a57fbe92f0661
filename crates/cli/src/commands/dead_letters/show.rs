//! `dead-letters list`.

use jiff::Timestamp;
use ledger::{DeadLetterFilter, DeadLetterState, DeadLetterView, Discarded, Mender};
use serde::Serialize;
use uuid::Uuid;

use super::selection::Asked;
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::Directory;
use service::operator::dead_letters::Selection;
use service::operator::events::message_id_in;
use service::output::{Output, age, cut, spare, whole};

/// A dead letter. The names of its fields are fixed: scripts rely on them.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    id: i64,
    event_id: Uuid,
    message_id: Option<String>,
    connection: String,
    class: String,
    cause: String,
    http_status: Option<u16>,
    field: Option<String>,
    audience: Option<String>,
    group: Option<String>,
    mend: Option<Mender>,
    discarded: Option<Discarded>,
    resolved_by: Option<Uuid>,
    attempts: u32,
    repeats: u64,
    died_at: Timestamp,
    received_at: Timestamp,
    state: DeadLetterState,
}

impl Row {
    /// Each field in words, for people.
    pub(super) fn lines(&self) -> Vec<Vec<String>> {
        let mut lines = self.fields();
        if let Some(discarded) = &self.discarded {
            let reason = discarded.reason.as_deref().unwrap_or("no reason was given");
            lines.push(vec!["discarded".to_owned(), format!("{}, {reason}", discarded.at)]);
            let until =
                discarded.kept_until.map_or_else(|| "no longer".to_owned(), |at| format!("until {at}"));
            lines.push(vec!["can be restored".to_owned(), until]);
        }
        if let Some(newer) = self.resolved_by {
            lines.push(vec!["resolved by".to_owned(), format!("event {newer}")]);
        }
        lines
    }

    fn fields(&self) -> Vec<Vec<String>> {
        let line = |name: &str, value: String| vec![name.to_owned(), value];
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        vec![
            line("id", self.id.to_string()),
            line("event", self.event_id.to_string()),
            line("message", text(&self.message_id)),
            line("connection", self.connection.clone()),
            line("received", self.received_at.to_string()),
            line("died", self.died_at.to_string()),
            line("state", self.state.word().to_owned()),
            line("class", self.class.clone()),
            line("cause", self.cause.clone()),
            line("field", text(&self.field)),
            line("audience", text(&self.audience)),
            line("group", text(&self.group)),
            line("can be corrected by", self.mend.map(|mender| mender.word().to_owned()).unwrap_or_default()),
            line("http status", self.http_status.map(|status| status.to_string()).unwrap_or_default()),
            line("attempts", self.attempts.to_string()),
            line("repeats", self.repeats.to_string()),
        ]
    }

    pub(super) fn of(view: DeadLetterView, directory: &Directory) -> Self {
        Self {
            id: view.id,
            event_id: view.event,
            message_id: view.payload.and_then(|payload| message_id_in(&payload, view.received_at)),
            connection: directory.name(view.connection),
            class: view.class,
            cause: view.cause,
            http_status: view.http_status,
            field: view.field,
            audience: view.audience,
            group: view.group,
            mend: view.mender,
            discarded: view.discarded,
            resolved_by: view.resolved_by,
            attempts: view.attempts,
            repeats: view.repeats,
            died_at: view.died_at,
            received_at: view.received_at,
            state: view.state,
        }
    }
}

/// A list by a selector.
#[derive(Serialize)]
struct Listed {
    selector: String,
    count: u64,
    dead_letters: Vec<Row>,
}

pub(super) async fn list(
    engines: &Engines,
    Asked { selection, is_object }: Asked,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let directory = Directory::read(engines, None).await?;
    let views = engines.ledger.dead_letters(&selection.filter).await?;
    let rows: Vec<Row> = views.into_iter().map(|view| Row::of(view, &directory)).collect();
    if !context.output.is_json() {
        return show_list(engines, &selection, &rows, &mut context.output);
    }
    if is_object {
        let selector = selection.selector.to_string();
        context.output.json(&Listed { selector, count: selection.count, dead_letters: rows })?;
    } else {
        context.output.json(&rows)?;
    }
    Ok(Exit::Done)
}

fn show_list(
    engines: &Engines,
    selection: &Selection,
    rows: &[Row],
    output: &mut Output,
) -> Result<Exit, Failure> {
    if !selection.selector.is_empty() {
        output.line(&format!("selector: {}", selection.selector))?;
    }
    if rows.is_empty() && selection.count == 0 {
        output.line("no dead letter")?;
        return Ok(Exit::Done);
    }
    table(rows, engines.now(), output)?;
    output.total(rows.len(), selection.count, "dead letters")?;
    if let Some(last) = rows.last().filter(|_| rows.len() == selection.filter.limit) {
        output.line(&format!("the next page: --after {}", last.id))?;
    }
    Ok(Exit::Done)
}

/// The letters as a table.
pub(super) fn table(rows: &[Row], now: Timestamp, output: &mut Output) -> Result<(), Failure> {
    let head = [
        whole("ID"),
        cut("AGE"),
        cut("CONNECTION"),
        whole("STATE"),
        whole("CLASS"),
        cut("FIELD"),
        spare("STATUS"),
        spare("ATTEMPTS"),
        cut("CAUSE"),
        spare("MESSAGE"),
    ];
    output.table(&head, &rows.iter().map(|row| cells(row, now)).collect::<Vec<_>>())?;
    output.line("")
}

fn cells(row: &Row, now: Timestamp) -> Vec<String> {
    vec![
        row.id.to_string(),
        age(row.died_at, now),
        row.connection.clone(),
        row.state.word().to_owned(),
        row.class.clone(),
        row.field.clone().unwrap_or_default(),
        row.http_status.map(|status| status.to_string()).unwrap_or_default(),
        row.attempts.to_string(),
        row.cause.clone(),
        row.message_id.clone().unwrap_or_default(),
    ]
}

/// The place in a list after which the next page begins.
///
/// # Errors
///
/// [`Failure`] with the code `no_such_dead_letter`, or if the ledger cannot be read.
pub(super) async fn place_of(engines: &Engines, id: i64) -> Result<(Timestamp, i64), Failure> {
    let letter = letter(engines, id).await?;
    Ok((letter.died_at, letter.id))
}

pub(super) async fn letter(engines: &Engines, id: i64) -> Result<DeadLetterView, Failure> {
    let filter = DeadLetterFilter { ids: Some(vec![id]), limit: 1, ..DeadLetterFilter::default() };
    engines.ledger.dead_letters(&filter).await?.into_iter().next().ok_or_else(|| {
        let message = format!("there is no dead letter {id}");
        Failure::refused("no_such_dead_letter", message, "`dead-letters list` shows their ids")
    })
}
