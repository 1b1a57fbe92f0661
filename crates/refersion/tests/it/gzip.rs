//! Answers that are compressed with gzip, correctly and incorrectly.

use std::io::Write as _;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use refersion::{
    Answer, Class, Client, Credentials, HttpTransport, MAX_ANSWER_BYTES, Proxies, TransportError,
};
use simulator::{Options, Shared, Simulator, Switches};
use tokio::net::TcpListener;

use crate::http::{post, serve_one, write};
use crate::support::{FakeApi, new_affiliate};

fn compressed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}

/// The transport's answer to this body, which the server declares as compressed.
async fn received(status: &str, body: &[u8]) -> Result<Answer, TransportError> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n");
    let (address, _request) = serve_one(write([head.as_bytes(), body].concat())).await;
    post(address).await
}

#[tokio::test]
async fn a_compressed_answer_is_read() {
    let answer = received("200 OK", &compressed(br#"{"id":"a3y7"}"#)).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, br#"{"id":"a3y7"}"#.as_slice()));
}

#[tokio::test]
async fn an_answer_without_a_body_is_read_though_it_claims_to_be_compressed() {
    let answer = received("200 OK", b"").await.unwrap();
    assert!(answer.body.is_empty());
    let (address, _request) =
        serve_one(write("HTTP/1.1 204 No Content\r\ncontent-encoding: gzip\r\n\r\n")).await;
    assert_eq!(post(address).await.unwrap().status, 204);
}

/// A kilobyte on the wire may stand for a megabyte.
#[tokio::test]
async fn a_decompression_bomb_is_an_error_and_not_unpacked() {
    let most = compressed(&vec![b' '; MAX_ANSWER_BYTES]);
    assert_eq!(received("200 OK", &most).await.unwrap().body.len(), MAX_ANSWER_BYTES);
    let bomb = compressed(&vec![b' '; 64 * MAX_ANSWER_BYTES]);
    assert!(bomb.len() < MAX_ANSWER_BYTES / 8, "{}", bomb.len());
    let error = received("200 OK", &bomb).await.unwrap_err();
    assert!(matches!(&error, TransportError::NoAnswer { detail } if detail.contains("longer")), "{error:?}");
    let refusal = received("503 Service Unavailable", &bomb).await.unwrap();
    assert_eq!((refusal.status, refusal.body.len()), (503, MAX_ANSWER_BYTES));
}

#[tokio::test]
async fn a_success_that_cannot_be_unpacked_is_no_answer_and_a_refusal_keeps_its_status() {
    let whole = compressed(br#"{"id":"a3y7","link":"https://a3y7.example.com"}"#);
    for body in [&whole[..whole.len() / 2], br#"{"id":"a3y7"}"#] {
        let error = received("200 OK", body).await.unwrap_err();
        assert!(matches!(error, TransportError::NoAnswer { .. }), "{error:?}");
        assert_eq!(received("429 Too Many Requests", body).await.unwrap().status, 429);
    }
}

/// The client over HTTP with a simulated Refersion that compresses, with and without a byte order mark.
#[tokio::test]
async fn a_client_works_with_a_refersion_that_compresses() {
    for byte_order_mark in [false, true] {
        let switches = Switches { gzip: true, byte_order_mark, ..Switches::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let simulator = Shared::new(Simulator::new(Options { switches, ..Options::default() }));
        tokio::spawn(simulator::serve(listener, simulator, std::future::pending()));
        let transport = Arc::new(HttpTransport::new(Proxies::default()).unwrap());
        let client = Client::new(transport, url, Credentials::new("pub_1", "sec_1"), FakeApi::new([]));
        let created = client.create(&new_affiliate()).await.unwrap();
        assert!(created.id.is_some(), "{created:?}");
        let taken = client.create(&new_affiliate()).await.unwrap_err();
        assert_eq!(taken.class, Class::EmailTaken, "{taken:?}");
    }
}
