//! The compose stack under a project name and on ports of its own.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde_json::Value;

use crate::report;

/// The variables of the ports: the system chooses free ones.
const PORTS: [&str; 5] =
    ["DOOR_PORT", "SIMULATOR_PORT", "RABBITMQ_PORT", "RABBITMQ_MANAGEMENT_PORT", "POSTGRES_PORT"];
/// How long all containers may take until they are healthy, in seconds.
const HEALTHY_WITHIN: &str = "180";
/// Number of log lines to show of each container after a failure.
const LOG_LINES: &str = "60";

/// The stack. It is there between [`Stack::up`] and [`Stack::down`].
#[derive(Clone)]
pub(crate) struct Stack {
    project: String,
    folder: PathBuf,
}

impl Stack {
    /// Makes sure that there is a Docker to run it on.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let works = |arguments: &[&str]| {
            let output = Command::new("docker").args(arguments).stdin(Stdio::null()).output();
            output.is_ok_and(|output| output.status.success())
        };
        let engine = works(&["info"]);
        anyhow::ensure!(engine, "the compose stack needs a Docker engine: `docker info` has to work here");
        let compose = works(&["compose", "version"]);
        anyhow::ensure!(
            compose,
            "the compose stack needs Compose v2: `docker compose version` has to work here"
        );
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        let project = format!("refersion-destination-test-{}", std::process::id());
        Ok(Self { project, folder })
    }

    /// Builds the image, starts everything, and waits until it is healthy.
    pub(crate) fn up(&self) -> anyhow::Result<()> {
        report("building the image");
        self.run(self.compose(&["build", "--quiet"]), "")?;
        report(&format!("starting {}", self.project));
        let up = ["up", "--detach", "--wait", "--wait-timeout", HEALTHY_WITHIN, "--quiet-pull"];
        self.run(self.compose(&up), "").map(drop)
    }

    /// Stops everything, and removes all its data.
    pub(crate) fn down(&self) -> anyhow::Result<()> {
        report("removing the stack");
        self.run(self.compose(&["down", "--volumes", "--remove-orphans"]), "").map(drop)
    }

    /// The address at which a port of a service can be reached from here.
    pub(crate) fn address(&self, service: &str, port: &str) -> anyhow::Result<String> {
        Ok(self.run(self.compose(&["port", service, port]), "")?.trim().to_owned())
    }

    /// Runs the program in the container of the ingest endpoint, with variables of its own and this on standard input. Returns
    /// its output.
    pub(crate) fn program(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
        input: &str,
    ) -> anyhow::Result<String> {
        let mut command = self.compose(&["exec", "--no-TTY"]);
        for (name, value) in variables {
            command.args(["--env", &format!("{name}={value}")]);
        }
        command.args(["ingest", "refersion-destination"]).args(arguments);
        self.run(command, input)
    }

    /// Runs a command of the program that answers in JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let answer = self.program(&[arguments, &["--json"]].concat(), &[], "")?;
        serde_json::from_str(&answer).with_context(|| format!("{arguments:?} answered no JSON"))
    }

    /// Shows the last log lines of the containers.
    pub(crate) fn show_logs(&self) {
        for arguments in [&["ps", "--all"][..], &["logs", "--no-color", "--tail", LOG_LINES]] {
            // The failure itself is reported even if this cannot be shown.
            drop(self.compose(arguments).status());
        }
    }

    fn compose(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("docker");
        command.args(["compose", "--project-name", &self.project]).args(arguments);
        command.current_dir(&self.folder).envs(PORTS.map(|port| (port, "0")));
        command
    }

    fn run(&self, mut command: Command, input: &str) -> anyhow::Result<String> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        // It may end before it has read its input. Its status is checked below.
        drop(child.stdin.take().context("a command has an input")?.write_all(input.as_bytes()));
        let output = child.wait_with_output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        anyhow::ensure!(output.status.success(), "{command:?} failed ({}): {text}", output.status);
        Ok(text)
    }
}
