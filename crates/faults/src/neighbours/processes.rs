//! Starts, watches and ends the processes of a row.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::system::{System, setting};
use crate::process::{Death, Process, Recipe, Role};
use crate::row_engines::RowEngines;
use crate::supervision::{SUPERVISION_INTERVAL, pass};

/// How long a process may take to end after SIGTERM: `shutdown.deadline` and some time to exit.
const END_WITHIN: Duration = Duration::from_secs(30);
/// How long the ingest endpoint may take to listen after a start.
const LISTEN_WITHIN: Duration = Duration::from_secs(30);

impl System {
    /// Starts one process of a role.
    ///
    /// # Errors
    ///
    /// If the program cannot be run.
    pub fn start_one(&mut self, role: Role) -> anyhow::Result<()> {
        self.started += 1;
        let mut variables = vec![
            setting("HEALTH__LISTEN", "127.0.0.1:0"),
            setting("API__LISTEN", "127.0.0.1:0"),
            setting("INGEST__LISTEN", &self.endpoint.to_string()),
        ];
        variables.extend(self.row_engines.direct_variables(self.folder.path()));
        variables.extend(self.options.variables.iter().cloned());
        variables.extend(self.clock_variables());
        variables.extend(self.overrides.clone());
        let log = self.folder.path().join(format!("{}-{}.log", self.started, role.word()));
        let output = self.options.output;
        let recipe = Recipe { program: self.program.clone(), variables, log, output };
        self.processes.push(Process::start(role, recipe, None)?);
        Ok(())
    }

    /// Starts the processes that this pair of engines is run with, and waits until the ingest endpoint listens.
    ///
    /// # Errors
    ///
    /// If the program cannot be run, or does not listen.
    pub async fn start_all(&mut self) -> anyhow::Result<()> {
        self.start_without_waiting()?;
        self.wait_until_listening().await
    }

    /// As [`System::start_all`], without the wait.
    ///
    /// # Errors
    ///
    /// If the program cannot be run.
    pub fn start_without_waiting(&mut self) -> anyhow::Result<()> {
        let roles: &[Role] = match self.row_engines {
            RowEngines::Files => &[Role::Serve],
            RowEngines::Servers(_) => &[Role::Ingest, Role::Worker],
        };
        roles.iter().try_for_each(|role| self.start_one(*role))
    }

    /// Waits until the ingest endpoint takes connections.
    ///
    /// # Errors
    ///
    /// If it does not in time.
    pub async fn wait_until_listening(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + LISTEN_WITHIN;
        while tokio::net::TcpStream::connect(self.endpoint).await.is_err() {
            anyhow::ensure!(
                Instant::now() < end,
                "the ingest endpoint does not listen ({}); see {}",
                self.ended.first().map_or("no process has ended", String::as_str),
                self.logs()
            );
            self.pass(SUPERVISION_INTERVAL).await?;
        }
        Ok(())
    }

    /// Moves the clock of the processes by this much, in faketime's words: `+100d`. Processes whose clock is not moved do not
    /// read it.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn set_clock(&self, moved: &str) -> anyhow::Result<()> {
        // Renamed, so that no process reads half of it.
        let draft = self.folder.path().join("clock.new");
        std::fs::write(&draft, moved)?;
        Ok(std::fs::rename(draft, self.clock_file())?)
    }

    fn clock_file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    fn clock_variables(&self) -> Vec<(String, String)> {
        let Some(library) = &self.options.clock else { return Vec::new() };
        [
            ("LD_PRELOAD", library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.clock_file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            // Timeouts and pauses go by the monotonic clock, which no jump moves.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Asks every process to end (SIGTERM) and waits. A process that does not end in order is in [`System::ended`].
    pub async fn end_all(&mut self) {
        self.note_memory();
        for process in self.processes.drain(..) {
            let word = process.role.word();
            if !process.end(END_WITHIN).await {
                self.ended
                    .push(format!("`{word}` did not end in good order within {END_WITHIN:?} of SIGTERM"));
            }
        }
    }

    /// Kills every process.
    pub async fn kill_all(&mut self) {
        for mut process in self.processes.drain(..) {
            process.kill_without_restart().await;
        }
    }

    /// Lets time pass. Notes deaths and memory, and restarts processes that have died.
    ///
    /// # Errors
    ///
    /// If the program cannot be run.
    pub async fn pass(&mut self, time: Duration) -> anyhow::Result<()> {
        pass(time, || self.supervise()).await
    }

    fn supervise(&mut self) -> anyhow::Result<()> {
        self.note_memory();
        for process in &mut self.processes {
            let word = process.role.word();
            match process.supervise(None)? {
                Some(Death::AtPoint) => self.ended.push(format!("`{word}` aborted")),
                Some(Death::Killed) => self.ended.push(format!("`{word}` was killed by the system")),
                Some(Death::ByItself(status)) => self.ended.push(format!("`{word}` ended with {status}")),
                None => {}
            }
        }
        Ok(())
    }

    fn note_memory(&mut self) {
        for process in &self.processes {
            let most = self.memory.entry(process.role).or_default();
            *most = process.peak_memory().map_or(*most, |peak| peak.max(*most));
        }
    }
}
