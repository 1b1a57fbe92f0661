//! Changes of a connection: `add`, `set`, `pause`, `resume`, `remove`.

use connections::{Connection, ConnectionName, NewConnection, Settings};

use super::key::{self, KeyOptions, SecretOptions};
use super::options::{SettingOptions, unmap};
use super::secrets::{replace_key, set_shared_secret};
use super::show::show;
use service::Context;
use service::config::AdoptNew;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::adoption;
use service::operator::audit;
use service::operator::connections::{self as acts, again};
use service::operator::directory::by_name;

pub(super) const ADD_EXAMPLES: &str = "\
Examples:
  refersion-destination connections add --name shop
  refersion-destination connections add --name shop --rate 10 --new-affiliate-status ACTIVE
  refersion-destination connections add --name shop --custom-field plan=1234 --custom-field vip=1235
  refersion-destination connections add --name shop --api-key-stdin -q < key.txt
  refersion-destination connections add --name try --api-key-stdin --refersion-url http://127.0.0.1:4010 < key.txt

Without --api-key-stdin the key comes from REFERSION_DESTINATION_API_KEY, or from a prompt.";

pub(super) const SET_EXAMPLES: &str = "\
Examples:
  refersion-destination connections set shop --rate 2.5
  refersion-destination connections set shop --custom-field plan=1234
  refersion-destination connections set shop --no-custom-field plan --require-address false
  refersion-destination connections set shop --scrub-on-delete deleted.example.com
  refersion-destination connections set shop --shared-secret-stdin < secret.txt

A change applies to all persons concerned within seconds, also to traits that were stated before. Custom fields that
are not named stay as they are.

From 10 s after a shared secret is set, every request to /segment must carry the X-Signature of Segment's Webhooks
destinations; unsigned requests are answered 403, and Segment discards their events. So enter the secret in Segment
first. A replaced secret stays valid for 7 days.";

pub(super) const STATE_EXAMPLES: &str = "\
Examples:
  refersion-destination connections pause shop
  refersion-destination connections resume shop
  refersion-destination connections resume shop --json

While a connection is paused, its events are accepted and kept, and the worker makes no calls (after at most a second).
A pause for credentials or by the breaker ends by itself when calls work again; other pauses end with `resume`.";

pub(super) const REMOVE_EXAMPLES: &str = "\
Examples:
  refersion-destination connections remove shop --yes
  refersion-destination connections remove shop --yes --json
  refersion-destination connections pause shop

All data of the connection is removed: profiles, events, dead letters. Affiliates in Refersion stay as they are. To only
stop deliveries, pause the connection.";

pub(super) async fn add(
    name: ConnectionName,
    key: &KeyOptions,
    options: &SettingOptions,
    quiet: bool,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let refersion_url = context.loaded.config.refersion.url.0.clone();
    let mut settings = Settings { refersion_url, ..Settings::default() };
    options.apply(&mut settings)?;
    options.check_url(&settings, None)?;
    let api_key = key::read(key, context)?;
    let engines = context.engines_or_new().await?;
    let new = NewConnection {
        name,
        settings,
        key: engines.vault.seal_key(&api_key),
        write_key: engines.vault.new_write_key(),
        created_at: engines.now(),
    };
    let connection = engines.connections.add(new).await?;
    noted(&engines, "connection_added", &connection, Ok(())).await?;
    if context.loaded.config.adopt.new_connections == AdoptNew::Walk {
        adoption::request_walk(&engines, connection.id).await?;
    }
    after(&engines, &connection, quiet, context).await?;
    if !quiet && !context.output.is_json() {
        let name = &connection.name;
        context
            .output
            .line(&format!("\nadded; `connections check {name}` asks Refersion whether the key works"))?;
    }
    Ok(Exit::Done)
}

pub(super) async fn set(
    name: &ConnectionName,
    (key, secret): (&KeyOptions, &SecretOptions),
    (options, unmapped): (&SettingOptions, &[String]),
    quiet: bool,
    context: &mut Context,
) -> Result<Exit, Failure> {
    // The key is read before anything is changed: a wrong key changes nothing.
    let api_key = if key.api_key_stdin { Some(key::read(key, context)?) } else { None };
    let shared_secret = secret.shared_secret_stdin.then(key::read_shared_secret).transpose()?;
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    let mut settings = connection.settings.clone();
    for name in unmapped {
        if !unmap(&mut settings, name) {
            let message = format!("no custom field takes the trait {name}");
            return Err(Failure::usage("setting", message, "`connections show NAME` lists them"));
        }
    }
    options.apply(&mut settings)?;
    options.check_url(&settings, Some(&connection.settings))?;
    if let Some(key) = api_key {
        replace_key(&engines, &connection, &key).await?;
    }
    set_shared_secret(&engines, &connection, shared_secret, secret.no_shared_secret).await?;
    if settings != connection.settings {
        let seen = connection.settings_version;
        let set = engines.connections.set_settings(connection.id, seen, &settings).await;
        noted(&engines, "connection_set", &connection, set.map_err(Failure::from)).await?;
    }
    let connection = again(&engines, &connection).await?;
    after(&engines, &connection, quiet, context).await?;
    Ok(Exit::Done)
}

pub(super) async fn pause(name: &ConnectionName, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    let paused = acts::pause(&engines, &audit::cli(), &connection, None).await?;
    show(&engines, &paused, context).await?;
    Ok(Exit::Done)
}

pub(super) async fn resume(name: &ConnectionName, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    let resumed = acts::resume(&engines, &audit::cli(), &connection, None).await?;
    show(&engines, &resumed, context).await?;
    Ok(Exit::Done)
}

pub(super) async fn remove(name: &ConnectionName, yes: bool, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    if !yes {
        let message = format!("{name} would be removed with all its data, which cannot be undone");
        return Err(Failure::usage("not_confirmed", message, "pass --yes, or pause it instead"));
    }
    let removed = engines.connections.remove(connection.id).await;
    noted(&engines, "connection_removed", &connection, removed.map_err(Failure::from)).await?;
    if let Err(error) = ledger::finish_removals(&*engines.ledger, engines.now()).await {
        tracing::warn!(%error, connection_id = connection.id, "the connection is removed; a worker removes the rest of its rows");
    }
    if context.output.is_json() {
        context.output.json(&serde_json::json!({ "id": connection.id, "name": name, "removed": true }))?;
    } else {
        context.output.line(&format!("removed {name}; its key is valid for a few seconds more"))?;
    }
    Ok(Exit::Done)
}

/// Records how an act on a connection ended.
pub(super) async fn noted<T>(
    engines: &Engines,
    action: &str,
    connection: &Connection,
    done: Result<T, Failure>,
) -> Result<T, Failure> {
    audit::ended(engines, acts::about(engines, &audit::cli(), action, connection), done).await
}

/// With `-q` the id alone.
async fn after(
    engines: &Engines,
    connection: &Connection,
    quiet: bool,
    context: &mut Context,
) -> Result<(), Failure> {
    if quiet {
        context.output.line(&connection.id.to_string())
    } else {
        show(engines, connection, context).await
    }
}
