//! Compares the affiliates that Refersion lists with the values that they were last sent.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use identity::drift::{Shown, compare, mark_unknown};
use identity::{Digest, Text};
use jiff::Timestamp;
use ledger::{Drift, LedgerError, ListedAffiliate, Walk};

use super::Holder;
use super::calls::are_about;
use crate::locks::in_order;
use crate::off_thread::off_thread;

/// Affiliates whose graphs are read at once: those of a whole page would be in memory, and locked, together.
const PART: usize = 10;
/// Maximum number of affiliates that are remembered as compared, 8 bytes each; others are compared again in the next pass.
const MAX_COMPARED: usize = 4_000_000;

/// A page that is compared.
pub(super) struct Compared<'p> {
    /// Its rows, in the order of `affiliates`.
    pub(super) rows: &'p [refersion::Listed],
    /// The same as the directory keeps them.
    pub(super) affiliates: &'p [ListedAffiliate],
    /// When it was requested.
    pub(super) asked_at: Timestamp,
    /// Anchors of the calls that were under way at any time since.
    pub(super) called: &'p BTreeSet<Digest>,
    /// The walk, before the page.
    pub(super) walk: &'p Walk,
}

/// The affiliates that a walk has compared. A holder that takes a walk over knows of none, and compares again, which costs no call.
#[derive(Default)]
pub(crate) struct Coverage {
    /// Hashes of the codes of the affiliates that were compared.
    compared: HashSet<u64>,
    /// Whether the last pass left affiliates out, because calls about them were under way: a page may show the state before the
    /// call, and the ledger the state after it.
    pub(super) is_partial: bool,
}

/// The result of comparing a page.
#[derive(Default)]
pub(super) struct Comparison {
    /// How many affiliates of ours were compared in all of their fields.
    pub(super) count: u64,
    /// The differences that were found.
    pub(super) found: Vec<Drift>,
    /// How many affiliates are repaired that differ in nothing that the list shows.
    pub(super) repaired_unseen: u64,
    /// Those that were passed over. They would not be found again at an address that somebody gave them.
    passed_over: BTreeSet<String>,
}

/// A row to compare.
struct Wanted<'p> {
    code: &'p str,
    shown: Shown,
    /// The address at which the affiliate is known, before this page.
    before: Option<Digest>,
    /// The walk compares; otherwise the row is read because the address has changed.
    is_asked_for: bool,
}

impl Holder {
    /// Compares a page, in parts. Without a request, it compares only addresses that have changed: once the page is recorded, the
    /// directory no longer has the address at which the affiliate is known.
    pub(super) async fn compare_page(&mut self, page: &Compared<'_>) -> Result<Comparison, LedgerError> {
        let (ledger, id) = (&self.worker.ledger, self.connection.id);
        let codes: Vec<String> = page.affiliates.iter().map(|affiliate| affiliate.code.clone()).collect();
        // An affiliate whose address was changed in Refersion is found at the address that was sent to it.
        let before = ledger.addresses_of(id, &codes).await?;
        let names = if page.walk.request.verify { ledger.custom_fields(id).await? } else { BTreeMap::new() };
        let fields = ids_by_label(&names);
        let rows = page.rows.iter().zip(page.affiliates);
        let wanted = rows.filter_map(|(row, affiliate)| {
            let before = before.get(&affiliate.code).copied();
            let is_asked_for = self.walker.coverage.is_asked_for(page.walk, &affiliate.code);
            let has_moved = before.is_some() && affiliate.address.is_some() && before != affiliate.address;
            let shown = match is_asked_for {
                true => shown(row, affiliate, &fields),
                false => Shown { address: affiliate.address, ..Shown::default() },
            };
            let code = affiliate.code.as_str();
            (is_asked_for || has_moved).then_some(Wanted { code, shown, before, is_asked_for })
        });
        let wanted: Vec<Wanted<'_>> = wanted.collect();
        let mut comparison = Comparison::default();
        for part in wanted.chunks(PART) {
            self.compare_part(page, part, &mut comparison).await?;
        }
        if page.walk.request.repair {
            let stored = self.worker.ledger.drift_of(id, &codes).await?;
            let differs = comparison.with_unseen(&wanted, &stored);
            self.mark_unknown(&differs).await?;
        }
        Ok(comparison)
    }

    async fn compare_part(
        &mut self,
        page: &Compared<'_>,
        part: &[Wanted<'_>],
        comparison: &mut Comparison,
    ) -> Result<(), LedgerError> {
        let addresses = in_order(part.iter().flat_map(|row| row.before.into_iter().chain(row.shown.address)));
        let recorder = self.recorder();
        let rules = recorder.rules();
        // One by one, so that each graph fits.
        let (gathered, held) = recorder.read(&addresses, 1).await?;
        let in_flight = &self.in_flight;
        let mut passed_over = BTreeSet::new();
        off_thread(|| {
            for read in &gathered.graphs {
                let is_busy = in_flight.is_about(&read.graph) || are_about(page.called, &read.graph);
                for affiliate in &read.graph.affiliates {
                    let row = part.iter().find(|row| affiliate.code.as_deref() == Some(row.code));
                    let Some(row) = row else { continue };
                    if is_busy {
                        passed_over.insert(row.code.to_owned());
                    } else if let Some(fields) = compare(&read.graph, &rules, row.code, &row.shown) {
                        comparison.add(row, affiliate.address, &fields, page.asked_at);
                    }
                }
            }
        });
        drop(held);
        if page.walk.request.verify {
            self.walker.coverage.note(part, &passed_over);
        }
        comparison.passed_over.append(&mut passed_over);
        Ok(())
    }

    /// Marks the fields that differ as unknown, so that they are sent again.
    async fn mark_unknown(&self, drift: &[Drift]) -> Result<(), LedgerError> {
        if drift.is_empty() {
            return Ok(());
        }
        let recorder = self.recorder();
        let addresses = in_order(drift.iter().filter_map(|drift| drift.address));
        let texts =
            |drift: &Drift| drift.fields.iter().map(|field| Text::from(field.as_str())).collect::<Vec<_>>();
        let change = |graph: &mut identity::Graph| {
            let mut changed = false;
            for one in drift {
                changed |= mark_unknown(graph, &one.code, &texts(one));
            }
            changed
        };
        recorder.change_graphs(&addresses, &change).await?;
        Ok(())
    }
}

impl Comparison {
    /// Adds the result for an affiliate. If it was read only for its address, an equal address says nothing about other fields.
    fn add(&mut self, row: &Wanted<'_>, address: Digest, fields: &[Text], at: Timestamp) {
        self.count += u64::from(row.is_asked_for);
        if row.is_asked_for || !fields.is_empty() {
            self.found.push(found(row.code, address, fields, at));
        }
    }

    /// The affiliates to repair: also with the stored differences in fields that the list does not show, which webhooks have found. Whether
    /// these are still there cannot be known, so the comparison leaves none of them.
    fn with_unseen(&mut self, rows: &[Wanted<'_>], stored: &BTreeMap<String, Vec<String>>) -> Vec<Drift> {
        let mut differs = Vec::new();
        for found in &self.found {
            let mut drift = found.clone();
            if let Some(row) = rows.iter().find(|row| row.code == found.code) {
                let stored = stored.get(&found.code).into_iter().flatten();
                drift.fields.extend(stored.filter(|field| !row.shown.has(field)).cloned());
            }
            if !drift.fields.is_empty() {
                self.repaired_unseen += u64::from(found.fields.is_empty());
                differs.push(drift);
            }
        }
        differs
    }

    /// Keeps the former addresses of affiliates that were passed over in the directory.
    pub(super) fn keep_addresses(&self, affiliates: &mut [ListedAffiliate]) {
        let passed_over = affiliates.iter_mut().filter(|it| self.passed_over.contains(&it.code));
        passed_over.for_each(|affiliate| affiliate.address = None);
    }
}

impl Coverage {
    /// Whether a walk compares an affiliate: once, in the first pass that finds it without open calls.
    fn is_asked_for(&self, walk: &Walk, code: &str) -> bool {
        walk.request.verify && !self.compared.contains(&number_of(code))
    }

    /// Notes which affiliates of a part were compared, and which were passed over.
    fn note(&mut self, part: &[Wanted<'_>], passed_over: &BTreeSet<String>) {
        for row in part.iter().filter(|row| row.is_asked_for) {
            if passed_over.contains(row.code) {
                self.is_partial = true;
            } else if self.compared.len() < MAX_COMPARED {
                self.compared.insert(number_of(row.code));
            }
        }
    }
}

fn number_of(code: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    code.hash(&mut hasher);
    hasher.finish()
}

/// The differences of an affiliate, as the ledger stores them.
pub(crate) fn found(code: &str, address: Digest, fields: &[Text], found_at: Timestamp) -> Drift {
    let fields = fields.iter().map(ToString::to_string).collect();
    Drift { code: code.to_owned(), address: Some(address), fields, found_at }
}

/// The ids of custom fields whose label is unique: Refersion's list shows labels only.
fn ids_by_label(names: &BTreeMap<u64, String>) -> BTreeMap<&str, u64> {
    let is_only = |name: &str| names.values().filter(|other| *other == name).count() == 1;
    names.iter().filter(|(_, name)| is_only(name)).map(|(id, name)| (name.as_str(), *id)).collect()
}

fn shown(row: &refersion::Listed, affiliate: &ListedAffiliate, fields: &BTreeMap<&str, u64>) -> Shown {
    let names = [("first_name", &row.first_name), ("last_name", &row.last_name)];
    let names =
        names.into_iter().filter_map(|(field, text)| Some((Text::from(field), Text::from(text.as_deref()?))));
    let custom = row.custom_fields.iter().filter_map(|(label, text)| {
        let id = fields.get(label.as_str())?;
        Some((Text::from(format!("custom:{id}")), Text::from(text.as_str())))
    });
    Shown { address: affiliate.address, status: affiliate.status, fields: names.chain(custom).collect() }
}
