//! The notes of `status` about one connection, below its row.

use connections::Settings;
use serde::Serialize;

use super::Row;
use service::arrivals::Summary;
use service::failure::Failure;
use service::operator::directory::suspension;
use service::output::Output;

/// A trait that no field takes.
#[derive(Debug, Serialize)]
pub(super) struct Unmapped {
    #[serde(rename = "trait")]
    pub(super) name: String,
    pub(super) events: u64,
}

/// Accepted events that never arrived.
pub(super) fn missing(missing: Option<&Summary>, output: &mut Output) -> Result<(), Failure> {
    let Some(missing) = missing else { return Ok(()) };
    let hint = "`check` names policies that throw them away, `missing confirm` removes this line";
    output.line(&format!("\n{}: {hint}", missing.in_words()))
}

/// The conditions that a connection waits for by itself.
pub(super) fn waits(connection: &Row, output: &mut Output) -> Result<(), Failure> {
    let name = &connection.name;
    if let Some(until) = connection.asked_to_wait_until {
        output.line(&format!(
            "\n{name}: Refersion asks to wait until {until}; `connections resume {name}` ends the wait"
        ))?;
    }
    for (field, why) in &connection.suspended_fields {
        let hint = connection.suspension_hints.get(field).map_or("", String::as_str);
        let what = suspension(why, connection.suspended_since.get(field));
        output.line(&format!("\n{name}: custom field {field} is {what}: {hint}"))?;
    }
    adoption(connection, output)
}

/// A walk through Refersion's affiliates that is requested or under way.
fn adoption(connection: &Row, output: &mut Output) -> Result<(), Failure> {
    let open = connection.adoption.as_ref().filter(|walk| ["asked", "walking"].contains(&walk.state));
    let Some(walk) = open else { return Ok(()) };
    output.line(&format!("\n{}: adopting its affiliates: {}", connection.name, walk.in_words()))
}

/// Fields that no call of ours can clear: an operator has to do it in Refersion.
pub(super) fn not_cleared(connection: &Row, output: &mut Output) -> Result<(), Failure> {
    if connection.not_cleared.is_empty() {
        return Ok(());
    }
    output.line(&format!(
        "\n{}: Refersion does not let these fields be cleared; clear them in its dashboard, `profiles show` names the \
         affiliates",
        connection.name
    ))?;
    let rows: Vec<_> = connection
        .not_cleared
        .iter()
        .map(|(field, affiliates)| vec![field.clone(), affiliates.to_string()])
        .collect();
    output.table(&["FIELD", "AFFILIATES"], &rows)
}

/// Dead letters by class: a value that exceeds a bound, say, is `too_large`.
pub(super) fn classes(connection: &Row, output: &mut Output) -> Result<(), Failure> {
    if connection.dead_letters_by_class.is_empty() {
        return Ok(());
    }
    output.line(&format!("\n{}: dead letters by class", connection.name))?;
    let rows: Vec<_> = connection
        .dead_letters_by_class
        .iter()
        .map(|(class, letters)| vec![class.clone(), letters.to_string()])
        .collect();
    output.table(&["CLASS", "LETTERS"], &rows)
}

pub(super) fn unmapped(connection: &Row, output: &mut Output) -> Result<(), Failure> {
    if connection.unmapped_traits.is_empty() {
        return Ok(());
    }
    output.line(&format!("\n{}: no field of Refersion takes these traits", connection.name))?;
    let rows: Vec<_> =
        connection.unmapped_traits.iter().map(|it| vec![it.name.clone(), it.events.to_string()]).collect();
    output.table(&["TRAIT", "EVENTS"], &rows)?;
    if connection.unmapped_beyond > 0 {
        let events = connection.unmapped_beyond;
        output.line(&format!("The list is a sample: {events} events have more traits than are counted."))?;
    }
    Ok(())
}

/// Whether a custom field takes the trait by now; it was counted when none did.
pub(super) fn is_mapped(settings: &Settings, name: &str) -> bool {
    let mapped =
        settings.custom_fields.keys().chain(&settings.paypal_trait).chain(settings.trait_map.values());
    mapped.into_iter().any(|mapped| segment::fold_key(mapped) == segment::fold_key(name))
}
