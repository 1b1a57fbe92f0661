//! A program that runs until a signal ends it: `serve` or `simulate`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::program::program;

/// A running program, and its first line of output. Killed when dropped, so that a failed test leaves none behind.
pub(crate) struct Running {
    process: Child,
    /// The JSON object that it announced itself with.
    pub(crate) announced: Value,
}

impl Running {
    /// Starts the program with `--json`, and waits until it has announced itself. Its log goes to the end of `log`.
    pub(crate) fn start(arguments: &[&str], variables: &[(String, String)], log: &Path) -> Self {
        Self::start_in(Path::new("."), arguments, variables, log)
    }

    /// The same in this folder.
    pub(crate) fn start_in(
        folder: &Path,
        arguments: &[&str],
        variables: &[(String, String)],
        log: &Path,
    ) -> Self {
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = program(&[arguments, &["--json"]].concat());
        command.current_dir(folder);
        Self::logging_to(command, variables, log.into())
    }

    /// Starts `command`, which prints JSON, with this standard error. A pipe is not read.
    pub(crate) fn logging_to(mut command: Command, variables: &[(String, String)], stderr: Stdio) -> Self {
        let mut process =
            command.envs(variables.iter().cloned()).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let announced = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { process, announced }
    }

    /// The address, without `http://`, that it announced under this name.
    pub(crate) fn address(&self, name: &str) -> String {
        let url = self.announced[name].as_str().unwrap().strip_prefix("http://").unwrap();
        url.split('/').next().unwrap().to_owned()
    }

    /// Sends a signal, waits for the end and returns the exit code.
    pub(crate) fn signal(mut self, name: &str) -> Option<i32> {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
        self.process.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
