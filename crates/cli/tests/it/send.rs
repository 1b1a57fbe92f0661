//! `send`: files into the queue, with bad lines, interruptions and a queue that accepts nothing.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::{Value, json};

use crate::program::program;
use crate::world::World;

/// Events of the file that is interrupted, and bytes of each: several times what the queue takes.
const MANY: usize = 3_000;
const LONG: usize = 4_000;

fn file(world: &World, name: &str, text: &str) -> String {
    let path: PathBuf = world.folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn identify(user: &str) -> String {
    let traits = json!({ "email": format!("{user}@example.org"), "name": "Ann Smith", "city": "Rome" });
    json!({ "type": "identify", "userId": user, "traits": traits }).to_string()
}

/// The summary, which is the last line of the output for scripts, and the bad lines before it.
fn results(stdout: &str) -> (Value, Vec<Value>) {
    let mut lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (lines.pop().unwrap(), lines)
}

#[test]
fn events_of_a_file_end_as_those_of_segment_and_bad_lines_are_named() {
    let world = World::started(&[]);
    let track = r#"{"type":"track","userId":"u1","event":"Bought","messageId":"t1"}"#;
    let lines = [&identify("u1"), "{", "", track, r#"{"type":"identify"}"#, &identify("u2")];
    let path = file(&world, "some.ndjson", &format!("\u{feff}{}", lines.join("\r\n")));
    let send = ["send", "--connection", "shop", &path];
    let sent = world.cli(&send);
    assert_eq!(sent.code, Some(3), "{}", sent.stderr);
    assert!(sent.stderr.contains("line 2: not valid JSON") && sent.stderr.contains("line 5: no identifier"));
    assert!(
        sent.stdout.contains("3 events in the queue") && sent.stdout.contains("2 bad lines"),
        "{}",
        sent.stdout
    );
    world.settled();
    assert_eq!(world.affiliates().len(), 2);
    assert_eq!(world.json(&["events", "find", "t1"])[0]["state"], "skipped");

    let (summary, bad) = results(&world.cli(&[&send[..], &["--json"]].concat()).stdout);
    assert_eq!(
        (&summary["events"], &summary["other_types"], &summary["complete"]),
        (&json!(3), &json!(1), &json!(true))
    );
    assert_eq!(bad.iter().map(|line| line["bad_line"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 5]);
    world.settled();
    let events = world.json(&["events", "find", "u1@example.org"]);
    assert_eq!(events.as_array().unwrap().len(), 1, "sent twice, it is the same event: {events}");
}

#[test]
fn members_of_engage_exports_become_affiliates() {
    let world = World::started(&[]);
    let text = "key,external_ids,first_name,last_name,city\r\n\
        p1,\"{\"\"user_id\"\":[\"\"u1\"\"],“email”:[“ann@example.org”]}\",Ann,Lee,Rome\n\
        p2,,,,\n";
    let path = file(&world, "vip.csv", text);
    let missing = world.cli(&["send", "--connection", "shop", &path, "--json"]);
    assert_eq!((missing.code, missing.error()["code"].as_str()), (Some(2), Some("unusable_file")));
    assert!(missing.error()["hint"].as_str().unwrap().contains("--audience"), "{}", missing.stderr);

    let sent = world.cli(&["send", "--connection", "shop", "--audience", "vip", &path]);
    assert_eq!(sent.code, Some(3), "{}", sent.stderr);
    assert!(sent.stderr.contains("line 3: no identifier"), "{}", sent.stderr);
    world.event_in("ann@example.org", "created");
    let affiliate = &world.affiliates()[0];
    assert_eq!((&affiliate["email"], &affiliate["first_name"]), (&json!("ann@example.org"), &json!("Ann")));
    let profile = world.json(&["profiles", "show", "u1"]);
    assert!(profile.to_string().contains("vip"), "{profile}");
}

#[test]
fn standard_input_is_read_as_a_file_and_wrong_names_are_reported() {
    let world = World::started(&[]);
    let sent = world.cli_with(&["send", "--connection", "shop", "-"], &identify("u1"), &[]);
    assert_eq!((sent.code, sent.stdout.lines().count()), (Some(0), 1), "{}", sent.stderr);
    world.event_in("u1", "created");
    for (arguments, code) in
        [(["--connection", "shop", "/none"], "file"), (["--connection", "other", "-"], "no_such_connection")]
    {
        let failed = world.cli(&[&["send", "--json"][..], &arguments].concat());
        assert_eq!(
            (failed.code, failed.error()["code"].as_str()),
            (Some(1), Some(code)),
            "{}",
            failed.stderr
        );
    }
}

#[test]
fn the_deletes_of_a_file_are_applied_each_time_it_is_sent() {
    let world = World::started(&[]);
    let path = file(&world, "deletes.ndjson", r#"{"type":"delete","userId":"u1"}"#);
    let deleted_at = || world.json(&["profiles", "show", "u1"])[0]["identifiers"][0]["deleted_at"].clone();
    world.accept(&json!({ "type": "identify", "userId": "u1", "traits": { "email": "u1@example.org" } }));
    world.until("the profile", || (world.json(&["profiles", "show", "u1"]) != json!([])).then_some(()));
    let mut last = Value::Null;
    for run in 1..=2 {
        assert_eq!(world.cli(&["send", "--connection", "shop", &path]).code, Some(0));
        last = world.until(&format!("the deletion of run {run}"), || {
            Some(deleted_at()).filter(|at| at.is_string() && *at != last)
        });
    }
}

/// A `send` that runs, killed when dropped.
struct Sending {
    process: Child,
    log: BufReader<ChildStderr>,
}

impl Sending {
    fn start(world: &World, path: &str) -> Self {
        let mut process = program(&["send", "--connection", "shop", path])
            .envs(world.variables().iter().cloned())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        Self { process, log }
    }

    /// Waits until it prints this.
    fn until_printed(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "it ended without the line {text}");
        }
    }

    fn signal(&mut self, name: &str) -> (Option<i32>, String) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
        let mut stdout = String::new();
        std::io::Read::read_to_string(self.process.stdout.as_mut().unwrap(), &mut stdout).unwrap();
        (self.process.wait().unwrap().code(), stdout)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn send_waits_for_a_full_queue_and_continues_an_interrupted_run() {
    let mut world = World::started(&[("QUEUE__MAX_BYTES", "4MiB"), ("LOG__LEVEL", "warn")]);
    assert_eq!(world.service.take().unwrap().signal("-TERM"), Some(0));
    let line = |number: usize| {
        let traits = json!({ "plan": number.to_string(), "note": "x".repeat(LONG) });
        json!({ "type": "identify", "userId": format!("u{}", number % 10), "traits": traits }).to_string()
    };
    let lines: Vec<String> = (0..MANY).map(line).collect();
    let path = file(&world, "many.ndjson", &lines.join("\n"));
    let folder = world.folder.path().join("data/sends");
    let marker = || {
        let marker = std::fs::read_dir(&folder).ok()?.next()?.unwrap().path();
        serde_json::from_slice::<Value>(&std::fs::read(marker).unwrap()).ok()
    };

    let mut killed = Sending::start(&world, &path);
    killed.until_printed("waiting: the queue is full");
    assert_eq!(killed.signal("-KILL").0, None);
    let mut stopped = Sending::start(&world, &path);
    stopped.until_printed("waiting: the queue is full");
    let (code, stdout) = stopped.signal("-INT");
    assert_eq!(code, Some(3), "{stdout}");
    assert!(stdout.contains("run the same command again to resume there"), "{stdout}");
    let waiting = world.json(&["status"])["queue"]["bulk"].as_u64().unwrap();
    assert!(waiting > 0 && waiting < MANY as u64, "{waiting}");

    let mut last = Sending::start(&world, &path);
    last.until_printed("waiting: the queue is full");
    world.serve();
    let mut stdout = String::new();
    std::io::Read::read_to_string(last.process.stdout.as_mut().unwrap(), &mut stdout).unwrap();
    assert_eq!(last.process.wait().unwrap().code(), Some(0), "{stdout}");
    assert!(stdout.contains(&format!("{MANY} events in the queue")), "{stdout}");
    assert_eq!(marker(), None, "nothing is left to resume");
    world.settled();
    for user in 0..10 {
        let events = world.json(&["events", "find", &format!("u{user}"), "--limit", "1000"]);
        assert_eq!(events.as_array().unwrap().len(), MANY / 10, "each event once");
    }
}
