//! The part of `connections show` about Refersion's webhooks.

use std::collections::BTreeMap;

use connections::ConnectionId;
use ledger::directory::MAX_DRIFT;
use serde::Serialize;

use super::addresses::Addresses;
use service::engines::Engines;
use service::failure::Failure;
use service::output::counted;

/// The settings that Refersion's webhooks need, and their results.
#[derive(Debug, Serialize)]
pub(super) struct Webhooks {
    /// The address to which Refersion posts them.
    url: String,
    /// Whether they can be signed: without a secret they are all refused.
    has_secret: bool,
    /// The account's custom fields by numeric id.
    custom_fields: BTreeMap<u64, String>,
    /// Affiliates that are known to differ from the values that they were sent.
    drifted: usize,
}

impl Webhooks {
    pub(super) async fn read(engines: &Engines, id: ConnectionId, urls: &Addresses) -> Result<Self, Failure> {
        Ok(Self {
            url: format!("{}{id}", urls.webhooks),
            has_secret: !engines.ledger.webhook_secrets(Some(id)).await?.is_empty(),
            custom_fields: engines.ledger.custom_fields(id).await?,
            drifted: engines.ledger.drift(id, MAX_DRIFT).await?.len(),
        })
    }

    pub(super) fn lines(&self) -> Vec<Vec<String>> {
        let line = |name: &str, value: String| vec![name.to_owned(), value];
        let secret = if self.has_secret { "set" } else { "none: `connections set-webhook-secret`" };
        let mut lines =
            vec![line("url for Refersion", self.url.clone()), line("webhook secret", secret.to_owned())];
        if self.drifted > 0 {
            let drifted = counted(self.drifted as u64, "affiliate");
            lines.push(line("drift", format!("{drifted}: `connections verify --known` lists them")));
        }
        for (id, name) in &self.custom_fields {
            lines.push(line("refersion has", format!("custom field {id}: {name}")));
        }
        lines
    }
}
