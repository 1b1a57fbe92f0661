//! Changes without a call of the API: acts of the merchant's staff in the dashboard, and the webhooks that are set up there.

use std::time::Duration;

use crate::account::{AffiliateIds, ExistingAffiliate, StaffChange};
use crate::simulator::Simulator;
use crate::webhooks::{Deliveries, Webhook, WebhookTarget};

impl Simulator {
    /// Adds an affiliate without a call. Opens the account, if accounts are opened at first use. `None` if there is
    /// no such account or the address is taken.
    pub fn add_affiliate(&mut self, public_key: &str, existing: ExistingAffiliate) -> Option<AffiliateIds> {
        self.accounts.get_or_open(public_key)?.add_existing(existing, &self.config)
    }

    /// The same as [`Simulator::add_affiliate`] at `now`, by the merchant's staff: webhooks report it.
    pub fn staff_adds(
        &mut self,
        now: Duration,
        public_key: &str,
        added: ExistingAffiliate,
    ) -> Option<AffiliateIds> {
        self.advance(now);
        let ids = self.add_affiliate(public_key, added);
        self.announce(now, public_key);
        ids
    }

    /// Changes an affiliate as the merchant's staff do in the dashboard. Returns whether that was possible.
    pub fn staff_changes(&mut self, now: Duration, public_key: &str, id: u64, change: StaffChange) -> bool {
        self.advance(now);
        let Some(account) = self.accounts.get_mut(public_key) else { return false };
        let changed = account.staff_changes(id, change, &self.config, now);
        self.announce(now, public_key);
        changed
    }

    /// Removes an affiliate, as when affiliates delete their own account. Returns whether one with this numeric id existed.
    pub fn remove(&mut self, public_key: &str, id: u64) -> bool {
        self.accounts.get_or_open(public_key).is_some_and(|account| account.remove(id))
    }

    /// From now on, the account posts webhooks to this address, if it exists or is opened.
    pub fn set_webhooks(&mut self, public_key: &str, target: WebhookTarget) {
        self.accounts.announce(public_key);
        self.outbox.set_target(public_key, target);
    }

    /// Sets how the webhooks of later changes are delivered.
    pub fn set_deliveries(&mut self, deliveries: Deliveries) {
        self.outbox.set_deliveries(deliveries);
    }

    /// Takes the webhooks that are to be posted by `now`, at most `limit`, the longest due first. The caller posts each, and
    /// reports its answer to [`Simulator::webhook_answered`].
    pub fn take_webhooks(&mut self, now: Duration, limit: usize) -> Vec<Webhook> {
        self.advance(now);
        self.outbox.take_due(now, limit)
    }

    /// When the next webhook is to be posted; `None` if none waits.
    #[must_use]
    pub fn next_webhook_at(&self) -> Option<Duration> {
        self.outbox.next_at()
    }

    /// Records that a webhook was answered with this HTTP status at `now`; `None`: it had no answer. A webhook without a 2xx is
    /// posted again, if [`Deliveries::retries`] allows it.
    pub fn webhook_answered(&mut self, now: Duration, webhook: Webhook, status: Option<u16>) {
        self.outbox.answered(now, webhook, status);
    }

    /// Passes the changes to the webhooks of the account, if it has any.
    pub(crate) fn announce(&mut self, now: Duration, public_key: &str) {
        if !self.outbox.is_for(public_key) {
            return;
        }
        let Some(account) = self.accounts.get_mut(public_key) else { return };
        for (topic, body) in account.take_changes(&self.config) {
            self.outbox.add(now, public_key, topic, body);
        }
    }
}
