//! The processes of the harness: started, armed with fault points, supervised and stopped.

use std::time::Duration;

use tokio::time::Instant;

use super::Harness;
use crate::process::{Death, Output, Process, Recipe, Role};
use crate::supervision::{SUPERVISION_INTERVAL, pass};

/// How long a process may take to end after SIGTERM.
pub(super) const END_WITHIN: Duration = Duration::from_secs(20);

impl Harness {
    /// One more worker.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn add_worker(&mut self) -> anyhow::Result<()> {
        self.add(Role::Worker, None)
    }

    pub(super) fn add(&mut self, role: Role, endpoint: Option<usize>) -> anyhow::Result<()> {
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

    /// The fault points of a worker that starts now. A call has to be left open before a worker can settle it, and
    /// Refersion has to fail before a worker pauses.
    fn points(&mut self) -> Option<String> {
        let point = self.point?;
        // The more workers have died, the longer a new one lives: on a busy machine, events would be handed out too often.
        let longest = 5 + self.deaths.at_point.min(15);
        // Hardly any batch goes straight through both stages here.
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

    /// Records processes that died, and restarts those that are due.
    ///
    /// # Errors
    ///
    /// If the program cannot be run.
    pub fn supervise(&mut self) -> anyhow::Result<()> {
        for index in 0..self.processes.len() {
            let points = if self.processes[index].role == Role::Worker { self.points() } else { None };
            let process = &mut self.processes[index];
            match process.supervise(points.as_deref())? {
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

    /// Waits for this time, and supervises the processes meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Harness::supervise`].
    pub async fn pass(&mut self, time: Duration) -> anyhow::Result<()> {
        pass(time, || self.supervise()).await
    }

    /// Stops a worker. Returns whether it ended in order.
    pub async fn stop_worker(&mut self, index: usize) -> bool {
        self.processes.remove(index).end(END_WITHIN).await
    }

    /// Ends every process.
    pub async fn end(&mut self) {
        for mut process in self.processes.drain(..) {
            process.kill_without_restart().await;
        }
        self.server.abort();
    }

    pub(super) async fn wait_for_endpoints(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + Duration::from_secs(30);
        for endpoint in self.endpoints.clone() {
            while tokio::net::TcpStream::connect(endpoint).await.is_err() {
                anyhow::ensure!(
                    Instant::now() < end,
                    "an ingest endpoint does not start: see {}",
                    self.logs()
                );
                self.pass(SUPERVISION_INTERVAL).await?;
            }
        }
        Ok(())
    }
}
