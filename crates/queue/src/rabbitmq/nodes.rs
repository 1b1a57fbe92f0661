//! Reaches a node of the cluster: the nodes are tried in turn, each with a deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::runtime::default_runtime;
use lapin::tcp::OwnedTLSConfig;
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, ErrorKind};

use super::RabbitError;
use super::error::within;
use super::options::Options;

/// Seconds between heartbeats where the URL does not say. A peer that vanished is noticed after twice that.
const HEARTBEAT: u16 = 5;

/// The nodes, and the one to begin with.
pub(super) struct Nodes {
    uris: Vec<AMQPUri>,
    next: AtomicUsize,
}

impl Nodes {
    /// Reads the URLs. Messages name a URL by its number: it holds a password.
    pub(super) fn new(urls: &[String]) -> Result<Self, RabbitError> {
        if urls.is_empty() {
            return Err(RabbitError::Configuration {
                what: "the queue needs the URL of a broker".to_owned(),
            });
        }
        let uris = urls.iter().enumerate().map(|(index, url)| parse(index + 1, url));
        Ok(Self { uris: uris.collect::<Result<_, _>>()?, next: AtomicUsize::new(0) })
    }

    /// Connects to the first node that answers, beginning with the one after the last that failed.
    pub(super) async fn connect(&self, purpose: &str, options: &Options) -> Result<Connection, RabbitError> {
        let mut last = RabbitError::NotConnected;
        for _ in 0..self.uris.len() {
            let at = self.next.load(Ordering::Relaxed) % self.uris.len();
            match connect(self.uris[at].clone(), purpose, options).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = error,
            }
            self.next.store(at + 1, Ordering::Relaxed);
        }
        Err(last)
    }
}

async fn connect(uri: AMQPUri, purpose: &str, options: &Options) -> Result<Connection, RabbitError> {
    let name = format!("{} {purpose}", options.connection_name);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let trust = OwnedTLSConfig { identity: None, cert_chain: options.ca_pem.clone() };
    let runtime = default_runtime().map_err(RabbitError::broker("starting"))?;
    let connecting = Connection::connect_uri_with_config(uri, properties, trust, runtime);
    within(options.connect_time, "connecting", connecting).await.map_err(|error| explain(error, options))
}

fn parse(number: usize, url: &str) -> Result<AMQPUri, RabbitError> {
    let mut uri: AMQPUri = url.parse().map_err(|why: String| RabbitError::Configuration {
        what: format!("queue URL number {number} must look like amqp://user:password@host:5672/vhost: {why}"),
    })?;
    uri.query.heartbeat.get_or_insert(HEARTBEAT);
    Ok(uri)
}

/// A wrong password or virtual host is no outage.
fn explain(error: RabbitError, options: &Options) -> RabbitError {
    let RabbitError::Broker { cause, .. } = &error else { return error };
    let ErrorKind::ProtocolError(refusal) = cause.kind() else { return error };
    let refused = matches!(
        refusal.kind(),
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) | AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED)
    );
    if !refused {
        return error;
    }
    RabbitError::Refused { prefix: options.prefix.clone(), said: refusal.get_message().to_string() }
}

/// Says goodbye, if the broker still listens.
pub(super) async fn close(connection: &Arc<Connection>, options: &Options) {
    if !connection.status().connected() {
        return;
    }
    let closing = connection.close(200, "going on anew".into());
    if let Err(error) = within(options.answer_time, "closing", closing).await {
        tracing::debug!(%error, "a connection to the broker was dropped without a goodbye");
    }
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
