//! The addresses to paste, to which Segment, client libraries and web pages send events.

use serde::Serialize;

use service::config::Ingest;

/// The addresses of the ingest endpoint, as others reach it.
#[derive(Debug, Serialize)]
pub(super) struct Addresses {
    /// For Segment's direct destination, with the API key.
    pub(super) segment: String,
    /// The host for client libraries of servers and apps, with the write key or the API key.
    pub(super) libraries: String,
    /// The base of the Tracking API for web pages, with the write key.
    pub(super) browsers: String,
    /// For Refersion's webhooks; the connection's id follows.
    pub(super) webhooks: String,
}

impl Addresses {
    /// The addresses of this configuration: below `public_url`, or below the address on which the endpoint listens.
    pub(super) fn of(ingest: &Ingest) -> Self {
        let public = ingest.public_url.as_ref().map(|url| url.0.clone());
        let base = public.unwrap_or_else(|| format!("http://{}", ingest.listen));
        Self {
            segment: format!("{base}/segment"),
            browsers: format!("{base}/v1"),
            webhooks: format!("{base}/refersion/"),
            libraries: base,
        }
    }
}
