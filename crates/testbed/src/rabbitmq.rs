//! A private RabbitMQ from Debian's `rabbitmq-server`, or the one that the environment names.

use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::private::{Group, free_ports};
use crate::{Missing, install};

/// The environment variable with the URL of a RabbitMQ to use instead of private ones, virtual host included. Tests
/// that mistreat their broker start a private one all the same.
pub const URL_VARIABLE: &str = "REFERSION_DESTINATION_TEST_AMQP_URL";

/// The scripts themselves: the ones in /usr/sbin insist on the user `rabbitmq`.
const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";

/// How long a broker may take to start. It needs four seconds on an idle machine.
const START_TIME: Duration = Duration::from_secs(120);

/// Attempts to start: a port that was free may be taken a moment later.
const ATTEMPTS: usize = 3;

/// Between looks whether it has started.
const LOOK: Duration = Duration::from_millis(100);

/// The URL of a broker that all tests of this process share: that of the environment, or a private one which lives as
/// long as the process. Tests keep apart by the names of their queues.
///
/// # Errors
/// When there is neither a URL nor a way to start one.
pub fn shared_url() -> Result<String, Missing> {
    static SHARED: Mutex<Option<Broker>> = Mutex::new(None);
    if let Ok(url) = std::env::var(URL_VARIABLE) {
        return Ok(url);
    }
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.is_none() {
        *shared = Some(Broker::start()?);
    }
    Ok(shared.as_ref().map(Broker::url).unwrap_or_default())
}

/// A private broker; it and its folder go when this is dropped, or when the process ends in any way.
pub struct Broker {
    group: Group,
    folder: PathBuf,
    ports: Ports,
}

#[derive(Clone, Copy)]
struct Ports {
    amqp: u16,
    distribution: u16,
    epmd: u16,
    control: u16,
}

impl Broker {
    /// Starts a broker on ports of its own.
    ///
    /// # Errors
    /// When RabbitMQ is not installed and cannot be, or does not start.
    pub fn start() -> Result<Self, Missing> {
        let otherwise = format!("set {URL_VARIABLE} to the URL of a RabbitMQ");
        install::ensure(&Path::new(SCRIPTS).join("rabbitmq-server"), "rabbitmq-server", &otherwise)?;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let folder = tempfile::Builder::new().prefix("rabbitmq-").tempdir()?.keep();
            let [amqp, distribution, epmd, control] = free_ports()?;
            match Self::start_in(folder, Ports { amqp, distribution, epmd, control }) {
                Ok(broker) => return Ok(broker),
                Err(missing) => last = Some(missing),
            }
        }
        Err(last.unwrap_or(Missing { what: "no attempt to start RabbitMQ was made".to_owned() }))
    }

    fn start_in(folder: PathBuf, ports: Ports) -> Result<Self, Missing> {
        // Debian's package brings no other version of these settings into a folder of ours.
        fs::write(folder.join("env.conf"), "")?;
        fs::write(folder.join("plugins"), "[].\n")?;
        fs::write(folder.join("rabbitmq.conf"), "log.console = false\ndisk_free_limit.absolute = 50MB\n")?;
        let mut broker = Self { group: run(&folder, ports)?, folder, ports };
        broker.wait_until_up()?;
        Ok(broker)
    }

    /// The URL of its virtual host `/`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("%2f")
    }

    /// The URL of another virtual host.
    #[must_use]
    pub fn url_of(&self, virtual_host: &str) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/{virtual_host}", self.ports.amqp)
    }

    /// Kills it at once, as a power cut would.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(&mut self) -> io::Result<()> {
        self.group.kill()?;
        // The kernel is not done with the processes when the signals are sent.
        let ports = [self.ports.amqp, self.ports.distribution, self.ports.epmd];
        while ports.iter().any(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok()) {
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Starts it again after [`Broker::kill`], with what is on its disk.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> Result<(), Missing> {
        self.group = run(&self.folder, self.ports)?;
        self.wait_until_up()
    }

    /// Runs `rabbitmqctl` with these arguments and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it printed.
    pub fn control(&self, arguments: &[&str]) -> Result<String, Missing> {
        let output = self.run_control(arguments)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(Missing { what: format!("rabbitmqctl {arguments:?} failed: {said}{complaint}") })
    }

    fn run_control(&self, arguments: &[&str]) -> io::Result<Output> {
        Command::new(Path::new(SCRIPTS).join("rabbitmqctl"))
            .args(["--quiet", "--node", &node(self.ports)])
            .args(arguments)
            .envs(environment(&self.folder, self.ports))
            .output()
    }

    fn wait_until_up(&mut self) -> Result<(), Missing> {
        let deadline = Instant::now() + START_TIME;
        let failed = |folder: &Path| Missing {
            what: format!(
                "RabbitMQ did not start: {}",
                fs::read_to_string(folder.join("output")).unwrap_or_default()
            ),
        };
        // It listens a little before it serves.
        while TcpStream::connect(("127.0.0.1", self.ports.amqp)).is_err()
            || self.control(&["await_startup", "--timeout", "60"]).is_err()
        {
            if self.group.has_ended() || Instant::now() > deadline {
                return Err(failed(&self.folder));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if self.group.has_ended() {
            // Its guard was killed with it and could not tidy up.
            drop(fs::remove_dir_all(&self.folder));
        }
    }
}

fn node(ports: Ports) -> String {
    format!("testbed-{}@localhost", ports.amqp)
}

/// epmd is started by us, for the one that the broker starts would outlive it.
fn run(folder: &Path, ports: Ports) -> io::Result<Group> {
    let commands = format!("epmd -port {} -address 127.0.0.1 & {SCRIPTS}/rabbitmq-server & ", ports.epmd);
    Group::start(&commands, &environment(folder, ports), folder)
}

fn environment(folder: &Path, ports: Ports) -> Vec<(String, String)> {
    let inside = |name: &str| folder.join(name).display().to_string();
    let pairs = [
        // Erlang's cookie is there.
        ("HOME", inside("")),
        ("ERL_EPMD_PORT", ports.epmd.to_string()),
        ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
        ("RABBITMQ_NODENAME", node(ports)),
        ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
        ("RABBITMQ_NODE_PORT", ports.amqp.to_string()),
        ("RABBITMQ_DIST_PORT", ports.distribution.to_string()),
        // By default it is far above the distribution port, and may be none.
        ("RABBITMQ_CTL_DIST_PORT_MIN", ports.control.to_string()),
        ("RABBITMQ_CTL_DIST_PORT_MAX", ports.control.saturating_add(10).to_string()),
        ("RABBITMQ_MNESIA_BASE", inside("mnesia")),
        ("RABBITMQ_LOG_BASE", inside("log")),
        ("RABBITMQ_GENERATED_CONFIG_DIR", inside("generated")),
        ("RABBITMQ_PID_FILE", inside("pid")),
        ("RABBITMQ_CONFIG_FILE", inside("rabbitmq.conf")),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", inside("advanced.config")),
        ("RABBITMQ_CONF_ENV_FILE", inside("env.conf")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", inside("plugins")),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
