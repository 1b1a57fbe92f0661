//! The real program with everything around it, for one row: engines, a simulated Refersion, connections A and B.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use connections::{ApiKey, NewConnection, Settings};
use refersion_destination::engines::Engines;
use simulator::{Faults, Options, Shared, Simulator};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::arrivals::Arrivals;
use crate::accounts::{Account, configuration};
use crate::dice::Dice;
use crate::ground::Ground;
use crate::process::{Death, Output, Process, Recipe, Role};
use crate::proxy::Proxy;
use crate::segment_side::Doors;
use crate::setup::free_addresses;

/// The index of the connection that misbehaves.
pub const A: usize = 0;
/// The index of the honest connection.
pub const B: usize = 1;
/// The ceiling of each, in calls a second.
const RATE: f64 = 40.0;
/// The custom field that A has in rows with a mapped trait: the trait's name and the field's id.
const MAPPED: (&str, u64) = ("plan", 101);
/// How Refersion answers. A call's arrival does not wait for this.
const HEALTHY: &str = "latency=40ms..80ms";
/// The clock as it is, in faketime's words.
pub const NOW: &str = "+0";
/// How often deaths and memory are looked at.
const TEND_EVERY: Duration = Duration::from_millis(50);
/// How long a process may take to end after SIGTERM: `shutdown.deadline` and some time to exit.
const END_WITHIN: Duration = Duration::from_secs(30);
/// How long the ingest endpoint may take to listen after a start.
const LISTEN_WITHIN: Duration = Duration::from_secs(30);

/// What a row wants to differ from the defaults.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Settings of the processes, as variables of the environment.
    pub variables: Vec<(String, String)>,
    /// Where their standard error goes.
    pub output: Output,
    /// Whether A has a custom field.
    pub a_has_a_field: bool,
    /// The library that moves the clock of the processes, if their clock is moved.
    pub clock: Option<PathBuf>,
}

/// Everything of one row.
pub struct System {
    /// Files and logs.
    pub folder: TempDir,
    /// Queue and ledger.
    pub ground: Ground,
    /// A and B.
    pub accounts: Vec<Account>,
    /// Values of B that reached Refersion.
    pub arrivals: Arrivals,
    /// Variables of the environment that beat all others, for processes that start from now on.
    pub overrides: BTreeMap<String, String>,
    /// Processes that ended by themselves, or not when they were asked to, in words.
    pub ended: Vec<String>,
    /// The most memory of each role, in bytes.
    pub memory: BTreeMap<Role, u64>,
    processes: Vec<Process>,
    program: PathBuf,
    wishes: Wishes,
    endpoint: SocketAddr,
    wires: [Proxy; 2],
    server: JoinHandle<()>,
    started: usize,
}

impl System {
    /// Prepares engines and connections, and starts every process.
    ///
    /// # Errors
    ///
    /// If something cannot be started.
    pub async fn start(
        ground: Ground,
        program: PathBuf,
        wishes: Wishes,
        dice: &Dice,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let target = listener.local_addr()?;
        let seed = dice.named("refersion").draw();
        let refersion = Shared::new(Simulator::new(Options { seed, ..Options::default() }));
        refersion
            .with(|simulator, now| Faults::parse(HEALTHY).map(|faults| simulator.set_faults(now, faults)))?;
        let arrivals = Arrivals::default();
        let mut system = Self {
            folder: tempfile::Builder::new().prefix("neighbour-").tempdir()?,
            ground,
            accounts: Vec::new(),
            wires: [Proxy::to(target).await?, Proxy::watched(target, arrivals.clone()).await?],
            arrivals,
            overrides: BTreeMap::new(),
            ended: Vec::new(),
            memory: BTreeMap::new(),
            processes: Vec::new(),
            program,
            wishes,
            endpoint: free_addresses::<1>()?[0],
            server: tokio::spawn(simulator::serve(listener, refersion, std::future::pending())),
            started: 0,
        };
        system.set_clock(NOW)?;
        system.add_connections().await?;
        system.start_all().await?;
        Ok(system)
    }

    async fn add_connections(&mut self) -> anyhow::Result<()> {
        let engines = self.engines().await?;
        for index in [A, B] {
            let name = ["a", "b"][index];
            let (public_key, api_key) = (format!("pub_{name}"), format!("pub_{name}.sec_{name}"));
            let key = ApiKey::parse(&api_key)?;
            let added = engines.connections.add(NewConnection {
                name: name.parse()?,
                settings: self.settings(index),
                key: engines.vault.seal_key(&key),
                write_key: engines.vault.new_write_key(),
                created_at: engines.now(),
            });
            let id = added.await?.id;
            self.accounts.push(Account { id, api_key, public_key, initial: Vec::new() });
        }
        Ok(())
    }

    fn settings(&self, index: usize) -> Settings {
        let mut settings = Settings {
            refersion_url: format!("http://{}", self.wires[index].address()),
            rate_per_second: RATE,
            require_address: false,
            ..Settings::default()
        };
        if index == A && self.wishes.a_has_a_field {
            settings.custom_fields.insert(MAPPED.0.to_owned(), MAPPED.1);
        }
        settings
    }

    /// Where to send, and as whom.
    #[must_use]
    pub fn doors(&self) -> Doors {
        let credentials = self.accounts.iter().map(|account| {
            let text = base64::engine::general_purpose::STANDARD.encode(format!("{}:", account.api_key));
            format!("Basic {text}")
        });
        Doors { doors: vec![self.endpoint], credentials: credentials.collect() }
    }

    /// The address of the ingest endpoint.
    #[must_use]
    pub fn endpoint(&self) -> SocketAddr {
        self.endpoint
    }

    /// Opens the engines beside the program.
    ///
    /// # Errors
    ///
    /// If they cannot be opened.
    pub async fn engines(&self) -> anyhow::Result<Engines> {
        let variables = self.ground.direct_variables(self.folder.path());
        Ok(Engines::open(&configuration(variables)?).await?)
    }

    /// Starts one process of a role.
    ///
    /// # Errors
    ///
    /// If the program cannot be run.
    pub fn start_one(&mut self, role: Role) -> anyhow::Result<()> {
        self.started += 1;
        let mut variables = vec![
            setting("HEALTH__LISTEN", "127.0.0.1:0"),
            setting("INGEST__LISTEN", &self.endpoint.to_string()),
        ];
        variables.extend(self.ground.direct_variables(self.folder.path()));
        variables.extend(self.wishes.variables.iter().cloned());
        variables.extend(self.clock_variables());
        variables.extend(self.overrides.clone());
        let log = self.folder.path().join(format!("{}-{}.log", self.started, role.word()));
        let output = self.wishes.output;
        let recipe = Recipe { program: self.program.clone(), variables, log, output };
        self.processes.push(Process::start(role, recipe, None)?);
        Ok(())
    }

    /// Starts the processes that this pair of engines is run with, and waits until the ingest endpoint listens.
    ///
    /// # Errors
    ///
    /// If the program cannot be run, or does not listen.
    pub async fn start_all(&mut self) -> anyhow::Result<()> {
        self.start_without_waiting()?;
        self.wait_until_listening().await
    }

    /// As [`System::start_all`], without the wait.
    ///
    /// # Errors
    ///
    /// If the program cannot be run.
    pub fn start_without_waiting(&mut self) -> anyhow::Result<()> {
        let roles: &[Role] = match self.ground {
            Ground::Files => &[Role::Serve],
            Ground::Servers(_) => &[Role::Ingest, Role::Worker],
        };
        roles.iter().try_for_each(|role| self.start_one(*role))
    }

    /// Waits until the ingest endpoint takes connections.
    ///
    /// # Errors
    ///
    /// If it does not in time.
    pub async fn wait_until_listening(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + LISTEN_WITHIN;
        while tokio::net::TcpStream::connect(self.endpoint).await.is_err() {
            anyhow::ensure!(
                Instant::now() < end,
                "the ingest endpoint does not listen ({}); see {}",
                self.ended.first().map_or("no process has ended", String::as_str),
                self.logs()
            );
            self.pass(TEND_EVERY).await?;
        }
        Ok(())
    }

    /// Moves the clock of the processes by this much, in faketime's words: `+100d`. Where no clock is moved, nothing reads
    /// it.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn set_clock(&self, moved: &str) -> anyhow::Result<()> {
        // Renamed, so that no process reads half of it.
        let draft = self.folder.path().join("clock.new");
        std::fs::write(&draft, moved)?;
        Ok(std::fs::rename(draft, self.clock_file())?)
    }

    fn clock_file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    fn clock_variables(&self) -> Vec<(String, String)> {
        let Some(library) = &self.wishes.clock else { return Vec::new() };
        [
            ("LD_PRELOAD", library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", self.clock_file().display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            // Timeouts and pauses go by the monotonic clock, which no jump moves.
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Asks every process to end (SIGTERM) and waits. One that does not end in good order is in [`System::ended`].
    pub async fn end_all(&mut self) {
        self.note_memory();
        for process in self.processes.drain(..) {
            let word = process.role.word();
            if !process.end(END_WITHIN).await {
                self.ended
                    .push(format!("`{word}` did not end in good order within {END_WITHIN:?} of SIGTERM"));
            }
        }
    }

    /// Kills every process and the simulator.
    pub async fn kill_all(&mut self) {
        for mut process in self.processes.drain(..) {
            process.kill_for_long().await;
        }
        self.server.abort();
    }

    /// Lets time pass; notes deaths and memory, and starts again a process that has died.
    ///
    /// # Errors
    ///
    /// If the program cannot be run.
    pub async fn pass(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.tend()?;
            sleep(TEND_EVERY.min(end.saturating_duration_since(Instant::now()))).await;
        }
        Ok(())
    }

    fn tend(&mut self) -> anyhow::Result<()> {
        self.note_memory();
        for process in &mut self.processes {
            let word = process.role.word();
            match process.tend(None)? {
                Some(Death::AtPoint) => self.ended.push(format!("`{word}` aborted")),
                Some(Death::Killed) => self.ended.push(format!("`{word}` was killed by the system")),
                Some(Death::ByItself(status)) => self.ended.push(format!("`{word}` ended with {status}")),
                None => {}
            }
        }
        Ok(())
    }

    fn note_memory(&mut self) {
        for process in &self.processes {
            let most = self.memory.entry(process.role).or_default();
            *most = process.peak_memory().map_or(*most, |peak| peak.max(*most));
        }
    }

    /// The folder with the logs.
    #[must_use]
    pub fn logs(&self) -> String {
        self.folder.path().display().to_string()
    }
}

/// A setting of the processes, as a variable of the environment: `setting("LOG__LEVEL", "debug")`.
#[must_use]
pub fn setting(key: &str, value: &str) -> (String, String) {
    (format!("REFERSION_DESTINATION__{key}"), value.to_owned())
}
