//! `dead-letters list`.

use jiff::Timestamp;
use ledger::{DeadLetterFilter, DeadLetterView};
use serde::Serialize;

use super::row::Row;
use super::selection::Asked;
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::Directory;
use service::operator::dead_letters::Selection;
use service::output::{Output, age, cut, spare, whole};

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
    match selection.selector.is_empty() {
        true => output.line("selector: none, so every dead letter")?,
        false => output.line(&format!("selector: {}", selection.selector))?,
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
        row.state_in_words(),
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
