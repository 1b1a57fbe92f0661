//! Holds an account against the model: everything that breaks the promise of convergence, one line each.

use std::collections::BTreeMap;

use crate::{ActualAffiliate, Expected, ExpectedAffiliate, Standing};

/// One way in which an account is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// A person that can be an affiliate is none.
    #[error("{address}: there is no affiliate")]
    Missing {
        /// Where it should be.
        address: String,
    },
    /// Refersion holds an address twice.
    #[error("{address}: there are several affiliates: {ids:?}")]
    Several {
        /// The address.
        address: String,
        /// Their numeric ids.
        ids: Vec<u64>,
    },
    /// A field holds something else.
    #[error("{address}: {field} should be {expected:?} and is {actual:?}")]
    Field {
        /// The affiliate's address.
        address: String,
        /// The API's field name, or `custom:` and the id.
        field: String,
        /// What was said last.
        expected: String,
        /// What is there.
        actual: String,
    },
    /// An affiliate has a status that nobody should have given it.
    #[error("{address}: the status should be {expected} and is {actual}")]
    Status {
        /// The affiliate's address.
        address: String,
        /// The right one.
        expected: String,
        /// What is there.
        actual: String,
    },
    /// Somebody asked to be forgotten, and the affiliate is not disabled.
    #[error("{address}: deleted person still active: affiliate {id} is {actual}")]
    StillActive {
        /// The affiliate's address.
        address: String,
        /// Its numeric id.
        id: u64,
        /// Its status.
        actual: String,
    },
}

/// Every difference; none means that the promise holds.
///
/// `refused(address, field, value)` says whether Refersion refused a value that we wanted (field `email`, a standard one, or
/// `custom:ID`): such a value is not compared, and who has a refused email or name need not be there.
/// What an affiliate of before held, and nobody stated, is not compared either. Affiliates that belong to nobody are
/// [`left_over`]: they are wrong only where their address is forbidden, and nothing keeps us from disabling them.
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
            [] if affiliate.standing == Standing::MayExist || is_impossible(address, affiliate, &refused) => {
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
        let unknown =
            |one: &&&ActualAffiliate| one.existed_before && expected.not_looked_for.contains(address);
        let there = by_address.get(address).into_iter().flatten();
        let active = there.filter(|one| one.status != "DISABLED" && !may_stay && !unknown(one));
        differences.extend(active.map(|one| still_active(one)));
    }
    differences
}

/// Affiliates at addresses where the model expects none: reported, not wrong by themselves.
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

/// Every field in which an affiliate is not as it should be: name, what it should be, what it is.
pub(crate) fn field_differences(
    expected: &ExpectedAffiliate,
    actual: &ActualAffiliate,
) -> Vec<(String, String, String)> {
    let is_ours = |field: &&String| expected.stated.contains(*field) || !actual.existed_before;
    let fields = expected.fields.iter().filter(|(field, _)| is_ours(field));
    let fields = fields.map(|(field, value)| (field.clone(), value.clone(), text(actual.fields.get(field))));
    let customs = expected.custom_fields.iter();
    let customs = customs.map(|(id, value)| (custom(*id), value.clone(), text(actual.custom_fields.get(id))));
    let only_stated = actual.existed_before || expected.standing == Standing::MayExist;
    let strays = actual.custom_fields.iter();
    let strays = strays.filter(|(id, _)| !only_stated && !expected.custom_fields.contains_key(id));
    let strays = strays.map(|(id, value)| (custom(*id), String::new(), value.clone()));
    fields.chain(customs).chain(strays).filter(|(_, expected, actual)| expected != actual).collect()
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

/// A new affiliate has the status of the settings. One of before keeps its own. After a delete it may stay disabled
/// where the settings say PENDING, because the API cannot set that.
fn wrong_status(
    address: &str,
    expected: &ExpectedAffiliate,
    actual: &ActualAffiliate,
    new_status_active: bool,
) -> Option<Difference> {
    let right = if new_status_active { "ACTIVE" } else { "PENDING" };
    let may_stay_disabled = expected.standing == Standing::Reborn && !new_status_active;
    let is_right = actual.existed_before
        || expected.standing == Standing::MayExist
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
    refused("email", address)
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
