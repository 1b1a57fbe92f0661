//! The actual contents of an account, from the simulator's `/_simulator/state`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// One affiliate of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActualAffiliate {
    /// The numeric id.
    pub id: u64,
    /// Email address as Refersion stores it, in any case.
    pub email: String,
    /// `ACTIVE`, `PENDING`, `DENIED` or `DISABLED`.
    pub status: String,
    /// By the API's field name; a missing field counts as empty.
    pub fields: BTreeMap<String, String>,
    /// By custom field id; a missing field counts as empty.
    pub custom_fields: BTreeMap<u64, String>,
    /// Whether it existed before the first event.
    pub existed_before: bool,
}

impl ActualAffiliate {
    /// The address in the form that is compared.
    pub(crate) fn address(&self) -> String {
        self.email.trim().to_lowercase()
    }
}

/// A state that does not have the documented form.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadState {
    /// There is no account with this public key.
    #[error("the state has no account {0}; check the public key")]
    NoAccount(String),
    /// A field of an affiliate is missing or has another type.
    #[error("an affiliate in the state has no usable field {0}; check that the state is the simulator's")]
    NoField(&'static str),
}

/// Reads the affiliates of one account from a state of the form
/// `{"accounts":[{"public_key","affiliates":[{"id","code","status","email","first_name", ..., "custom_fields":{"ID":"value"}}]}]}`.
/// `existed_before` has the numeric ids of those that existed before the first event.
///
/// # Errors
///
/// [`BadState`] if there is no such account, or an affiliate without id, email or status.
pub fn affiliates_of(
    state: &Value,
    public_key: &str,
    existed_before: &BTreeSet<u64>,
) -> Result<Vec<ActualAffiliate>, BadState> {
    let accounts = state["accounts"].as_array().into_iter().flatten();
    let account = accounts.into_iter().find(|account| account["public_key"] == public_key);
    let account = account.ok_or_else(|| BadState::NoAccount(public_key.to_owned()))?;
    let affiliates = account["affiliates"].as_array().ok_or(BadState::NoField("affiliates"))?;
    affiliates.iter().map(|affiliate| affiliate_of(affiliate, existed_before)).collect()
}

fn affiliate_of(affiliate: &Value, existed_before: &BTreeSet<u64>) -> Result<ActualAffiliate, BadState> {
    let text = |name: &'static str| affiliate[name].as_str().ok_or(BadState::NoField(name)).map(String::from);
    let id = &affiliate["id"];
    let id = id.as_u64().or_else(|| id.as_str()?.parse().ok()).ok_or(BadState::NoField("id"))?;
    let members = affiliate.as_object().into_iter().flatten();
    let fields =
        members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    let customs = affiliate["custom_fields"].as_object().into_iter().flatten();
    let custom_fields = customs
        .map(|(id, value)| Some((id.parse().ok()?, value.as_str()?.to_owned())))
        .collect::<Option<_>>()
        .ok_or(BadState::NoField("custom_fields"))?;
    let existed_before = existed_before.contains(&id);
    Ok(ActualAffiliate {
        id,
        email: text("email")?,
        status: text("status")?,
        fields,
        custom_fields,
        existed_before,
    })
}
