//! Comparing what Refersion lists with what affiliates were last sent.

use std::collections::BTreeMap;

use identity::drift::{Shown, compare, doubt};
use identity::{Digest, Text};
use jiff::Timestamp;
use ledger::{Drift, LedgerError, ListedAffiliate};

use super::Holder;
use crate::locks::in_order;
use crate::off_thread::off_thread;

/// A page that is compared.
pub(super) struct Compared<'p> {
    /// Its rows, in the order of `affiliates`.
    pub(super) rows: &'p [refersion::Listed],
    /// The same as the directory keeps them.
    pub(super) affiliates: &'p [ListedAffiliate],
    /// When it was asked for.
    pub(super) asked_at: Timestamp,
    /// What differs is sent again.
    pub(super) repair: bool,
}

impl Holder {
    /// Compares a page. Returns how many of its affiliates are ours, and those that differ.
    pub(super) async fn compare_page(&self, page: &Compared<'_>) -> Result<(u64, Vec<Drift>), LedgerError> {
        let (ledger, id) = (&self.worker.ledger, self.connection.id);
        let codes: Vec<String> = page.affiliates.iter().map(|affiliate| affiliate.code.clone()).collect();
        // One whose address was changed in Refersion is found at the address that it was sent.
        let before = ledger.addresses_of(id, &codes).await?;
        let names = ledger.custom_fields(id).await?;
        let fields = ids_by_label(&names);
        let shown: BTreeMap<&str, Shown> = page
            .rows
            .iter()
            .zip(page.affiliates)
            .map(|(row, affiliate)| (affiliate.code.as_str(), shown(row, affiliate, &fields)))
            .collect();
        let listed = page.affiliates.iter().filter_map(|affiliate| affiliate.address);
        let addresses = in_order(before.values().copied().chain(listed));
        let recorder = self.recorder();
        let rules = recorder.rules();
        // One by one, so that there is no graph that does not fit.
        let (gathered, held) = recorder.read(&addresses, 1).await?;
        let (mut compared, mut drift) = (0, Vec::new());
        off_thread(|| {
            let idle = gathered.graphs.iter().filter(|read| !self.in_flight.is_about(&read.graph));
            for affiliate in idle.flat_map(|read| read.graph.affiliates.iter().map(move |it| (read, it))) {
                let (read, Some(code)) = (affiliate.0, affiliate.1.code.as_deref()) else { continue };
                let Some(shown) = shown.get(code) else { continue };
                let Some(fields) = compare(&read.graph, &rules, code, shown) else { continue };
                compared += 1;
                if !fields.is_empty() {
                    drift.push(found(code, affiliate.1.address, &fields, page.asked_at));
                }
            }
        });
        drop(held);
        if page.repair && !drift.is_empty() {
            self.doubt(&drift).await?;
        }
        Ok((compared, drift))
    }

    /// Makes what differs unknown: it is sent again.
    async fn doubt(&self, drift: &[Drift]) -> Result<(), LedgerError> {
        let recorder = self.recorder();
        let addresses: Vec<Digest> = drift.iter().filter_map(|drift| drift.address).collect();
        let texts =
            |drift: &Drift| drift.fields.iter().map(|field| Text::from(field.as_str())).collect::<Vec<_>>();
        let change = |graph: &mut identity::Graph| {
            let mut changed = false;
            for one in drift {
                changed |= doubt(graph, &one.code, &texts(one));
            }
            changed
        };
        recorder.change_graphs(&addresses, &change).await?;
        Ok(())
    }
}

/// What differs of an affiliate, as the ledger keeps it.
pub(crate) fn found(code: &str, address: Digest, fields: &[Text], found_at: Timestamp) -> Drift {
    let fields = fields.iter().map(ToString::to_string).collect();
    Drift { code: code.to_owned(), address: Some(address), fields, found_at }
}

/// The custom fields of which the label tells the id: Refersion's list shows labels only.
fn ids_by_label(names: &BTreeMap<u64, String>) -> BTreeMap<&str, u64> {
    let is_only = |name: &str| names.values().filter(|other| *other == name).count() == 1;
    names.iter().filter(|(_, name)| is_only(name)).map(|(id, name)| (name.as_str(), *id)).collect()
}

fn shown(row: &refersion::Listed, affiliate: &ListedAffiliate, fields: &BTreeMap<&str, u64>) -> Shown {
    let names = [("first_name", &row.first_name), ("last_name", &row.last_name)];
    let names = names.into_iter().map(|(field, text)| (Text::from(field), Text::from(text.as_str())));
    let custom = row.custom_fields.iter().filter_map(|(label, text)| {
        let id = fields.get(label.as_str())?;
        Some((Text::from(format!("custom:{id}")), Text::from(text.as_str())))
    });
    Shown { address: affiliate.address, status: affiliate.status, fields: names.chain(custom).collect() }
}
