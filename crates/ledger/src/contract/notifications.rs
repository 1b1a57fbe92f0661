//! Promises about the outbox of notifications.

use super::Engine;
use super::fixtures::{at, connection, uuid};
use crate::{Delivery, NewNotification, Outbox};

fn new(fact: &str, connection: Option<i64>) -> NewNotification {
    let (kind, body) = ("connection.paused".to_owned(), format!(r#"{{"fact":"{fact}"}}"#));
    NewNotification { fact: fact.to_owned(), connection, kind, body }
}

/// One process at a time watches, and continues with the state of the previous one.
pub async fn one_process_at_a_time_adds_notifications(engine: &impl Engine) {
    let (one, other) = (uuid(1), uuid(2));
    let hold = async |who, now, until| engine.hold_notifier(who, at(now), at(until)).await.expect("asked");
    assert_eq!(hold(one, 0, 30).await.as_deref(), Some(""));
    assert_eq!(hold(other, 10, 40).await, None);
    assert!(engine.add_notifications(one, &[new("a", None)], "seen", at(10)).await.expect("added"));
    assert_eq!(hold(one, 20, 50).await.as_deref(), Some("seen"));
    assert_eq!(hold(other, 50, 80).await.as_deref(), Some("seen"));
    assert!(!engine.add_notifications(one, &[new("b", None)], "old", at(51)).await.expect("asked"));
    assert_eq!(engine.due_notifications(at(60), 10).await.expect("read").len(), 1);
    assert_eq!(hold(other, 60, 90).await.as_deref(), Some("seen"));
}

/// There is one notification of a fact, which is tried until it is delivered or given up.
pub async fn a_notification_is_added_once_and_delivered(engine: &impl Engine) {
    let holder = uuid(1);
    engine.hold_notifier(holder, at(0), at(30)).await.expect("held");
    for _ in 0..2 {
        let facts = [new("a", None), new("b", None), new("c", None)];
        assert!(engine.add_notifications(holder, &facts, "", at(1)).await.expect("added"));
    }
    assert!(engine.due_notifications(at(0), 10).await.expect("read").is_empty());
    let due = engine.due_notifications(at(1), 10).await.expect("read");
    assert_eq!(due.iter().map(|it| it.fact.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!((due[0].body.as_str(), due[0].at, due[0].attempts), (r#"{"fact":"a"}"#, at(1), 0));
    engine.note_delivery(due[0].id, &Delivery::Done).await.expect("noted");
    let later = Delivery::Later { due_at: at(20), error: "503".to_owned() };
    engine.note_delivery(due[1].id, &later).await.expect("noted");
    let given_up = Delivery::GivenUp { error: "x".repeat(1_000) };
    engine.note_delivery(due[2].id, &given_up).await.expect("noted");
    assert!(engine.due_notifications(at(19), 10).await.expect("read").is_empty());
    let due = engine.due_notifications(at(20), 10).await.expect("read");
    assert_eq!((due.len(), due[0].attempts), (1, 1));
    let outbox = engine.outbox().await.expect("read");
    let error = Some("x".repeat(crate::MAX_ERROR_CHARS));
    assert_eq!(outbox, Outbox { waiting: 1, oldest: Some(at(1)), failed: 1, error });
    assert_eq!(engine.expire_notifications(at(2), 2).await.expect("dropped"), 2);
    assert_eq!(engine.expire_notifications(at(2), 2).await.expect("dropped"), 1);
    assert_eq!(engine.outbox().await.expect("read"), Outbox::default());
}

/// Waiting notifications about a connection are removed with it.
pub async fn notifications_are_removed_with_their_connection(engine: &impl Engine) {
    let shop = connection(engine, "shop", 1).await.id;
    engine.hold_notifier(uuid(1), at(0), at(30)).await.expect("held");
    let facts = [new("a", Some(shop)), new("b", None)];
    engine.add_notifications(uuid(1), &facts, "", at(1)).await.expect("added");
    super::fixtures::remove(engine, shop).await;
    let due = engine.due_notifications(at(1), 10).await.expect("read");
    assert_eq!(due.iter().map(|it| it.fact.as_str()).collect::<Vec<_>>(), ["b"]);
}
