//! The promises of the health server, over real TCP.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::health::Freshness;

struct Server {
    address: std::net::SocketAddr,
    pulses: Pulses,
    stop: CancellationToken,
}

async fn start() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (pulses, stop) = (Pulses::new(Duration::from_secs(15)), CancellationToken::new());
    let health = Health { pulses: pulses.clone(), exporter: Arc::new(Exporter::new(Vec::new())) };
    tokio::spawn(serve(listener, health, stop.clone()));
    Server { address, pulses, stop }
}

async fn ask(server: &Server, path: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn healthz_answers_while_the_process_lives() {
    let server = start().await;
    assert!(ask(&server, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(ask(&server, "/elsewhere").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn readyz_names_the_loop_that_is_not_alive() {
    let server = start().await;
    let pulse = server.pulses.register("absorb", Freshness::Beats);
    let answer = ask(&server, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(
        answer.ends_with(r#"{"ready":false,"troubles":[{"name":"absorb","why":"starting"}]}"#),
        "{answer}"
    );
    pulse.beat();
    assert!(ask(&server, "/readyz").await.starts_with("HTTP/1.1 200"));
    server.pulses.end();
    assert!(ask(&server, "/readyz").await.contains("shutting down"));
}

#[tokio::test]
async fn metrics_are_prometheus_text() {
    let server = start().await;
    server.pulses.register("absorb", Freshness::Beats).beat();
    let answer = ask(&server, "/metrics").await;
    assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
    assert!(answer.contains("refersion_destination_loop_up{loop=\"absorb\"} 1\n"), "{answer}");
}

#[tokio::test]
async fn idle_kept_alive_connections_do_not_block_probes() {
    let server = start().await;
    server.pulses.register("absorb", Freshness::Beats).beat();
    let mut idle = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        // It is idle when its answer has come.
        assert_eq!(stream.read_u8().await.unwrap(), b'H');
        idle.push(stream);
    }
    assert!(ask(&server, "/readyz").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_request_without_a_host_or_with_two_is_400() {
    let server = start().await;
    for (hosts, version, status) in
        [("", "1.1", "400"), ("host: a\r\nhost: a\r\n", "1.1", "400"), ("", "1.0", "200")]
    {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!("GET /healthz HTTP/{version}\r\n{hosts}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{hosts:?} {version}: {answer}");
    }
}

#[tokio::test]
async fn the_server_stops_on_request() {
    let server = start().await;
    ask(&server, "/healthz").await;
    let mut open = TcpStream::connect(server.address).await.unwrap();
    server.stop.cancel();
    let mut nothing = Vec::new();
    // Either end of file or a reset: the connection is gone.
    assert!(open.read_to_end(&mut nothing).await.unwrap_or(0) == 0);
}
