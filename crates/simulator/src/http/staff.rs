//! `/_simulator/webhooks` and `/_simulator/staff`: settings and changes that the merchant makes in the dashboard.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::Shared;
use super::connection::{Answer, Disconnect};
use super::control::send;
use crate::account::StaffChange;
use crate::affiliate::Status;
use crate::webhooks::{Deliveries, WebhookTarget};

/// The target of an account's webhooks, and how all webhooks are delivered. Settings that are left out stay.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhooks {
    account: Option<String>,
    url: Option<String>,
    secret: Option<String>,
    deliveries: Option<String>,
}

/// Changes of one affiliate, by the public key of its account and its address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    account: String,
    email: String,
    status: Option<Status>,
    /// By their names in `/affiliate/edit`; a custom field is `custom:` and its numeric id.
    #[serde(default)]
    fields: BTreeMap<String, String>,
}

const WEBHOOKS: &str = r#"write it like {"account":"pub_1","url":"http://127.0.0.1:8080/refersion/1","secret":"...","deliveries":"delay=0ms..5s"}"#;
const CHANGES: &str = r#"write it like {"account":"pub_1","email":"ann@x.test","status":"DENIED","fields":{"first_name":"Bo","custom:101":"x"}}"#;

pub(super) fn set_webhooks(body: &[u8], simulator: &Shared) -> Result<Answer, Disconnect> {
    let Webhooks { account, url, secret, deliveries } = match read(body, WEBHOOKS) {
        Ok(read) => read,
        Err(wrong) => return send(StatusCode::BAD_REQUEST, &json!({ "error": wrong })),
    };
    let deliveries = match deliveries.map(|text| Deliveries::parse(&text)).transpose() {
        Ok(deliveries) => deliveries,
        Err(error) => return send(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
    };
    let target = match (account, url, secret) {
        (Some(account), Some(url), Some(secret)) => Some((account, WebhookTarget { url, secret })),
        (None, None, None) => None,
        _ => return send(StatusCode::BAD_REQUEST, &json!({ "error": WEBHOOKS })),
    };
    simulator.with(|simulator, _| {
        if let Some((account, target)) = target {
            simulator.set_webhooks(&account, target);
        }
        if let Some(deliveries) = deliveries {
            simulator.set_deliveries(deliveries);
        }
    });
    send(StatusCode::OK, &json!({ "set": true }))
}

pub(super) fn change(body: &[u8], simulator: &Shared) -> Result<Answer, Disconnect> {
    let Changes { account, email, status, fields } = match read(body, CHANGES) {
        Ok(read) => read,
        Err(wrong) => return send(StatusCode::BAD_REQUEST, &json!({ "error": wrong })),
    };
    let field = |(name, value): (String, String)| match name.strip_prefix("custom:").map(str::parse) {
        Some(Ok(id)) => StaffChange::CustomField(id, value),
        _ => StaffChange::Field(name, value),
    };
    let changes: Vec<StaffChange> =
        fields.into_iter().map(field).chain(status.map(StaffChange::Status)).collect();
    let changed = simulator.with(|simulator, now| {
        let id = simulator.find_by_email(&account, &email)?.id;
        let done =
            changes.into_iter().filter(|change| simulator.staff_changes(now, &account, id, change.clone()));
        Some(done.count())
    });
    match changed {
        Some(changed) => send(StatusCode::OK, &json!({ "changed": changed })),
        None => {
            send(StatusCode::NOT_FOUND, &json!({ "error": "the account has no affiliate with this address" }))
        }
    }
}

/// Reads a body. The error describes the problem and the right usage.
fn read<T: DeserializeOwned>(body: &[u8], usage: &str) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| format!("{error}: {usage}"))
}
