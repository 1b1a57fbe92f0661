//! Identifiers as events name them.

use std::fmt;
use std::sync::Arc;

use crate::digest::Digest;

/// An identifier as an event names it. `Debug` shows its digest alone.
#[derive(Clone)]
pub struct Name {
    /// Its keyed digest.
    pub digest: Digest,
    /// Of an address: why Refersion is certain to refuse it, so that it is not sent.
    pub refused: Option<String>,
    pub(super) seal: Arc<dyn Fn() -> String + Send + Sync>,
}

impl Name {
    /// A name; `seal` encrypts it. It is called only if the name is not stored yet, because it costs more than the rest of the
    /// fold.
    pub fn new(digest: Digest, seal: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { digest, refused: None, seal: Arc::new(seal) }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Name").field("digest", &self.digest).finish_non_exhaustive()
    }
}
