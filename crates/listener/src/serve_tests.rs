//! The behaviour of a listener over real sockets, as clients see it.

use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::Full;
use hyper::body::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// A listener whose answers wait for a permit each where the path is `/gated`.
struct Server {
    address: SocketAddr,
    meters: Arc<Meters>,
    gate: Arc<Semaphore>,
    begun: Arc<Semaphore>,
    stop: CancellationToken,
    served: JoinHandle<io::Result<()>>,
}

async fn start(max_connections: usize, max_per_address: usize) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (meters, stop) = (Arc::new(Meters::default()), CancellationToken::new());
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let limits = Limits {
        max_connections,
        max_per_address,
        proxies: "127.0.0.9".parse().unwrap(),
        header_timeout: Duration::from_secs(60),
        max_age: Duration::from_secs(60),
        closing_time: Duration::from_secs(5),
    };
    let gates = (Arc::clone(&gate), Arc::clone(&begun));
    let handler = move |_: IpAddr, request: Request<Upload>| {
        let (gate, begun) = gates.clone();
        async move {
            if request.uri().path() == "/gated" {
                begun.add_permits(1);
                gate.acquire().await.unwrap().forget();
            }
            // The body is left unread.
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"answer"))))
        }
    };
    let served = tokio::spawn(serve(listener, limits, Arc::clone(&meters), handler, stop.clone()));
    Server { address, meters, gate, begun, stop, served }
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address).await.unwrap()
}

/// Reads until the answer is complete, or the connection is closed.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"answer") && !text.ends_with(b"}") {
        match stream.read_u8().await {
            Ok(byte) => text.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn silent_connections_make_room_for_a_new_one() {
    let server = start(8, 8).await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(connect(&server).await);
    }
    let mut late = connect(&server).await;
    late.write_all(GET).await.unwrap();
    assert!(answer(&mut late).await.starts_with("HTTP/1.1 200"));
    let figures = server.meters.figures();
    assert_eq!((figures.open, figures.closed_idle, figures.refused), (8, 33, 0));
    assert_eq!(answer(&mut silent[0]).await, "", "the idlest is closed");
}

#[tokio::test]
async fn an_address_beyond_its_share_gets_an_error() {
    let server = start(8, 1).await;
    let mut busy = connect(&server).await;
    busy.write_all(b"GET /gated HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    server.begun.acquire().await.unwrap().forget();
    let mut more = connect(&server).await;
    more.write_all(GET).await.unwrap();
    let refused = answer(&mut more).await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after"), "{refused}");
    server.gate.add_permits(1);
    assert!(answer(&mut busy).await.starts_with("HTTP/1.1 200"), "the request under way is served");
    assert_eq!(server.meters.figures().refused, 1);
}

#[tokio::test]
async fn an_answer_reaches_a_client_that_sends_its_large_body_first() {
    let server = start(8, 8).await;
    let mut client = connect(&server).await;
    let length = 16 * 1024 * 1024;
    let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&vec![b' '; length]).await.unwrap();
    assert!(answer(&mut client).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_stopping_listener_answers_requests_under_way() {
    let server = start(8, 8).await;
    let mut idle = connect(&server).await;
    idle.write_all(GET).await.unwrap();
    assert!(answer(&mut idle).await.starts_with("HTTP/1.1 200"));
    let mut busy = connect(&server).await;
    busy.write_all(b"GET /gated HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    server.begun.acquire().await.unwrap().forget();
    server.stop.cancel();
    assert_eq!(answer(&mut idle).await, "");
    server.gate.add_permits(1);
    assert!(answer(&mut busy).await.starts_with("HTTP/1.1 200"));
    server.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_has_connected_just_before_the_listener_stops_gets_its_answer() {
    let server = start(8, 8).await;
    let mut new = connect(&server).await;
    let mut later = connect(&server).await;
    later.write_all(GET).await.unwrap();
    assert!(answer(&mut later).await.starts_with("HTTP/1.1 200"), "so the earlier one was accepted as well");
    server.stop.cancel();
    assert_eq!(answer(&mut later).await, "");
    new.write_all(GET).await.unwrap();
    assert!(answer(&mut new).await.starts_with("HTTP/1.1 200"));
    server.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_listener_limited_to_no_connections_does_not_start() {
    for (all, one) in [(0, 1), (1, 0)] {
        assert!(start(all, one).await.served.await.unwrap().is_err());
    }
}
