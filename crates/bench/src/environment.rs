//! The queue and the ledger that a benchmark uses. They are those of the configuration and must be empty; the benchmark adds its own
//! connection.

use std::path::Path;

use connections::{ApiKey, Connection, ConnectionId, NewAffiliateStatus, NewConnection, Settings};
use tempfile::TempDir;

use super::members::CHANGING;
use service::Context;
use service::config::{self, Config, LedgerUrl, Origin, QueueUrl};
use service::engines::Engines;
use service::failure::Failure;

/// Both halves of the API key of the benchmark's connection.
pub(super) const KEYS: (&str, &str) = ("pub_bench", "sec_bench");
/// The API key as processes and requests have it.
pub(super) fn api_key() -> String {
    let (public, secret) = KEYS;
    format!("{public}.{secret}")
}

/// The custom field that the changing trait goes to.
pub(super) const FIELD: u64 = 101;
/// The name of the connection.
pub(super) const CONNECTION: &str = "bench";
/// 32 bytes in base64. It protects nothing: the files are removed with the benchmark.
const MASTER_KEY: &str = "dGhlIGtleSBvZiBhIHRyaWFsIGlzIG5vIHNlY3JldCE=";
/// Prefix of the variables that hold settings.
const PREFIX: &str = "REFERSION_DESTINATION__";

/// The engines, and the variables with which processes open them.
pub(super) struct Environment {
    pub(super) engines: Engines,
    pub(super) variables: Vec<(String, String)>,
    pub(super) config: Config,
    /// Files that are removed with the benchmark.
    _folder: TempDir,
}

impl Environment {
    /// Opens the engines of the configuration. If they are files, temporary files are used instead.
    ///
    /// # Errors
    ///
    /// [`Failure`] if they do not open, are not a pair, or are in use.
    pub(super) async fn prepare(context: &Context) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("refersion-destination-bench-").tempdir();
        let folder =
            folder.map_err(|error| Failure::failed("files", &error, "check TMPDIR and its free space"))?;
        let variables = variables(context, folder.path())?;
        let settings = variables.iter().map(|(name, value)| (name.into(), value.into()));
        let config = config::load(None, settings)?.config;
        let engines = Engines::open(&config).await?;
        let environment = Self { engines, variables, config, _folder: folder };
        environment.must_be_empty().await?;
        Ok(environment)
    }

    /// The name of the pair of engines.
    pub(super) fn pair(&self) -> &'static str {
        match self.config.queue.url {
            QueueUrl::Sqlite(_) => "SQLite",
            QueueUrl::Amqp(_) => "RabbitMQ and Postgres",
        }
    }

    async fn must_be_empty(&self) -> Result<(), Failure> {
        let depth = self.engines.queue.depth().await?;
        let connections = self.engines.connections.list().await?;
        if depth.live + depth.bulk == 0 && connections.is_empty() {
            return Ok(());
        }
        let message = format!(
            "the engines are in use: {} connections, and events in the queue: {}",
            connections.len(),
            depth.live + depth.bulk
        );
        let hint = "give the benchmark a virtual host and a database of its own, in queue.url and ledger.url";
        Err(Failure::refused("not_empty", message, hint))
    }

    /// Adds the connection, with the highest rate that a connection may have.
    pub(super) async fn connect(&self, refersion_url: String) -> Result<Connection, Failure> {
        let bug = |error: &dyn std::error::Error| Failure::failed("bench", error, "report this as a bug");
        let key = ApiKey::parse(&api_key()).map_err(|error| bug(&error))?;
        let settings = Settings {
            refersion_url,
            rate_per_second: connections::settings::RATE_LIMITS.1,
            new_affiliate_status: NewAffiliateStatus::Active,
            custom_fields: [(CHANGING.to_owned(), FIELD)].into(),
            ..Settings::default()
        };
        let new = NewConnection {
            name: CONNECTION.parse().map_err(|error| bug(&error))?,
            settings,
            key: self.engines.vault.seal_key(&key),
            write_key: self.engines.vault.new_write_key(),
            created_at: self.engines.now(),
        };
        Ok(self.engines.connections.add(new).await?)
    }

    /// Removes the connection with all its data, if the benchmark has not done so. Files go with the benchmark.
    pub(super) async fn clear(&self, connection: ConnectionId) -> Result<(), Failure> {
        if matches!(self.config.queue.url, QueueUrl::Sqlite(_)) {
            return Ok(());
        }
        tracing::info!("the connection of the benchmark and its data are removed");
        if self.engines.connections.by_id(connection).await?.is_some() {
            self.engines.connections.remove(connection).await?;
        }
        Ok(ledger::finish_removals(&*self.engines.ledger, self.engines.now()).await?)
    }
}

/// Every setting as a variable: those of the configuration, with free ports and with files in `folder`.
fn variables(context: &Context, folder: &Path) -> Result<Vec<(String, String)>, Failure> {
    let (settings, config) = (&context.loaded.settings, &context.loaded.config);
    let mut variables = settings.as_variables();
    let mut set = |key: &str, value: &str| variables.push((format!("{PREFIX}{key}"), value.to_owned()));
    set("INGEST__LISTEN", "127.0.0.1:0");
    set("HEALTH__LISTEN", "127.0.0.1:0");
    set("API__LISTEN", "127.0.0.1:0");
    // The simulated Refersion is on this machine.
    set("REFERSION__PROXY", "none");
    if settings.origin("log.level") == Origin::Default {
        set("LOG__LEVEL", "warn");
    }
    match (&config.queue.url, &config.ledger.url) {
        (QueueUrl::Amqp(_), LedgerUrl::Postgres(_)) => {}
        (QueueUrl::Sqlite(_), LedgerUrl::Sqlite(_)) => {
            let file = |name: &str| folder.join(name).display().to_string();
            set("QUEUE__URL", &format!("sqlite://{}", file("queue.db")));
            set("LEDGER__URL", &format!("sqlite://{}", file("ledger.db")));
            set("SECRETS__KEY", MASTER_KEY);
        }
        _ => {
            let hint = "set queue.url and ledger.url to files both, or to RabbitMQ and Postgres";
            return Err(Failure::usage("pair", "the baseline supports two pairs of engines only", hint));
        }
    }
    Ok(variables)
}
