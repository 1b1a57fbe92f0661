//! Access to the broker, and its errors: users, virtual hosts, permissions, certificates.

use queue::contract::{envelope, numbers};
use queue::rabbitmq::{Options, RabbitError, RabbitQueue};
use queue::{Consume as _, Lane, Publish as _};
use testbed::Authority;
use testbed::rabbitmq::Broker;

use crate::brokers::{TIMEOUT, broker_to_disturb, clock, connect, options, shared, until};

async fn refusal(url: &str, options: Options) -> RabbitError {
    let error = RabbitQueue::connect(&[url.to_owned()], options, clock()).await.unwrap_err();
    assert!(error.needs_an_operator(), "{error:?}");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_not_reported_as_an_outage() {
    let url = shared().await.replace("guest:guest", "guest:wrong");
    let error = refusal(&url, options()).await;
    assert!(matches!(error, RabbitError::Refused { .. }), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("wrong"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_virtual_host_is_named() {
    let url = shared().await;
    let (node, _) = url.rsplit_once('/').unwrap();
    let error = refusal(&format!("{node}/nowhere"), options()).await;
    assert!(matches!(&error, RabbitError::Refused { detail, .. } if detail.contains("nowhere")), "{error:?}");
}

/// The broker's error shows which operation of the engine is not permitted.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_reported_with_the_required_one() {
    let guard = broker_to_disturb().await;
    let broker = guard.as_ref().unwrap();
    let options = options();
    broker.control(&["add_user", "visitor", "pass"]).unwrap();
    let url = broker.url().replace("guest:guest", "visitor:pass");
    let all = format!("^{}(\\..*)?$", options.prefix.replace('-', "[-]"));
    let below = format!("^{}\\..*$", options.prefix.replace('-', "[-]"));
    let probe = async |configure: &str, write: &str, read: &str| {
        broker.control(&["set_permissions", "visitor", configure, write, read]).unwrap();
        RabbitQueue::probe(std::slice::from_ref(&url), options.clone(), clock()).await
    };
    for (configure, write, read) in [
        ("", all.as_str(), all.as_str()),
        (&all, "", &all),
        (&all, &all, ""),
        // Bindings need these permissions; publishing and consuming need the others.
        (&all, &below, &all),
        (&all, &all, &format!("^{}$", options.prefix)),
    ] {
        let error = probe(configure, write, read).await.unwrap_err();
        assert!(matches!(error, RabbitError::Refused { .. }), "{configure:?} {write:?} {read:?}: {error:?}");
        let text = error.to_string();
        assert!(text.contains("configure, write and read") && text.contains(&options.prefix), "{text}");
    }
    probe(&all, &all, &all).await.unwrap();
    let queue = connect(&url, &options).await;
    queue.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    assert_eq!(numbers(&queue.take(1, TIMEOUT).await.unwrap()), [1]);
    broker.control(&["delete_user", "visitor"]).unwrap();
}

/// A permission that is removed at run time shows in the health, and everything works again when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_permission_is_reported_until_it_is_restored() {
    let guard = broker_to_disturb().await;
    let broker = guard.as_ref().unwrap();
    broker.control(&["add_user", "worker", "pass"]).unwrap();
    broker.control(&["set_permissions", "worker", ".*", ".*", ".*"]).unwrap();
    let queue = connect(&broker.url().replace("guest:guest", "worker:pass"), &options()).await;
    queue.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    broker.control(&["set_permissions", "worker", ".*", "^none$", ".*"]).unwrap();
    until("health says which permission", async || {
        // The broker checks permissions again only now and then, and for a new channel.
        drop(queue.publish(&[envelope(2, Lane::Live)]).await);
        broker.control(&["close_all_user_connections", "worker", "a test"]).unwrap();
        let health = queue.health();
        !health.publishing && health.why.is_some_and(|why| why.contains("write and read"))
    })
    .await;
    broker.control(&["set_permissions", "worker", ".*", ".*", ".*"]).unwrap();
    until("it can be published again", async || queue.publish(&[envelope(3, Lane::Live)]).await.is_ok())
        .await;
    drop(queue);
    broker.control(&["delete_user", "worker"]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_accepts_the_configured_authority_and_no_other() {
    let (broker, authority) = tokio::task::spawn_blocking(|| {
        let authority = Authority::new().unwrap();
        (Broker::start_with_tls(&authority).unwrap(), authority)
    })
    .await
    .unwrap();
    let trusting = Options { ca_pem: Some(authority.certificate().to_owned()), ..options() };
    let queue = connect(&broker.tls_url("localhost"), &trusting).await;
    queue.publish(&[envelope(1, Lane::Live)]).await.unwrap();
    let batch = queue.take(1, TIMEOUT).await.unwrap();
    assert_eq!(numbers(&batch), [1]);
    queue.acknowledge(&batch).await.unwrap();
    let unknown_authority = refusal(&broker.tls_url("localhost"), options()).await;
    assert!(matches!(unknown_authority, RabbitError::Untrusted { .. }), "{unknown_authority:?}");
    // The certificate is valid, but for another host.
    let other_host = refusal(&broker.tls_url("127.0.0.1"), trusting).await;
    assert!(matches!(other_host, RabbitError::Untrusted { .. }), "{other_host:?}");
}
