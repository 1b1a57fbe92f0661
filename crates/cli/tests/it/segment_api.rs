//! Segment's figures of an audience, against a Public API that gives prepared answers.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::{Value, json};

use crate::audiences::{started, with_members};
use crate::world::World;

const TOKEN: &str = "sgp_7c1f0a9d2b";

/// A Public API that gives one prepared answer to each request, and reports the requests. An empty answer stands for none: the
/// request stays without an answer until the client has gone.
struct PublicApi {
    url: String,
    answers: Sender<String>,
    asked: Receiver<String>,
}

impl PublicApi {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (answers, next) = channel::<String>();
        let (ask, asked) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                ask.send(head(&mut stream)).ok()?;
                let answer = next.recv().ok()?;
                if answer.is_empty() {
                    drop(stream.read_to_end(&mut Vec::new()));
                }
                drop(stream.write_all(answer.as_bytes()));
            }
            Some(())
        });
        Self { url, answers, asked }
    }

    /// The output of `audiences show` about Segment for this answer of the API. It is cached for this status alone: the tokens differ.
    fn shown(&self, world: &World, status: &str, body: &str) -> Value {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        self.answers.send(if status.is_empty() { String::new() } else { format!("{head}{body}") }).unwrap();
        let token = format!("{TOKEN}-{}", status.replace(' ', ""));
        self.shown_to(world, &token)
    }

    /// The output with a token, whether or not the API is asked.
    fn shown_to(&self, world: &World, token: &str) -> Value {
        let variables = [
            ("REFERSION_DESTINATION__SEGMENT__PUBLIC_API_URL", self.url.as_str()),
            ("REFERSION_DESTINATION__SEGMENT__PUBLIC_API_TOKEN", token),
        ];
        let shown = world.cli_with(&["audiences", "show", "vip", "--json"], "", &variables);
        assert_eq!(shown.code, Some(0), "{}", shown.stderr);
        assert!(!format!("{}{}", shown.stdout, shown.stderr).contains(TOKEN), "the token is shown");
        let row: Value = serde_json::from_str(&shown.stdout).unwrap();
        row["segment"].clone()
    }
}

fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap().to_lowercase()
}

#[test]
fn figures_of_segment_are_shown_with_those_of_arrivals_and_refersion() {
    let world = started();
    with_members(&world, 2);
    let api = PublicApi::start();
    let answer = json!({ "data": { "audience": {
        "id": "aud_1", "spaceId": "spa_1", "key": "vip", "enabled": true, "status": "Live",
        "size": { "count": 1_002, "uniqueCount": 1_002, "type": "USERS" }
    } } });
    let segment = api.shown(&world, "200 OK", &answer.to_string());
    let figures = (&segment["members"], &segment["not_arrived"], &segment["status"]);
    assert_eq!(figures, (&json!(1_002), &json!(1_000), &json!("Live")), "{segment}");
    assert!(segment["eta_seconds"].as_u64().is_some_and(|seconds| seconds > 0), "{segment}");
    let asked = api.asked.recv().unwrap();
    assert!(asked.starts_with("get /spaces/spa_1/audiences/aud_1 "), "{asked}");
    assert!(asked.contains(&format!("authorization: bearer {TOKEN}")), "{asked}");
    for (status, body, text) in [
        ("401 Unauthorized", "{}", "refuses the token"),
        ("404 Not Found", r#"{"errors":[{"type":"not-found"}]}"#, "no such audience"),
        ("429 Too Many Requests", "{}", "try again in 60 s"),
        ("429 Slow Down", r#"{"errors":[{"data":{"msBeforeNext":12001}}]}"#, "try again in 13 s"),
        ("503 Service Unavailable", "", "cannot be asked"),
        ("200 Fine", "<html>", "is segment.public_api_url right"),
        ("302 Found", "", "is segment.public_api_url right"),
        ("", "", "no answer within 5 s"),
    ] {
        let error = api.shown(&world, status, body)["error"].to_string();
        assert!(error.contains(text), "{status}: {error}");
    }
}

#[test]
fn an_answer_is_cached_for_a_minute_and_retry_after_is_honoured() {
    let world = started();
    with_members(&world, 2);
    let api = PublicApi::start();
    let body = r#"{"data":{"audience":{"size":{"count":12}}}}"#;
    let length = body.len();
    api.answers
        .send(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"))
        .unwrap();
    let first = api.shown_to(&world, TOKEN);
    let again = api.shown_to(&world, TOKEN);
    assert_eq!((&first["members"], &first), (&json!(12), &again), "the same, and as old");
    assert_eq!(api.asked.try_iter().count(), 1);
    let limited = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 300\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    api.answers.send(limited.to_owned()).unwrap();
    for _ in 0..2 {
        let error = api.shown_to(&world, "sgp_other")["error"].to_string();
        assert!(error.contains("try again in 300 s") || error.contains("try again in 29"), "{error}");
    }
    assert_eq!(api.asked.try_iter().count(), 1);
    assert_eq!(world.files_with(&["sgp_other", TOKEN]), [""; 0]);
}
