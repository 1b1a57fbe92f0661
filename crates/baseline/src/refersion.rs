//! The call of the plain worker. It does not know what has changed, so it sends every field.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::json;

use crate::event::Identify;

/// Numeric affiliate ids by email address.
pub type Affiliates = HashMap<String, u64>;

/// A client for `/affiliate/edit` of one account. Cheap to clone.
#[derive(Clone)]
pub struct Refersion {
    http: reqwest::Client,
    edit: String,
    public_key: String,
    secret_key: String,
    plan_field: String,
    affiliates: Arc<Affiliates>,
}

/// The result of one event, as it is written to its row.
pub(crate) struct Outcome {
    pub(crate) message_id: String,
    pub(crate) affiliate: u64,
}

impl Refersion {
    /// A client that calls `url` (without `/v2`) with this key pair and writes the trait `plan` to custom field
    /// `plan_field`.
    ///
    /// # Errors
    ///
    /// If the HTTP client cannot be set up.
    pub fn new(
        url: &str,
        (public_key, secret_key): (&str, &str),
        plan_field: u64,
        affiliates: Affiliates,
    ) -> anyhow::Result<Self> {
        // Fails if the process has a provider already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        Ok(Self {
            http: reqwest::Client::builder().no_proxy().build()?,
            edit: format!("{url}/v2/affiliate/edit"),
            public_key: public_key.to_owned(),
            secret_key: secret_key.to_owned(),
            plan_field: plan_field.to_string(),
            affiliates: Arc::new(affiliates),
        })
    }

    /// Sends the traits of one event to Refersion.
    pub(crate) async fn send(&self, event: &[u8]) -> anyhow::Result<Outcome> {
        let event: Identify<'_> = serde_json::from_slice(event).context("an event cannot be read")?;
        let affiliate =
            self.affiliates.get(event.traits.email).context("an event names no known affiliate")?;
        let answer = self
            .http
            .post(&self.edit)
            .header("content-type", "application/json")
            .header("refersion-public-key", &self.public_key)
            .header("refersion-secret-key", &self.secret_key)
            .body(self.body(&event, *affiliate))
            .send()
            .await?;
        let status = answer.status();
        let text = answer.text().await?;
        let changed = status == 200 && text.contains(&format!(r#""ids_changed":[{affiliate}]"#));
        anyhow::ensure!(changed, "refersion answered {status}: {text}");
        Ok(Outcome { message_id: event.message_id.to_owned(), affiliate: *affiliate })
    }

    fn body(&self, event: &Identify<'_>, affiliate: u64) -> String {
        let (person, address) = (&event.traits, &event.traits.address);
        json!({ "affiliates": [{
            "id": affiliate,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "address1": address.street,
            "city": address.city,
            "zip": address.postal_code,
            "country": address.country,
            "custom_fields": [{ &self.plan_field: person.plan }],
        }]})
        .to_string()
    }
}
