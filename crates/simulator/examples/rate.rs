//! Measures how many calls a second the simulator answers over HTTP:
//! `cargo run --release -p simulator --example rate`.
//!
//! The client runs in the same process and on the same cores. It uses 32 connections. Nine calls in ten are `edit`
//! batches of 50 affiliates with two fields each, the tenth is a `new`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::{ExistingAffiliate, Options, Shared, Simulator, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const CONNECTIONS: usize = 32;
const AFFILIATES: usize = 100_000;
const BATCH: usize = 50;
const DURATION: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> io::Result<()> {
    let (simulator, ids) = populated();
    let shared = Shared::new(simulator);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let mut clients = JoinSet::new();
    let end = Instant::now() + DURATION;
    for number in 0..CONNECTIONS {
        let edits: Vec<Vec<u8>> = ids.chunks(BATCH).skip(number).step_by(CONNECTIONS).map(edit).collect();
        clients.spawn(client(address, number, edits, end));
    }
    let server = tokio::spawn(serve(listener, shared.clone(), std::future::pending()));
    let mut calls = 0;
    while let Some(done) = clients.join_next().await {
        calls += done.map_err(io::Error::other)??;
    }
    server.abort();
    let effects = shared.with(|simulator, _| simulator.calls().accounts[0].effects);
    let seconds = DURATION.as_secs();
    writeln!(
        io::stdout(),
        "{} calls a second over {CONNECTIONS} connections for {seconds} s ({} creates, {} affiliates edited)",
        calls / seconds,
        effects.created,
        effects.edited + effects.edited_in_vain,
    )
}

fn populated() -> (Simulator, Vec<u64>) {
    let mut simulator = Simulator::new(Options::default());
    let existing = |number| ExistingAffiliate::active(&format!("{number}@example.com"));
    let ids = (0..AFFILIATES).filter_map(|number| simulator.add_affiliate("pub_1", existing(number)));
    let ids = ids.map(|added| added.id).collect();
    (simulator, ids)
}

/// Makes calls one after the other until `end` and returns their number.
async fn client(address: SocketAddr, number: usize, edits: Vec<Vec<u8>>, end: Instant) -> io::Result<u64> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut calls = 0;
    let mut edits = edits.iter().cycle();
    while Instant::now() < end {
        match edits.next() {
            Some(edit) if calls % 10 != 0 => stream.write_all(edit).await?,
            _ => stream.write_all(&create(number, calls)).await?,
        }
        read_answer(&mut stream).await?;
        calls += 1;
    }
    Ok(calls)
}

/// Reads one answer and discards it, unless it is an error.
async fn read_answer(stream: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let mut read = 0;
    loop {
        let count = stream.read(&mut buffer[read..]).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read += count;
        let text = str::from_utf8(&buffer[..read]).map_err(io::Error::other)?;
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        if !head.starts_with("HTTP/1.1 200") {
            return Err(io::Error::other(text.to_owned()));
        }
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        if length.and_then(|length| length.parse().ok()) == Some(body.len()) {
            return Ok(());
        }
    }
}

fn edit(ids: &[u64]) -> Vec<u8> {
    let item = |id: &u64| json!({ "id": id, "first_name": "Joann", "custom_fields": [{ "1234": "true" }] });
    request("edit", &json!({ "affiliates": ids.iter().map(item).collect::<Vec<Value>>() }))
}

fn create(number: usize, calls: u64) -> Vec<u8> {
    let email = format!("new-{number}-{calls}@example.com");
    let body = json!({ "first_name": "Ann", "last_name": "Example", "email": email, "password": "Abcdef1!x",
        "status": "ACTIVE" });
    request("new", &body)
}

fn request(operation: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    let keys =
        "refersion-public-key: pub_1\r\nrefersion-secret-key: sec_1\r\ncontent-type: application/json\r\n";
    let head = format!(
        "POST /v2/affiliate/{operation} HTTP/1.1\r\nhost: localhost\r\n{keys}content-length: {length}"
    );
    format!("{head}\r\n\r\n{body}").into_bytes()
}
