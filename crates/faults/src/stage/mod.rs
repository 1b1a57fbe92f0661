//! Everything that takes part in one row: engines, Refersion, wires, ingest endpoints and workers, in a folder of its
//! own.

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
use crate::ground::Ground;
use crate::process::{Deaths, Process, Role};
use crate::proxy::{Proxy, Wire};
use crate::segment_side::Endpoints;
use crate::setup::{Wishes, free_addresses, refersion, settings};

/// Ingest endpoints and workers at the start.
const ENDPOINTS: usize = 2;
const WORKERS: usize = 2;
/// How Refersion is when nothing is wrong with it. Answers take long enough for a process to die before they come.
const HEALTHY: &str = "latency=40ms..80ms";

/// The stage.
pub struct Stage {
    /// Files and logs.
    pub folder: TempDir,
    /// Queue and ledger.
    pub ground: Ground,
    /// Refersion.
    pub refersion: Shared,
    /// The wire to it.
    pub refersion_wire: Proxy,
    /// The connections.
    pub accounts: Vec<Account>,
    /// Ingest endpoints and workers.
    pub processes: Vec<Process>,
    /// Who died.
    pub deaths: Deaths,
    program: PathBuf,
    wished: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    point: Option<&'static str>,
    dice: Dice,
    endpoints: Vec<SocketAddr>,
    server: JoinHandle<()>,
    started: usize,
}

impl Stage {
    /// Sets it, and starts every process.
    ///
    /// # Errors
    ///
    /// If something cannot be started.
    pub async fn set(
        ground: Ground,
        program: PathBuf,
        wishes: Wishes,
        people: usize,
        dice: &Dice,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("fault-").tempdir()?;
        let mut dice = dice.named("stage");
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let refersion_wire = Proxy::to(listener.local_addr()?).await?;
        let refersion = Shared::new(Simulator::new(refersion(dice.draw())));
        let server = tokio::spawn(simulator::serve(listener, refersion.clone(), std::future::pending()));
        let wished: Vec<_> = settings().into_iter().chain(wishes.variables).collect();
        let mut variables = wished.clone();
        variables.extend(ground.variables(folder.path()));
        let mut stage = Self {
            endpoints: free_addresses::<ENDPOINTS>()?,
            folder,
            ground,
            refersion,
            refersion_wire,
            accounts: Vec::new(),
            processes: Vec::new(),
            deaths: Deaths::default(),
            program,
            wished,
            variables,
            point: wishes.point,
            dice,
            server,
            started: 0,
        };
        stage.heal_refersion();
        stage.accounts = accounts::open(&stage, people).await?;
        for endpoint in 0..ENDPOINTS {
            stage.add(Role::Ingest, Some(endpoint))?;
        }
        for _ in 0..WORKERS {
            stage.add(Role::Worker, None)?;
        }
        stage.wait_for_endpoints().await?;
        Ok(stage)
    }

    /// Where to send, and as whom.
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
        // A queue is declared by whoever comes first, and takes no other settings later.
        let mut variables = self.wished.clone();
        variables.extend(self.ground.direct_variables(self.folder.path()));
        variables
    }

    /// Puts other faults into Refersion.
    ///
    /// # Errors
    ///
    /// If the specification is wrong.
    pub fn ail_refersion(&self, faults: &str) -> anyhow::Result<()> {
        let faults = Faults::parse(&format!("{HEALTHY},{faults}"))?;
        self.refersion.with(|simulator, now| simulator.set_faults(now, faults));
        Ok(())
    }

    /// Refersion is well again.
    pub fn heal_refersion(&self) {
        let healthy = Faults::parse(HEALTHY).expect("the specification is a constant");
        self.refersion.with(|simulator, now| simulator.set_faults(now, healthy));
    }

    /// Ends every fault: wires are good, Refersion is well, engines run, and so does every process, unarmed.
    ///
    /// # Errors
    ///
    /// If something cannot be started.
    pub async fn calm(&mut self) -> anyhow::Result<()> {
        self.heal_refersion();
        self.refersion_wire.set(Wire::Good);
        self.ground.mend().await?;
        let armed = self.point.take().is_some();
        for process in &mut self.processes {
            process.signal(Signal::CONT);
            process.revive();
        }
        if armed {
            for index in self.workers().into_iter().rev() {
                self.processes.remove(index).end(END_WITHIN).await;
            }
            for _ in 0..WORKERS {
                self.add(Role::Worker, None)?;
            }
        }
        self.tend()
    }

    /// Where to read what the processes said.
    #[must_use]
    pub fn logs(&self) -> String {
        self.folder.path().display().to_string()
    }
}
