//! The queue: reachable, and declared as configured.

use super::super::files;
use super::Finding;
use crate::clock::Clock;
use crate::config::{Queue, QueueUrl};
use crate::engines::queue_engine;

const NAME: &str = "queue";

pub(super) async fn look(settings: &Queue, clock: &Clock) -> Finding {
    if let QueueUrl::Sqlite(path) = &settings.url
        && !path.exists()
    {
        return Finding::note(NAME, format!("no file {} yet", path.display()), "the first start makes it");
    }
    if let QueueUrl::Sqlite(path) = &settings.url
        && let Some(why) = files::damage(path.clone(), super::LOOK_WITHIN).await
    {
        let found = format!("SQLite, {} is damaged: {why}", path.display());
        return Finding::bad(NAME, found, files::MEND_QUEUE);
    }
    match queue_engine::probe(settings, clock).await {
        Ok(()) => Finding::ok(NAME, found(settings)),
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
