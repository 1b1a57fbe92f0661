//! The configuration: `config/default.toml`, overlaid by a file, overlaid by the environment.
//!
//! The struct has no defaults of its own: every key stands in the shipped file, with its unit and its effect, and a test
//! keeps it so. Everything is read once, at start, into types that cannot hold nonsense.

mod by_class;
mod error;
mod layers;
mod proxy;
mod secret;
mod sections;
mod settings;
mod show;
#[cfg(test)]
mod tests;
mod url;
mod value;
mod word;

use std::ffi::OsString;
use std::path::Path;

pub use by_class::ByClass;
pub use error::ConfigError;
pub use proxy::Proxy;
pub use secret::Secret;
pub use sections::{
    Api, Breaker, Config, Console, Disk, Health, Ingest, Ledger, Log, Notifications, Queue, Refersion,
    Retention, Retry, Secrets, Segment, Shutdown, Worker,
};
pub use settings::{Origin, Settings};
pub use show::ShownSetting;
pub use url::mask;
pub use url::{LedgerUrl, ManagementUrl, QueueUrl};
pub use value::{BaseUrl, ByteSize, LogLevel};
pub use word::{AdoptNew, LogFormat, Registration};

/// The file with every default, as it was when the program was built.
pub const SHIPPED: &str = include_str!("../../../../config/default.toml");

/// The configuration in force: the typed values, and the origin of each.
#[derive(Debug)]
pub struct Loaded {
    /// The typed values.
    pub config: Config,
    /// The same as they were written, for `config show`.
    pub settings: Settings,
}

/// Reads the shipped defaults, then `file` over them, then those of `variables` that begin with
/// `REFERSION_DESTINATION__`. Of the others, those that name a proxy count if `refersion.proxy` says so.
///
/// # Errors
///
/// Every variant of [`ConfigError`]; each names the key, its place, and a valid value.
pub fn load(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Loaded, ConfigError> {
    let mut settings = layers::shipped()?;
    if let Some(path) = file {
        layers::overlay_file(&mut settings, path)?;
    }
    let variables: Vec<_> = variables.into_iter().collect();
    layers::overlay_environment(&mut settings, variables.iter().cloned())?;
    let mut config = Config::read(&settings)?;
    config.refersion.proxy = config.refersion.proxy.with(&variables)?;
    Ok(Loaded { config, settings })
}
