//! The engines of a row: two files, or a private broker and a private database, each behind a proxy.

use std::path::Path;

use clap::ValueEnum;
use tokio::sync::OnceCell;

use crate::proxy::Proxy;
use crate::servers::{Engine, Machines, Servers};

/// Which pair of engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Pair {
    /// Two SQLite files.
    Sqlite,
    /// RabbitMQ and Postgres.
    Scaled,
}

/// Queue and ledger of one row.
pub enum RowEngines {
    /// Two files in the row's folder.
    Files,
    /// Queues and a database of the row's own.
    Servers(Box<Servers>),
}

impl RowEngines {
    /// The engines of a row that shares its servers with other rows. The first row starts them.
    ///
    /// # Errors
    ///
    /// If a server does not start.
    pub async fn shared(pair: Pair, machines: &OnceCell<Machines>) -> anyhow::Result<Self> {
        match pair {
            Pair::Sqlite => Ok(Self::Files),
            Pair::Scaled => Self::for_row(machines.get_or_try_init(Machines::start).await?).await,
        }
    }

    /// Queues and a database of one row on these servers.
    ///
    /// # Errors
    ///
    /// If they cannot be created.
    pub async fn for_row(machines: &Machines) -> anyhow::Result<Self> {
        Ok(Self::Servers(Box::new(machines.for_a_row().await?)))
    }

    /// The settings with which the processes under test reach the engines.
    #[must_use]
    pub fn variables(&self, folder: &Path) -> Vec<(String, String)> {
        match self {
            Self::Files => files(folder),
            Self::Servers(servers) => servers.variables(true),
        }
    }

    /// The settings with which the harness reaches them: without the proxies.
    #[must_use]
    pub fn direct_variables(&self, folder: &Path) -> Vec<(String, String)> {
        match self {
            Self::Files => files(folder),
            Self::Servers(servers) => servers.variables(false),
        }
    }

    /// The proxy in front of an engine, if it has one.
    #[must_use]
    pub fn wire(&self, engine: Engine) -> Option<&Proxy> {
        match self {
            Self::Files => None,
            Self::Servers(servers) => Some(servers.wire(engine)),
        }
    }

    /// The servers, which can be killed.
    pub fn servers(&mut self) -> Option<&mut Servers> {
        match self {
            Self::Files => None,
            Self::Servers(servers) => Some(servers),
        }
    }

    /// Ends every fault of the engines.
    ///
    /// # Errors
    ///
    /// If an engine does not start again.
    pub async fn restore(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Files => Ok(()),
            Self::Servers(servers) => servers.restore().await,
        }
    }
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let file = |name: &str| format!("sqlite://{}", folder.join(name).display());
    vec![
        ("REFERSION_DESTINATION__QUEUE__URL".to_owned(), file("queue.db")),
        ("REFERSION_DESTINATION__LEDGER__URL".to_owned(), file("ledger.db")),
    ]
}
