//! An ingest endpoint that listens, with a key store and a queue with prepared results.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use connections::Randomness;
use ingest::{Admission, Endpoint, Keys, KeysUnavailable, Limits, serve};
use jiff::Timestamp;
use parking_lot::Mutex;
use queue::{Envelope, GroupCommit, GroupLimits, Publish, PublishError};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The key of connection 7.
pub(crate) const KEY: &str = "pub_0123.sec_456789abcdef";

/// The write key of connection 7.
pub(crate) const WRITE_KEY: &str = "abcdefghijklmnopqrstuvwxyz012345";

/// The key of connection 8.
pub(crate) const OTHER_KEY: &str = "pub_4567.sec_89abcdef0123";

/// A key whose connection cannot be read.
pub(crate) const UNSURE_KEY: &str = "pub_down.sec_down";

/// The time of the endpoint.
pub(crate) const NOW: &str = "2026-03-04T05:06:07.123456Z";

/// The keys; `false`: no connection exists.
struct TestKeys(bool);

#[async_trait]
impl Keys for TestKeys {
    async fn connection_for(&self, api_key: &str) -> Result<Option<i64>, KeysUnavailable> {
        match api_key {
            KEY if self.0 => Ok(Some(7)),
            OTHER_KEY if self.0 => Ok(Some(8)),
            UNSURE_KEY => Err(KeysUnavailable::new("planted")),
            _ => Ok(None),
        }
    }

    async fn connection_for_write_key(&self, write_key: &str) -> Result<Option<i64>, KeysUnavailable> {
        Ok((self.0 && write_key == WRITE_KEY).then_some(7))
    }

    async fn any(&self) -> Result<bool, KeysUnavailable> {
        Ok(self.0)
    }
}

/// The result of the next commits; afterwards all succeed.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum CommitOutcome {
    Full,
    Unavailable,
    /// Waits for a permit of the gate.
    Gated,
}

/// A queue that remembers the published envelopes.
pub(crate) struct TestQueue {
    pub(crate) outcomes: Mutex<Vec<CommitOutcome>>,
    pub(crate) published: Mutex<Vec<Envelope>>,
    pub(crate) tries: AtomicU64,
    pub(crate) gate: Semaphore,
    begun: Semaphore,
}

impl TestQueue {
    pub(crate) fn new(outcomes: &[CommitOutcome]) -> Arc<Self> {
        let outcomes = Mutex::new(outcomes.iter().rev().copied().collect());
        let (published, tries) = (Mutex::default(), AtomicU64::new(0));
        Arc::new(Self { outcomes, published, tries, gate: Semaphore::new(0), begun: Semaphore::new(0) })
    }

    /// Waits until one more commit has begun.
    pub(crate) async fn begun(&self) {
        self.begun.acquire().await.unwrap().forget();
    }

    pub(crate) fn tries(&self) -> u64 {
        self.tries.load(Ordering::SeqCst)
    }

    pub(crate) fn envelopes(&self) -> Vec<Envelope> {
        self.published.lock().clone()
    }
}

#[async_trait]
impl Publish for TestQueue {
    async fn publish(&self, envelopes: &[Envelope]) -> Result<(), PublishError> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        self.begun.add_permits(1);
        let outcome = self.outcomes.lock().pop();
        match outcome {
            Some(CommitOutcome::Full) => return Err(PublishError::Full),
            Some(CommitOutcome::Unavailable) => {
                return Err(PublishError::unavailable(std::io::Error::other("planted")));
            }
            Some(CommitOutcome::Gated) => self.gate.acquire().await.unwrap().forget(),
            None => {}
        }
        self.published.lock().extend_from_slice(envelopes);
        Ok(())
    }
}

/// Different bytes each time, the same in each run.
#[derive(Default)]
struct Counting(AtomicU64);

impl Randomness for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let number = self.0.fetch_add(1, Ordering::SeqCst).to_le_bytes();
        bytes.iter_mut().zip(number.iter().cycle()).for_each(|(byte, part)| *byte = *part);
    }
}

/// An ingest endpoint that listens.
pub(crate) struct Harness {
    pub(crate) address: SocketAddr,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: JoinHandle<std::io::Result<()>>,
}

impl Harness {
    pub(crate) async fn new(queue: Arc<dyn Publish>, limits: Limits) -> Self {
        Self::built(true, queue, limits, |endpoint| endpoint).await
    }

    /// An endpoint whose store has no connection.
    pub(crate) async fn empty() -> Self {
        Self::built(false, TestQueue::new(&[]), Limits::default(), |endpoint| endpoint).await
    }

    pub(crate) async fn with_admission(
        queue: Arc<dyn Publish>,
        limits: Limits,
        admission: Arc<dyn Admission>,
    ) -> Self {
        Self::built(true, queue, limits, |endpoint| endpoint.with_admission(admission)).await
    }

    /// An endpoint with additional parts; `any`: connections exist.
    pub(crate) async fn built(
        any: bool,
        queue: Arc<dyn Publish>,
        limits: Limits,
        complete: impl FnOnce(Endpoint) -> Endpoint,
    ) -> Self {
        let group = GroupCommit::new(queue, GroupLimits::default());
        let now: Timestamp = NOW.parse().unwrap();
        let randomness = Arc::new(Counting::default());
        let endpoint =
            Endpoint::new(Arc::new(TestKeys(any)), group, Arc::new(move || now), randomness, limits);
        let endpoint = Arc::new(complete(endpoint));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
        let served = tokio::spawn(serve(listener, Arc::clone(&endpoint), shutdown.clone()));
        Self { address, endpoint, shutdown, served }
    }
}
