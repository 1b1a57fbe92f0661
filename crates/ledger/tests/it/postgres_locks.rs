//! The order of locks on Postgres, in every transaction: payloads first, then dead letters.

use ledger::postgres::PostgresLedger;
use ledger::{
    Act, Changes, DeadLetterFilter, DeadLetterState, DeadLetters as _, Expiring, Graphs as _,
    Housekeeping as _, State, View as _,
};
use sqlx::{Connection as _, PgConnection, raw_sql};
use testbed::postgres::psql;

use super::counts::dead_event;
use super::postgres_server::{at, event, of, open, outcome, url};

/// The acts that delete payloads of dead letters.
#[derive(Clone, Copy, Debug)]
enum PayloadDrop {
    DiscardNow,
    Move,
    Discarded,
    Class,
    All,
}

fn act() -> Act {
    Act { at: at(1), actor: "ann".to_owned(), selector: "state:open".to_owned(), reason: None }
}

async fn run_drop(ledger: PostgresLedger, payload_drop: PayloadDrop, id: i64) {
    let later = at(1_000);
    match payload_drop {
        PayloadDrop::DiscardNow => drop(ledger.discard(&[id], &act(), None).await.expect("discarded")),
        PayloadDrop::Move => {
            let (from, to) = (DeadLetterState::Open, DeadLetterState::Discarded);
            ledger.move_dead_letters(&[id], from, to).await.expect("moved");
        }
        PayloadDrop::Discarded => drop(ledger.drop_discarded(later, 10).await.expect("dropped")),
        PayloadDrop::Class => drop(ledger.expire_class("refused", later, later, 10).await.expect("expired")),
        PayloadDrop::All => {
            ledger.expire(Expiring::DeadLetters, later, later, 10).await.expect("expired");
        }
    }
}

/// The id of a dead letter of a new event.
pub(super) async fn dead(ledger: &PostgresLedger, number: u64) -> i64 {
    let (id, letter) = dead_event(number, "refused");
    let changes = Changes {
        events: vec![event(id, number)],
        outcomes: vec![outcome(id, State::Dead, 0)],
        dead_letters: vec![letter],
        ..of(Vec::new())
    };
    ledger.record(changes).await.expect("recorded");
    let open = DeadLetterFilter {
        states: Some(vec![DeadLetterState::Open]),
        limit: 1,
        ..DeadLetterFilter::default()
    };
    ledger.dead_letters(&open).await.expect("listed")[0].id
}

/// A worker that has locked a payload can continue with its dead letter, whatever act deletes the payload meanwhile.
#[tokio::test]
async fn dropping_payloads_never_deadlocks_with_a_worker() {
    let url = url();
    let ledger = open(&url).await;
    let mut worker = PgConnection::connect(&url).await.expect("connected");
    let all = [
        PayloadDrop::DiscardNow,
        PayloadDrop::Move,
        PayloadDrop::Discarded,
        PayloadDrop::Class,
        PayloadDrop::All,
    ];
    for (number, payload_drop) in (1..).zip(all) {
        let id = dead(&ledger, number).await;
        if matches!(payload_drop, PayloadDrop::Discarded) {
            ledger.discard(&[id], &act(), Some(at(2))).await.expect("discarded");
        }
        let lock = "BEGIN; SET LOCAL lock_timeout = '1s'; SELECT 1 FROM pending FOR UPDATE";
        raw_sql(lock).execute(&mut worker).await.expect("locked");
        let dropping = tokio::spawn(run_drop(ledger.clone(), payload_drop, id));
        let waits = "SELECT 1 FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while !dropping.is_finished() && psql(&url, waits).expect("asked").is_empty() {
            tokio::task::yield_now().await;
        }
        let go_on = format!("UPDATE dead_letters SET repeats = repeats + 1 WHERE id = {id}; COMMIT");
        let done = raw_sql(sqlx::AssertSqlSafe(go_on)).execute(&mut worker).await;
        assert!(done.is_ok(), "{payload_drop:?} has locked the dead letter first: {done:?}");
        dropping.await.expect("no failure");
        // The next sweep handles rows that were left to it.
        run_drop(ledger.clone(), payload_drop, id).await;
        assert_eq!(ledger.payload(dead_event(number, "").0).await.expect("read"), None, "{payload_drop:?}");
    }
}
