//! The configuration by sections. Each part of the program receives only its own section.
//!
//! `config/default.toml` documents the meaning, the unit and the effect of each key.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use connections::settings::is_insecure;
use listener::Networks;

use super::by_class::ByClass;
use super::error::ConfigError;
use super::proxy::Proxy;
use super::secret::Secret;
use super::settings::Settings;
use super::url::{LedgerUrl, ManagementUrl, QueueUrl};
use super::value::{BaseUrl, ByteSize, LogLevel};
use super::word::{AdoptNew, LogFormat, Registration};

/// Segment gives up on a request after this time. Source: Segment's page on its Webhooks destination, the only one that
/// gives a number.
const SEGMENT_GIVES_UP_AFTER: Duration = Duration::from_secs(5);

/// Declares the sections, and how each is read: the name of a key is the name of its field.
macro_rules! sections {
    ($($(#[$about:meta])* $section:ident: $name:ident { $($(#[$what:meta])* $key:ident: $kind:ty,)* })*) => {
        /// The whole configuration.
        #[derive(Clone, Debug)]
        pub struct Config { $($(#[$about])* pub $section: $name,)* }

        impl Config {
            fn read_sections(settings: &Settings) -> Result<Self, ConfigError> {
                Ok(Self { $($section: $name {
                    $($key: settings.read(concat!(stringify!($section), ".", stringify!($key)))?,)*
                },)* })
            }

            /// Every key that the program reads.
            #[cfg(test)]
            pub(super) const KEYS: &[&str] =
                &[$($(concat!(stringify!($section), ".", stringify!($key)),)*)*];
        }

        $($(#[$about])* #[derive(Clone, Debug)] pub struct $name { $($(#[$what])* pub $key: $kind,)* })*
    };
}

sections! {
    /// The queue of accepted events.
    queue: Queue {
        /// Engine and place.
        url: QueueUrl,
        /// Upper limit of its size.
        max_bytes: ByteSize,
        /// Prefix of the names of exchange and queues on RabbitMQ.
        prefix: String,
        /// Queues of the live lane on RabbitMQ.
        live_queues: u32,
        /// Queues of the bulk lane on RabbitMQ.
        bulk_queues: u32,
        /// The management API of RabbitMQ; `None` if it is not used.
        management_url: Option<ManagementUrl>,
        /// Further certificates to trust for `amqps://`.
        ca_file: Option<PathBuf>,
    }
    /// The ledger, which keeps everything else.
    ledger: Ledger {
        /// Engine and place.
        url: LedgerUrl,
        /// The size beyond which new events are refused; `None` for the engine's own ([`crate::capacity::Limits`]).
        max_bytes: Option<ByteSize>,
        /// Dead letters of one connection.
        max_dead_letters: u32,
        /// Bytes of their payloads.
        max_dead_letter_bytes: ByteSize,
    }
    /// The disks of our files.
    disk: Disk {
        /// Free space that has to remain.
        min_free: ByteSize,
    }
    /// The files of queue and ledger, where these are files.
    sqlite: Sqlite {
        /// How often they are looked through for damage.
        check_every: Duration,
    }
    /// Refersion's API.
    refersion: Refersion {
        /// The address for new connections.
        url: BaseUrl,
        /// The proxy between.
        proxy: Proxy,
    }
    /// Segment's Public API.
    segment: Segment {
        /// Its address.
        public_api_url: BaseUrl,
        /// A token of the workspace, if it was given instead of a file.
        public_api_token: Option<Secret>,
        /// The token's file.
        public_api_token_file: Option<PathBuf>,
    }
    /// The master key.
    secrets: Secrets {
        /// Its file; `None` for the usual place (see [`Config::key_file`]).
        key_file: Option<PathBuf>,
        /// The key itself, if it was given instead of a file.
        key: Option<Secret>,
    }
    /// The ingest endpoint.
    ingest: Ingest {
        /// The address that it listens on.
        listen: SocketAddr,
        /// The address under which others reach it; `None` for the one that it listens on.
        public_url: Option<BaseUrl>,
        /// Connections at the same time.
        max_connections: u32,
        /// Connections of one address at the same time.
        max_connections_per_address: u32,
        /// Proxies whose headers name the client of a request.
        trusted_proxies: Networks,
        /// The largest body.
        max_body: ByteSize,
        /// The largest array of events.
        max_array: ByteSize,
        /// Memory for the bodies of all requests under way.
        body_memory: ByteSize,
        /// Time for the headers.
        header_timeout: Duration,
        /// Time for the body.
        body_timeout: Duration,
        /// Time until the answer.
        deadline: Duration,
        /// Wrong keys of one client in a minute.
        failed_keys_per_minute: u32,
        /// Whether unknown keys become connections.
        registration: Registration,
        /// Verifications of unknown keys for one client in a minute.
        verifications_per_client: u32,
        /// Verifications of unknown keys in a minute.
        verifications_per_minute: u32,
    }
    /// Absorb and reconcile.
    worker: Worker {
        /// Events absorbed in one transaction.
        absorb_batch: u32,
        /// Calls under way for one connection.
        max_concurrency: u32,
        /// Edits of one batch that are sent before it is recorded.
        carry_from: u32,
    }
    /// Notifications of operators.
    notifications: Notifications {
        /// The receiver's URL; `None` if nobody is notified. It may hold a token.
        url: Option<Secret>,
        /// The file of the secret that notifications are signed with.
        secret_file: Option<PathBuf>,
        /// The secret itself, if it was given instead of a file.
        secret: Option<Secret>,
        /// Open dead letters of a group from which on operators are notified.
        dead_letters: u32,
        /// Events of a sync from which on operators are notified of its end.
        sync_events: u32,
    }
    /// Affiliates that existed before us.
    adopt: Adopt {
        /// Whether the affiliates of a new connection are walked through at once.
        new_connections: AdoptNew,
        /// Time from one walk to the next.
        every: Duration,
    }
    /// Identifiers that name nobody.
    identifiers: Identifiers {
        /// Identifiers that are added to the default list, separated by commas.
        blocked: String,
    }
    /// The breaker, which pauses a connection.
    breaker: Breaker {
        /// Unwell answers in a row.
        failures: u32,
    }
    /// Retries of failed calls.
    retry: Retry {
        /// Tries that must be used up.
        max_attempts: u32,
        /// Time that must be used up.
        max_elapsed: Duration,
        /// The first wait.
        initial: Duration,
        /// The longest wait.
        max_interval: Duration,
        /// The longest `Retry-After` that is honoured.
        max_retry_after: Duration,
    }
    /// Retention periods.
    retention: Retention {
        /// Events and how they ended.
        outcomes: Duration,
        /// Dead letters.
        dead_letters: Duration,
        /// Open dead letters of some classes.
        dead_letters_by_class: ByClass,
    }
    /// Health and metrics.
    health: Health {
        /// The address that they are served on.
        listen: SocketAddr,
        /// Silence after which a loop counts as stuck.
        stale_after: Duration,
    }
    /// The operator's console.
    console: Console {
        /// The address that it will listen on.
        listen: SocketAddr,
    }
    /// The HTTP API for operators.
    api: Api {
        /// The address that it listens on.
        listen: SocketAddr,
    }
    /// How the program ends.
    shutdown: Shutdown {
        /// Time for work that is under way.
        deadline: Duration,
    }
    /// Logs.
    log: Log {
        /// Their form.
        format: LogFormat,
        /// Their level.
        level: LogLevel,
    }
}

impl Config {
    /// Reads every key of `settings` into its type, and checks those that must fit together.
    ///
    /// # Errors
    ///
    /// [`ConfigError::WrongValue`] or [`ConfigError::Contradiction`] for the first key that is not right.
    pub fn read(settings: &Settings) -> Result<Self, ConfigError> {
        let config = Self::read_sections(settings)?;
        let wrong = |key, problem: &str| {
            Err(ConfigError::Contradiction { key, problem: problem.to_owned(), origin: settings.origin(key) })
        };
        if config.ingest.deadline >= SEGMENT_GIVES_UP_AFTER {
            return wrong("ingest.deadline", "must be less than 5s, because Segment gives up after 5s");
        }
        if config.ingest.body_memory.0 < config.ingest.max_body.0 {
            return wrong("ingest.body_memory", "must not be less than ingest.max_body");
        }
        if config.ingest.registration == Registration::Open && is_insecure(&config.refersion.url.0) {
            let problem = "must not be open while refersion.url begins with http:// and leads to another machine: API keys \
                           would be sent there in clear text";
            return wrong("ingest.registration", problem);
        }
        if config.retry.initial > config.retry.max_interval {
            return wrong("retry.initial", "must not be longer than retry.max_interval");
        }
        if config.retention.dead_letters_by_class.0.values().any(|kept| *kept > config.retention.dead_letters)
        {
            return wrong(
                "retention.dead_letters_by_class",
                "must not be longer than retention.dead_letters",
            );
        }
        if let (QueueUrl::Sqlite(queue), LedgerUrl::Sqlite(ledger)) = (&config.queue.url, &config.ledger.url)
            && queue == ledger
        {
            return wrong("queue.url", "must not be the file of ledger.url");
        }
        Ok(config)
    }

    /// The file of the master key: the one that was set, or `master.key` beside the SQLite ledger. A ledger on Postgres has no
    /// folder that every process sees, so `None` means that the file has to be set.
    #[must_use]
    pub fn key_file(&self) -> Option<PathBuf> {
        match (&self.secrets.key_file, &self.ledger.url) {
            (Some(set), _) => Some(set.clone()),
            (None, LedgerUrl::Sqlite(ledger)) => Some(ledger.with_file_name("master.key")),
            (None, LedgerUrl::Postgres(_)) => None,
        }
    }
}

impl Identifiers {
    /// The identifiers that name nobody, in addition to the default list.
    #[must_use]
    pub fn blocked_list(&self) -> Vec<String> {
        self.blocked.split(',').map(|text| text.trim().to_owned()).collect()
    }
}
