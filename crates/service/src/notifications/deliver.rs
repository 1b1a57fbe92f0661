//! Delivery of notifications: one POST each, until the receiver says 2xx or a day has passed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::{Delivery, Notification};

use super::sign::{SigningKey, webhook_id};
use crate::config::Notifications;
use crate::failure::Failure;

/// Notifications that are delivered between two looks.
pub(super) const AT_ONCE: usize = 20;
/// How long one delivery may take.
const WITHIN: Duration = Duration::from_secs(10);
/// How long connecting may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long a delivery is retried.
const TRIED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Wait before the second try; each next wait is twice as long.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(5);
/// The longest wait between two tries.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// Sends notifications to one URL.
pub struct Sender {
    http: reqwest::Client,
    url: String,
    key: SigningKey,
}

impl Sender {
    /// The sender of these settings; `None` if no URL is set.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the secret is missing or cannot be read, or TLS cannot be set up.
    pub fn of(settings: &Notifications) -> Result<Option<Self>, Failure> {
        let Some(url) = &settings.url else { return Ok(None) };
        let is_http = ["https://", "http://"].iter().any(|scheme| url.reveal().starts_with(scheme));
        if !is_http || reqwest::Url::parse(url.reveal()).is_err() {
            let hint = "notifications.url has to be like https://example.com/hooks/refersion";
            return Err(Failure::usage(
                "notifications",
                "notifications.url is not the URL of a receiver",
                hint,
            ));
        }
        Self::new(url.reveal().to_owned(), key(settings)?, WITHIN).map(Some)
    }

    pub(super) fn new(url: String, key: SigningKey, within: Duration) -> Result<Self, Failure> {
        if rustls::crypto::ring::default_provider().install_default().is_err() {
            tracing::debug!("the process has a crypto provider already; it is kept");
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("refersion-destination/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN)
            .timeout(within)
            // A redirect would send a request that is signed for one receiver to another.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .build();
        let http =
            http.map_err(|error| Failure::failed("tls", &error, "check the certificates of this machine"))?;
        Ok(Self { http, url, key })
    }

    /// Tries once, and returns how the delivery continues.
    pub(super) async fn deliver(&self, due: &Notification, now: Timestamp) -> Delivery {
        match self.post(due, now).await {
            Ok(()) => Delivery::Done,
            Err(error) => {
                let wait = wait(due.attempts);
                let due_at = now.checked_add(wait).unwrap_or(now);
                let is_over = due_at.duration_since(due.at) > TRIED_FOR;
                let kind = &due.kind;
                if is_over {
                    tracing::error!(
                        kind,
                        error,
                        "a notification could not be delivered within 24 hours and is given up"
                    );
                    return Delivery::GivenUp { error };
                }
                tracing::warn!(
                    kind,
                    error,
                    retry_in_seconds = wait.as_secs(),
                    "a notification could not be delivered"
                );
                Delivery::Later { due_at, error }
            }
        }
    }

    async fn post(&self, due: &Notification, now: Timestamp) -> Result<(), String> {
        let (id, timestamp) = (webhook_id(&due.fact, due.at), now.as_second());
        let signature = self.key.sign(&id, timestamp, &due.body).ok_or("it could not be signed")?;
        let request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(due.body.clone());
        let response = request.send().await.map_err(|error| failed(&error))?;
        let status = response.status();
        match status.as_u16() {
            200..=299 => Ok(()),
            300..=399 => Err(format!("the receiver answered {status}, and redirects are not followed")),
            _ => Err(format!("the receiver answered {status}")),
        }
    }
}

/// The error in words, without the URL: it may hold a token.
fn failed(error: &reqwest::Error) -> String {
    let what = if error.is_timeout() {
        "the receiver did not answer in time"
    } else if error.is_connect() {
        "the receiver could not be reached"
    } else {
        "the connection to the receiver broke off"
    };
    what.to_owned()
}

fn wait(attempts: u32) -> SignedDuration {
    let factor = 1_i32.checked_shl(attempts.min(20)).unwrap_or(i32::MAX);
    FIRST_WAIT.checked_mul(factor).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT)
}

/// The secret: from the settings, else from its file.
fn key(settings: &Notifications) -> Result<SigningKey, Failure> {
    let hint = "notifications.secret or notifications.secret_file needs `whsec_` and 24 to 64 random bytes in base64";
    let refused = |message: String| Failure::usage("notifications", message, hint);
    let text = match (&settings.secret, &settings.secret_file) {
        (Some(secret), _) => zeroize::Zeroizing::new(secret.reveal().to_owned()),
        (None, Some(file)) => {
            let read = std::fs::read_to_string(file);
            let failed = |error| refused(format!("{} cannot be read: {error}", file.display()));
            zeroize::Zeroizing::new(read.map_err(failed)?)
        }
        (None, None) => {
            return Err(refused("notifications.url is set, but no secret to sign with".to_owned()));
        }
    };
    SigningKey::parse(&text).ok_or_else(|| refused("the secret of notifications cannot be read".to_owned()))
}
