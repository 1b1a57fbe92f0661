//! The simulator over HTTP: dropped connections, latency, limits and the control interface.

use std::io::Read as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::{Calls, LastEdit, Options, Shared, Simulator, State, Switches, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::support::new;

/// A running server, which stops when this is dropped.
struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        Self::with(Switches::default()).await
    }

    async fn with(switches: Switches) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shared = Shared::new(Simulator::new(Options { switches, ..Options::default() }));
        // The server also stops if the test panics.
        let shutdown = async move { stopped.await.unwrap_or(()) };
        Self { address, stop, task: tokio::spawn(serve(listener, shared, shutdown)) }
    }

    /// Sends bytes on a new connection and returns everything that is received until it closes.
    async fn raw(&self, request: &[u8]) -> String {
        String::from_utf8(self.raw_bytes(request).await).unwrap()
    }

    async fn raw_bytes(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    }

    async fn request(&self, line: &str, keys: &str, body: &str) -> String {
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{keys}content-length: {length}\r\n\r\n"
        );
        self.raw(format!("{head}{body}").as_bytes()).await
    }

    async fn call(&self, operation: &str, body: &Value) -> String {
        let keys = "Refersion-Public-Key: pub_1\r\nRefersion-Secret-Key: sec_1\r\n";
        self.request(&format!("POST /v2/affiliate/{operation}"), keys, &body.to_string()).await
    }

    async fn faults(&self, spec: &str) -> String {
        self.request("POST /_simulator/faults", "", spec).await
    }

    async fn state(&self) -> State {
        serde_json::from_str(body(&self.request("GET /_simulator/state", "", "").await)).unwrap()
    }
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("dropped")
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn a_create_over_http_is_visible_in_the_state_and_the_counters() {
    let server = Server::start().await;
    let answer = server.call("new", &new("ann@x.com")).await;
    assert_eq!(status(&answer), "200");
    let code: Value = serde_json::from_str(body(&answer)).unwrap();
    let state = server.state().await;
    assert_eq!(state.accounts[0].affiliates[0].code, code["id"]);
    let calls: Calls =
        serde_json::from_str(body(&server.request("GET /_simulator/calls", "", "").await)).unwrap();
    assert_eq!((calls.total, calls.count("affiliate/new", "200")), (1, 1));
}

#[tokio::test]
async fn the_time_of_the_last_edit_lies_between_two_looks_at_the_clock() {
    let server = Server::start().await;
    let clock = async || -> u64 {
        let page: Value =
            serde_json::from_str(body(&server.request("GET /_simulator/clock", "", "").await)).unwrap();
        page["micros"].as_u64().unwrap()
    };
    server.call("new", &new("ann@x.com")).await;
    server.call("new", &new("bob@x.com")).await;
    let id = server.state().await.accounts[0].affiliates[1].id;
    let before = clock().await;
    let edit = json!({ "affiliates": [{ "id": id, "first_name": "Bert" }] });
    assert_eq!(status(&server.call("edit", &edit).await), "200");
    let after = clock().await;
    // An edit that changes nothing does not count.
    assert_eq!(status(&server.call("edit", &edit).await), "200");
    let edits: Vec<LastEdit> =
        serde_json::from_str(body(&server.request("GET /_simulator/edits", "", "").await)).unwrap();
    assert_eq!(edits.len(), 1);
    assert_eq!(edits[0].email, "bob@x.com");
    assert!((before..=after).contains(&edits[0].at_micros), "{before} {edits:?} {after}");
}

#[tokio::test]
async fn missing_and_wrong_keys_are_401() {
    let server = Server::start().await;
    assert_eq!(status(&server.call("list", &json!({})).await), "200");
    let wrong = "refersion-public-key: pub_1\r\nrefersion-secret-key: other\r\n";
    assert_eq!(status(&server.request("POST /v2/affiliate/list", wrong, "{}").await), "401");
    assert_eq!(status(&server.request("POST /v2/affiliate/list", "", "{}").await), "401");
}

#[tokio::test]
async fn a_drop_closes_the_connection_without_an_answer() {
    let server = Server::start().await;
    assert_eq!(body(&server.faults("drop-before=100%").await), r#"{"faults":"drop-before=100%"}"#);
    assert_eq!(server.call("new", &new("ann@x.com")).await, "");
    assert!(server.state().await.accounts[0].affiliates.is_empty());
    server.faults("drop-after=100%").await;
    assert_eq!(server.call("new", &new("ann@x.com")).await, "");
    assert_eq!(server.state().await.accounts[0].affiliates.len(), 1);
}

#[tokio::test]
async fn answers_may_be_compressed_for_clients_that_accept_it() {
    let server = Server::with(Switches { gzip: true, ..Switches::default() }).await;
    let plain = server.call("list", &json!({})).await;
    assert!(!plain.to_lowercase().contains("content-encoding"), "{plain}");
    let head = "POST /v2/affiliate/list HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept-encoding: gzip\r\n\
                Refersion-Public-Key: pub_1\r\nRefersion-Secret-Key: sec_1\r\ncontent-length: 2\r\n\r\n{}";
    let answer = server.raw_bytes(head.as_bytes()).await;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    assert!(head.contains("content-encoding: gzip"), "{head}");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&answer[end..]).read_to_string(&mut text).unwrap();
    assert_eq!(text, body(&plain));
}

#[tokio::test]
async fn latency_is_real() {
    let server = Server::start().await;
    server.faults("latency=150ms").await;
    let start = Instant::now();
    assert_eq!(status(&server.call("list", &json!({})).await), "200");
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn a_204_has_no_body() {
    let server = Server::start().await;
    let answer = server.call("new", &json!({ "plan": "pro" })).await;
    assert_eq!((status(&answer), body(&answer)), ("204", ""));
    assert!(!answer.to_lowercase().contains("content-length"));
}

#[tokio::test]
async fn a_body_beyond_1_mib_is_413() {
    let server = Server::start().await;
    let keys = "refersion-public-key: pub_1\r\nrefersion-secret-key: sec_1\r\n";
    let head = format!("POST /v2/affiliate/new HTTP/1.1\r\nhost: x\r\n{keys}content-length: 1048577\r\n\r\n");
    assert_eq!(status(&server.raw(head.as_bytes()).await), "413");
}

#[tokio::test]
async fn other_methods_than_post_are_answered_by_the_gateway() {
    let server = Server::start().await;
    assert_eq!(status(&server.request("GET /v2/affiliate/list", "", "").await), "403");
    assert_eq!(status(&server.request("POST /", "", "").await), "403");
}

#[tokio::test]
async fn the_control_interface_explains_its_errors() {
    let server = Server::start().await;
    let refusal = server.faults("teapot=1%").await;
    assert_eq!(status(&refusal), "400");
    assert!(body(&refusal).contains("unknown fault `teapot=1%`"));
    assert_eq!(status(&server.request("GET /_simulator/faults", "", "").await), "405");
    assert_eq!(status(&server.request("GET /_simulator/nothing", "", "").await), "404");
}

#[tokio::test]
async fn one_connection_serves_several_requests() {
    let server = Server::start().await;
    let one = "POST /v2/x HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    let last = "POST /v2/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let answers = server.raw(format!("{one}{one}{last}").as_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 403").count(), 3);
}

#[tokio::test]
async fn shutdown_closes_connections_and_ends() {
    let server = Server::start().await;
    server.faults("latency=1h").await;
    let mut waiting = TcpStream::connect(server.address).await.unwrap();
    waiting.write_all(b"POST /v2/x HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    server.stop.send(()).unwrap();
    server.task.await.unwrap();
    let mut answer = Vec::new();
    // Reset or closed: in either case nothing is received.
    assert!(matches!(waiting.read_to_end(&mut answer).await, Ok(0) | Err(_)));
}

/// Takes one request on a listener, answers it, and returns its text.
async fn receive(listener: &TcpListener, status: &str) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains("\"is_marketplace_user\"") || !text.ends_with('}') {
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the request ends early: {text}");
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.unwrap();
    text
}

#[tokio::test]
async fn webhooks_are_posted_signed_and_again_after_an_error() {
    let server = Server::start().await;
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/refersion/7?x=1", receiver.local_addr().unwrap());
    let set = json!({ "account": "pub_1", "url": url, "secret": "hush", "deliveries": "retries=1:10ms" });
    let answer = server.request("POST /_simulator/webhooks", "", &set.to_string()).await;
    assert_eq!(status(&answer), "200", "{answer}");
    server.call("new", &new("ann@x.com")).await;
    let first = receive(&receiver, "503 Service Unavailable").await;
    assert!(first.starts_with("POST /refersion/7?x=1 HTTP/1.1\r\n"), "{first}");
    let head = first.to_lowercase();
    for header in
        ["refersion-topic: new_affiliate", "refersion-signature: ", "content-type: application/json"]
    {
        assert!(head.contains(header), "{header}: {first}");
    }
    let second = receive(&receiver, "200 OK").await;
    assert_eq!(body(&first), body(&second));
    let staff = json!({ "account": "pub_1", "email": "ann@x.com", "status": "DENIED", "fields": { "first_name": "Bo" } });
    let answer = server.request("POST /_simulator/staff", "", &staff.to_string()).await;
    assert_eq!(body(&answer), r#"{"changed":2}"#);
    let (one, other) = (receive(&receiver, "200 OK").await, receive(&receiver, "200 OK").await);
    assert!([&one, &other].iter().all(|text| text.contains("\"first_name\":\"Bo\"")), "{one} {other}");
    for (path, wrong) in
        [("webhooks", r#"{"account":"pub_1"}"#), ("webhooks", r#"{"deliveries":"x"}"#), ("staff", "{}")]
    {
        let answer = server.request(&format!("POST /_simulator/{path}"), "", wrong).await;
        assert_eq!(status(&answer), "400", "{wrong}: {answer}");
    }
}
