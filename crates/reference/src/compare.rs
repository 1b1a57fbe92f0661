//! Compares an account with the expected state: each violation of the promise of convergence is one line.

use std::collections::BTreeMap;

use crate::fields::{NEVER_EMPTY, is_deliverable};
use crate::{ActualAffiliate, Expected, ExpectedAffiliate, Presence};

/// One difference between an account and its expected state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// A person that can be an affiliate has none.
    #[error("{address}: there is no affiliate")]
    Missing {
        /// The expected address.
        address: String,
    },
    /// Several affiliates have the same address.
    #[error("{address}: there are several affiliates: {ids:?}")]
    Several {
        /// The address.
        address: String,
        /// Their numeric ids.
        ids: Vec<u64>,
    },
    /// A field has another value.
    #[error("{address}: {field} should be {expected:?} and is {actual:?}")]
    Field {
        /// The affiliate's address.
        address: String,
        /// The API's field name, or `custom:` and the id.
        field: String,
        /// The value that was stated last.
        expected: String,
        /// The actual value.
        actual: String,
    },
    /// An affiliate has another status.
    #[error("{address}: the status should be {expected} and is {actual}")]
    Status {
        /// The affiliate's address.
        address: String,
        /// The expected status.
        expected: String,
        /// The actual status.
        actual: String,
    },
    /// The affiliate of a deleted person is not disabled.
    #[error("{address}: deleted person still active: affiliate {id} is {actual}")]
    StillActive {
        /// The affiliate's address.
        address: String,
        /// Its numeric id.
        id: u64,
        /// Its actual status.
        actual: String,
    },
}

/// All differences; none means that the promise holds.
///
/// `refused(address, field, value)` says whether Refersion refused a value (field `email`, a standard field, or
/// `custom:ID`). An address that no mail server has counts as refused. Such a value is not compared, and a person with a
/// refused email or name need not have an affiliate.
/// A country or a payout address that is to be empty is not compared: the API takes no empty text for either, so an earlier
/// value stays. Values that an affiliate had before the first event and that no event stated are not compared either. Affiliates
/// without a person are [`left_over`]: they are a difference only if their address is forbidden and they could have
/// been disabled.
pub fn compare(
    expected: &Expected,
    actual: &[ActualAffiliate],
    refused: &dyn Fn(&str, &str, &str) -> bool,
) -> Vec<Difference> {
    let by_address = by_address(actual);
    let mut differences = Vec::new();
    for (address, affiliate) in &expected.affiliates {
        let refused = |field: &str, value: &str| refused(address, field, value);
        match by_address.get(address).map_or(&[][..], Vec::as_slice) {
            [] if affiliate.presence == Presence::Optional || is_impossible(address, affiliate, &refused) => {
            }
            [] => differences.push(Difference::Missing { address: address.clone() }),
            [one] => {
                differences.extend(wrong_fields(address, affiliate, one, &refused));
                differences.extend(wrong_status(address, affiliate, one, expected.new_status_active));
            }
            several => {
                let ids = several.iter().map(|one| one.id).collect();
                differences.push(Difference::Several { address: address.clone(), ids });
            }
        }
    }
    for address in &expected.forbidden {
        let may_stay = expected.moves.get(address).is_some_and(|to| refused(to, "email", to));
        let unknown = |one: &&&ActualAffiliate| one.existed_before && expected.not_searched.contains(address);
        let affiliates = by_address.get(address).into_iter().flatten();
        let active = affiliates.filter(|one| one.status != "DISABLED" && !may_stay && !unknown(one));
        differences.extend(active.map(|one| still_active(one)));
    }
    differences
}

/// Affiliates at addresses without an expected one. They are reported, and not a difference by themselves.
pub fn left_over<'a>(expected: &Expected, actual: &'a [ActualAffiliate]) -> Vec<&'a ActualAffiliate> {
    actual.iter().filter(|one| !expected.affiliates.contains_key(&one.address())).collect()
}

pub(crate) fn by_address(actual: &[ActualAffiliate]) -> BTreeMap<String, Vec<&ActualAffiliate>> {
    let mut by_address: BTreeMap<String, Vec<&ActualAffiliate>> = BTreeMap::new();
    for affiliate in actual {
        by_address.entry(affiliate.address()).or_default().push(affiliate);
    }
    by_address
}

/// The fields of an affiliate that differ: name, expected value, actual value.
pub(crate) fn field_differences(
    expected: &ExpectedAffiliate,
    actual: &ActualAffiliate,
) -> Vec<(String, String, String)> {
    let is_compared = |field: &&String| expected.stated.contains(*field) || !actual.existed_before;
    let cannot_be_emptied =
        |field: &String, value: &String| value.is_empty() && NEVER_EMPTY.contains(&field.as_str());
    let fields = expected.fields.iter().filter(|(field, _)| is_compared(field));
    let fields = fields.filter(|(field, value)| !cannot_be_emptied(field, value));
    let fields = fields.map(|(field, value)| (field.clone(), value.clone(), text(actual.fields.get(field))));
    let customs = expected.custom_fields.iter();
    let customs = customs.map(|(id, value)| (custom(*id), value.clone(), text(actual.custom_fields.get(id))));
    let only_stated = actual.existed_before || expected.presence == Presence::Optional;
    let unexpected = actual.custom_fields.iter();
    let unexpected = unexpected.filter(|(id, _)| !only_stated && !expected.custom_fields.contains_key(id));
    let unexpected = unexpected.map(|(id, value)| (custom(*id), String::new(), value.clone()));
    fields.chain(customs).chain(unexpected).filter(|(_, expected, actual)| expected != actual).collect()
}

fn wrong_fields(
    address: &str,
    expected: &ExpectedAffiliate,
    actual: &ActualAffiliate,
    refused: &dyn Fn(&str, &str) -> bool,
) -> Vec<Difference> {
    let compared =
        field_differences(expected, actual).into_iter().filter(|(field, value, _)| !refused(field, value));
    compared
        .map(|(field, expected, actual)| Difference::Field {
            address: address.into(),
            field,
            expected,
            actual,
        })
        .collect()
}

/// Compares the status. A new affiliate has the status of the settings; one that existed before keeps its own. After
/// a delete an affiliate may stay disabled if the settings say PENDING, because the API cannot set that status.
fn wrong_status(
    address: &str,
    expected: &ExpectedAffiliate,
    actual: &ActualAffiliate,
    new_status_active: bool,
) -> Option<Difference> {
    let right = if new_status_active { "ACTIVE" } else { "PENDING" };
    let may_stay_disabled = expected.presence == Presence::Recreated && !new_status_active;
    let is_right = actual.existed_before
        || expected.presence == Presence::Optional
        || actual.status == right
        || (may_stay_disabled && actual.status == "DISABLED");
    (!is_right).then(|| Difference::Status {
        address: address.into(),
        expected: right.into(),
        actual: actual.status.clone(),
    })
}

fn is_impossible(address: &str, expected: &ExpectedAffiliate, refused: &dyn Fn(&str, &str) -> bool) -> bool {
    let required = ["first_name", "last_name"].into_iter();
    !is_deliverable(address)
        || refused("email", address)
        || required.into_iter().any(|field| refused(field, &text(expected.fields.get(field))))
}

fn still_active(affiliate: &ActualAffiliate) -> Difference {
    Difference::StillActive {
        address: affiliate.address(),
        id: affiliate.id,
        actual: affiliate.status.clone(),
    }
}

fn custom(id: u64) -> String {
    format!("custom:{id}")
}

fn text(value: Option<&String>) -> String {
    value.cloned().unwrap_or_default()
}
