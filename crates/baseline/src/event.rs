//! The fields of an identify that the plain worker reads.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identify<'a> {
    pub(crate) message_id: &'a str,
    pub(crate) traits: Traits<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Traits<'a> {
    pub(crate) email: &'a str,
    pub(crate) first_name: &'a str,
    pub(crate) last_name: &'a str,
    pub(crate) plan: &'a str,
    pub(crate) address: Address<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Address<'a> {
    pub(crate) street: &'a str,
    pub(crate) city: &'a str,
    pub(crate) postal_code: &'a str,
    pub(crate) country: &'a str,
}
