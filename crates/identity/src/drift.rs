//! Differences between Refersion and what an affiliate was sent.

use crate::difference::desired;
use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::graph::{Affiliate, Graph, Status};
use crate::plan::Analysis;
use crate::{Map, Text};

/// The field of an address that differs.
pub const EMAIL: &str = "email";
/// The field of a status that differs.
pub const STATUS: &str = "status";

/// The part of an affiliate that Refersion shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Its address.
    pub address: Option<Digest>,
    /// Its status.
    pub status: Option<Status>,
    /// Its fields, by this project's names.
    pub fields: Map<Text, Text>,
}

impl Shown {
    /// Whether a field is shown, so that it can be compared.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        match field {
            EMAIL => self.address.is_some(),
            STATUS => self.status.is_some(),
            field => self.fields.contains_key(field),
        }
    }
}

/// The fields in which an affiliate differs from what it was sent, in order; `None` if the graph has no affiliate with this code.
/// Values that are about to be sent do not count as different. Fields that were neither sent nor found with the wanted value are
/// ignored.
#[must_use]
pub fn compare(graph: &Graph, rules: &Rules, code: &str, shown: &Shown) -> Option<Vec<Text>> {
    let affiliate = with_code(graph, code)?;
    let analysis = Analysis::of(graph, rules);
    let owner = analysis.resolution.person(affiliate.address);
    let owner = owner.filter(|owner| analysis.resolution.bound(graph, owner) == Some(affiliate));
    let wanted = owner.map(|owner| (owner.address, desired(owner, rules).fields));
    let mut fields = Vec::new();
    let moved = shown.address.is_some_and(|address| {
        let is_wanted = wanted.as_ref().is_some_and(|(wanted, _)| *wanted == address);
        address != affiliate.address && !affiliate.address_unknown && !is_wanted
    });
    fields.extend(moved.then(|| Text::new_static(EMAIL)));
    for (field, text) in &shown.fields {
        let is_wanted = |text: &str| {
            wanted.as_ref().is_some_and(|(_, wanted)| wanted.get(field.as_str()).copied() == Some(text))
        };
        // A value that Refersion showed when the affiliate was found has saved a call while it is the wanted one.
        let spared = || affiliate.shown.get(field)?.as_deref().filter(|shown| is_wanted(shown));
        let sent = match affiliate.delivered.get(field) {
            Some(delivered) => delivered.as_deref(),
            None => spared(),
        };
        let differs = sent.is_some_and(|sent| sent.trim() != text.trim());
        fields.extend((differs && !is_wanted(text)).then(|| field.clone()));
    }
    // The status is compared only for an affiliate that a delete of ours disabled.
    let revived = affiliate.disabled_by_us && affiliate.status == Some(Status::Disabled);
    let differs = shown.status.is_some_and(|status| status != Status::Disabled);
    fields.extend((revived && differs).then(|| Text::new_static(STATUS)));
    fields.sort_unstable();
    Some(fields)
}

/// Marks these fields of an affiliate as unknown, so that their wanted values are sent again. Returns whether the affiliate
/// exists.
pub fn mark_unknown(graph: &mut Graph, code: &str, fields: &[Text]) -> bool {
    let Some(affiliate) = graph.affiliates.iter_mut().find(|it| is_it(it, code)) else { return false };
    for field in fields {
        match field.as_str() {
            EMAIL => affiliate.address_unknown = true,
            STATUS => affiliate.status = None,
            _ => {
                affiliate.delivered.insert(field.clone(), None);
            }
        }
    }
    !fields.is_empty()
}

fn with_code<'g>(graph: &'g Graph, code: &str) -> Option<&'g Affiliate> {
    graph.affiliates.iter().find(|affiliate| is_it(affiliate, code))
}

fn is_it(affiliate: &Affiliate, code: &str) -> bool {
    affiliate.id.is_some() && !affiliate.gone && affiliate.code.as_deref() == Some(code)
}
