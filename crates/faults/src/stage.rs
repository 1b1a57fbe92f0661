//! Everything that takes part in one row: engines, Refersion, wires, ingest endpoints and workers, in a folder of its
//! own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use simulator::{Faults, Shared, Simulator};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::accounts::{self, Account};
use crate::dice::Dice;
use crate::ground::Ground;
use crate::process::{Death, Deaths, Output, Process, Recipe, Role};
use crate::proxy::{Proxy, Wire};
use crate::segment_side::Endpoints;
use crate::setup::{Wishes, free_addresses, refersion, settings};

/// Ingest endpoints and workers at the start.
const ENDPOINTS: usize = 2;
const WORKERS: usize = 2;
/// How often deaths are looked for.
const TEND_EVERY: Duration = Duration::from_millis(50);
/// How long a process may take to end when it is asked to.
const END_WITHIN: Duration = Duration::from_secs(20);
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

    /// One more worker.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn add_worker(&mut self) -> anyhow::Result<()> {
        self.add(Role::Worker, None)
    }

    fn add(&mut self, role: Role, endpoint: Option<usize>) -> anyhow::Result<()> {
        self.started += 1;
        let mut variables = self.variables.clone();
        if let Some(endpoint) = endpoint {
            variables.push((
                "REFERSION_DESTINATION__INGEST__LISTEN".to_owned(),
                self.endpoints[endpoint].to_string(),
            ));
        }
        let log = self.folder.path().join(format!("{}-{role:?}.log", self.started));
        let points = if role == Role::Worker { self.points() } else { None };
        let recipe = Recipe { program: self.program.clone(), variables, log, output: Output::Log };
        self.processes.push(Process::start(role, recipe, points.as_deref())?);
        Ok(())
    }

    /// What a worker that starts now is armed with. A call has to be left open before anybody can settle it, and
    /// Refersion has to be ill before anybody pauses.
    fn points(&mut self) -> Option<String> {
        let point = self.point?;
        // The more have died, the longer a new one lives: on a busy machine, events would be handed out too often.
        let longest = 5 + self.deaths.at_point.min(15);
        // Hardly any batch goes straight through both stories here.
        let passage = if point.starts_with("carry.") { 1 } else { self.dice.between(1, longest) };
        Some(match point {
            "reconcile.settled" => format!("reconcile.sent:{},{point}:1", passage + 1),
            "reconcile.leased" | "reconcile.paused" => format!("{point}:1"),
            _ => format!("{point}:{passage}"),
        })
    }

    /// The places of workers.
    #[must_use]
    pub fn workers(&self) -> Vec<usize> {
        let is_worker = |index: &usize| self.processes[*index].role == Role::Worker;
        (0..self.processes.len()).filter(is_worker).collect()
    }

    /// The places of ingest endpoints.
    #[must_use]
    pub fn ingests(&self) -> Vec<usize> {
        let is_endpoint = |index: &usize| self.processes[*index].role == Role::Ingest;
        (0..self.processes.len()).filter(is_endpoint).collect()
    }

    /// Notices who died, and starts again whose time has come.
    ///
    /// # Errors
    ///
    /// If the program cannot be run.
    pub fn tend(&mut self) -> anyhow::Result<()> {
        for index in 0..self.processes.len() {
            let points = if self.processes[index].role == Role::Worker { self.points() } else { None };
            let process = &mut self.processes[index];
            match process.tend(points.as_deref())? {
                Some(Death::AtPoint) if self.point.is_some() => self.deaths.at_point += 1,
                Some(Death::AtPoint) => {
                    self.deaths.by_themselves.push(format!("{:?} aborted", process.role));
                }
                Some(Death::ByItself(status)) => {
                    self.deaths.by_themselves.push(format!("{:?} ended with {status}", process.role));
                }
                Some(Death::Killed) | None => {}
            }
        }
        Ok(())
    }

    /// Lets time pass, and tends.
    ///
    /// # Errors
    ///
    /// As [`Stage::tend`].
    pub async fn pass(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.tend()?;
            sleep(TEND_EVERY.min(end.saturating_duration_since(Instant::now()))).await;
        }
        Ok(())
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

    /// Takes a worker out in good order; whether it ended so.
    pub async fn dismiss(&mut self, index: usize) -> bool {
        self.processes.remove(index).end(END_WITHIN).await
    }

    /// Ends every process.
    pub async fn end(&mut self) {
        for mut process in self.processes.drain(..) {
            process.kill_for_long().await;
        }
        self.server.abort();
    }

    async fn wait_for_endpoints(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + Duration::from_secs(30);
        for endpoint in self.endpoints.clone() {
            while tokio::net::TcpStream::connect(endpoint).await.is_err() {
                anyhow::ensure!(
                    Instant::now() < end,
                    "an ingest endpoint does not start: see {}",
                    self.logs()
                );
                self.pass(TEND_EVERY).await?;
            }
        }
        Ok(())
    }

    /// Where to read what the processes said.
    #[must_use]
    pub fn logs(&self) -> String {
        self.folder.path().display().to_string()
    }
}
