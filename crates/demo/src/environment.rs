//! The environment of the demo: all roles in this process on temporary files, and a simulated Refersion over real HTTP.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use connections::{ApiKey, Connection, NewAffiliateStatus, NewConnection, Settings};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use simulator::{Options, Shared, Simulator, Switches};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::engage::AUDIENCE;
use service::config::{Config, LedgerUrl, Proxy, QueueUrl};
use service::failure::Failure;
use service::stack::{Roles, Stack};

/// The ceiling of the demo's connection, in calls a second.
pub(super) const RATE: f64 = 1_000.0;
/// How far the search of the simulated Refersion is behind, for some seeds.
const SEARCH_LAGS: Duration = Duration::from_secs(1);
/// How long a delete looks for the affiliate of a create without an answer, in seconds: nothing is later than that here.
const LATE_CREATES: u32 = 5;
/// The public half of its key pair.
pub(super) const PUBLIC_KEY: &str = "pub_demo";
/// The API key, as Segment's tile takes it.
pub(super) const API_KEY: &str = "pub_demo.sec_demo";
/// The name of its connection.
pub(super) const CONNECTION: &str = "demo";
/// The custom fields of the account, and the traits that they take. No field takes `favoriteColor`, on purpose.
pub(super) const CUSTOM_FIELDS: [(&str, u64, &str); 2] = [(AUDIENCE, 101, "VIP"), ("plan", 102, "Plan")];

/// The files of queue, ledger and master key, in the demo's folder.
pub(super) const QUEUE: &str = "queue.db";
pub(super) const LEDGER: &str = "ledger.db";
pub(super) const KEY: &str = "master.key";

/// Everything that runs.
pub(super) struct Environment {
    pub(super) stack: Stack,
    pub(super) simulator: Shared,
    pub(super) connection: Connection,
    pub(super) refersion: SocketAddr,
    folder: TempDir,
    simulator_stop: CancellationToken,
    simulator_server: JoinHandle<()>,
}

impl Environment {
    /// Starts everything on free ports. Addresses and files of `config` are replaced.
    pub(super) async fn start(config: &Config, seed: u64) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("refersion-destination-demo-").tempdir();
        let folder =
            folder.map_err(|error| Failure::failed("files", &error, "check TMPDIR and its free space"))?;
        let config = in_folder(config, folder.path());
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| no_port(&error))?;
        let refersion = listener.local_addr().map_err(|error| no_port(&error))?;
        let simulator = Shared::new(Simulator::new(options(seed)));
        let simulator_stop = CancellationToken::new();
        let simulator_server = tokio::spawn(simulator::serve(
            listener,
            simulator.clone(),
            simulator_stop.clone().cancelled_owned(),
        ));
        let stack = Stack::start(&config, Roles::ALL).await?;
        let connection = connect(&stack, refersion).await?;
        Ok(Self { stack, simulator, connection, refersion, folder, simulator_stop, simulator_server })
    }

    /// The folder of the files.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops everything, and removes the files unless `keep_files` is set.
    pub(super) async fn stop(mut self, keep_files: bool) {
        for late in self.stack.stop().await {
            tracing::warn!(name = late, "a loop had to be aborted");
        }
        self.simulator_stop.cancel();
        if self.simulator_server.await.is_err() {
            tracing::error!("the simulator panicked, which is a bug");
        }
        self.folder.disable_cleanup(keep_files);
    }
}

fn no_port(error: &std::io::Error) -> Failure {
    Failure::failed("listen", error, "the demo needs free ports on 127.0.0.1")
}

/// The configuration with every place moved into the folder and to free ports, so that nothing real is touched.
fn in_folder(config: &Config, folder: &Path) -> Config {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = config.clone();
    config.queue.url = QueueUrl::Sqlite(folder.join(QUEUE));
    config.ledger.url = LedgerUrl::Sqlite(folder.join(LEDGER));
    config.secrets.key_file = Some(folder.join(KEY));
    config.secrets.key = None;
    config.refersion.proxy = Proxy::Direct;
    config.ingest.listen = anywhere;
    config.health.listen = anywhere;
    config.api.listen = anywhere;
    config
}

fn options(seed: u64) -> Options {
    let (public, secret) = API_KEY.split_once('.').unwrap_or((PUBLIC_KEY, "sec_demo"));
    Options {
        seed,
        accounts: vec![(public.to_owned(), secret.to_owned())],
        custom_fields: CUSTOM_FIELDS.iter().map(|(_, id, label)| (*id, (*label).to_owned())).collect(),
        switches: switches(seed),
        ..Options::default()
    }
}

/// Behaviour that Refersion's documentation leaves open, drawn from the seed. Switches that make each create cost another call
/// are set for one seed in eight, so that most reports can be compared.
fn switches(seed: u64) -> Switches {
    let mut rng = StdRng::seed_from_u64(seed);
    let [no_create_message, create_message_counts, alphanumeric_merchant_id] =
        std::array::from_fn(|_| rng.random_ratio(1, 8));
    let mut coin = || rng.random_bool(0.5);
    Switches {
        no_create_message,
        create_message_counts,
        alphanumeric_merchant_id,
        unknown_field_is_422: coin(),
        get_id_as_text: coin(),
        empty_search_is_200: coin(),
        empty_values_clear: coin(),
        total_is_of_the_page: coin(),
        short_pages: coin(),
        same_status_not_changed: coin(),
        same_values_not_changed: coin(),
        byte_order_mark: coin(),
        gzip: coin(),
        search_lags: if coin() { SEARCH_LAGS } else { Duration::ZERO },
        ..Switches::default()
    }
}

async fn connect(stack: &Stack, refersion: SocketAddr) -> Result<Connection, Failure> {
    let engines = stack.engines();
    let key =
        ApiKey::parse(API_KEY).map_err(|error| Failure::failed("api_key", &error, "report this as a bug"))?;
    let name = CONNECTION.parse().map_err(|error| Failure::failed("name", &error, "report this as a bug"))?;
    let settings = Settings {
        refersion_url: format!("http://{refersion}"),
        rate_per_second: RATE,
        new_affiliate_status: NewAffiliateStatus::Active,
        late_creates: LATE_CREATES,
        custom_fields: CUSTOM_FIELDS.iter().map(|(name, id, _)| ((*name).to_owned(), *id)).collect(),
        ..Settings::default()
    };
    let new = NewConnection {
        name,
        settings,
        key: engines.vault.seal_key(&key),
        write_key: engines.vault.new_write_key(),
        created_at: engines.now(),
    };
    Ok(engines.connections.add(new).await?)
}
