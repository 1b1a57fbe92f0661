//! A private pgbouncer from Debian's package `pgbouncer`, in front of a private Postgres.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::postgres::{Server, as_user, give_to_user, psql};
use crate::private::{Group, free_ports};
use crate::{Missing, install};

/// The program.
const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// Maximum time for it to start. It takes a few milliseconds on an idle machine.
const START_TIME: Duration = Duration::from_secs(30);

/// Number of attempts to start: a free port may be taken a moment later.
const ATTEMPTS: usize = 3;

/// Wait between two checks whether it has started.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// When a client releases its connection to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// When it disconnects.
    Session,
    /// At the end of each transaction.
    Transaction,
    /// At the end of each statement.
    Statement,
}

/// A running pgbouncer. It is stopped and its folder removed when this is dropped, or when the process ends in any way.
pub struct Pooler {
    group: Group,
    folder: PathBuf,
    server_port: u16,
    port: u16,
}

impl Pooler {
    /// Starts one for all databases of `server`, with additional lines of its configuration.
    ///
    /// # Errors
    /// If pgbouncer is missing and cannot be installed, or does not start.
    pub fn start(server: &Server, mode: PoolMode, settings: &str) -> Result<Self, Missing> {
        install::ensure(Path::new(PROGRAM), "pgbouncer", "run the other tests only")?;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let folder = tempfile::Builder::new().prefix("pgbouncer-").tempdir()?.keep();
            let [port] = free_ports()?;
            match Self::start_in(folder, server.port, port, mode, settings) {
                Ok(pooler) => return Ok(pooler),
                Err(missing) => last = Some(missing),
            }
        }
        Err(last.unwrap_or(Missing { what: "pgbouncer was not started".to_owned() }))
    }

    fn start_in(
        folder: PathBuf,
        server_port: u16,
        port: u16,
        mode: PoolMode,
        settings: &str,
    ) -> Result<Self, Missing> {
        let mode = match mode {
            PoolMode::Session => "session",
            PoolMode::Transaction => "transaction",
            PoolMode::Statement => "statement",
        };
        let users = folder.join("users");
        fs::write(&users, "\"postgres\" \"\"\n")?;
        let file = folder.join("pgbouncer.ini");
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={server_port}\n\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = {mode}\n{settings}\n",
            users.display()
        );
        fs::write(&file, configuration)?;
        give_to_user(&folder)?;
        let command = format!("cd /; {}{PROGRAM} '{}' </dev/null &", as_user(), file.display());
        let group = Group::start(&command, &[], &folder)?;
        let mut pooler = Self { group, folder, server_port, port };
        pooler.wait_until_up()?;
        Ok(pooler)
    }

    /// The URL of a database of the server, by way of the pooler.
    #[must_use]
    pub fn url(&self, direct: &str) -> String {
        direct.replacen(&format!(":{}/", self.server_port), &format!(":{}/", self.port), 1)
    }

    fn wait_until_up(&mut self) -> Result<(), Missing> {
        let until = Instant::now() + START_TIME;
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", self.port);
        while Instant::now() < until {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() && psql(&url, "SELECT 1").is_ok() {
                return Ok(());
            }
            if self.group.has_ended() {
                break;
            }
            thread::sleep(POLL_INTERVAL);
        }
        let output = fs::read_to_string(self.folder.join("output")).unwrap_or_default();
        Err(Missing { what: format!("pgbouncer did not start: {output}") })
    }
}
