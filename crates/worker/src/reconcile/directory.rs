//! The walk through Refersion's list of affiliates: page by page, with the lowest priority, its progress recorded.
//!
//! Refersion documents neither an order of the list nor a snapshot: rows move while pages are read. After an insert before the
//! next page, a row appears twice, which does no harm. After a delete or a move, another row moves to a page that was read
//! already, and the pass misses it. So passes are repeated until one finds no more new affiliates than were added meanwhile, and
//! has found as many as Refersion counts; [`MAX_PASSES`](super::passes::MAX_PASSES) bounds that. An affiliate that a walk misses
//! nevertheless is found by the next walk, or by the create for its address.

use std::collections::BTreeSet;
use std::time::Duration;

use identity::Digest;
use identity::directory::{DirectoryEntries, Listing, apply_directory};
use jiff::{SignedDuration, Timestamp};
use ledger::{DirectoryState, FinishedWalk, LedgerError, ListedAffiliate, Page, Walk, WalkRequest};
use refersion::{Class, Failure, ListPage};
use tokio::task::JoinSet;
use tracing::{debug, info};

use super::passes::{has_found_all, is_last_pass, missing, next_pass};
use super::verify::{Compared, Coverage};
use super::{Ended, Holder};
use crate::deliver::shown_status;
use crate::retry::doubled;
use crate::translate::Translator;

/// Maximum number of pages of one pass: ten million affiliates.
const MAX_PAGES: u32 = 100_000;
/// Number of pages in a row without an affiliate that is new to the pass, after which it ends: a server may repeat its last page.
const IDLE_PAGES: u32 = 3;
/// Interval at which the ledger is asked whether a walk is wanted.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(2);
/// The wait after the first call that fails; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Number of refusals of a page in a row, within about an hour, after which the walk ends: this page could be refused for ever, and
/// no other walk would begin.
const MAX_REFUSALS: u32 = 20;
/// The same for any other failure, within about a day: during an outage the walk keeps its place.
const MAX_FAILURES: u32 = 300;

/// State of the walk of one lease holder.
#[derive(Default)]
pub(crate) struct Walker {
    /// The walk, as it was last recorded.
    walk: Option<Walk>,
    looked_at: Option<Timestamp>,
    is_asking: bool,
    listed: Option<Listed>,
    /// The affiliates that the walk has compared.
    pub(super) coverage: Coverage,
}

/// A page, or why there is none.
pub(super) struct Listed {
    asked_at: Timestamp,
    page: Result<ListPage, Failure>,
}

impl Walker {
    pub(super) fn keep(&mut self, listed: Listed) {
        self.is_asking = false;
        self.listed = Some(listed);
    }
}

impl Holder {
    /// Requests the next page, if a walk is under way or wanted. `may_request` is whether there was room for a call and no other call
    /// was due.
    pub(super) async fn walk_on(
        &mut self,
        under_way: &mut JoinSet<Ended>,
        may_request: bool,
    ) -> anyhow::Result<()> {
        // A page that arrived while the ledger failed is still to be taken.
        self.take_page().await?;
        if self.walker.is_asking || !may_request || self.room() == 0 {
            return Ok(());
        }
        let now = self.worker.now();
        let Some(walk) = self.walk(now).await? else { return Ok(()) };
        if is_waiting(&walk, now) {
            return Ok(());
        }
        if walk.is_spent() {
            self.walker.walk = self.end_walk(walk, false).await?;
            return Ok(());
        }
        let (api, page) = (self.api().await?, walk.page);
        under_way.spawn(async move {
            let page = api.client.list(page).await;
            Ended::Listed(Listed { asked_at: now, page })
        });
        self.in_flight.page_is_asked_for();
        self.walker.is_asking = true;
        Ok(())
    }

    /// The walk that is under way, or that begins now.
    async fn walk(&mut self, now: Timestamp) -> Result<Option<Walk>, LedgerError> {
        if let Some(walk) = &self.walker.walk {
            return Ok(Some(walk.clone()));
        }
        if self.walker.looked_at.is_some_and(|at| now >= at && now.duration_since(at) < LOOK_EVERY) {
            return Ok(None);
        }
        let (ledger, id) = (&self.worker.ledger, self.connection.id);
        let state = ledger.directory(id).await?;
        self.walker.looked_at = Some(now);
        let walk = match state.walk.clone() {
            Some(mut walk) => {
                // This holder does not know which affiliates were passed over, or compared on a page that could not be recorded.
                // All are compared and counted again, which costs no call.
                self.walker.coverage = Coverage::default();
                if walk.request.verify {
                    self.walker.coverage.is_partial = true;
                    (walk.compared, walk.drifted) = (0, 0);
                }
                walk
            }
            None => {
                let Some(request) = self.wanted(&state, now) else { return Ok(None) };
                let walk = Walk::begin(request, now);
                self.walker.coverage = Coverage::default();
                ledger.save_walk(id, self.fence, &walk).await?;
                info!(connection = %self.connection.name, connection_id = id, "a walk through refersion's affiliates begins");
                walk
            }
        };
        let begun = DirectoryState { walk: Some(walk.clone()), ..state };
        self.worker.directories.note(id, &begun, now);
        self.walker.walk = Some(walk.clone());
        Ok(Some(walk))
    }

    /// The walk that an operator asked for, or the next one of those that are repeated.
    fn wanted(&self, state: &DirectoryState, now: Timestamp) -> Option<WalkRequest> {
        let every = self.worker.limits.walk_every.and_then(|every| SignedDuration::try_from(every).ok());
        let last = state.finished.as_ref().map(|finished| finished.ended_at);
        // An end in the future was written by a clock that was ahead.
        let is_due =
            last.zip(every).is_some_and(|(last, every)| last > now || now.duration_since(last) >= every);
        let again = WalkRequest { asked_at: now, verify: false, repair: false, max_calls: None };
        state.requested.clone().or_else(|| is_due.then_some(again))
    }

    /// Processes the page that has arrived, if any. After a failure of the ledger it is requested again.
    pub(super) async fn take_page(&mut self) -> anyhow::Result<()> {
        let Some(Listed { asked_at, page }) = self.walker.listed.take() else { return Ok(()) };
        let called = self.in_flight.page_has_come();
        // Until the page is recorded, the walk in memory is out of date.
        let Some(walk) = self.walker.walk.take() else { return Ok(()) };
        self.walker.looked_at = None;
        self.walker.walk = match page {
            Ok(page) => self.read_page(walk, (asked_at, &called), page).await?,
            Err(failure) => self.note_failed_page(walk, &failure).await?,
        };
        Ok(())
    }

    /// Applies a page to the graphs before it is recorded, so that a crash in between repeats it.
    async fn read_page(
        &mut self,
        mut walk: Walk,
        (asked_at, called): (Timestamp, &BTreeSet<Digest>),
        page: ListPage,
    ) -> anyhow::Result<Option<Walk>> {
        let translator = Translator { vault: &self.worker.vault, connection: self.connection.id };
        let mut affiliates: Vec<ListedAffiliate> =
            page.affiliates.iter().map(|row| listed(&translator, row)).collect();
        self.apply_page(&affiliates, asked_at).await?;
        let before = walk.seen;
        walk.calls += 1;
        walk.page += 1;
        walk.unreadable += page.unreadable as u64;
        walk.total = page.total.max(walk.total);
        (walk.failure, walk.failures, walk.next_at) = (None, 0, None);
        let is_empty = page.affiliates.is_empty() && page.unreadable == 0;
        let rows = page.affiliates.as_slice();
        let page = Compared { rows, affiliates: &affiliates, asked_at, called, walk: &walk };
        let compared = self.compare_page(&page).await?;
        walk.compared += compared.count;
        walk.drifted += compared.repaired_unseen;
        compared.keep_addresses(&mut affiliates);
        let page = Page { walk, asked_at, affiliates, drift: compared.found };
        let (ledger, id) = (&self.worker.ledger, self.connection.id);
        let mut walk = ledger.note_page(id, self.fence, &page).await?;
        fault_point!("directory.noted");
        walk.idle = if walk.seen == before { walk.idle + 1 } else { 0 };
        if is_empty || walk.idle >= IDLE_PAGES || walk.page > MAX_PAGES {
            return self.end_pass(walk).await;
        }
        if walk.is_spent() {
            return self.end_walk(walk, false).await;
        }
        Ok(Some(walk))
    }

    async fn apply_page(
        &self,
        affiliates: &[ListedAffiliate],
        asked_at: Timestamp,
    ) -> Result<(), LedgerError> {
        let entries = entries(affiliates, asked_at);
        let addresses: Vec<Digest> = entries.looked_up.iter().copied().collect();
        let recorder = self.recorder();
        let rules = recorder.rules();
        let changed =
            recorder.change_graphs(&addresses, &|graph| apply_directory(graph, &rules, &entries)).await?;
        let (id, graphs) = (self.connection.id, changed.len());
        debug!(connection_id = id, graphs, "a page of affiliates was read");
        Ok(())
    }

    /// Ends a pass. Ends the walk too, if the pass has found all affiliates and, in a comparison, none had a call under way.
    async fn end_pass(&mut self, walk: Walk) -> anyhow::Result<Option<Walk>> {
        let is_partial = std::mem::take(&mut self.walker.coverage.is_partial);
        let has_found_all = has_found_all(&walk);
        // An account that keeps changing is walked through again later; until then the directory does not count as complete.
        if (has_found_all && !is_partial) || is_last_pass(&walk) || walk.is_spent() {
            return self.end_walk(walk, has_found_all).await;
        }
        let walk = next_pass(walk, self.worker.now());
        self.worker.ledger.save_walk(self.connection.id, self.fence, &walk).await?;
        Ok(Some(walk))
    }

    async fn end_walk(&self, walk: Walk, complete: bool) -> anyhow::Result<Option<Walk>> {
        let (id, affiliates, calls) = (self.connection.id, walk.seen, walk.calls);
        let before = self.worker.ledger.directory(id).await?.finished;
        let missing = if complete { None } else { missing(&walk) };
        let ended = FinishedWalk::of(walk, self.worker.now(), complete, before.as_ref());
        let finished = FinishedWalk { missing, ..ended };
        self.worker.ledger.end_walk(id, self.fence, &finished).await?;
        info!(connection = %self.connection.name, connection_id = id, affiliates, calls, complete, "a walk through refersion's affiliates ends");
        Ok(None)
    }

    /// Notes why a page could not be read, and when it is requested again; a walk that has used up its calls ends.
    async fn note_failed_page(&self, walk: Walk, failure: &Failure) -> anyhow::Result<Option<Walk>> {
        if failure.class == Class::Closed {
            return Ok(Some(walk));
        }
        let wait = doubled(FIRST_WAIT, walk.failures, LONGEST_WAIT);
        let status = failure.http_status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
        let walk = Walk {
            failure: Some(format!("{}{status}", failure.class.name())),
            failures: walk.failures.saturating_add(1),
            next_at: self.worker.now().checked_add(wait).ok(),
            calls: walk.calls + 1,
            ..walk
        };
        let most = match failure.class {
            Class::Request | Class::Refused { .. } | Class::TooMany => MAX_REFUSALS,
            _ => MAX_FAILURES,
        };
        if walk.is_spent() || walk.failures >= most {
            return self.end_walk(walk, false).await;
        }
        self.worker.ledger.save_walk(self.connection.id, self.fence, &walk).await?;
        Ok(Some(walk))
    }
}

/// Whether the walk waits after a failed page. A longer wait than the longest was written by a clock that was ahead.
fn is_waiting(walk: &Walk, now: Timestamp) -> bool {
    let left = walk.next_at.map(|at| at.duration_since(now));
    left.is_some_and(|left| left.is_positive() && left.unsigned_abs() <= LONGEST_WAIT)
}

/// A row as the directory keeps it.
fn listed(translator: &Translator<'_>, row: &refersion::Listed) -> ListedAffiliate {
    ListedAffiliate {
        code: row.code.to_string(),
        address: translator.address_digest(&row.email),
        id: None,
        status: row.status.map(shown_status),
    }
}

/// The directory entries of a page.
fn entries(affiliates: &[ListedAffiliate], seen_at: Timestamp) -> DirectoryEntries {
    let listed = affiliates.iter().filter_map(|affiliate| {
        let listing = Listing { code: affiliate.code.as_str().into(), seen_at: seen_at.into() };
        Some((affiliate.address?, listing))
    });
    let listed: identity::directory::Listed = listed.collect();
    DirectoryEntries { complete_since: None, looked_up: listed.keys().copied().collect(), listed }
}
