//! The real program with everything around it, for one row: engines, a simulated Refersion, connections A and B.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use base64::Engine as _;
use connections::{ApiKey, NewConnection, Settings};
use service::engines::Engines;
use simulator::{Faults, Options, Shared, Simulator};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::arrivals::Arrivals;
use crate::accounts::{Account, configuration};
use crate::dice::Dice;
use crate::process::{Output, Process, Role};
use crate::proxy::Proxy;
use crate::row_engines::RowEngines;
use crate::segment_side::Endpoints;
use crate::setup::free_addresses;

/// The index of the connection that misbehaves.
pub const A: usize = 0;
/// The index of the honest connection.
pub const B: usize = 1;
/// The ceiling of each, in calls a second.
const RATE: f64 = 40.0;
/// The custom field that A has in rows with a mapped trait: the trait's name and the field's id.
const MAPPED: (&str, u64) = ("plan", 101);
/// The latency of Refersion's answers. The arrival of a call does not wait for it.
const HEALTHY: &str = "latency=40ms..80ms";
/// The clock as it is, in faketime's words.
pub const NOW: &str = "+0";

/// The options of a row that differ from the defaults.
#[derive(Clone, Debug, Default)]
pub struct RowOptions {
    /// Settings of the processes, as variables of the environment.
    pub variables: Vec<(String, String)>,
    /// The target of their standard error.
    pub output: Output,
    /// Whether A has a custom field.
    pub a_has_a_field: bool,
    /// The library that moves the clock of the processes, if their clock is moved.
    pub clock: Option<PathBuf>,
}

/// Everything of one row.
pub struct System {
    /// Files and logs.
    pub folder: TempDir,
    /// Queue and ledger.
    pub row_engines: RowEngines,
    /// A and B.
    pub accounts: Vec<Account>,
    /// Values of B that reached Refersion.
    pub arrivals: Arrivals,
    /// Variables of the environment that beat all others, for processes that start from now on.
    pub overrides: BTreeMap<String, String>,
    /// Processes that ended by themselves, or not when they were asked to, in words.
    pub ended: Vec<String>,
    /// The most memory of each role, in bytes.
    pub memory: BTreeMap<Role, u64>,
    pub(super) processes: Vec<Process>,
    pub(super) program: PathBuf,
    pub(super) options: RowOptions,
    pub(super) endpoint: SocketAddr,
    wires: [Proxy; 2],
    server: JoinHandle<()>,
    pub(super) started: usize,
}

impl System {
    /// Prepares engines and connections, and starts every process.
    ///
    /// # Errors
    ///
    /// If something cannot be started.
    pub async fn start(
        row_engines: RowEngines,
        program: PathBuf,
        options: RowOptions,
        dice: &Dice,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let target = listener.local_addr()?;
        let seed = dice.named("refersion").draw();
        let refersion = Shared::new(Simulator::new(Options { seed, ..Options::default() }));
        refersion
            .with(|simulator, now| Faults::parse(HEALTHY).map(|faults| simulator.set_faults(now, faults)))?;
        let arrivals = Arrivals::default();
        let mut system = Self {
            folder: tempfile::Builder::new().prefix("neighbour-").tempdir()?,
            row_engines,
            accounts: Vec::new(),
            wires: [Proxy::to(target).await?, Proxy::watched(target, arrivals.clone()).await?],
            arrivals,
            overrides: BTreeMap::new(),
            ended: Vec::new(),
            memory: BTreeMap::new(),
            processes: Vec::new(),
            program,
            options,
            endpoint: free_addresses::<1>()?[0],
            server: tokio::spawn(simulator::serve(listener, refersion, std::future::pending())),
            started: 0,
        };
        system.set_clock(NOW)?;
        system.add_connections().await?;
        system.start_all().await?;
        Ok(system)
    }

    async fn add_connections(&mut self) -> anyhow::Result<()> {
        let engines = self.engines().await?;
        for index in [A, B] {
            let name = ["a", "b"][index];
            let (public_key, api_key) = (format!("pub_{name}"), format!("pub_{name}.sec_{name}"));
            let key = ApiKey::parse(&api_key)?;
            let added = engines.connections.add(NewConnection {
                name: name.parse()?,
                settings: self.settings(index),
                key: engines.vault.seal_key(&key),
                write_key: engines.vault.new_write_key(),
                created_at: engines.now(),
            });
            let id = added.await?.id;
            self.accounts.push(Account { id, api_key, public_key, initial: Vec::new() });
        }
        Ok(())
    }

    fn settings(&self, index: usize) -> Settings {
        let mut settings = Settings {
            refersion_url: format!("http://{}", self.wires[index].address()),
            rate_per_second: RATE,
            require_address: false,
            ..Settings::default()
        };
        if index == A && self.options.a_has_a_field {
            settings.custom_fields.insert(MAPPED.0.to_owned(), MAPPED.1);
        }
        settings
    }

    /// The address to send to, and the credentials.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        let credentials = self.accounts.iter().map(|account| {
            let text = base64::engine::general_purpose::STANDARD.encode(format!("{}:", account.api_key));
            format!("Basic {text}")
        });
        Endpoints { endpoints: vec![self.endpoint], credentials: credentials.collect() }
    }

    /// The address of the ingest endpoint.
    #[must_use]
    pub fn endpoint(&self) -> SocketAddr {
        self.endpoint
    }

    /// Opens the engines beside the program.
    ///
    /// # Errors
    ///
    /// If they cannot be opened.
    pub async fn engines(&self) -> anyhow::Result<Engines> {
        let variables = self.row_engines.direct_variables(self.folder.path());
        Ok(Engines::open(&configuration(variables)?).await?)
    }

    /// The folder with the logs.
    #[must_use]
    pub fn logs(&self) -> String {
        self.folder.path().display().to_string()
    }
}

impl Drop for System {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A setting of the processes, as a variable of the environment: `setting("LOG__LEVEL", "debug")`.
#[must_use]
pub fn setting(key: &str, value: &str) -> (String, String) {
    (format!("REFERSION_DESTINATION__{key}"), value.to_owned())
}
