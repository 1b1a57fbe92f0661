//! The connections: whether the key opens the ledger, and what each of them is paused for.

use connections::keys::UnlockError;
use connections::{Connection, PausedFor, State};

use super::Finding;
use crate::config::Config;
use crate::engines::{EngineError, connections_alone};
use crate::operator::directory::{pause_hint, suspension, suspension_hint};

const NAME: &str = "connections";

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let listed = match connections_alone(config).await {
        Ok(store) => store.list().await.map_err(|error| EngineError::Unlock(error.into())),
        Err(error) => Err(error),
    };
    match listed {
        Ok(connections) if connections.is_empty() => {
            let mend = "add one with `connections add`, or name the right ledger";
            vec![Finding::note(NAME, "none, so every event is answered 503", mend)]
        }
        Ok(connections) => connections.iter().flat_map(of_connection).collect(),
        Err(error @ EngineError::Unlock(UnlockError::OtherMasterKey)) => {
            vec![Finding::failed("master key", &error)]
        }
        Err(error) => vec![Finding::failed("ledger", &error)],
    }
}

/// What is to be said of one connection.
pub(super) fn of_connection(connection: &Connection) -> Vec<Finding> {
    std::iter::once(state(connection)).chain(suspended(connection)).collect()
}

fn state(connection: &Connection) -> Finding {
    let name = format!("connection {}", connection.name);
    let State::Paused(reason) = connection.state else { return Finding::ok(name, "active") };
    let because = connection.paused_because.as_deref().unwrap_or_default();
    let found = format!("paused for {}: {because}", reason.as_str());
    let hint = pause_hint(connection).unwrap_or_default();
    match reason {
        PausedFor::Operator | PausedFor::Breaker => Finding::note(name, found, hint),
        PausedFor::Credentials | PausedFor::Configuration => Finding::bad(name, found, hint),
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
