//! `simulate` as a process: it announces itself, answers, and ends at a signal.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::program::{program, run};

/// A running simulator; killed when dropped, so that a failed test leaves none behind.
struct Simulator {
    process: Child,
    address: String,
}

impl Simulator {
    fn start(arguments: &[&str]) -> Self {
        let arguments = [&["simulate", "--json", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut process = program(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let announced: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = announced["listening"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Self { process, address }
    }

    fn list(&self, public: &str, secret: &str) -> String {
        let body = r#"{"limit":"1","page":"1"}"#;
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "POST /v2/affiliate/list HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             Refersion-Public-Key: {public}\r\nRefersion-Secret-Key: {secret}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn the_simulator_serves_the_given_accounts_and_ends_at_sigterm() {
    let mut simulator = Simulator::start(&["--account", "pub_1.sec_1", "--seed", "7"]);
    assert!(simulator.list("pub_1", "sec_1").starts_with("HTTP/1.1 200"));
    assert!(simulator.list("pub_1", "other").starts_with("HTTP/1.1 401"));
    let pid = simulator.process.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(simulator.process.wait().unwrap().code(), Some(0));
}

#[test]
fn an_account_has_affiliates_from_the_start() {
    let simulator = Simulator::start(&["--affiliates", "3"]);
    let answer = simulator.list("pub_1", "sec_1");
    assert!(
        answer.contains("affiliate1@example.org") || answer.contains("affiliate3@example.org"),
        "{answer}"
    );
    assert!(answer.contains(r#""total":3"#), "{answer}");
}

#[test]
fn faults_work_from_the_start() {
    let simulator = Simulator::start(&["--faults", "500=100%"]);
    assert!(simulator.list("pub_1", "sec_1").starts_with("HTTP/1.1 500"));
}

#[test]
fn faults_that_do_not_exist_and_malformed_options_are_wrong_usage() {
    for option in [
        ["--faults", "latency=fast"],
        ["--account", "pub_1"],
        ["--custom-field", "Plan=1234"],
        ["--webhook", "pub_1"],
        // Its secret is missing.
        ["--webhook", "pub_1=http://127.0.0.1:1/refersion/1"],
        ["--webhook-secret", "hush"],
        ["--deliveries", "lost=2"],
        ["--affiliates", "1000001"],
    ] {
        let ended = run(&[&["simulate", "--json", "--listen", "127.0.0.1:0"][..], &option].concat(), &[]);
        assert_eq!(ended.code, Some(2), "{option:?}");
        assert!(ended.error()["message"].as_str().unwrap().contains(option[0]), "{}", ended.stderr);
    }
}

#[test]
fn an_address_that_is_taken_is_exit_code_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(&["simulate", "--json", "--listen", &address], &[]);
    assert_eq!((ended.code, ended.error()["code"].as_str()), (Some(1), Some("listen")));
}
