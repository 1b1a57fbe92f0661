//! The HTTP transport with a server that does one thing for each connection.

use std::net::SocketAddr;
use std::time::Duration;

use refersion::{
    Answer, CALL_DEADLINE, CONNECT_DEADLINE, Credentials, HttpTransport, MAX_ANSWER_BYTES, Proxies, Request,
    Transport, TransportError,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// The server's reaction to a request.
pub(crate) enum Reaction {
    /// Writes these bytes and closes the connection.
    Write(Vec<u8>),
    /// Closes the connection without an answer.
    Drop,
    /// Never answers.
    Hang,
}

pub(crate) fn write(text: impl Into<Vec<u8>>) -> Reaction {
    Reaction::Write(text.into())
}

/// Serves one connection and returns its request.
pub(crate) async fn serve_one(reaction: Reaction) -> (SocketAddr, oneshot::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let (seen, request) = oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("the client connects");
        seen.send(read_request(&mut stream).await).unwrap_or_default();
        match reaction {
            Reaction::Write(bytes) => stream.write_all(&bytes).await.unwrap_or_default(),
            Reaction::Drop => {}
            Reaction::Hang => std::future::pending().await,
        }
    });
    (address, request)
}

/// Reads to the end of the body, which is always `{}` in these tests.
async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n{}") {
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).await.expect("the client sends");
        assert!(count > 0, "the request ends early");
        request.extend_from_slice(&bytes[..count]);
    }
    String::from_utf8(request).expect("the request is text")
}

pub(crate) async fn post(address: SocketAddr) -> Result<Answer, TransportError> {
    post_within(address, CALL_DEADLINE).await
}

async fn post_within(address: SocketAddr, deadline: Duration) -> Result<Answer, TransportError> {
    let transport = HttpTransport::with_deadlines(Proxies::default(), CONNECT_DEADLINE, deadline)
        .expect("tls can be set up");
    let request = Request {
        base_url: format!("http://{address}"),
        path: "/v2/affiliate/list",
        credentials: Credentials::new("pub_1", "sec_1"),
        body: b"{}".to_vec(),
    };
    transport.post(request).await
}

#[tokio::test]
async fn the_keys_are_sent_as_headers_and_gzip_is_accepted() {
    let (address, request) = serve_one(write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")).await;
    let answer = post(address).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"{}".as_slice()));
    let request = request.await.unwrap().to_lowercase();
    assert!(request.starts_with("post /v2/affiliate/list http/1.1\r\n"), "{request}");
    for header in
        ["refersion-public-key: pub_1", "refersion-secret-key: sec_1", "content-type: application/json"]
    {
        assert!(request.contains(&format!("\r\n{header}\r\n")), "{request}");
    }
    assert!(request.contains("\r\naccept-encoding: gzip\r\n"), "{request}");
}

#[tokio::test]
async fn retry_after_is_read_as_seconds_and_as_a_date() {
    for wait in [
        "retry-after: 7",
        "date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:44 GMT",
    ] {
        let head = format!("HTTP/1.1 429 Too Many Requests\r\n{wait}\r\ncontent-length: 0\r\n\r\n");
        let (address, _request) = serve_one(write(head)).await;
        let answer = post(address).await.unwrap();
        assert_eq!((answer.status, answer.retry_after), (429, Some(Duration::from_secs(7))));
    }
}

#[tokio::test]
async fn a_204_and_a_redirect_are_answers_like_any_other() {
    let (address, _request) = serve_one(write("HTTP/1.1 204 No Content\r\n\r\n")).await;
    assert_eq!(post(address).await.unwrap().status, 204);
    let redirect = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
    let (address, _request) = serve_one(write(redirect)).await;
    assert_eq!(post(address).await.unwrap().status, 307);
}

#[tokio::test]
async fn a_refused_connection_is_reported_as_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = post(address).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent { .. }), "{error:?}");
}

#[tokio::test]
async fn a_lost_answer_is_reported_as_no_answer() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":";
    for reaction in [Reaction::Drop, write(cut), write("not http at all\r\n\r\n")] {
        let (address, _request) = serve_one(reaction).await;
        let error = post(address).await.unwrap_err();
        assert!(matches!(error, TransportError::NoAnswer { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_slow_is_no_answer() {
    let (address, _request) = serve_one(Reaction::Hang).await;
    let error = post_within(address, Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(error, TransportError::NoAnswer { .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_has_a_maximum_length() {
    let long = |status: &str, length: usize| {
        let mut bytes = format!("HTTP/1.1 {status}\r\nconnection: close\r\n\r\n").into_bytes();
        bytes.resize(bytes.len() + length, b' ');
        write(bytes)
    };
    let (address, _request) = serve_one(long("200 OK", MAX_ANSWER_BYTES)).await;
    assert_eq!(post(address).await.unwrap().body.len(), MAX_ANSWER_BYTES);
    let (address, _request) = serve_one(long("200 OK", MAX_ANSWER_BYTES + 1)).await;
    let error = post(address).await.unwrap_err().to_string();
    assert!(error.contains("longer than"), "{error}");
    let (address, _request) = serve_one(long("429 Too Many Requests", 2 * MAX_ANSWER_BYTES)).await;
    let refusal = post(address).await.unwrap();
    assert_eq!((refusal.status, refusal.body.len()), (429, MAX_ANSWER_BYTES), "its status says enough");
}

#[tokio::test]
async fn an_invalid_base_url_is_reported_as_malformed() {
    let transport = HttpTransport::new(Proxies::default()).unwrap();
    let credentials = Credentials::new("pub_1", "sec_1");
    let request = Request { base_url: "nowhere".into(), path: "/v2/x", credentials, body: Vec::new() };
    let error = transport.post(request).await.unwrap_err();
    assert!(matches!(error, TransportError::Malformed { .. }), "{error:?}");
}
