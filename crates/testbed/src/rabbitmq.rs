//! A private RabbitMQ from Debian's `rabbitmq-server`, or the one that the environment names.

mod cluster;
mod node;

use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use cluster::Cluster;

use self::node::{Node, SCRIPTS};
use crate::private::Group;
use crate::{Authority, Missing, install};

/// The environment variable with the URL of a RabbitMQ to use instead of private ones, virtual host included. Tests
/// that mistreat their broker start a private one all the same.
pub const URL_VARIABLE: &str = "REFERSION_DESTINATION_TEST_AMQP_URL";

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
    node: Node,
}

impl Broker {
    /// Starts a broker on ports of its own.
    ///
    /// # Errors
    /// When RabbitMQ is not installed and cannot be, or does not start.
    pub fn start() -> Result<Self, Missing> {
        Self::start_nodes(Node::alone)
    }

    /// Starts a broker that speaks TLS as well, with a certificate of `authority` for the host `localhost`.
    ///
    /// # Errors
    /// When RabbitMQ is not installed and cannot be, or does not start.
    pub fn start_with_tls(authority: &Authority) -> Result<Self, Missing> {
        Self::start_nodes(|| {
            let node = Node::alone()?;
            authority.sign_for_localhost(&node.folder)?;
            node.add_settings(&tls_settings(&node))?;
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
        Err(last.unwrap_or(Missing { what: "no attempt to start RabbitMQ was made".to_owned() }))
    }

    fn start_node(node: Node) -> Result<Self, Missing> {
        let mut broker = Self { group: node.run()?, node };
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
        format!("amqp://guest:guest@127.0.0.1:{}/{virtual_host}", self.node.ports.amqp)
    }

    /// The URL of its virtual host `/` for TLS, by the name `localhost` or any other that leads there.
    #[must_use]
    pub fn tls_url(&self, host: &str) -> String {
        format!("amqps://guest:guest@{host}:{}/%2f", self.node.ports.tls)
    }

    /// Kills it at once, as a power cut would.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(&mut self) -> io::Result<()> {
        self.group.kill()?;
        let ports = self.node.ports;
        let mut ports = vec![ports.amqp, ports.distribution, ports.epmd];
        if !self.node.maps_ports {
            ports.pop();
        }
        // The kernel is not done with the processes when the signals are sent.
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
        self.group = self.node.run()?;
        self.wait_until_up()
    }

    /// Stops it in its tracks: its connections stay, and nothing answers.
    ///
    /// # Errors
    /// When it cannot be stopped.
    pub fn freeze(&self) -> Result<(), Missing> {
        self.node.signal("STOP")
    }

    /// Lets it go on after [`Broker::freeze`].
    ///
    /// # Errors
    /// When it cannot be woken.
    pub fn thaw(&self) -> Result<(), Missing> {
        self.node.signal("CONT")
    }

    /// Runs `rabbitmqctl` with these arguments and returns what it printed.
    ///
    /// # Errors
    /// When it fails, with what it printed.
    pub fn control(&self, arguments: &[&str]) -> Result<String, Missing> {
        let output = self.node.control(arguments)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(Missing { what: format!("rabbitmqctl {arguments:?} failed: {said}{complaint}") })
    }

    fn wait_until_up(&mut self) -> Result<(), Missing> {
        let deadline = Instant::now() + START_TIME;
        // It listens a little before it serves.
        while TcpStream::connect(("127.0.0.1", self.node.ports.amqp)).is_err()
            || self.control(&["await_startup", "--timeout", "60"]).is_err()
        {
            if self.group.has_ended() || Instant::now() > deadline {
                return Err(Missing { what: format!("RabbitMQ did not start: {}", self.node.output()) });
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
            drop(fs::remove_dir_all(&self.node.folder));
        }
    }
}

fn ensure() -> Result<(), Missing> {
    let otherwise = format!("set {URL_VARIABLE} to the URL of a RabbitMQ");
    install::ensure(&Path::new(SCRIPTS).join("rabbitmq-server"), "rabbitmq-server", &otherwise)
}

/// The lines of a node's configuration that use the certificate in its folder.
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
