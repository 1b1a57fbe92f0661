//! The delete that is put into the queue of a connection, by the identifiers of the person.

use connections::Connection;
use identity::graph::Kind;
use queue::{Envelope, FORMAT, Lane};
use serde::Serialize;
use serde_json::value::RawValue;
use service::engines::Engines;
use service::failure::Failure;
use service::operator::events::find;
use service::operator::{Directory, Subject};
use uuid::Uuid;

/// The kinds of identifiers that a text is known as, in any of the connections.
#[derive(Debug, Default)]
pub(super) struct Names {
    user: bool,
    address: bool,
    anonymous: bool,
    /// An event is found by it, possibly one that waits in the queue.
    pub(super) event: bool,
}

impl Names {
    pub(super) async fn of(
        engines: &Engines,
        directory: &Directory,
        subject: &Subject,
    ) -> Result<Self, Failure> {
        let found = find(engines, directory, subject, 1, 0).await?;
        let mut names = Self { event: found.total > 0, ..Self::default() };
        for connection in directory.all() {
            let digests = subject.digests(engines, connection.id);
            let gathered = engines.ledger.gather(connection.id, &digests, &[]).await?;
            let held = gathered.graphs.iter().flat_map(|read| &read.graph.identifiers);
            for (_, identifier) in held.filter(|(digest, _)| digests.contains(digest)) {
                match identifier.kind {
                    Kind::User => names.user = true,
                    Kind::Address => names.address = true,
                    Kind::Anonymous => names.anonymous = true,
                }
            }
        }
        Ok(names)
    }

    pub(super) fn any(&self) -> bool {
        self.user || self.address || self.anonymous || self.event
    }
}

/// A delete that was put into the queue.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) connection: String,
    pub(super) event_id: Uuid,
    pub(super) message_id: String,
    /// `pending`, or its outcome.
    pub(super) state: &'static str,
    #[serde(skip)]
    pub(super) digest: identity::Digest,
}

/// The delete as Segment would send it. A text that is known only as an anonymousId is sent as one; an address may be a userId
/// as well, and is sent as both.
pub(super) fn deletion(
    engines: &Engines,
    connection: &Connection,
    subject: &Subject,
    known: &Names,
) -> Result<(Row, Envelope), Failure> {
    let event_id = engines.new_id();
    let message_id = format!("forget-{event_id}");
    let mut event = serde_json::json!({
        "type": "delete",
        "messageId": message_id,
        "timestamp": engines.now(),
    });
    if let Some(address) = subject.address() {
        event["email"] = address.into();
    }
    if known.anonymous {
        event["anonymousId"] = subject.text().into();
    }
    if known.user || !known.anonymous {
        event["userId"] = subject.text().into();
    }
    let payload = RawValue::from_string(event.to_string())
        .map_err(|error| Failure::failed("forget", &error, "report this as a bug"))?;
    let envelope = Envelope {
        format: FORMAT,
        event_id,
        connection: connection.id,
        lane: Lane::Live,
        received_at: engines.now(),
        replay: false,
        revision: 0,
        public: false,
        payload,
    };
    let translator = worker::translate::Translator { vault: &engines.vault, connection: connection.id };
    let digest = translator.digest(worker::translate::MESSAGE, &message_id);
    let connection = connection.name.to_string();
    Ok((Row { connection, event_id, message_id, state: ledger::State::Pending.word(), digest }, envelope))
}
