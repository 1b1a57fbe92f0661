//! The queue: reachable, and declared as configured.

use queue::rabbitmq::RabbitError;

use super::super::files;
use super::Finding;
use service::clock::Clock;
use service::config::{Queue, QueueUrl};
use service::engines::files::whole;
use service::engines::presence::Presence;
use service::engines::{EngineError, queue_engine};
use service::failure::with_causes;

const NAME: &str = "queue";

pub(super) async fn look(settings: &Queue, clock: &Clock) -> Finding {
    if let QueueUrl::Sqlite(path) = &settings.url
        && Presence::of(path) == Presence::Missing
    {
        let found = format!("there is no file {}", whole(path).display());
        return Finding::bad(NAME, found, super::NO_FILE);
    }
    if let QueueUrl::Sqlite(path) = &settings.url
        && let Some(why) = files::damage(path.clone(), super::LOOK_WITHIN).await
    {
        let found = format!("SQLite, {} is damaged: {why}", path.display());
        return Finding::bad(NAME, found, files::MEND_QUEUE);
    }
    match queue_engine::probe(settings, clock, false).await {
        Ok(()) => Finding::ok(NAME, found(settings)),
        Err(error @ EngineError::Broker(RabbitError::NotDeclared { .. })) => {
            Finding::note(NAME, with_causes(&error), "the first start declares them, or `migrate`")
        }
        Err(error) => Finding::failed(NAME, &error),
    }
}

fn found(settings: &Queue) -> String {
    let prefix = &settings.prefix;
    match &settings.url {
        QueueUrl::Sqlite(path) => format!("SQLite, {}", path.display()),
        QueueUrl::Amqp(_) => format!("RabbitMQ, exchange {prefix} and queues {prefix}.* are as configured"),
    }
}
