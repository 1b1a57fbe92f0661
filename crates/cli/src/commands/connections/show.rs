//! `connections list` and `show`: connections, without any secret.

use std::collections::BTreeSet;

use connections::{Connection, ConnectionId, ConnectionName, Settings};
use jiff::Timestamp;
use serde::Serialize;

use super::addresses::Addresses;
use super::keys_in_use::KeysInUse;
use super::settings::settings;
use super::webhooks::Webhooks;
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::adoption::Adoption;
use service::operator::directory::{by_name, state_words};
use service::operator::workers::Workers;
use service::output::{Output, cut, spare, whole};

pub(super) const EXAMPLES: &str = "\
Examples:
  refersion-destination connections list
  refersion-destination connections list --json
  refersion-destination connections show shop
  refersion-destination connections check shop

`check` asks Refersion whether the keys work. None of them shows a secret.";

/// A connection as scripts see it. The write key is no secret: client libraries show it to every browser.
#[derive(Debug, Serialize)]
pub(super) struct Row<'a> {
    id: ConnectionId,
    name: &'a ConnectionName,
    state: &'static str,
    paused_for: Option<&'static str>,
    paused_because: Option<&'a str>,
    paused_since: Option<Timestamp>,
    settings: &'a Settings,
    settings_version: i64,
    learned_rate: Option<f64>,
    write_key: &'a str,
    urls: &'a Addresses,
    /// Whether requests have to be signed.
    has_shared_secret: bool,
    created_at: Timestamp,
    /// The walk through Refersion's affiliates; left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    adoption: Option<Adoption>,
    /// Left out of lists.
    #[serde(flatten)]
    keys_in_use: Option<KeysInUse>,
    /// The state of Refersion's webhooks; left out of lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhooks: Option<Webhooks>,
}

impl<'a> Row<'a> {
    pub(super) fn of(connection: &'a Connection, urls: &'a Addresses, has_shared_secret: bool) -> Self {
        let (state, paused_for) = state_words(connection.state);
        Self {
            id: connection.id,
            name: &connection.name,
            state,
            paused_for,
            paused_because: connection.paused_because.as_deref(),
            paused_since: connection.paused_since,
            settings: &connection.settings,
            settings_version: connection.settings_version,
            learned_rate: connection.learned_rate,
            write_key: &connection.write_key,
            urls,
            has_shared_secret,
            created_at: connection.created_at,
            adoption: None,
            keys_in_use: None,
            webhooks: None,
        }
    }

    fn state_text(&self) -> String {
        self.paused_for.map_or_else(|| self.state.to_owned(), |reason| format!("{} ({reason})", self.state))
    }
}

pub(super) async fn list(context: &mut Context) -> Result<Exit, Failure> {
    let urls = Addresses::of(&context.loaded.config.ingest);
    let engines = context.engines().await?;
    let connections = engines.connections.list().await?;
    let secrets = engines.shared_secrets.all_shared_secrets().await?;
    let signed: BTreeSet<ConnectionId> = secrets.iter().map(|secret| secret.connection).collect();
    let row = |connection| Row::of(connection, &urls, signed.contains(&connection.id));
    let rows: Vec<Row<'_>> = connections.iter().map(row).collect();
    if context.output.is_json() {
        context.output.json(&rows)?;
    } else {
        table(&rows, &mut context.output)?;
    }
    Ok(Exit::Done)
}

fn table(rows: &[Row<'_>], output: &mut Output) -> Result<(), Failure> {
    let cells = |row: &Row<'_>| {
        let settings = row.settings;
        vec![
            row.id.to_string(),
            row.name.to_string(),
            row.state_text(),
            format!("{}/s", settings.rate_per_second),
            settings.new_affiliate_status.as_str().to_owned(),
            settings.custom_fields.len().to_string(),
            settings.refersion_url.clone(),
        ]
    };
    let head = [
        whole("ID"),
        whole("NAME"),
        whole("STATE"),
        cut("RATE"),
        spare("NEW AS"),
        spare("FIELDS"),
        spare("REFERSION"),
    ];
    output.table(&head, &rows.iter().map(cells).collect::<Vec<_>>())?;
    output.line("")?;
    output.total(rows.len(), u64::try_from(rows.len()).unwrap_or(u64::MAX), "connections")
}

pub(super) async fn one(name: &ConnectionName, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    show(&engines, &connection, context).await?;
    Ok(Exit::Done)
}

/// Shows one connection, after a look or a change.
pub(super) async fn show(
    engines: &Engines,
    connection: &Connection,
    context: &mut Context,
) -> Result<(), Failure> {
    let secrets = engines.shared_secrets.shared_secrets(connection.id, engines.now()).await?;
    let urls = Addresses::of(&context.loaded.config.ingest);
    let workers = Workers::read(engines, &context.loaded.config).await?;
    let adoption = Some(Adoption::read(engines, connection, &workers).await?);
    let keys_in_use = Some(KeysInUse::read(connection, engines, &context.loaded.config).await?);
    let webhooks = Some(Webhooks::read(engines, connection.id, &urls).await?);
    let row = Row { adoption, keys_in_use, webhooks, ..Row::of(connection, &urls, !secrets.is_empty()) };
    if context.output.is_json() {
        return context.output.json(&row);
    }
    settings_table(&row, &mut context.output)?;
    for warning in row.settings.warnings() {
        tracing::warn!("{warning}");
    }
    Ok(())
}

fn settings_table(row: &Row<'_>, output: &mut Output) -> Result<(), Failure> {
    let line = |name: &str, value: String| vec![name.to_owned(), value];
    let mut lines = vec![
        line("id", row.id.to_string()),
        line("name", row.name.to_string()),
        line("state", row.state_text()),
    ];
    if let (Some(because), Some(since)) = (row.paused_because, row.paused_since) {
        lines.push(line("paused because", because.to_owned()));
        lines.push(line("paused since", since.to_string()));
    }
    lines.extend(settings(row.settings));
    let signed = if row.has_shared_secret { "set: X-Signature is required" } else { "none" };
    lines.push(line("shared secret", signed.to_owned()));
    lines.push(line("write key", row.write_key.to_owned()));
    lines.extend(row.keys_in_use.iter().flat_map(KeysInUse::rows));
    lines.push(line("url for Segment", row.urls.segment.clone()));
    lines.push(line("host for libraries", row.urls.libraries.clone()));
    lines.push(line("url for web pages", row.urls.browsers.clone()));
    lines.extend(row.webhooks.iter().flat_map(Webhooks::lines));
    if let Some(adoption) = &row.adoption {
        lines.push(line("affiliates", adoption.in_words()));
    }
    lines.push(line("added", row.created_at.to_string()));
    output.table(&["SETTING", "VALUE"], &lines)
}

#[cfg(test)]
mod tests {
    use connections::{PausedFor, ReplacedUntil, State};
    use ledger::RefusedSignatures;

    use super::*;
    use crate::commands::snapshots::{at, fits, shown};

    fn connection(name: &str, state: State) -> Connection {
        let mut settings = Settings::default();
        settings.custom_fields.insert("vip".to_owned(), 1234);
        settings.suspend(1234, "it does not exist", at(-3_600));
        let is_paused = matches!(state, State::Paused(_));
        Connection {
            id: 2,
            name: name.parse().unwrap(),
            settings,
            settings_version: 3,
            resumes: 0,
            state,
            paused_since: is_paused.then(|| at(-60)),
            paused_because: is_paused.then(|| "the offer does not exist".to_owned()),
            learned_rate: None,
            asked_to_wait_until: None,
            created_at: at(-9_000),
            write_key: "wk_0193b5c00000".to_owned(),
        }
    }

    #[test]
    fn connections_fit_a_terminal_of_80_and_of_120_columns() {
        let paused = connection("shop-in-another-country", State::Paused(PausedFor::Configuration));
        let all = [connection("shop", State::Active), paused];
        let urls = Addresses {
            segment: "https://segment.example.com/segment".to_owned(),
            libraries: "https://segment.example.com".to_owned(),
            browsers: "https://segment.example.com/v1".to_owned(),
            webhooks: "https://segment.example.com/refersion/".to_owned(),
        };
        let replaced = ReplacedUntil {
            write_key: Some(at(600)),
            shared_secret: Some(at(700)),
            ..ReplacedUntil::default()
        };
        let refused = RefusedSignatures { connection: 2, missing: 3, wrong: 1, last_at: at(-5) };
        let keys_in_use = Some(KeysInUse { replaced, refused_signatures: Some(refused) });
        let row = |it| Row { keys_in_use, ..Row::of(it, &urls, true) };
        let rows: Vec<Row<'_>> = all.iter().map(row).collect();
        for width in [80, 120] {
            let text = shown(width, |output| table(&rows, output));
            assert!(fits(&text, width), "{text}");
            insta::assert_snapshot!(format!("connections_at_{width}"), text);
            let text = shown(width, |output| settings_table(&rows[1], output));
            assert!(fits(&text, width), "{text}");
            insta::assert_snapshot!(format!("connection_at_{width}"), text);
        }
    }
}
