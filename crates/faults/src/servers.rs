//! A private RabbitMQ and a private Postgres. A row that strikes them has a pair of its own; all others share one, each with
//! queues and a database of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use parking_lot::{Mutex, MutexGuard};
use testbed::postgres::Server;
use testbed::rabbitmq::Broker;
use tokio::task::{JoinHandle, spawn_blocking};
use url::Url;

use crate::proxy::{Proxy, Wire};

/// Memory above which the broker blocks publishers, as a part of the machine's: RabbitMQ's own default.
const CALM_WATERMARK: &str = "0.6";
/// With this one, it blocks at once.
const ALARM_WATERMARK: &str = "0";
/// The master key of every row: with Postgres there is no file beside the ledger to keep it in. 32 bytes in base64.
const MASTER_KEY: &str = "dGhlIGtleSBvZiBhIHRyaWFsIGlzIG5vIHNlY3JldCE=";

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// RabbitMQ.
    Broker,
    /// Postgres.
    Database,
}

/// Both servers; they end with the last clone.
#[derive(Clone)]
pub struct Machines(Arc<Mutex<Both>>);

struct Both {
    broker: Broker,
    database: Server,
    broker_is_up: bool,
    database_is_up: bool,
    rows: usize,
}

/// The servers as one row has them.
pub struct Servers {
    machines: Machines,
    prefix: String,
    broker_url: Url,
    database_url: Url,
    broker_wire: Proxy,
    database_wire: Proxy,
    alarmed: bool,
}

impl Machines {
    /// Starts both.
    ///
    /// # Errors
    ///
    /// If one is not installed and cannot be.
    pub async fn start() -> anyhow::Result<Self> {
        let both = spawn_blocking(|| {
            let broker = Broker::start()?;
            // Confirmed data has to be on the disk, as in production.
            let database = Server::start(&["fsync=on", "synchronous_commit=on"])?;
            Ok::<_, testbed::Missing>(Both {
                broker,
                database,
                broker_is_up: true,
                database_is_up: true,
                rows: 0,
            })
        });
        Ok(Self(Arc::new(Mutex::new(both.await??))))
    }

    /// Runs slow work with both of them, on a thread of its own.
    fn with<R: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Both) -> anyhow::Result<R> + Send + 'static,
    ) -> JoinHandle<anyhow::Result<R>> {
        let machines = self.clone();
        spawn_blocking(move || act(&mut machines.lock()))
    }

    fn lock(&self) -> MutexGuard<'_, Both> {
        self.0.lock()
    }

    /// Queues and a database for one row.
    ///
    /// # Errors
    ///
    /// If they cannot be made.
    pub async fn for_a_row(&self) -> anyhow::Result<Servers> {
        let made = self.with(|both| {
            both.rows += 1;
            let prefix = format!("row-{}", both.rows);
            Ok((both.broker.url(), both.database.fresh_database()?, prefix))
        });
        let (broker_url, database_url, prefix) = made.await??;
        let (broker_url, database_url): (Url, Url) = (broker_url.parse()?, database_url.parse()?);
        Ok(Servers {
            machines: self.clone(),
            prefix,
            broker_wire: Proxy::to(address(&broker_url)?).await?,
            database_wire: Proxy::to(address(&database_url)?).await?,
            broker_url,
            database_url,
            alarmed: false,
        })
    }
}

fn address(url: &Url) -> anyhow::Result<SocketAddr> {
    let port = url.port().context("a private server has a port of its own")?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

impl Servers {
    /// The settings that name them, through the wires or directly.
    #[must_use]
    pub fn variables(&self, through_wires: bool) -> Vec<(String, String)> {
        let url = |url: &Url, wire: &Proxy| {
            let mut url = url.clone();
            if through_wires {
                url.set_port(Some(wire.address().port())).expect("a server's URL has a port");
            }
            url.to_string()
        };
        vec![
            ("REFERSION_DESTINATION__QUEUE__URL".to_owned(), url(&self.broker_url, &self.broker_wire)),
            ("REFERSION_DESTINATION__QUEUE__PREFIX".to_owned(), self.prefix.clone()),
            ("REFERSION_DESTINATION__LEDGER__URL".to_owned(), url(&self.database_url, &self.database_wire)),
            ("REFERSION_DESTINATION__SECRETS__KEY".to_owned(), MASTER_KEY.to_owned()),
        ]
    }

    /// The wire to an engine.
    #[must_use]
    pub fn wire(&self, engine: Engine) -> &Proxy {
        match engine {
            Engine::Broker => &self.broker_wire,
            Engine::Database => &self.database_wire,
        }
    }

    /// The address of this row's database, without a wire on the way.
    #[must_use]
    pub fn database_url(&self) -> &Url {
        &self.database_url
    }

    /// One more database, which is empty.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub async fn another_database(&self) -> anyhow::Result<Url> {
        let made = self.machines.with(|both| Ok(both.database.fresh_database()?));
        Ok(made.await??.parse()?)
    }

    /// Kills an engine as a power cut would.
    ///
    /// # Errors
    ///
    /// If it cannot be killed.
    pub async fn kill(&mut self, engine: Engine) -> anyhow::Result<()> {
        let killed = self.machines.with(move |both| {
            match engine {
                Engine::Broker => {
                    both.broker_is_up = false;
                    both.broker.kill()?;
                }
                Engine::Database => {
                    both.database_is_up = false;
                    both.database.kill()?;
                }
            }
            Ok(())
        });
        killed.await?
    }

    /// Starts killed servers again, in the background.
    #[must_use]
    pub fn start_again(&self) -> JoinHandle<anyhow::Result<()>> {
        self.machines.with(|both| {
            if !both.broker_is_up {
                both.broker.start_again()?;
                both.broker_is_up = true;
            }
            if !both.database_is_up {
                both.database.start_again()?;
                both.database_is_up = true;
            }
            Ok(())
        })
    }

    /// Sets off or ends the broker's memory alarm.
    ///
    /// # Errors
    ///
    /// If the broker refuses the setting.
    pub async fn alarm(&mut self, on: bool) -> anyhow::Result<()> {
        self.alarmed = on;
        let watermark = if on { ALARM_WATERMARK } else { CALM_WATERMARK };
        let changed = self.machines.with(move |both| {
            both.broker.control(&["set_vm_memory_high_watermark", watermark])?;
            Ok(())
        });
        changed.await?
    }

    /// Ends every fault.
    ///
    /// # Errors
    ///
    /// If a server does not start again.
    pub async fn restore(&mut self) -> anyhow::Result<()> {
        self.broker_wire.set(Wire::Good);
        self.database_wire.set(Wire::Good);
        self.start_again().await??;
        if self.alarmed {
            self.alarm(false).await?;
        }
        Ok(())
    }
}
