//! The HTTP transport and the client through a real proxy.

use std::net::SocketAddr;

use refersion::{
    Answer, Client, Credentials, HttpTransport, Proxies, ProxyUrl, Request, Transport, TransportError,
};
use simulator::{Options, Shared, Simulator};
use testbed::{HttpProxy, ProxyBehavior};
use tokio::net::TcpListener;

use crate::support::FakeApi;

/// The header value of the credentials `me:secret`.
const AUTHORIZATION: &str = "Basic bWU6c2VjcmV0";

/// A host that no name server knows: it is reached through a proxy only.
const REMOTE_URL: &str = "http://refersion.test";

/// The address of a simulated Refersion, where `pub_1` has the secret key `sec_1`. It serves until the test ends.
async fn refersion() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let accounts = vec![("pub_1".to_owned(), "sec_1".to_owned())];
    let simulator = Shared::new(Simulator::new(Options { accounts, ..Options::default() }));
    tokio::spawn(simulator::serve(listener, simulator, std::future::pending()));
    address
}

fn through(address: SocketAddr) -> Proxies {
    Proxies::all(ProxyUrl::parse(&format!("http://me:secret@{address}")).expect("a proxy"))
}

/// An address where nothing listens.
async fn unused_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback has a free port");
    listener.local_addr().expect("it is bound")
}

async fn post(proxies: Proxies, base_url: &str) -> Result<Answer, TransportError> {
    let request = Request {
        base_url: base_url.to_owned(),
        path: "/v2/affiliate/list",
        credentials: Credentials::new("pub_1", "sec_1"),
        body: br#"{"limit":"1","page":"1"}"#.to_vec(),
    };
    HttpTransport::new(proxies).expect("tls can be set up").post(request).await
}

/// The message of a check of the keys that fails.
async fn error_message(proxies: Proxies, base_url: &str) -> String {
    let transport = std::sync::Arc::new(HttpTransport::new(proxies).expect("tls can be set up"));
    let client = Client::new(transport, base_url, Credentials::new("pub_1", "sec_1"), FakeApi::new([]));
    client.check().await.expect_err("the proxy does not let it through").message
}

#[tokio::test]
async fn a_plain_request_is_forwarded_with_the_credentials_of_the_proxy() {
    let proxy =
        HttpProxy::start(ProxyBehavior::ForwardWithCredentials(refersion().await, AUTHORIZATION)).unwrap();
    assert_eq!(post(through(proxy.address()), REMOTE_URL).await.unwrap().status, 200);
    let head = proxy.heads().remove(0);
    assert!(head.starts_with("post http://refersion.test/v2/affiliate/list http/1.1\r\n"), "{head}");
}

#[tokio::test]
async fn a_secure_request_uses_a_tunnel_and_hides_the_keys_from_the_proxy() {
    let proxy = HttpProxy::start(ProxyBehavior::Refuse("502 Bad Gateway")).unwrap();
    post(through(proxy.address()), "https://refersion.test").await.unwrap_err();
    let head = proxy.heads().remove(0);
    assert!(head.starts_with("connect refersion.test:443 http/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("proxy-authorization: {}\r\n", AUTHORIZATION.to_lowercase())), "{head}");
    assert!(!head.contains("sec_1") && !head.contains("pub_1"), "{head}");
}

#[tokio::test]
async fn hosts_and_networks_that_are_excepted_are_reached_directly() {
    let refersion = refersion().await;
    let proxy = HttpProxy::start(ProxyBehavior::Close).unwrap();
    let port = refersion.port();
    for (except, host) in [("localhost", "localhost"), ("127.0.0.0/8", "127.0.0.1"), ("*", "127.0.0.1")] {
        let proxies = Proxies { except: except.to_owned(), ..through(proxy.address()) };
        let answer = post(proxies, &format!("http://{host}:{port}")).await;
        assert_eq!(answer.unwrap().status, 200, "{except}");
    }
    assert_eq!(
        post(through(proxy.address()).sparing_loopback(), &format!("http://{refersion}"))
            .await
            .unwrap()
            .status,
        200
    );
    assert!(proxy.heads().is_empty(), "{:?}", proxy.heads());
    post(through(proxy.address()), &format!("http://{refersion}")).await.unwrap_err();
    assert_eq!(proxy.heads().len(), 1, "without an exception it goes through the proxy");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_credentials() {
    for (manner, secure, plain) in [
        (
            ProxyBehavior::Refuse("407 Proxy Authentication Required"),
            "authorization required",
            "other credentials (407)",
        ),
        (ProxyBehavior::Refuse("502 Bad Gateway"), "unsuccessful", "an empty answer"),
        (ProxyBehavior::Close, "unexpected end of file", "connection closed"),
    ] {
        let proxy = HttpProxy::start(manner).unwrap();
        let address = proxy.address();
        for (url, cause) in [("https://refersion.test", secure), (REMOTE_URL, plain)] {
            let message = error_message(through(address), url).await;
            assert!(message.starts_with(&format!("through the proxy http://{address}: ")), "{message}");
            assert!(message.contains(cause) && !message.contains("secret"), "{message}");
        }
    }
}

#[tokio::test]
async fn a_request_through_a_proxy_without_a_tunnel_had_no_effect() {
    let gone = unused_address().await;
    let refusing = HttpProxy::start(ProxyBehavior::Refuse("403 Forbidden")).unwrap();
    let closing = HttpProxy::start(ProxyBehavior::Close).unwrap();
    for address in [gone, refusing.address(), closing.address()] {
        let error = post(through(address), "https://refersion.test").await.unwrap_err();
        assert!(matches!(error, TransportError::NotSent { .. }), "{error:?}");
    }
    let error = post(through(gone), REMOTE_URL).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent { .. }), "{error:?}");
}

/// An operator must not look for the cause at the proxy.
#[tokio::test]
async fn a_refusal_by_refersion_does_not_name_the_proxy() {
    let proxy = HttpProxy::start(ProxyBehavior::Forward(refersion().await)).unwrap();
    let transport = std::sync::Arc::new(HttpTransport::new(through(proxy.address())).unwrap());
    let client = Client::new(transport, REMOTE_URL, Credentials::new("pub_1", "sec_2"), FakeApi::new([]));
    let message = client.check().await.unwrap_err().message;
    assert!(message.contains("credentials") && !message.contains("proxy"), "{message}");
}
