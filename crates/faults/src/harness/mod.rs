//! The harness of one row: engines, the simulated Refersion, proxies, ingest endpoints and workers, in a separate folder.

mod processes;

use std::net::SocketAddr;
use std::path::PathBuf;

use rustix::process::Signal;
use simulator::{Faults, Shared, Simulator};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::processes::END_WITHIN;
use crate::accounts::{self, Account};
use crate::dice::Dice;
use crate::process::{Deaths, Process, Role};
use crate::proxy::{Proxy, Wire};
use crate::row_engines::RowEngines;
use crate::segment_side::Endpoints;
use crate::setup::{RowOptions, free_addresses, refersion, settings};

/// Ingest endpoints and workers at the start.
const ENDPOINTS: usize = 2;
const WORKERS: usize = 2;
/// The behaviour of Refersion without faults. Answers take long enough for a process to die before they come.
const HEALTHY: &str = "latency=40ms..80ms";

/// The processes and servers of one row.
pub struct Harness {
    /// Files and logs.
    pub folder: TempDir,
    /// Queue and ledger.
    pub row_engines: RowEngines,
    /// Refersion.
    pub refersion: Shared,
    /// The wire to it.
    pub refersion_wire: Proxy,
    /// The connections.
    pub accounts: Vec<Account>,
    /// Ingest endpoints and workers.
    pub processes: Vec<Process>,
    /// The processes that died.
    pub deaths: Deaths,
    program: PathBuf,
    settings: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    point: Option<&'static str>,
    dice: Dice,
    endpoints: Vec<SocketAddr>,
    server: JoinHandle<()>,
    started: usize,
}

impl Harness {
    /// Sets up the engines, and starts every process.
    ///
    /// # Errors
    ///
    /// If something cannot be started.
    pub async fn start(
        row_engines: RowEngines,
        program: PathBuf,
        options: RowOptions,
        people: usize,
        dice: &Dice,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("fault-").tempdir()?;
        let mut dice = dice.named("stage");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let refersion_wire = Proxy::to(listener.local_addr()?).await?;
        let refersion = Shared::new(Simulator::new(refersion(dice.draw())));
        let server = tokio::spawn(simulator::serve(listener, refersion.clone(), std::future::pending()));
        let settings: Vec<_> = settings().into_iter().chain(options.variables).collect();
        let mut variables = settings.clone();
        variables.extend(row_engines.variables(folder.path()));
        let mut harness = Self {
            endpoints: free_addresses::<ENDPOINTS>()?,
            folder,
            row_engines,
            refersion,
            refersion_wire,
            accounts: Vec::new(),
            processes: Vec::new(),
            deaths: Deaths::default(),
            program,
            settings,
            variables,
            point: options.point,
            dice,
            server,
            started: 0,
        };
        harness.clear_refersion_faults();
        harness.accounts = accounts::open(&harness, people).await?;
        for endpoint in 0..ENDPOINTS {
            harness.add(Role::Ingest, Some(endpoint))?;
        }
        for _ in 0..WORKERS {
            harness.add(Role::Worker, None)?;
        }
        harness.wait_for_endpoints().await?;
        Ok(harness)
    }

    /// The ingest endpoints, and the credentials for them.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            endpoints: self.endpoints.clone(),
            credentials: self.accounts.iter().map(Account::authorization).collect(),
        }
    }

    /// The URL of Refersion as the workers know it.
    #[must_use]
    pub fn refersion_url(&self) -> String {
        format!("http://{}", self.refersion_wire.address())
    }

    /// The settings with which a process of the harness reaches the engines directly.
    #[must_use]
    pub fn direct_variables(&self) -> Vec<(String, String)> {
        // The first process that connects declares the queue, and its settings cannot change later.
        let mut variables = self.settings.clone();
        variables.extend(self.row_engines.direct_variables(self.folder.path()));
        variables
    }

    /// Sets the faults of the simulated Refersion.
    ///
    /// # Errors
    ///
    /// If the specification is wrong.
    pub fn set_refersion_faults(&self, faults: &str) -> anyhow::Result<()> {
        let faults = Faults::parse(&format!("{HEALTHY},{faults}"))?;
        self.refersion.with(|simulator, now| simulator.set_faults(now, faults));
        Ok(())
    }

    /// Ends the faults of the simulated Refersion.
    pub fn clear_refersion_faults(&self) {
        let healthy = Faults::parse(HEALTHY).expect("the specification is a constant");
        self.refersion.with(|simulator, now| simulator.set_faults(now, healthy));
    }

    /// Ends every fault: proxies forward, Refersion answers, and engines and processes run, without fault points.
    ///
    /// # Errors
    ///
    /// If something cannot be started.
    pub async fn end_faults(&mut self) -> anyhow::Result<()> {
        self.clear_refersion_faults();
        self.refersion_wire.set(Wire::Good);
        self.row_engines.restore().await?;
        let armed = self.point.take().is_some();
        for process in &mut self.processes {
            process.signal(Signal::CONT);
            process.allow_restart();
        }
        if armed {
            for index in self.workers().into_iter().rev() {
                self.processes.remove(index).end(END_WITHIN).await;
            }
            for _ in 0..WORKERS {
                self.add(Role::Worker, None)?;
            }
        }
        self.supervise()
    }

    /// The folder with the logs.
    #[must_use]
    pub fn logs(&self) -> String {
        self.folder.path().display().to_string()
    }
}
