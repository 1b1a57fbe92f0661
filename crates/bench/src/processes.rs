//! The processes of a benchmark. Each of them runs this same program in one role.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// How long a process may take to print its addresses.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a process may take to end after SIGTERM.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// One running process. It is killed when this is dropped.
pub(super) struct Process {
    name: String,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Its first output, which has its addresses.
    announcement: Option<Value>,
}

impl Process {
    /// Starts this program with these arguments and variables. It inherits standard error, where its log goes.
    pub(super) fn start(arguments: &[&str], variables: &[(String, String)]) -> anyhow::Result<Self> {
        let name = arguments.join(" ");
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--json").args(arguments).envs(variables.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let output = child.stdout.take().context("a process has no output")?;
        Ok(Self { name, child, lines: BufReader::new(output).lines(), announcement: None })
    }

    /// The next JSON value that it prints.
    pub(super) async fn next_output(&mut self) -> anyhow::Result<Value> {
        let line = self.lines.next_line().await?;
        let line = line.with_context(|| format!("{} ended too early; see its log", self.name))?;
        Ok(serde_json::from_str(&line)?)
    }

    /// Waits until it prints its addresses, and returns the one of this name.
    pub(super) async fn address(&mut self, name: &str) -> anyhow::Result<SocketAddr> {
        if self.announcement.is_none() {
            let output = timeout(START_TIMEOUT, self.next_output()).await;
            self.announcement = Some(output.with_context(|| format!("{} does not start", self.name))??);
        }
        self.announced(name).with_context(|| format!("{} prints no address", self.name))
    }

    /// The address of this name, if it has printed it.
    pub(super) fn announced(&self, name: &str) -> Option<SocketAddr> {
        let url = self.announcement.as_ref()?[name].as_str()?.strip_prefix("http://")?;
        url.split('/').next()?.parse().ok()
    }

    /// Its process id; 0 once it has ended.
    pub(super) fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Writes one line to its standard input, so that it continues.
    pub(super) async fn write_line(&mut self) -> anyhow::Result<()> {
        let input = self.child.stdin.as_mut().context("a process has no input")?;
        input.write_all(b"go\n").await?;
        Ok(input.flush().await?)
    }

    /// Sends it SIGTERM, and waits until it has ended.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM)?;
        }
        let ended = timeout(STOP_TIMEOUT, self.child.wait()).await;
        ended.with_context(|| format!("{} does not end", self.name))??;
        Ok(())
    }
}

/// Stops these processes, one after the other.
pub(super) async fn stop_all(processes: Vec<Process>) -> anyhow::Result<()> {
    for process in processes {
        process.stop().await?;
    }
    Ok(())
}

/// Runs this program until it ends, and returns the JSON that it prints.
pub(super) async fn output_of(arguments: &[&str], variables: &[(String, String)]) -> anyhow::Result<Value> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--json").args(arguments).envs(variables.iter().cloned());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let ended = command.output().await?;
    let name = arguments.join(" ");
    // With --json, the error is on standard output.
    let printed = String::from_utf8_lossy(&ended.stdout);
    anyhow::ensure!(ended.status.success(), "`{name}` ended with {}: {}", ended.status, printed.trim());
    serde_json::from_slice(&ended.stdout).with_context(|| format!("`{name}` prints no JSON"))
}
