//! Describes the setup of a benchmark: the machine, the versions of everything, and whether confirmed writes reach the disk.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;

use super::environment::Environment;
use super::plain::BaselineEngines;
use super::usage::listener;
use service::config::{LedgerUrl, QueueUrl};

/// The machine, the program and the engines.
#[derive(Debug, Serialize)]
pub(super) struct Setup {
    pub(super) machine: Machine,
    /// The version of this program.
    pub(super) program: &'static str,
    pub(super) engines: Vec<Engine>,
    /// Servers that run on this machine, with the ids of their main processes.
    #[serde(skip)]
    pub(super) servers: Vec<(&'static str, u32)>,
}

/// The machine.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    pub(super) cores: usize,
    /// Absent where the system does not report it.
    pub(super) memory_bytes: Option<u64>,
    pub(super) processor: Option<String>,
}

/// One engine.
#[derive(Debug, Serialize)]
pub(super) struct Engine {
    pub(super) name: &'static str,
    pub(super) version: String,
    /// The settings that determine which data survives a power cut, and how much is kept in memory.
    #[serde(rename = "durability")]
    pub(super) settings: String,
}

impl Setup {
    /// Reads the properties of the machine and of the engines.
    pub(super) async fn of(environment: &Environment) -> anyhow::Result<Self> {
        let (engines, ports) = match (&environment.config.queue.url, &environment.config.ledger.url) {
            (QueueUrl::Amqp(nodes), LedgerUrl::Postgres(database)) => {
                let broker = nodes.first().map(|node| authority(node.reveal(), 5672)).unwrap_or_default();
                let database = authority(database.reveal(), 5432);
                let engines = vec![rabbitmq(&broker), postgres(environment).await?];
                (engines, vec![("RabbitMQ", broker), ("Postgres", database)])
            }
            _ => (vec![sqlite(environment).await?], Vec::new()),
        };
        let servers = ports.iter().filter_map(|(name, (host, port))| {
            let is_here = ["127.0.0.1", "localhost", "[::1]"].contains(&host.as_str());
            is_here.then(|| listener(*port).map(|pid| (*name, pid)))?
        });
        let servers = servers.collect();
        Ok(Self { machine: Machine::this(), program: env!("CARGO_PKG_VERSION"), engines, servers })
    }

    /// The setup as text, one line for each part.
    pub(super) fn lines(&self) -> Vec<String> {
        let Machine { cores, memory_bytes, processor } = &self.machine;
        let memory = memory_bytes.map(|bytes| format!(", {:.1} GiB", bytes as f64 / f64::from(1 << 30)));
        let processor = processor.as_ref().map(|name| format!(", {name}"));
        let mut lines = vec![format!(
            "machine: {cores} cores{}{}",
            memory.unwrap_or_default(),
            processor.unwrap_or_default()
        )];
        lines.push(format!("refersion-destination {}", self.program));
        let engines = self.engines.iter();
        lines.extend(
            engines.map(|Engine { name, version, settings }| format!("{name} {version}: {settings}")),
        );
        lines
    }
}

impl Machine {
    fn this() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let value = |text: &str, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim_start_matches([' ', '\t', ':']).to_owned())
        };
        let memory = value(&read("/proc/meminfo"), "MemTotal");
        let kibibytes = memory.and_then(|text| text.strip_suffix(" kB")?.parse::<u64>().ok());
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: kibibytes.map(|kibibytes| kibibytes * 1024),
            processor: value(&read("/proc/cpuinfo"), "model name"),
        }
    }
}

/// Host and port of a URL.
fn authority(url: &str, usual_port: u16) -> (String, u16) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or(rest);
    let host = rest.rsplit('@').next().unwrap_or(rest);
    match host.rsplit_once(':').map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) => (host.to_owned(), port),
        _ => (host.to_owned(), usual_port),
    }
}

fn rabbitmq((host, port): &(String, u16)) -> Engine {
    Engine {
        name: "RabbitMQ",
        version: broker_version(host, *port).unwrap_or_else(|_| "(version unknown)".to_owned()),
        settings: "quorum queues, publisher confirms".to_owned(),
    }
}

/// The version that a broker sends before it asks for credentials, in `connection.start`. Not over TLS.
/// Source: AMQP 0-9-1, 1.4.2.1.
fn broker_version(host: &str, port: u16) -> anyhow::Result<String> {
    const PROTOCOL: &[u8] = b"AMQP\x00\x00\x09\x01";
    const VERSION: &[u8] = b"\x07versionS";
    let mut stream = TcpStream::connect((host, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(PROTOCOL)?;
    let mut head = [0; 7];
    stream.read_exact(&mut head)?;
    let [_, _, _, length @ ..] = head;
    let mut frame = Vec::new();
    stream.take(u32::from_be_bytes(length).into()).read_to_end(&mut frame)?;
    let position = frame.windows(VERSION.len()).position(|window| window == VERSION);
    let rest = &frame[position.context("the broker sent no version")? + VERSION.len()..];
    let (length, rest) = rest.split_first_chunk::<4>().context("the broker's greeting is truncated")?;
    let version =
        rest.get(..u32::from_be_bytes(*length) as usize).context("the broker's greeting is truncated")?;
    Ok(String::from_utf8_lossy(version).into_owned())
}

async fn postgres(environment: &Environment) -> anyhow::Result<Engine> {
    let BaselineEngines::Servers(engines) = BaselineEngines::of(&environment.config)? else {
        anyhow::bail!("the engines are files")
    };
    let (version, settings) = engines.database_settings().await?;
    Ok(Engine { name: "Postgres", version, settings })
}

async fn sqlite(environment: &Environment) -> anyhow::Result<Engine> {
    let file = environment.engines.ledger_file.as_ref().context("the ledger is not a file")?;
    let read = file.run(|connection| {
        let version = connection.query_row("SELECT sqlite_version()", [], |row| row.get::<_, String>(0))?;
        let journal = connection.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0))?;
        let synchronous = connection.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0))?;
        let cache = connection.query_row("PRAGMA cache_size", [], |row| row.get::<_, i64>(0))?;
        let checkpoint = connection.query_row("PRAGMA wal_autocheckpoint", [], |row| row.get::<_, i64>(0))?;
        Ok::<_, sqlite::Error>((version, journal, synchronous, cache, checkpoint))
    });
    let (version, journal, synchronous, cache, checkpoint) = read.await?;
    // Source: https://sqlite.org/pragma.html#pragma_synchronous
    let synchronous = ["OFF", "NORMAL", "FULL", "EXTRA"].get(usize::try_from(synchronous)?).copied();
    let synchronous = synchronous.unwrap_or("?");
    let settings = format!(
        "journal_mode={journal}, synchronous={synchronous}, cache_size={cache}, wal_autocheckpoint={checkpoint}"
    );
    Ok(Engine { name: "SQLite", version, settings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_an_engine_is_read_from_its_url() {
        let address = |url| authority(url, 5432);
        assert_eq!(address("postgres://u:p@db:6000/x?sslmode=disable"), ("db".to_owned(), 6000));
        assert_eq!(address("amqp://127.0.0.1"), ("127.0.0.1".to_owned(), 5432));
    }
}
