//! The webhooks that wait to be sent, in the order of their times.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Deliveries, Topic, Webhook, WebhookCounts, WebhookTarget};
use crate::options::Options;
use crate::random::RandomSource;

/// Maximum number of webhooks that wait; further ones are lost.
const MAX_WAITING: usize = 100_000;

/// The webhooks that are to be sent. The seed and the times of the changes determine all of them.
pub(crate) struct Outbox {
    targets: BTreeMap<String, WebhookTarget>,
    deliveries: Deliveries,
    random: RandomSource,
    waiting: BTreeMap<(Duration, u64), Webhook>,
    /// Number of webhooks so far, which keeps those of one time apart.
    number: u64,
    counts: WebhookCounts,
}

impl Outbox {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            targets: options.webhooks.clone(),
            deliveries: options.deliveries.clone(),
            random: RandomSource::for_name(options.seed, "webhooks"),
            waiting: BTreeMap::new(),
            number: 0,
            counts: WebhookCounts::default(),
        }
    }

    pub(crate) fn is_for(&self, public_key: &str) -> bool {
        self.targets.contains_key(public_key)
    }

    pub(crate) fn is_in_use(&self) -> bool {
        !self.targets.is_empty()
    }

    pub(crate) fn set_target(&mut self, public_key: &str, target: WebhookTarget) {
        self.targets.insert(public_key.to_owned(), target);
    }

    pub(crate) fn set_deliveries(&mut self, deliveries: Deliveries) {
        self.deliveries = deliveries;
    }

    pub(crate) fn counts(&self) -> WebhookCounts {
        self.counts
    }

    /// Adds a change at `now`: one webhook, two, or none.
    pub(crate) fn add(&mut self, now: Duration, public_key: &str, topic: Topic, body: Vec<u8>) {
        let Some(target) = self.targets.get(public_key) else { return };
        self.counts.changes += 1;
        let signature = sign(&target.secret, &body);
        let url = target.url.clone();
        let webhook = Webhook { public_key: public_key.to_owned(), url, topic, signature, body, attempt: 1 };
        if self.random.occurs(self.deliveries.lost) {
            self.counts.lost += 1;
            return;
        }
        if self.random.occurs(self.deliveries.twice) {
            self.counts.twice += 1;
            let at = now + self.delay();
            self.put(at, webhook.clone());
        }
        let at = now + self.delay();
        self.put(at, webhook);
    }

    fn delay(&mut self) -> Duration {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let delay = self.deliveries.delay;
        Duration::from_micros(self.random.between(micros(delay.min), micros(delay.max)))
    }

    fn put(&mut self, at: Duration, webhook: Webhook) {
        if self.waiting.len() >= MAX_WAITING {
            self.counts.lost += 1;
            return;
        }
        self.number += 1;
        self.waiting.insert((at, self.number), webhook);
    }

    /// Takes the webhooks whose time has come, at most `limit`.
    pub(crate) fn take_due(&mut self, now: Duration, limit: usize) -> Vec<Webhook> {
        let mut due = Vec::new();
        while due.len() < limit {
            let Some(first) = self.waiting.first_entry().filter(|first| first.key().0 <= now) else { break };
            due.push(first.remove());
        }
        due
    }

    /// When the next one is to be sent.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    /// Records the answer to an attempt; `None`: no answer.
    pub(crate) fn answered(&mut self, now: Duration, mut webhook: Webhook, status: Option<u16>) {
        if status.is_some_and(|status| (200..300).contains(&status)) {
            self.counts.delivered += 1;
            return;
        }
        self.counts.refused += 1;
        match self.deliveries.retries.filter(|retries| webhook.attempt <= retries.most) {
            Some(retries) => {
                webhook.attempt += 1;
                self.put(now + retries.wait, webhook);
            }
            None => self.counts.given_up += 1,
        }
    }
}

/// Source: Refersion, "Webhook Validation".
fn sign(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    BASE64_STANDARD.encode(mac.chain_update(body).finalize().into_bytes())
}
