//! What changes a connection: `add`, `set`, `pause`, `resume`, `rotate-key`, `rotate-write-key`, `remove`.

use connections::{ApiKey, Connection, ConnectionName, NewConnection, Settings, SharedSecret};

use super::key;
use super::options::{KeyOptions, SecretOptions, SettingOptions, unmap};
use super::show::show;
use service::Context;
use service::config::AdoptNew;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::adoption;
use service::operator::audit;
use service::operator::connections::{self as acts, again};
use service::operator::directory::by_name;
use service::operator::new_key;

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
        adoption::ask(&engines, connection.id).await?;
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
    // Read before anything is changed: a wrong key changes nothing.
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

pub(super) async fn rotate_key(
    name: &ConnectionName,
    key: &KeyOptions,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let api_key = key::read(key, context)?;
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    replace_key(&engines, &connection, &api_key).await?;
    show(&engines, &again(&engines, &connection).await?, context).await?;
    if !context.output.is_json() {
        context.output.line("\nthe new key is in use; the old one is valid for 7 days more")?;
    }
    Ok(Exit::Done)
}

pub(super) async fn rotate_write_key(name: &ConnectionName, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    let write_key = engines.vault.new_write_key();
    let rotated = engines.write_keys.rotate_write_key(connection.id, &write_key, engines.now()).await;
    noted(&engines, "write_key_rotated", &connection, rotated.map_err(Failure::from)).await?;
    show(&engines, &again(&engines, &connection).await?, context).await?;
    if !context.output.is_json() {
        context.output.line("\nthe new write key is valid at once; the old one is valid for 7 days more")?;
    }
    Ok(Exit::Done)
}

/// Gives the connection a new key, and writes that down.
async fn replace_key(engines: &Engines, connection: &Connection, key: &ApiKey) -> Result<(), Failure> {
    let replaced = new_key::replace_key(engines, connection.id, key).await;
    noted(engines, "api_key_rotated", connection, replaced.map_err(Failure::from)).await
}

/// Gives the connection a shared secret, or takes away those that it has.
async fn set_shared_secret(
    engines: &Engines,
    connection: &Connection,
    secret: Option<SharedSecret>,
    none: bool,
) -> Result<(), Failure> {
    if let Some(secret) = secret {
        let sealed = engines.vault.seal_secret(connection.id, &secret);
        let set = engines.shared_secrets.set_shared_secret(sealed, engines.now()).await;
        noted(engines, "shared_secret_set", connection, set.map_err(Failure::from)).await?;
    }
    if none {
        let removed = engines.shared_secrets.remove_shared_secrets(connection.id).await;
        noted(engines, "shared_secret_removed", connection, removed.map_err(Failure::from)).await?;
    }
    Ok(())
}

pub(super) async fn set_webhook_secret(
    name: &ConnectionName,
    none: bool,
    context: &mut Context,
) -> Result<Exit, Failure> {
    let secret = if none { None } else { Some(key::read_webhook_secret()?) };
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    match secret {
        Some(secret) => {
            let sealed = engines.vault.seal_secret(connection.id, &secret);
            let set = engines.ledger.set_webhook_secret(&sealed).await;
            noted(&engines, "webhook_secret_set", &connection, set.map_err(Failure::from)).await?;
        }
        None => {
            let removed = engines.ledger.remove_webhook_secret(connection.id).await;
            noted(&engines, "webhook_secret_removed", &connection, removed.map_err(Failure::from)).await?;
        }
    }
    show(&engines, &connection, context).await?;
    Ok(Exit::Done)
}

pub(super) async fn remove(name: &ConnectionName, yes: bool, context: &mut Context) -> Result<Exit, Failure> {
    let engines = context.engines().await?;
    let connection = by_name(&engines, name).await?;
    if !yes {
        let message = format!("{name} would be removed with all that is kept for it, which cannot be undone");
        return Err(Failure::usage("not_confirmed", message, "say --yes, or pause it instead"));
    }
    let removed = engines.connections.remove(connection.id).await;
    noted(&engines, "connection_removed", &connection, removed.map_err(Failure::from)).await?;
    if context.output.is_json() {
        context.output.json(&serde_json::json!({ "id": connection.id, "name": name, "removed": true }))?;
    } else {
        context.output.line(&format!("removed {name}; its key is valid for a few seconds more"))?;
    }
    Ok(Exit::Done)
}

/// Writes down how an act on a connection ended.
async fn noted<T>(
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
