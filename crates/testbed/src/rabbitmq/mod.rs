//! A private RabbitMQ from Debian's package `rabbitmq-server`, or the one in the environment.

mod cluster;
mod node;

use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

pub use cluster::Cluster;

use self::node::{Node, SCRIPTS};
use crate::private::Group;
use crate::{Authority, Missing, install};

/// Environment variable with the URL of the RabbitMQ to use instead of private ones, including the virtual host.
/// Tests that kill their broker always start a private one.
pub const URL_VARIABLE: &str = "REFERSION_DESTINATION_TEST_AMQP_URL";

/// Maximum time for a broker to start. It takes four seconds on an idle machine.
const START_TIME: Duration = Duration::from_secs(120);

/// Number of attempts to start: a free port may be taken a moment later.
const ATTEMPTS: usize = 3;

/// Wait between two checks whether the broker has started.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The URL of a broker that all tests of this process share: the one in the environment, or a private one that runs
/// as long as the process. Tests use different names of queues.
///
/// # Errors
/// If there is no URL and no broker can be started.
pub fn shared_url() -> Result<String, Missing> {
    static SHARED: Mutex<Option<Broker>> = Mutex::new(None);
    if let Ok(url) = std::env::var(URL_VARIABLE) {
        return Ok(url);
    }
    let mut shared = SHARED.lock();
    if shared.is_none() {
        *shared = Some(Broker::start()?);
    }
    Ok(shared.as_ref().map(Broker::url).unwrap_or_default())
}

/// A private broker. It is stopped and its folder removed when this is dropped, or when the process ends in any way.
pub struct Broker {
    group: Group,
    node: Node,
}

impl Broker {
    /// Starts a broker on free ports.
    ///
    /// # Errors
    /// If RabbitMQ is missing and cannot be installed, or does not start.
    pub fn start() -> Result<Self, Missing> {
        Self::start_nodes(Node::standalone)
    }

    /// Starts a broker that also accepts TLS, with a certificate of `authority` for the host `localhost`.
    ///
    /// # Errors
    /// If RabbitMQ is missing and cannot be installed, or does not start.
    pub fn start_with_tls(authority: &Authority) -> Result<Self, Missing> {
        Self::start_nodes(|| {
            let node = Node::standalone()?;
            authority.sign_for_localhost(&node.folder)?;
            node.add_settings(&tls_settings(&node))?;
            Ok(node)
        })
    }

    /// Starts a broker with the management API.
    ///
    /// # Errors
    /// If RabbitMQ is missing and cannot be installed, or does not start.
    pub fn start_with_management() -> Result<Self, Missing> {
        Self::start_nodes(|| {
            let node = Node::standalone()?;
            node.enable_management()?;
            Ok(node)
        })
    }

    fn start_nodes(make: impl Fn() -> Result<Node, Missing>) -> Result<Self, Missing> {
        ensure()?;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            match Self::start_node(make()?) {
                Ok(broker) => return Ok(broker),
                Err(missing) => last = Some(missing),
            }
        }
        Err(last.unwrap_or(Missing { what: "RabbitMQ was not started".to_owned() }))
    }

    fn start_node(node: Node) -> Result<Self, Missing> {
        let mut broker = Self { group: node.run()?, node };
        broker.wait_until_up()?;
        Ok(broker)
    }

    /// The URL of the virtual host `/`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("%2f")
    }

    /// The URL of another virtual host.
    #[must_use]
    pub fn url_of(&self, virtual_host: &str) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/{virtual_host}", self.node.ports.amqp)
    }

    /// The URL of the virtual host `/` with TLS. `host` is `localhost` or another name of this machine.
    #[must_use]
    pub fn tls_url(&self, host: &str) -> String {
        format!("amqps://guest:guest@{host}:{}/%2f", self.node.ports.tls)
    }

    /// The URL of the management API of [`Broker::start_with_management`], with its user.
    #[must_use]
    pub fn management_url(&self) -> String {
        format!("http://guest:guest@127.0.0.1:{}", self.node.ports.management)
    }

    /// Kills the broker with SIGKILL, as a crash would.
    ///
    /// # Errors
    /// If the signal cannot be sent.
    pub fn kill(&mut self) -> io::Result<()> {
        self.group.kill()?;
        let ports = self.node.ports;
        let mut ports = vec![ports.amqp, ports.distribution, ports.epmd];
        if !self.node.maps_ports {
            ports.pop();
        }
        // The processes end a moment after the signals are sent.
        while ports.iter().any(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok()) {
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// Restarts the broker after [`Broker::kill`], with the data on its disk.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start_again(&mut self) -> Result<(), Missing> {
        self.group = self.node.run()?;
        self.wait_until_up()
    }

    /// Stops the broker with SIGSTOP: its connections stay open, and from the return on it does not answer.
    ///
    /// # Errors
    /// If the signal cannot be sent, or the broker still runs 10 s later.
    pub fn freeze(&self) -> Result<(), Missing> {
        self.node.freeze()
    }

    /// Continues the broker after [`Broker::freeze`].
    ///
    /// # Errors
    /// If the signal cannot be sent.
    pub fn thaw(&self) -> Result<(), Missing> {
        self.node.signal("CONT")
    }

    /// Runs `rabbitmqctl` with these arguments and returns its output.
    ///
    /// # Errors
    /// If it fails, with its output.
    pub fn control(&self, arguments: &[&str]) -> Result<String, Missing> {
        let output = self.node.control(arguments)?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(stdout);
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(Missing { what: format!("rabbitmqctl {arguments:?} failed: {stdout}{stderr}") })
    }

    fn wait_until_up(&mut self) -> Result<(), Missing> {
        let deadline = Instant::now() + START_TIME;
        // The broker listens a moment before it is ready.
        while TcpStream::connect(("127.0.0.1", self.node.ports.amqp)).is_err()
            || self.control(&["await_startup", "--timeout", "60"]).is_err()
        {
            if self.group.has_ended() || Instant::now() > deadline {
                return Err(Missing { what: format!("RabbitMQ did not start: {}", self.node.output()) });
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if self.group.has_ended() {
            // The guard was killed with the broker and could not remove the folder.
            drop(fs::remove_dir_all(&self.node.folder));
        }
    }
}

fn ensure() -> Result<(), Missing> {
    let otherwise = format!("set {URL_VARIABLE} to the URL of a RabbitMQ");
    install::ensure(&Path::new(SCRIPTS).join("rabbitmq-server"), "rabbitmq-server", &otherwise)
}

/// The lines of a node's configuration for the certificate in its folder.
fn tls_settings(node: &Node) -> String {
    let (folder, port) = (node.folder.display(), node.ports.tls);
    format!(
        "listeners.ssl.1 = 127.0.0.1:{port}\n\
         ssl_options.certfile = {folder}/server.pem\n\
         ssl_options.keyfile = {folder}/server.key\n\
         ssl_options.verify = verify_none\n\
         ssl_options.fail_if_no_peer_cert = false\n"
    )
}
