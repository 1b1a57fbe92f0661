//! A private Postgres from Debian's package `postgresql`, or the one in the environment.

mod programs;

use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

pub use self::programs::psql;
use self::programs::{USER, initdb, programs, run};
pub(crate) use self::programs::{as_user, give_to_user};
use crate::private::{Group, free_ports};
use crate::{Authority, Missing};

/// Environment variable with the URL of a database on the Postgres to use instead of private ones. Its user has to be
/// allowed to create databases. Tests that kill their server always start a private one.
pub const URL_VARIABLE: &str = "REFERSION_DESTINATION_TEST_POSTGRES_URL";

/// Maximum time for a server to start. It takes half a second on an idle machine.
const START_TIME: Duration = Duration::from_secs(60);

/// Number of attempts to start: a free port may be taken a moment later.
const ATTEMPTS: usize = 3;

/// Wait between two checks whether the server has started.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Creates an empty database and returns its URL. All tests of this process share its server: the one in the
/// environment, or a private one that runs as long as the process.
///
/// # Errors
/// If there is no URL and no server can be started.
pub fn fresh_database() -> Result<String, Missing> {
    static SHARED: Mutex<Option<Server>> = Mutex::new(None);
    if let Ok(url) = std::env::var(URL_VARIABLE) {
        return create_database(&url);
    }
    let mut shared = SHARED.lock();
    if shared.is_none() {
        *shared = Some(Server::start(&[])?);
    }
    let url = shared.as_ref().map(Server::url).unwrap_or_default();
    drop(shared);
    create_database(&url)
}

/// A private server. It is stopped and its folder removed when this is dropped, or when the process ends in any way.
pub struct Server {
    group: Group,
    programs: PathBuf,
    folder: PathBuf,
    pub(crate) port: u16,
    settings: Vec<String>,
}

impl Server {
    /// Starts a server on a free port, with additional settings such as `fsync=on`. By default it does not flush to
    /// the disk: a kill loses nothing either way, and tests do not cut the power.
    ///
    /// # Errors
    /// If Postgres is missing and cannot be installed, or does not start.
    pub fn start(settings: &[&str]) -> Result<Self, Missing> {
        Self::start_with(settings, None)
    }

    /// Starts a server that also accepts TLS, with a certificate of `authority` for the host `localhost`.
    ///
    /// # Errors
    /// If Postgres is missing and cannot be installed, or does not start.
    pub fn start_with_tls(authority: &Authority) -> Result<Self, Missing> {
        let files = ["ssl=on", "ssl_cert_file=server.pem", "ssl_key_file=server.key"];
        Self::start_with(&files, Some(authority))
    }

    fn start_with(settings: &[&str], authority: Option<&Authority>) -> Result<Self, Missing> {
        let programs = programs()?;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let folder = tempfile::Builder::new().prefix("postgres-").tempdir()?.keep();
            let [port] = free_ports()?;
            match Self::start_in(&programs, folder, port, settings, authority) {
                Ok(server) => return Ok(server),
                Err(missing) => last = Some(missing),
            }
        }
        Err(last.unwrap_or(Missing { what: "Postgres was not started".to_owned() }))
    }

    fn start_in(
        programs: &Path,
        folder: PathBuf,
        port: u16,
        settings: &[&str],
        authority: Option<&Authority>,
    ) -> Result<Self, Missing> {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        initdb(programs, &folder)?;
        if let Some(authority) = authority {
            authority.sign_for_localhost(&folder.join("data"))?;
            give_to_user(&folder.join("data/server.key"))?;
        }
        let group = run(programs, &folder, port, &settings)?;
        let mut server = Self { group, programs: programs.to_owned(), folder, port, settings };
        server.wait_until_up()?;
        Ok(server)
    }

    /// The URL of the database `postgres`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    /// The URL of the same database with TLS, if the server accepts it; `host` is `localhost` or `127.0.0.1`.
    #[must_use]
    pub fn tls_url(&self, host: &str, authority: &Authority) -> String {
        let file = authority.certificate_file();
        format!(
            "postgres://{USER}@{host}:{}/postgres?sslmode=verify-full&sslrootcert={}",
            self.port,
            file.display()
        )
    }

    /// Creates an empty database and returns its URL.
    ///
    /// # Errors
    /// If the database cannot be created.
    pub fn fresh_database(&self) -> Result<String, Missing> {
        create_database(&self.url())
    }

    /// Kills the server with SIGKILL, as a crash would; its sessions end.
    ///
    /// # Errors
    /// If the signal cannot be sent.
    pub fn kill(&mut self) -> io::Result<()> {
        self.group.kill()
    }

    /// Restarts the server after [`Server::kill`], with the data on its disk.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start_again(&mut self) -> Result<(), Missing> {
        let until = Instant::now() + START_TIME;
        loop {
            self.group = run(&self.programs, &self.folder, self.port, &self.settings)?;
            match self.wait_until_up() {
                // Sessions of the killed server may keep its shared memory for a moment.
                Err(_) if Instant::now() < until => {
                    // A guard that ends by itself would remove the folder.
                    self.group.kill()?;
                    thread::sleep(POLL_INTERVAL);
                }
                done => return done,
            }
        }
    }

    fn wait_until_up(&mut self) -> Result<(), Missing> {
        let until = Instant::now() + START_TIME;
        while Instant::now() < until {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() && psql(&self.url(), "SELECT 1").is_ok() {
                return Ok(());
            }
            // The guard outlives the server, so the output is checked as well.
            if self.group.has_ended() || self.has_failed() {
                break;
            }
            thread::sleep(POLL_INTERVAL);
        }
        let output = fs::read_to_string(self.folder.join("output")).unwrap_or_default();
        Err(Missing { what: format!("Postgres did not start: {output}") })
    }

    fn has_failed(&self) -> bool {
        let output = fs::read_to_string(self.folder.join("output")).unwrap_or_default();
        output.contains("FATAL:") && !output.contains("the database system is")
    }
}

/// Creates a database on the server of `url` and returns its URL.
fn create_database(url: &str) -> Result<String, Missing> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("refersion_test_{}_{number}", std::process::id());
    psql(url, &format!("DROP DATABASE IF EXISTS {name}"))?;
    psql(url, &format!("CREATE DATABASE {name} TEMPLATE template0"))?;
    let (before, parameters) = url.split_once('?').unwrap_or((url, ""));
    let server = before.rsplit_once('/').map_or(before, |(server, _)| server);
    Ok(format!("{server}/{name}?{parameters}"))
}
