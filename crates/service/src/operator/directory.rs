//! The connections that a command is about: one that was named, or all.

use std::collections::BTreeMap;

use connections::{Connection, ConnectionId, ConnectionName, PausedFor, State};
use jiff::Timestamp;

use crate::engines::Engines;
use crate::failure::Failure;

/// Connections by their number.
#[derive(Default)]
pub struct Directory {
    connections: BTreeMap<ConnectionId, Connection>,
    is_limited: bool,
}

impl Directory {
    /// Reads the connection of this name, or all of them.
    ///
    /// # Errors
    ///
    /// [`Failure`] with the code `no_such_connection`, or if the connections cannot be read.
    pub async fn read(engines: &Engines, only: Option<&ConnectionName>) -> Result<Self, Failure> {
        let connections = match only {
            Some(name) => vec![by_name(engines, name).await?],
            None => engines.connections.list().await?,
        };
        let connections = connections.into_iter().map(|connection| (connection.id, connection)).collect();
        Ok(Self { connections, is_limited: only.is_some() })
    }

    /// Reads the connections that an operator may see: these, or all of them.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the connections cannot be read.
    pub async fn of_visible(engines: &Engines, visible: Option<&[ConnectionId]>) -> Result<Self, Failure> {
        let mut all = Self::read(engines, None).await?;
        if let Some(visible) = visible {
            all.connections.retain(|id, _| visible.contains(id));
            all.is_limited = true;
        }
        Ok(all)
    }

    /// The connection of this name alone.
    ///
    /// # Errors
    ///
    /// [`Failure`] with the code `no_such_connection`.
    pub fn only(&self, name: &str) -> Result<Self, Failure> {
        let id = self.id_of(name)?;
        let connections = self.connections.get(&id).map(|connection| (id, connection.clone()));
        Ok(Self { connections: connections.into_iter().collect(), is_limited: true })
    }

    /// Whether it has only some of the connections.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.is_limited
    }

    /// The numbers of its connections if it has only some of them; `None` if it has all.
    #[must_use]
    pub fn scope(&self) -> Option<Vec<ConnectionId>> {
        self.is_limited.then(|| self.connections.keys().copied().collect())
    }

    /// Every connection that it knows.
    pub fn all(&self) -> impl Iterator<Item = &Connection> {
        self.connections.values()
    }

    /// The connection of this number, if it is known here.
    #[must_use]
    pub fn get(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(&id)
    }

    /// The number of the connection of this name.
    ///
    /// # Errors
    ///
    /// [`Failure`] with the code `no_such_connection`.
    pub fn id_of(&self, name: &str) -> Result<ConnectionId, Failure> {
        let found = self.all().find(|connection| connection.name.as_str() == name);
        found.map(|connection| connection.id).ok_or_else(|| no_such(name))
    }

    /// The name of a connection, or its number if it has no name (any more).
    #[must_use]
    pub fn name(&self, id: ConnectionId) -> String {
        self.connections.get(&id).map_or_else(|| format!("#{id}"), |connection| connection.name.to_string())
    }
}

/// The connection of this name.
///
/// # Errors
///
/// [`Failure`] with the code `no_such_connection`, or if the connections cannot be read.
pub async fn by_name(engines: &Engines, name: &ConnectionName) -> Result<Connection, Failure> {
    engines.connections.by_name(name).await?.ok_or_else(|| no_such(name.as_str()))
}

fn no_such(name: &str) -> Failure {
    let message = format!("there is no connection named {name}");
    Failure::refused("no_such_connection", message, "`connections list` shows their names")
}

/// Advice about a pause; `None` for an active connection.
#[must_use]
pub fn pause_hint(connection: &Connection) -> Option<String> {
    let State::Paused(reason) = connection.state else { return None };
    let name = &connection.name;
    Some(match reason {
        PausedFor::Operator => format!("run `connections resume {name}` to end the pause"),
        PausedFor::Breaker => "the pause ends by itself when Refersion answers again".to_owned(),
        PausedFor::Credentials => format!("enter the right keys: `connections rotate-key {name}`"),
        PausedFor::Configuration => format!(
            "correct its settings with `connections set {name}`; the pause ends by itself when a call is accepted, or at once \
             with `connections resume {name}`"
        ),
    })
}

/// Describes the suspension of a custom field.
#[must_use]
pub fn suspension(why: &str, since: Option<&Timestamp>) -> String {
    let since = since.map_or_else(String::new, |at| format!(" since {}", at.strftime("%Y-%m-%dT%H:%M:%SZ")));
    format!("not sent{since}, because Refersion refuses it for everybody ({why})")
}

/// Advice about a suspended custom field.
#[must_use]
pub fn suspension_hint(connection: &Connection, field: u64) -> String {
    let name = &connection.name;
    let mapped = connection.settings.custom_fields.iter().find(|(_, id)| **id == field);
    let unmap = mapped.map_or_else(String::new, |(trait_name, _)| {
        format!("remove it with `connections set {name} --no-custom-field {trait_name}`, or correct it in Refersion; ")
    });
    format!("{unmap}the worker tries it again by itself, and at once with `connections resume {name}`")
}

/// The words for a connection's state, and for the reason of its pause.
#[must_use]
pub fn state_words(state: State) -> (&'static str, Option<&'static str>) {
    match state {
        State::Active => ("active", None),
        State::Paused(reason) => ("paused", Some(reason.as_str())),
    }
}
