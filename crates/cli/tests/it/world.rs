//! A whole installation in a folder of its own: a simulated Refersion, the service, and an operator's terminal.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Ended, program};
use crate::running::Running;

/// The account's key. Its halves differ from every other text that is written anywhere.
pub(crate) const KEY: &str = "pub_8f1c2e.sec_4b7d9a6e5c3f";
/// The half that must not be found anywhere.
pub(crate) const SECRET: &str = "sec_4b7d9a6e5c3f";

/// How long anything may take before a test gives up on it.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often a test looks again.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) simulator: Running,
    pub(crate) service: Option<Running>,
    variables: Vec<(String, String)>,
}

impl World {
    /// A simulator that has the account of [`KEY`], and no service yet. `settings` are variables without their prefix.
    pub(crate) fn new(settings: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let file = |name: &str| format!("sqlite://{}", folder.path().join("data").join(name).display());
        let mut variables = vec![
            ("QUEUE__URL".to_owned(), file("queue.db")),
            ("LEDGER__URL".to_owned(), file("ledger.db")),
            ("INGEST__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("HEALTH__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("API__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("LOG__LEVEL".to_owned(), "debug".to_owned()),
            // Tests count calls, and a walk would be among them.
            ("ADOPT__NEW_CONNECTIONS".to_owned(), "wait".to_owned()),
        ];
        variables.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        for (name, _) in &mut variables {
            *name = format!("REFERSION_DESTINATION__{name}");
        }
        let arguments = ["simulate", "--listen", "127.0.0.1:0", "--account", KEY, "--custom-field", "7=Plan"];
        let simulator = Running::start(&arguments, &[], &folder.path().join("simulator.log"));
        Self { folder, simulator, service: None, variables }
    }

    /// The same with the service, and with the connection `shop`, which delivers fast.
    pub(crate) fn started(settings: &[(&str, &str)]) -> Self {
        let mut world = Self::new(settings);
        world.serve();
        world.add("shop", KEY, &["--rate", "1000"]);
        world
    }

    /// Changes a setting for everything that starts from now on. `name` is a variable without its prefix.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((format!("REFERSION_DESTINATION__{name}"), value.to_owned()));
    }

    pub(crate) fn serve(&mut self) {
        self.run("serve");
    }

    /// Runs this role as the service.
    pub(crate) fn run(&mut self, role: &str) {
        self.service = Some(self.beside(role));
    }

    /// Runs this role beside the service.
    pub(crate) fn beside(&self, role: &str) -> Running {
        Running::start(&[role], &self.variables, &self.folder.path().join("service.log"))
    }

    /// Runs this command, which has to be a role with `--json`, as the service, with this standard error.
    pub(crate) fn run_logging_to(&mut self, command: Command, stderr: Stdio) {
        self.service = Some(Running::logging_to(command, &self.variables, stderr));
    }

    /// Adds a connection to the simulator, and returns its id.
    pub(crate) fn add(&self, name: &str, key: &str, options: &[&str]) -> String {
        let url = format!("http://{}", self.simulator.address("listening"));
        let arguments =
            ["connections", "add", "--name", name, "--api-key-stdin", "-q", "--refersion-url", &url];
        let ended = self.cli_with(&[&arguments[..], options].concat(), key, &[]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout.trim().to_owned()
    }

    /// Runs a command to its end.
    pub(crate) fn cli(&self, arguments: &[&str]) -> Ended {
        self.cli_with(arguments, "", &[])
    }

    /// The variables of its processes.
    pub(crate) fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// Runs a command with this on standard input and these further variables.
    pub(crate) fn cli_with(&self, arguments: &[&str], stdin: &str, variables: &[(&str, &str)]) -> Ended {
        let mut process = program(arguments)
            .envs(self.variables.iter().cloned())
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input may have ended before it was written.
        drop(process.stdin.take().unwrap().write_all(stdin.as_bytes()));
        let output = process.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs a command that has to succeed, with `--json`.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.cli(&[arguments, &["--json"]].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// Posts an event to the ingest endpoint, as Segment does.
    pub(crate) fn post(&self, key: &str, event: &str) -> (u16, Value) {
        self.post_to("/segment", key, event)
    }

    /// Posts to another path of the ingest endpoint.
    pub(crate) fn post_to(&self, path: &str, key: &str, body: &str) -> (u16, Value) {
        post_to(&self.service.as_ref().unwrap().address("segment"), path, key, body, "")
    }

    /// Posts with an `X-Signature`, as Segment's Webhooks destinations do.
    pub(crate) fn post_signed(&self, key: &str, event: &str, signature: &str) -> (u16, Value) {
        let address = self.service.as_ref().unwrap().address("segment");
        post_to(
            &address,
            "/segment",
            key,
            event,
            &format!(
                "x-signature: {signature}
"
            ),
        )
    }

    /// Posts a body to a path of the ingest endpoint, with these further headers.
    pub(crate) fn send(&self, path: &str, headers: &str, body: &Value) -> (u16, Value) {
        let address = self.service.as_ref().unwrap().address("segment");
        let head = format!("content-type: application/json\r\n{headers}");
        let (status, answer) = http(&address, "POST", path, &head, &body.to_string());
        (status, serde_json::from_str(&answer).unwrap())
    }

    /// Posts an event that has to be accepted, and returns its event id.
    pub(crate) fn accept(&self, event: &Value) -> String {
        let (status, answer) = self.post(KEY, &event.to_string());
        assert_eq!(status, 202, "{answer}");
        answer["event_id"].as_str().unwrap().to_owned()
    }

    /// The answer of the health server.
    pub(crate) fn health(&self, path: &str) -> (u16, String) {
        http(&self.service.as_ref().unwrap().address("health"), "GET", path, "", "")
    }

    /// Changes the simulator's faults at once.
    pub(crate) fn faults(&self, spec: &str) {
        let address = self.simulator.address("listening");
        assert_eq!(http(&address, "POST", "/_simulator/faults", "", spec).0, 200);
    }

    /// Makes a call of Refersion's API that has to succeed, as its merchant does.
    pub(crate) fn refersion(&self, operation: &str, body: &Value) -> Value {
        let (public, secret) = KEY.split_once('.').unwrap();
        let head = format!(
            "content-type: application/json\r\nRefersion-Public-Key: {public}\r\nRefersion-Secret-Key: {secret}\r\n"
        );
        let path = format!("/v2/{operation}");
        let address = self.simulator.address("listening");
        let (status, answer) = http(&address, "POST", &path, &head, &body.to_string());
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// One of the simulator's own pages.
    pub(crate) fn refersion_page(&self, page: &str) -> Value {
        let path = format!("/_simulator/{page}");
        let page = http(&self.simulator.address("listening"), "GET", &path, "", "").1;
        serde_json::from_str(&page).unwrap()
    }

    /// The affiliates that the simulator holds.
    pub(crate) fn affiliates(&self) -> Vec<Value> {
        let state = self.refersion_page("state");
        state["accounts"][0]["affiliates"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until the one event that `subject` finds is in `state`, and returns it.
    pub(crate) fn event_in(&self, subject: &str, state: &str) -> Value {
        self.until(&format!("{subject} to be {state}"), || {
            let events = self.json(&["events", "find", subject]);
            let mut found = events.as_array().unwrap().iter().filter(|event| event["state"] == state);
            found.next().cloned()
        })
    }

    /// Waits until all accepted events have ended and were sent.
    pub(crate) fn settled(&self) -> Value {
        self.until("all to settle", || {
            let status = self.json(&["status"]);
            let open =
                [&status["queue"]["live"], &status["queue"]["bulk"], &status["pending"], &status["dirty"]];
            open.iter().all(|count| **count == 0).then_some(status)
        })
    }

    /// Looks until there is something to see.
    pub(crate) fn until<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> T {
        let end = Instant::now() + TIMEOUT;
        loop {
            if let Some(seen) = look() {
                return seen;
            }
            assert!(Instant::now() < end, "waited in vain for {what}; the log says\n{}", self.log());
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("service.log")).unwrap_or_default()
    }

    /// The files that contain any of these words: logs are included, except those of the simulator.
    pub(crate) fn files_with(&self, words: &[&str]) -> Vec<String> {
        let data = self.folder.path().join("data");
        let mut files: Vec<PathBuf> = if data.exists() { paths(data) } else { Vec::new() };
        files.push(self.folder.path().join("service.log"));
        let mut found = Vec::new();
        for file in files {
            // SQLite's files beside the database come and go.
            let bytes = std::fs::read(&file).unwrap_or_default();
            for word in words {
                if bytes.windows(word.len()).any(|window| window == word.as_bytes()) {
                    found.push(format!("{word} in {}", file.display()));
                }
            }
        }
        found
    }
}

fn paths(folder: PathBuf) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Posts to the ingest endpoint at this address, with further headers.
pub(crate) fn post_to(address: &str, path: &str, key: &str, body: &str, headers: &str) -> (u16, Value) {
    let basic = base64::prelude::BASE64_STANDARD.encode(format!("{key}:"));
    let head = format!("authorization: Basic {basic}\r\ncontent-type: application/json\r\n{headers}");
    let (status, body) = http(address, "POST", path, &head, body);
    (status, serde_json::from_str(&body).unwrap())
}

/// One request on a connection of its own: status and body.
pub(crate) fn http(address: &str, method: &str, path: &str, head: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}content-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}
