//! Changes of keys and secrets: `rotate-key`, `rotate-write-key`, `set-webhook-secret`, and the options of `set`.

use connections::{ApiKey, Connection, ConnectionName, SharedSecret};
use service::Context;
use service::engines::Engines;
use service::failure::{Exit, Failure};
use service::operator::connections::again;
use service::operator::directory::by_name;
use service::operator::new_key;

use super::change::noted;
use super::key::{self, KeyOptions};
use super::show::show;

pub(super) const KEY_EXAMPLES: &str = "\
Examples:
  refersion-destination connections rotate-key shop
  refersion-destination connections rotate-key shop --api-key-stdin < new-key.txt
  refersion-destination connections rotate-key shop --json --api-key-stdin < new-key.txt

The new key is used at once; the old one is still valid for 7 days, so that you can update Segment's settings.";

pub(super) const WRITE_KEY_EXAMPLES: &str = "\
Examples:
  refersion-destination connections rotate-write-key shop
  refersion-destination connections rotate-write-key shop --json
  refersion-destination connections show shop

The new key is printed. The old one is still valid for 7 days, so that pages and apps that were loaded before go on
working.";

pub(super) const WEBHOOK_EXAMPLES: &str = "\
Examples:
  refersion-destination connections set-webhook-secret shop < secret.txt
  refersion-destination connections set-webhook-secret shop --json < secret.txt
  refersion-destination connections set-webhook-secret shop --none

The secret is the Webhook Signing Secret of Refersion's dashboard (Account, Settings, Webhooks). It is read from
standard input or a prompt, and replaces the previous one at once. `connections show` prints the address for webhooks.";

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
        context.output.line("\nthe new key is in use; the old one stays valid for 7 days")?;
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
        context.output.line("\nthe new write key is valid at once; the old one stays valid for 7 days")?;
    }
    Ok(Exit::Done)
}

/// Gives the connection a new key, and records that.
pub(super) async fn replace_key(
    engines: &Engines,
    connection: &Connection,
    key: &ApiKey,
) -> Result<(), Failure> {
    let replaced = new_key::replace_key(engines, connection.id, key).await;
    noted(engines, "api_key_rotated", connection, replaced.map_err(Failure::from)).await
}

/// Gives the connection a shared secret, or removes those that it has.
pub(super) async fn set_shared_secret(
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
