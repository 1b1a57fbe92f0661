//! Asks Refersion whether the keys of an account work.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use connections::ApiKey;
use refersion::{Client, Closed, Credentials, Failure, Gate, HttpTransport, SetupError, Signal};

use crate::config::Proxy;

/// Admits every call at once, whatever the pace of the worker.
struct AlwaysOpen;

#[async_trait]
impl Gate for AlwaysOpen {
    async fn admit(&self) -> Result<(), Closed> {
        Ok(())
    }

    fn report(&self, _: Signal, _: Duration) {}
}

/// The client that asks. It keeps its connections to Refersion open.
pub struct Verifier(Arc<HttpTransport>);

impl Verifier {
    /// A verifier that reaches Refersion through `proxy`.
    ///
    /// # Errors
    ///
    /// [`SetupError`] if the system's certificates cannot be used.
    pub fn new(proxy: &Proxy) -> Result<Self, SetupError> {
        Ok(Self(Arc::new(HttpTransport::new(proxy.proxies())?)))
    }

    /// Asks the Refersion at `url` whether it accepts `key`.
    ///
    /// # Errors
    ///
    /// [`Failure`]; [`refersion::Class::Credentials`] if it does not.
    pub async fn check(&self, url: &str, key: &ApiKey) -> Result<(), Failure> {
        let transport = Arc::clone(&self.0);
        let credentials = Credentials::new(key.public(), key.secret());
        Client::new(transport, url.to_owned(), credentials, Arc::new(AlwaysOpen)).check().await
    }
}
