//! Whatever happens to its users, the queue hands out every confirmed event until it is acknowledged.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Rig, drain, envelope, envelopes, numbers};
use crate::{Batch, Lane, Queue, QueueError};

/// Several processes at once, each event exactly once.
pub async fn nothing_is_lost_among_many_publishers_and_takers(rig: &dyn Rig) {
    const PUBLISHERS: u32 = 4;
    const EACH: u32 = 200;
    let empty_wait = rig.empty_wait();
    let mut publishers = Vec::new();
    let mut takers = Vec::new();
    for publisher in 0..PUBLISHERS {
        let queue = rig.open().await;
        publishers.push(tokio::spawn(async move {
            for step in 0..EACH / 2 {
                let first = publisher * EACH + 2 * step;
                let lane = if step % 2 == 0 { Lane::Live } else { Lane::Bulk };
                queue.publish(&envelopes(first..first + 2, lane)).await.expect("the engine publishes");
            }
        }));
        let queue = rig.open().await;
        takers.push(tokio::spawn(async move { drain(&*queue, empty_wait).await }));
    }
    for publisher in publishers {
        publisher.await.expect("the publisher does not panic");
    }
    let mut found: Vec<u32> = Vec::new();
    for taker in takers {
        found.extend(taker.await.expect("the taker does not panic").into_keys());
    }
    found.extend(drain(&*rig.open().await, rig.empty_wait()).await.into_keys());
    found.sort_unstable();
    assert_eq!(found, (0..PUBLISHERS * EACH).collect::<Vec<_>>());
}

/// Random histories of publishing, taking, answering and crashing; each names its seed when it fails.
pub async fn nothing_is_lost_in_any_history_of_crashes(rig: &dyn Rig) {
    for seed in 0..20 {
        let mut history = History::begin(rig, seed).await;
        for _ in 0..60 {
            history.step().await;
        }
        history.check_end().await;
    }
}

struct History<'a> {
    rig: &'a dyn Rig,
    seed: u64,
    random: u64,
    queue: Arc<dyn Queue>,
    held: Vec<Batch>,
    published: u32,
    unanswered: BTreeSet<u32>,
}

impl<'a> History<'a> {
    async fn begin(rig: &'a dyn Rig, seed: u64) -> Self {
        let queue = rig.open().await;
        Self { rig, seed, random: seed, queue, held: Vec::new(), published: 0, unanswered: BTreeSet::new() }
    }

    /// `SplitMix64`: enough for choices, and the same everywhere. <https://prng.di.unimi.it/splitmix64.c>
    fn draw(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    async fn step(&mut self) {
        match self.draw(10) {
            0..=3 => self.publish().await,
            4..=6 => self.take().await,
            7 => self.acknowledge().await,
            8 => self.release().await,
            _ => self.crash().await,
        }
    }

    async fn publish(&mut self) {
        let lane = if self.draw(2) == 0 { Lane::Live } else { Lane::Bulk };
        for _ in 0..=self.draw(4) {
            self.queue.publish(&[envelope(self.published, lane)]).await.expect("the engine publishes");
            self.unanswered.insert(self.published);
            self.published += 1;
        }
    }

    async fn take(&mut self) {
        let max = usize::try_from(self.draw(6) + 1).expect("a small number");
        let batch = self.queue.take(max, Duration::ZERO).await.expect("the engine takes");
        for number in numbers(&batch) {
            assert!(self.unanswered.contains(&number), "seed {}: {number} came again", self.seed);
        }
        self.held.push(batch);
    }

    async fn acknowledge(&mut self) {
        let Some(batch) = self.held.pop() else { return };
        match self.queue.acknowledge(&batch).await {
            Ok(()) => {
                let answered = numbers(&batch);
                self.unanswered.retain(|number| !answered.contains(number));
            }
            Err(QueueError::NotHeld { .. }) => panic!("seed {}: a batch was taken away", self.seed),
            Err(error) => panic!("seed {}: {error}", self.seed),
        }
    }

    async fn release(&mut self) {
        let Some(batch) = self.held.pop() else { return };
        self.queue.release(&batch).await.expect("the engine releases what is held");
    }

    async fn crash(&mut self) {
        self.held.clear();
        let next = self.rig.open().await;
        self.rig.crash(std::mem::replace(&mut self.queue, next)).await;
    }

    async fn check_end(mut self) {
        self.crash().await;
        let found: BTreeSet<u32> = drain(&*self.queue, self.rig.empty_wait()).await.into_keys().collect();
        assert_eq!(found, self.unanswered, "seed {}", self.seed);
    }
}
