//! The settings of a connection, line by line.

use connections::{OneWordName, Settings};
use service::operator::directory::suspension;

/// The settings, as names and values.
pub(super) fn settings(settings: &Settings) -> Vec<Vec<String>> {
    let line = |name: &str, value: String| vec![name.to_owned(), value];
    let or = |value: Option<&str>, otherwise: &str| value.unwrap_or(otherwise).to_owned();
    let one_word = match &settings.one_word_name {
        OneWordName::Placeholder(text) => format!("\"{text}\" is the last name"),
        OneWordName::Wait => "waits for a last name".to_owned(),
    };
    let mut lines = vec![
        line("refersion url", settings.refersion_url.clone()),
        line("calls a second, at most", settings.rate_per_second.to_string()),
        line("new affiliates are", settings.new_affiliate_status.as_str().to_owned()),
        line("offer", or(settings.offer.as_deref(), "the account's default")),
        line("welcome mail", settings.send_welcome.to_string()),
        line("address required", settings.require_address.to_string()),
        line("a name of one word", one_word),
        line("scrub on delete", or(settings.scrub_on_delete.as_ref().map(|it| it.as_str()), "off")),
        line("late creates, seconds", settings.late_creates.to_string()),
        line("paypal trait", or(settings.paypal_trait.as_deref(), "off")),
    ];
    for (name, id) in &settings.custom_fields {
        let suspended = settings.suspended_fields.get(id).map_or_else(String::new, |why| {
            format!(", {}", suspension(why, settings.suspended_since.get(id)))
        });
        lines.push(line(&format!("custom field {id}"), format!("trait {name}{suspended}")));
    }
    for (field, path) in &settings.trait_map {
        lines.push(line(&format!("field {field}"), format!("trait {path}")));
    }
    for identifier in &settings.blocked_identifiers {
        lines.push(line("blocked identifier", identifier.clone()));
    }
    lines
}
