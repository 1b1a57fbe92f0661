//! Another process changes a graph each time that absorb is about to write it.

use std::sync::Arc;

use futures_util::FutureExt as _;
use identity::Digest;
use ledger::sqlite::SqliteLedger;
use ledger::{Changes, Graphs as _, Save};
use parking_lot::Mutex;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use worker::rules::ConnectionCache;
use worker::translate::{Translator, USER};
use worker::{Limits, absorb};

use super::Rig;

/// The contended graph; it is set after the rig has been created.
type Contended = Arc<Mutex<Option<Digest>>>;

/// Writes the graph unchanged, as another process would: absorb has to read it again. Under a claim the write is refused.
async fn write_again(ledger: SqliteLedger, connection: i64, digest: Digest, now: jiff::Timestamp) {
    let gathered = ledger.gather(connection, &[digest], &[]).await.expect("gathered");
    let saves = gathered.graphs.into_iter().map(|read| Save {
        row: Some(read.row),
        graph: read.graph,
        counted: read.counted,
        new_digests: Vec::new(),
        work: None,
        dirty: read.row.dirty,
        waiting: read.row.waiting,
    });
    let changes = Changes { connection, now, saves: saves.collect(), ..Changes::default() };
    drop(ledger.record(changes).await);
}

/// A rig in which one graph is written by another process before each attempt to write it, and the events of each attempt,
/// in order.
async fn contended(contended: &Contended) -> (Rig, Arc<Mutex<Vec<Vec<Uuid>>>>) {
    let attempts: Arc<Mutex<Vec<Vec<Uuid>>>> = Arc::default();
    let (noted, contended) = (Arc::clone(&attempts), Arc::clone(contended));
    let rig = Rig::new(Limits::default(), move |ledger| {
        let ledger = ledger.clone();
        Some(Box::new(move |changes: &Changes| {
            let events = changes.events.iter().map(|event| event.event).collect();
            noted.lock().push(events);
            let digest = *contended.lock();
            let touched =
                |save: &Save| digest.is_some_and(|digest| save.graph.identifiers.contains_key(&digest));
            match digest.filter(|_| changes.saves.iter().any(touched)) {
                Some(digest) => write_again(ledger.clone(), changes.connection, digest, changes.now).boxed(),
                None => async {}.boxed(),
            }
        }))
    })
    .await;
    (rig, attempts)
}

#[tokio::test(start_paused = true)]
async fn a_constantly_changing_graph_delays_only_its_own_events_and_they_are_recorded() {
    let hot: Contended = Arc::default();
    let (mut rig, attempts) = contended(&hot).await;
    let connection = rig.add("shop").await;
    let (mut known, stop) = (ConnectionCache::default(), CancellationToken::new());
    rig.send(connection, &["hot"], &json!({ "plan": "pro" })).await;
    absorb::round(&rig.worker, &mut known, &stop).await.expect("absorbed");
    let digest = Translator { vault: &rig.worker.vault, connection }.digest(USER, "hot");
    *hot.lock() = Some(digest);

    let users: Vec<String> =
        (0..32).map(|user| if user == 5 { "hot".into() } else { format!("user-{user}") }).collect();
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let events = rig.send(connection, &users, &json!({ "plan": "free" })).await;
    absorb::round(&rig.worker, &mut known, &stop)
        .await
        .expect("nobody has to wait for the end of the changes");

    assert_eq!(rig.recorded(connection, &events).await.len(), events.len());
    let attempts = attempts.lock();
    let last = attempts.last().expect("something was recorded");
    assert_eq!(last[..], [events[5]], "what is contended comes last, and alone");
}
