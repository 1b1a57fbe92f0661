//! The connections: whether the key opens the ledger, and why each of them is paused.

use connections::keys::UnlockError;
use connections::{Connection, PausedFor, State};

use super::Finding;
use service::config::{Config, Proxy, Registration};
use service::engines::{EngineError, connections_alone};
use service::operator::directory::{pause_hint, suspension, suspension_hint};

const NAME: &str = "connections";

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let listed = match connections_alone(config).await {
        Ok(store) => store.list().await.map_err(|error| EngineError::Unlock(error.into())),
        Err(error) => Err(error),
    };
    match listed {
        Ok(connections) if connections.is_empty() && config.ingest.registration == Registration::Closed => {
            let hint = "add one with `connections add`, or set ledger.url to the right ledger";
            vec![Finding::note(NAME, "none, so every event is answered 503", hint)]
        }
        Ok(connections) => {
            let proxy = &config.refersion.proxy;
            connections.iter().flat_map(|connection| of_connection(connection, proxy)).collect()
        }
        Err(error @ EngineError::Unlock(UnlockError::OtherMasterKey)) => {
            vec![Finding::failed("master key", &error)]
        }
        Err(error) => vec![Finding::failed("ledger", &error)],
    }
}

/// The findings about one connection.
pub(super) fn of_connection(connection: &Connection, proxy: &Proxy) -> Vec<Finding> {
    std::iter::once(state(connection, proxy)).chain(suspended(connection)).collect()
}

fn state(connection: &Connection, proxy: &Proxy) -> Finding {
    let name = format!("connection {}", connection.name);
    let way = way(&connection.settings.refersion_url, proxy);
    let State::Paused(reason) = connection.state else { return Finding::ok(name, format!("active{way}")) };
    let because = connection.paused_because.as_deref().unwrap_or_default();
    let found = format!("paused for {}: {because}{way}", reason.as_str());
    let hint = pause_hint(connection).unwrap_or_default();
    match reason {
        PausedFor::Operator | PausedFor::Breaker => Finding::note(name, found, hint),
        PausedFor::Credentials | PausedFor::Configuration => Finding::bad(name, found, hint),
    }
}

/// How Refersion is reached, if not directly.
fn way(url: &str, proxy: &Proxy) -> String {
    match proxy.proxies().of(url) {
        Some(_) => format!("; {url} is reached {}", proxy.in_words(url)),
        None => String::new(),
    }
}

/// Custom fields whose values do not reach Refersion, although everything else does.
fn suspended(connection: &Connection) -> Vec<Finding> {
    let settings = &connection.settings;
    let of_field = |(field, why): (&u64, &String)| {
        let name = format!("connection {}, custom field {field}", connection.name);
        let found = suspension(why, settings.suspended_since.get(field));
        Finding::bad(name, found, suspension_hint(connection, *field))
    };
    settings.suspended_fields.iter().map(of_field).collect()
}
