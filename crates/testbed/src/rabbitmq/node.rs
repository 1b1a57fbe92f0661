//! One node of RabbitMQ: its folder, its ports and its programs.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

use crate::Missing;
use crate::private::{Group, free_ports};

/// The folder of the scripts. Those in /usr/sbin require the user `rabbitmq`.
pub(super) const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";

/// The longest a process may take to stop.
const STOP_TIME: Duration = Duration::from_secs(10);

/// How often to check whether a process has stopped.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A node, running or not.
pub(super) struct Node {
    pub(super) folder: PathBuf,
    pub(super) ports: Ports,
    /// Whether it has its own port mapper. The nodes of a cluster share one, which outlives each of them.
    pub(super) maps_ports: bool,
}

/// The ports that belong to one node.
#[derive(Clone, Copy)]
pub(super) struct Ports {
    pub(super) amqp: u16,
    pub(super) tls: u16,
    pub(super) distribution: u16,
    pub(super) epmd: u16,
    pub(super) management: u16,
    control: u16,
}

impl Node {
    /// A node in a new folder that belongs to no cluster.
    pub(super) fn standalone() -> Result<Self, Missing> {
        let [amqp, tls, distribution, epmd, management, control] = free_ports()?;
        let node = Self {
            folder: tempfile::Builder::new().prefix("rabbitmq-").tempdir()?.keep(),
            ports: Ports { amqp, tls, distribution, epmd, management, control },
            maps_ports: true,
        };
        // Empty files keep the node from reading the settings of Debian's package.
        fs::write(node.folder.join("env.conf"), "")?;
        fs::write(node.folder.join("plugins"), "[].\n")?;
        fs::write(
            node.folder.join("rabbitmq.conf"),
            "log.console = false\ndisk_free_limit.absolute = 50MB\n",
        )?;
        Ok(node)
    }

    /// A node for a cluster. The nodes of a cluster share the port mapper at `epmd` and the cookie.
    pub(super) fn member(epmd: u16, cookie: &str) -> Result<Self, Missing> {
        let mut node = Self::standalone()?;
        node.ports.epmd = epmd;
        node.maps_ports = false;
        let path = node.folder.join(".erlang.cookie");
        fs::write(&path, cookie)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o400))?;
        Ok(node)
    }

    /// Enables the management API, before the node runs.
    pub(super) fn enable_management(&self) -> io::Result<()> {
        fs::write(self.folder.join("plugins"), "[rabbitmq_management].\n")?;
        let port = self.ports.management;
        self.add_settings(&format!("management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {port}\n"))
    }

    /// Adds lines to the configuration, before the node runs.
    pub(super) fn add_settings(&self, settings: &str) -> io::Result<()> {
        let mut file = fs::OpenOptions::new().append(true).open(self.folder.join("rabbitmq.conf"))?;
        file.write_all(settings.as_bytes())
    }

    /// The Erlang name of the node.
    pub(super) fn name(&self) -> String {
        format!("testbed-{}@localhost", self.ports.amqp)
    }

    /// Starts the broker and, unless it is shared, the port mapper: a port mapper that the broker starts would outlive it.
    pub(super) fn run(&self) -> io::Result<Group> {
        let mapper = if self.maps_ports { map_ports(self.ports.epmd) } else { String::new() };
        let commands = format!("{mapper}{SCRIPTS}/rabbitmq-server & ");
        Group::start(&commands, &self.environment(), &self.folder)
    }

    /// Runs `rabbitmqctl` with these arguments.
    pub(super) fn control(&self, arguments: &[&str]) -> io::Result<Output> {
        Command::new(Path::new(SCRIPTS).join("rabbitmqctl"))
            .args(["--quiet", "--node", &self.name()])
            .args(arguments)
            .envs(self.environment())
            .output()
    }

    /// Stops the process of the broker only, and waits until all its threads are stopped: until then those that are
    /// running go on, and could still answer.
    pub(super) fn freeze(&self) -> Result<(), Missing> {
        self.signal("STOP")?;
        let tasks = format!("/proc/{}/task", self.process()?);
        let began = Instant::now();
        while !all_stopped(Path::new(&tasks))? {
            if began.elapsed() > STOP_TIME {
                return Err(Missing { what: format!("RabbitMQ did not stop within {STOP_TIME:?}") });
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Sends a signal to the process of the broker only.
    pub(super) fn signal(&self, signal: &str) -> Result<(), Missing> {
        let sent = Command::new("kill").args(["-s", signal, &self.process()?]).status()?;
        if sent.success() {
            Ok(())
        } else {
            Err(Missing { what: format!("RabbitMQ did not get the signal {signal}") })
        }
    }

    /// The number of the process of the broker.
    fn process(&self) -> io::Result<String> {
        Ok(fs::read_to_string(self.folder.join("pid"))?.trim().to_owned())
    }

    /// The output of the node since its start.
    pub(super) fn output(&self) -> String {
        fs::read_to_string(self.folder.join("output")).unwrap_or_default()
    }

    fn environment(&self) -> Vec<(String, String)> {
        let inside = |name: &str| self.folder.join(name).display().to_string();
        let pairs = [
            // The folder with Erlang's cookie.
            ("HOME", inside("")),
            ("ERL_CRASH_DUMP", inside("crash.dump")),
            ("ERL_EPMD_PORT", self.ports.epmd.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODENAME", self.name()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODE_PORT", self.ports.amqp.to_string()),
            ("RABBITMQ_DIST_PORT", self.ports.distribution.to_string()),
            // By default this is far above the distribution port, and may exceed the valid range.
            ("RABBITMQ_CTL_DIST_PORT_MIN", self.ports.control.to_string()),
            ("RABBITMQ_CTL_DIST_PORT_MAX", self.ports.control.saturating_add(10).to_string()),
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
}

/// The command line that maps the names of nodes to their ports.
pub(super) fn map_ports(port: u16) -> String {
    format!("epmd -port {port} -address 127.0.0.1 & ")
}

/// Whether all threads of a process are stopped by a signal. A thread that has ended meanwhile counts as stopped.
/// <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
fn all_stopped(tasks: &Path) -> io::Result<bool> {
    for task in fs::read_dir(tasks)? {
        let stat = fs::read_to_string(task?.path().join("stat")).unwrap_or_default();
        // The state follows the name, which is in parentheses and may hold any character.
        let is_running = stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('T'));
        if is_running {
            return Ok(false);
        }
    }
    Ok(true)
}
