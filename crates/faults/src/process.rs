//! One process of the program under test: started, killed, frozen, ended, and started again.

use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// How long a dead process stays dead: as under a supervisor of the system.
const RESTARTED_AFTER: Duration = Duration::from_millis(400);

/// The role of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The ingest endpoint.
    Ingest,
    /// Absorb and reconcile.
    Worker,
    /// All roles in one process.
    Serve,
}

/// The target of a process's standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// Into the file of its log.
    #[default]
    Log,
    /// Nowhere: the descriptor is closed.
    Closed,
    /// To a full disk: every write fails with `ENOSPC`.
    Full,
    /// Into a pipe that is open and never read: writes block once it is full.
    Unread,
    /// Into a pipe whose reader is gone: every write fails with `EPIPE`.
    Abandoned,
}

impl Role {
    /// Its subcommand.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Worker => "worker",
            Self::Serve => "serve",
        }
    }
}

/// The recipe to start a process.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The program.
    pub program: PathBuf,
    /// The settings, as variables of the environment.
    pub variables: Vec<(String, String)>,
    /// The file of its log.
    pub log: PathBuf,
    /// The target of its standard error.
    pub output: Output,
}

/// The end of a process that was not asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// We killed it.
    Killed,
    /// It reached an armed fault point.
    AtPoint,
    /// It ended by itself: an engine that it needs is away, or it has a fault.
    ByItself(ExitStatus),
}

/// Processes that ended without being killed by the harness.
#[derive(Debug, Default)]
pub struct Deaths {
    /// At an armed point.
    pub at_point: u64,
    /// By themselves, in words.
    pub by_themselves: Vec<String>,
}

/// A place for a process, with the process that is in it, if any.
pub struct Process {
    /// Its role.
    pub role: Role,
    recipe: Recipe,
    child: Option<Child>,
    restart_at: Option<Instant>,
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// If the program cannot be run.
    pub fn start(role: Role, recipe: Recipe, points: Option<&str>) -> anyhow::Result<Self> {
        let mut process = Self { role, recipe, child: None, restart_at: None };
        process.begin(points)?;
        Ok(process)
    }

    fn begin(&mut self, points: Option<&str>) -> anyhow::Result<()> {
        let mut command = self.command();
        command.envs(self.recipe.variables.iter().cloned());
        if let Some(points) = points {
            command.env("REFERSION_DESTINATION_FAULT_POINT", points);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(self.standard_error()?).kill_on_drop(true);
        let mut child = command.spawn().context("cannot run the program under test")?;
        if self.recipe.output == Output::Abandoned {
            drop(child.stderr.take());
        }
        self.child = Some(child);
        self.restart_at = None;
        Ok(())
    }

    fn command(&self) -> Command {
        let Recipe { program, output, .. } = &self.recipe;
        if *output != Output::Closed {
            let mut command = Command::new(program);
            command.arg(self.role.word());
            return command;
        }
        // Only a shell can close the descriptor; it then becomes the program and keeps its process id.
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$0" "$@" 2>&-"#]).arg(program).arg(self.role.word());
        command
    }

    fn standard_error(&self) -> anyhow::Result<Stdio> {
        Ok(match self.recipe.output {
            Output::Log => OpenOptions::new().create(true).append(true).open(&self.recipe.log)?.into(),
            Output::Closed => Stdio::null(),
            Output::Full => OpenOptions::new().write(true).open("/dev/full")?.into(),
            Output::Unread | Output::Abandoned => Stdio::piped(),
        })
    }

    /// The most memory that the process has had in RAM since it started (`VmHWM`), in bytes.
    #[must_use]
    pub fn peak_memory(&self) -> Option<u64> {
        let id = self.child.as_ref().and_then(Child::id)?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    }

    /// Whether there is a process in this place.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Kills it as a power cut would; it is started again soon.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may be dead already, which is fine.
            drop(child.kill().await);
            self.restart_at = Some(Instant::now() + RESTARTED_AFTER);
        }
    }

    /// Kills it, and does not restart it until [`Process::allow_restart`].
    pub async fn kill_without_restart(&mut self) {
        self.kill().await;
        self.restart_at = None;
    }

    /// Restarts it soon, if it is dead.
    pub fn allow_restart(&mut self) {
        if self.child.is_none() {
            self.restart_at.get_or_insert(Instant::now());
        }
    }

    /// Sends a signal; false if there is no process.
    pub fn signal(&self, signal: Signal) -> bool {
        let pid = self.child.as_ref().and_then(Child::id).and_then(|id| i32::try_from(id).ok());
        pid.and_then(Pid::from_raw).is_some_and(|pid| kill_process(pid, signal).is_ok())
    }

    /// Sends SIGTERM, and waits until it ends, for `at_most`. Returns whether it ended in order.
    pub async fn end(mut self, at_most: Duration) -> bool {
        self.signal(Signal::TERM);
        let Some(mut child) = self.child.take() else { return true };
        match tokio::time::timeout(at_most, child.wait()).await {
            Ok(Ok(status)) => status.success(),
            _ => {
                drop(child.kill().await);
                false
            }
        }
    }

    /// Notices a death, and restarts the process when that is due.
    ///
    /// # Errors
    ///
    /// If the program cannot be run.
    pub fn supervise(&mut self, points: Option<&str>) -> anyhow::Result<Option<Death>> {
        if self.child.is_none() {
            if self.restart_at.is_some_and(|at| at <= Instant::now()) {
                self.begin(points)?;
            }
            return Ok(None);
        }
        let Some(status) = self.child.as_mut().map(Child::try_wait).transpose()?.flatten() else {
            return Ok(None);
        };
        self.child = None;
        self.restart_at = Some(Instant::now() + RESTARTED_AFTER);
        Ok(Some(match status.signal() {
            Some(signal) if signal == Signal::ABORT.as_raw() => Death::AtPoint,
            Some(signal) if signal == Signal::KILL.as_raw() => Death::Killed,
            _ => Death::ByItself(status),
        }))
    }

    /// The file of its log.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.recipe.log
    }
}
