//! Posts the webhooks of all accounts.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::Shared;
use crate::webhooks::Webhook;

/// Maximum number of webhooks under way at the same time.
const MAX_UNDER_WAY: usize = 64;
/// Maximum time for a webhook to be answered. Assumed: Refersion documents none.
const DEADLINE: Duration = Duration::from_secs(10);
/// Maximum length of an answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// The reason why a webhook has no answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("the address is not an http url with a host")]
    Address,
    #[error("cannot connect")]
    Connect(#[from] std::io::Error),
    #[error("no answer")]
    Http(#[from] hyper::Error),
    #[error("the request cannot be expressed in HTTP")]
    Request(#[from] hyper::http::Error),
}

/// Posts webhooks when they are due, until this is dropped. `changed` is notified when one may have been added.
pub(super) async fn deliver(simulator: Shared, changed: Arc<Notify>) {
    let permits = Arc::new(Semaphore::new(MAX_UNDER_WAY));
    let mut under_way = JoinSet::new();
    loop {
        let next = post_due(&simulator, &permits, &mut under_way);
        let sleeping = async {
            match next {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = changed.notified() => {}
            () = sleeping => {}
            Some(_) = under_way.join_next() => {}
        }
    }
}

/// Starts to post the due webhooks, as far as there is room. Returns when to look again; `None`: when one ends or is added.
fn post_due(simulator: &Shared, permits: &Arc<Semaphore>, under_way: &mut JoinSet<()>) -> Option<Instant> {
    let room = permits.available_permits();
    let (due, next) =
        simulator.look(|simulator, now| (simulator.take_webhooks(now, room), simulator.next_webhook_at()));
    for webhook in due {
        let (simulator, permits) = (simulator.clone(), Arc::clone(permits));
        // This task alone takes permits, so there is one for each webhook.
        let Ok(permit) = permits.try_acquire_owned() else { break };
        under_way.spawn(async move {
            let status = timeout(DEADLINE, post(&webhook)).await;
            let status = status.ok().and_then(|posted| {
                posted.inspect_err(|error| tracing::debug!(%error, "simulator: a webhook has no answer")).ok()
            });
            simulator.with(|simulator, now| simulator.webhook_answered(now, webhook, status));
            drop(permit);
        });
    }
    next.filter(|_| permits.available_permits() > 0).map(|at| simulator.instant(at))
}

async fn post(webhook: &Webhook) -> Result<u16, NoAnswer> {
    let url: Uri = webhook.url.parse().map_err(|_| NoAnswer::Address)?;
    let host = url.host().filter(|_| url.scheme_str() == Some("http")).ok_or(NoAnswer::Address)?;
    let stream = TcpStream::connect((host, url.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, url.authority().map_or(host, |authority| authority.as_str()))
        .header(CONTENT_TYPE, "application/json")
        .header("refersion-topic", webhook.topic.name())
        .header("refersion-signature", &webhook.signature)
        .body(Full::new(Bytes::from(webhook.body.clone())))?;
    let exchange = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        // A server may report a connection that is closed before its answer was read.
        drop(Limited::new(answer.into_body(), MAX_ANSWER).collect().await);
        Ok(status)
    };
    tokio::select! {
        biased;
        answered = exchange => answered,
        closed = connection => Err(closed.err().map_or(NoAnswer::Address, NoAnswer::Http)),
    }
}
