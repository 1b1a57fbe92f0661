//! The service does not depend on its log: whatever becomes of standard error, it serves and ends as usual.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Write as _};
use std::process::{Command, Stdio};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde_json::{Value, json};

use crate::program::program;
use crate::world::{KEY, World};

const SERVE: [&str; 2] = ["serve", "--json"];

fn identify(number: usize) -> Value {
    json!({
        "type": "identify", "messageId": format!("m-{number}"), "userId": format!("u{number}"),
        "traits": { "email": format!("u{number}@example.org"), "name": "Ann Smith", "address": { "city": "Rome" } },
    })
}

/// A service that logs everything to `stderr`.
fn serving(command: Command, stderr: Stdio) -> World {
    let mut world = World::new(&[("LOG__LEVEL", "trace")]);
    world.run_logging_to(command, stderr);
    world.add("shop", KEY, &["--rate", "1000"]);
    world
}

/// Lines that the log has lost.
fn lost(world: &World) -> u64 {
    let (status, page) = world.health("/metrics");
    assert_eq!(status, 200);
    let line = page.lines().find_map(|line| line.split_once("log_lines_missing_total{why=\"lost\"} "));
    line.unwrap().1.parse().unwrap()
}

fn assert_delivers_and_ends(mut world: World) {
    for number in 0..20 {
        world.accept(&identify(number));
    }
    world.settled();
    assert_eq!(world.affiliates().len(), 20);
    assert_eq!(world.service.take().unwrap().signal("-TERM"), Some(0));
}

#[test]
fn a_closed_standard_error_does_not_stop_the_service() {
    let mut command = Command::new("sh");
    let binary = program(&SERVE).get_program().to_owned();
    command.env_clear().args(["-c", "exec \"$0\" \"$@\" 2>&-"]).arg(binary).args(SERVE).stdin(Stdio::null());
    assert_delivers_and_ends(serving(command, Stdio::null()));
}

#[test]
fn a_full_disk_under_the_log_does_not_stop_the_service_and_lost_lines_are_counted() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let world = serving(program(&SERVE), full.into());
    assert!(lost(&world) > 0);
    assert_delivers_and_ends(world);
}

#[test]
fn an_unread_pipe_does_not_block_the_service() {
    let (_reader, full) = full_pipe();
    assert_delivers_and_ends(serving(program(&SERVE), full.into()));
}

/// A pipe that takes no further byte.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let flags = fcntl_getfl(&writer).unwrap();
    fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
    while writer.write(b"x").is_ok() {}
    fcntl_setfl(&writer, flags).unwrap();
    (reader, writer)
}

#[test]
fn a_full_disk_under_standard_output_does_not_stop_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let file = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    let mut service = program(&SERVE)
        .env("REFERSION_DESTINATION__QUEUE__URL", file("queue.db"))
        .env("REFERSION_DESTINATION__LEDGER__URL", file("ledger.db"))
        .env("REFERSION_DESTINATION__INGEST__LISTEN", "127.0.0.1:0")
        .env("REFERSION_DESTINATION__HEALTH__LISTEN", "127.0.0.1:0")
        .env("REFERSION_DESTINATION__API__LISTEN", "127.0.0.1:0")
        .stdout(full)
        .stderr(File::create(folder.path().join("log")).unwrap())
        .spawn()
        .unwrap();
    let log = || std::fs::read_to_string(folder.path().join("log")).unwrap();
    while !log().contains("there is no connection yet") {
        assert!(service.try_wait().unwrap().is_none(), "{}", log());
        std::thread::yield_now();
    }
    let pid = service.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(service.wait().unwrap().code(), Some(0));
}
