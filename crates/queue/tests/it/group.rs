//! Group commit over a queue that the tests open and close.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use queue::contract::envelope;
use queue::{Envelope, GroupCommit, GroupLimits, Lane, Publish, PublishError};
use tokio::sync::Semaphore;

/// A queue whose commits wait for a permit each, and remembers their sizes.
struct Gate {
    permits: Semaphore,
    commits: Mutex<Vec<usize>>,
    begun: Semaphore,
}

impl Gate {
    fn new(permits: usize) -> Arc<Self> {
        let (permits, begun) = (Semaphore::new(permits), Semaphore::new(0));
        Arc::new(Self { permits, commits: Mutex::default(), begun })
    }

    fn commits(&self) -> Vec<usize> {
        self.commits.lock().clone()
    }

    /// Waits until one more commit has begun.
    async fn begun(&self) {
        self.begun.acquire().await.unwrap().forget();
    }
}

#[async_trait]
impl Publish for Gate {
    async fn publish(&self, envelopes: &[Envelope]) -> Result<(), PublishError> {
        self.begun.add_permits(1);
        self.permits.acquire().await.unwrap().forget();
        self.commits.lock().push(envelopes.len());
        assert!(!envelopes.iter().any(|envelope| envelope.revision == 99), "planted");
        Ok(())
    }
}

type Published = tokio::task::JoinHandle<Result<(), PublishError>>;

async fn publish_one(group: &GroupCommit, envelope: Envelope) -> Result<(), PublishError> {
    group.publish_all(vec![envelope]).await
}

fn spawn(group: &GroupCommit, envelope: Envelope) -> Published {
    let group = group.clone();
    tokio::spawn(async move { publish_one(&group, envelope).await })
}

/// Lets every task run until it waits for something. (The tests run on one thread.)
async fn run_all_tasks() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_single_envelope_is_committed_at_once_and_later_ones_share_a_commit() {
    let gate = Gate::new(0);
    let group = GroupCommit::new(gate.clone(), GroupLimits::default());
    let first = spawn(&group, envelope(0, Lane::Live));
    gate.begun().await;
    let others: Vec<_> = (1..50).map(|number| spawn(&group, envelope(number, Lane::Live))).collect();
    run_all_tasks().await;
    assert!(!first.is_finished(), "answered before the commit");
    gate.permits.add_permits(2);
    first.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert_eq!(gate.commits(), [1, 49]);
    assert_eq!((group.counts().commits, group.counts().envelopes), (2, 50));
}

#[tokio::test]
async fn one_lane_does_not_wait_for_the_other() {
    let gate = Gate::new(0);
    let group = GroupCommit::new(gate.clone(), GroupLimits::default());
    let bulk = spawn(&group, envelope(0, Lane::Bulk));
    gate.begun().await;
    let live = spawn(&group, envelope(1, Lane::Live));
    gate.begun().await;
    gate.permits.add_permits(2);
    bulk.await.unwrap().unwrap();
    live.await.unwrap().unwrap();
    assert_eq!(gate.commits(), [1, 1]);
    assert_eq!((group.counts().commits, group.counts().envelopes), (2, 2));
}

#[tokio::test]
async fn waiting_envelopes_are_limited_until_a_commit_frees_places() {
    let gate = Gate::new(0);
    let group =
        GroupCommit::new(gate.clone(), GroupLimits { waiting: 3, share: 1, ..GroupLimits::default() });
    let waiting: Vec<_> = (0..3).map(|number| spawn(&group, envelope(number, Lane::Live))).collect();
    gate.begun().await;
    run_all_tasks().await;
    assert!(matches!(publish_one(&group, envelope(3, Lane::Live)).await, Err(PublishError::Busy)));
    gate.permits.add_permits(100);
    for one in waiting {
        one.await.unwrap().unwrap();
    }
    publish_one(&group, envelope(4, Lane::Live)).await.unwrap();
}

#[tokio::test]
async fn waiting_bytes_are_limited() {
    let gate = Gate::new(0);
    let group = GroupCommit::new(
        gate.clone(),
        GroupLimits { waiting_bytes: 600, share: 1, ..GroupLimits::default() },
    );
    let first = spawn(&group, envelope(0, Lane::Live));
    gate.begun().await;
    let second = spawn(&group, envelope(1, Lane::Live));
    run_all_tasks().await;
    assert!(matches!(publish_one(&group, envelope(2, Lane::Live)).await, Err(PublishError::Busy)));
    gate.permits.add_permits(2);
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hanging_queue_is_unavailable_at_the_deadline_and_the_next_commit_is_tried() {
    let gate = Gate::new(0);
    let group = GroupCommit::new(gate.clone(), GroupLimits::default());
    let hung = publish_one(&group, envelope(0, Lane::Live)).await;
    assert!(matches!(hung, Err(PublishError::Unavailable { .. })), "{hung:?}");
    gate.permits.add_permits(1);
    publish_one(&group, envelope(1, Lane::Live)).await.unwrap();
}

#[tokio::test]
async fn a_cancelled_publisher_does_not_affect_others() {
    let gate = Gate::new(0);
    let group = GroupCommit::new(gate.clone(), GroupLimits::default());
    let leader = spawn(&group, envelope(0, Lane::Live));
    gate.begun().await;
    let gone = spawn(&group, envelope(1, Lane::Live));
    let other = spawn(&group, envelope(2, Lane::Live));
    run_all_tasks().await;
    leader.abort();
    gone.abort();
    run_all_tasks().await;
    gate.permits.add_permits(2);
    other.await.unwrap().unwrap();
    assert_eq!(gate.commits(), [1, 1], "the one that left in time was not published");
}

#[tokio::test]
async fn a_panic_in_the_engine_does_not_stop_later_commits() {
    let gate = Gate::new(10);
    let group = GroupCommit::new(gate.clone(), GroupLimits::default());
    let mut bad = envelope(0, Lane::Live);
    bad.revision = 99;
    assert!(publish_one(&group, bad).await.is_err());
    publish_one(&group, envelope(1, Lane::Live)).await.unwrap();
}

#[tokio::test]
async fn a_large_envelope_is_refused_without_affecting_others() {
    let gate = Gate::new(10);
    let group = GroupCommit::new(gate.clone(), GroupLimits::default());
    let mut large = envelope(0, Lane::Live);
    let payload = format!("\"{}\"", "x".repeat(queue::pack::ENVELOPE_BYTES));
    large.payload = serde_json::value::RawValue::from_string(payload).unwrap();
    assert!(matches!(publish_one(&group, large).await, Err(PublishError::TooLarge { .. })));
    assert!(gate.commits().is_empty());
}

#[tokio::test]
async fn envelopes_published_together_share_one_commit_for_each_lane() {
    let gate = Gate::new(10);
    let group = GroupCommit::new(gate.clone(), GroupLimits { commit: 2, ..GroupLimits::default() });
    let lane = |number| if number == 0 { Lane::Bulk } else { Lane::Live };
    group.publish_all((0..8).map(|number| envelope(number, lane(number))).collect()).await.unwrap();
    let mut commits = gate.commits();
    commits.sort_unstable();
    assert_eq!(commits, [1, 7]);
    assert_eq!(group.counts().envelopes, 8);
    group.publish_all(Vec::new()).await.unwrap();
}

#[tokio::test]
async fn a_batch_that_does_not_fit_is_refused_as_a_whole() {
    let gate = Gate::new(10);
    let group =
        GroupCommit::new(gate.clone(), GroupLimits { waiting: 3, share: 1, ..GroupLimits::default() });
    let all = |count| (0..count).map(|number| envelope(number, Lane::Live)).collect();
    assert!(matches!(group.publish_all(all(4)).await, Err(PublishError::Busy)));
    group.publish_all(all(3)).await.unwrap();
    assert_eq!(gate.commits(), [3]);
}

#[tokio::test]
async fn one_connection_leaves_places_for_others() {
    let gate = Gate::new(0);
    let group = GroupCommit::new(gate.clone(), GroupLimits { waiting: 8, ..GroupLimits::default() });
    let of = |connection, number| Envelope { connection, ..envelope(number, Lane::Live) };
    // A lone batch may be larger than the share of its connection.
    let batch = {
        let (group, batch) = (group.clone(), (0..4).map(|number| of(1, number)).collect());
        tokio::spawn(async move { group.publish_all(batch).await })
    };
    gate.begun().await;
    assert!(matches!(publish_one(&group, of(1, 4)).await, Err(PublishError::Busy)));
    let others: Vec<_> = (5..7).map(|number| spawn(&group, of(2, number))).collect();
    run_all_tasks().await;
    assert!(matches!(publish_one(&group, of(2, 7)).await, Err(PublishError::Busy)));
    let third = spawn(&group, of(3, 8));
    run_all_tasks().await;
    gate.permits.add_permits(100);
    for published in others.into_iter().chain([batch, third]) {
        published.await.unwrap().unwrap();
    }
    publish_one(&group, of(1, 9)).await.unwrap();
}
