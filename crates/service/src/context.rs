//! The context that every command receives.

use zeroize::Zeroizing;

use crate::config::{LedgerUrl, Loaded};
use crate::engines::presence::Presence;
use crate::engines::{EngineError, Engines, files as installed};
use crate::output::Output;

/// The variable that `connections add` and `rotate-key` take an API key from.
pub const API_KEY: &str = "REFERSION_DESTINATION_API_KEY";

/// The context that every command receives.
pub struct Context {
    /// The configuration in force.
    pub loaded: Loaded,
    /// The output for results.
    pub output: Output,
    /// The API key in the environment, if there is one.
    pub api_key: Option<Zeroizing<String>>,
}

impl Context {
    /// Opens the engines that the configuration names. They have to exist: a command in the wrong folder must not create any.
    ///
    /// # Errors
    ///
    /// [`EngineError`].
    pub async fn engines(&self) -> Result<Engines, EngineError> {
        Engines::open_existing(&self.loaded.config).await
    }

    /// As [`Context::engines`], for a command that may begin an installation.
    ///
    /// # Errors
    ///
    /// [`EngineError`].
    pub async fn engines_or_new(&self) -> Result<Engines, EngineError> {
        let config = &self.loaded.config;
        if let LedgerUrl::Sqlite(path) = &config.ledger.url
            && Presence::of(path) == Presence::Missing
        {
            let path = installed::whole(path);
            let path = path.display();
            tracing::warn!(%path, "there is no ledger here, so an empty one is created; is this the folder of `serve`?");
        }
        Engines::open(config).await
    }
}
