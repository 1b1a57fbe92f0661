//! Reaches a node of the cluster: the nodes are tried in turn, each with a deadline.

use std::sync::atomic::{AtomicUsize, Ordering};

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;
use lapin::{ConnectionProperties, ErrorKind};

use super::RabbitError;
use super::amqp_connection::AmqpConnection;
use super::options::Options;

/// Seconds between heartbeats if the URL sets none. The loss of a peer is noticed after twice that time.
const HEARTBEAT: u16 = 5;

/// The nodes, and the one to begin with.
pub(super) struct Nodes {
    uris: Vec<AMQPUri>,
    next: AtomicUsize,
}

impl Nodes {
    /// Reads the URLs. Error messages name a URL by its number, because it contains a password.
    pub(super) fn new(urls: &[String]) -> Result<Self, RabbitError> {
        if urls.is_empty() {
            return Err(RabbitError::Configuration {
                what: "the queue needs the URL of a broker".to_owned(),
            });
        }
        let uris = urls.iter().enumerate().map(|(index, url)| parse(index + 1, url));
        Ok(Self { uris: uris.collect::<Result<_, _>>()?, next: AtomicUsize::new(0) })
    }

    /// Begins with another node next time: one that answers may be disconnected from the others nevertheless.
    pub(super) fn pass_over(&self) {
        self.next.fetch_add(1, Ordering::Relaxed);
    }

    /// Connects to the first node that answers, beginning with the one after the last that failed.
    pub(super) async fn connect(
        &self,
        purpose: &str,
        options: &Options,
    ) -> Result<AmqpConnection, RabbitError> {
        let mut last = RabbitError::NotConnected;
        for _ in 0..self.uris.len() {
            let at = self.next.load(Ordering::Relaxed) % self.uris.len();
            match connect(self.uris[at].clone(), purpose, options).await {
                Ok(link) => return Ok(link),
                Err(error) => last = error,
            }
            self.pass_over();
        }
        Err(last)
    }
}

async fn connect(uri: AMQPUri, purpose: &str, options: &Options) -> Result<AmqpConnection, RabbitError> {
    let name = format!("{} {purpose}", options.connection_name);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let trust = OwnedTLSConfig { identity: None, cert_chain: options.ca_pem.clone() };
    AmqpConnection::open(uri, properties, trust, options.connect_time)
        .await
        .map_err(|error| explain(error, options))
}

fn parse(number: usize, url: &str) -> Result<AMQPUri, RabbitError> {
    let mut uri: AMQPUri = url.parse().map_err(|why: String| RabbitError::Configuration {
        what: format!("queue URL number {number} must look like amqp://user:password@host:5672/vhost: {why}"),
    })?;
    uri.query.heartbeat.get_or_insert(HEARTBEAT);
    Ok(uri)
}

/// A wrong password, virtual host or certificate is no outage.
fn explain(error: RabbitError, options: &Options) -> RabbitError {
    let RabbitError::Broker { cause, .. } = &error else { return error };
    match cause.kind() {
        ErrorKind::ProtocolError(refusal) if is_refusal(refusal.kind()) => {
            RabbitError::Refused { prefix: options.prefix.clone(), detail: refusal.get_message().to_string() }
        }
        // The error type of the TLS library is not available here; its text is the same on all platforms.
        ErrorKind::IOError(failure) if failure.to_string().contains("certificate") => {
            RabbitError::Untrusted { detail: failure.to_string() }
        }
        _ => error,
    }
}

fn is_refusal(kind: &AMQPErrorKind) -> bool {
    matches!(
        kind,
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) | AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_url_is_named_by_its_number_and_never_shown() {
        let urls = ["amqp://a/%2f".to_owned(), "http://user:hunter2@b".to_owned()];
        let Err(error) = Nodes::new(&urls) else { panic!("http is no queue") };
        assert!(error.to_string().contains("number 2"), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        assert!(Nodes::new(&[]).is_err());
    }

    #[test]
    fn a_heartbeat_of_the_url_wins() {
        assert_eq!(parse(1, "amqp://a/%2f?heartbeat=7").unwrap().query.heartbeat, Some(7));
        assert_eq!(parse(1, "amqp://a/%2f").unwrap().query.heartbeat, Some(HEARTBEAT));
    }
}
