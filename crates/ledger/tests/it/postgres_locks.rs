//! The order of locks on Postgres, in every transaction: payloads first, then dead letters.

use ledger::postgres::PostgresLedger;
use ledger::{
    Act, Changes, DeadLetterFilter, DeadLetterState, DeadLetters as _, Expiring, Graphs as _,
    Housekeeping as _, State, View as _,
};
use sqlx::{Connection as _, PgConnection, raw_sql};
use testbed::postgres::psql;

use super::counts::dies;
use super::postgres_server::{at, event, of, open, outcome, url};

/// What drops payloads of dead letters.
#[derive(Clone, Copy, Debug)]
enum Drops {
    ForGood,
    Move,
    Discarded,
    Class,
    All,
}

fn act() -> Act {
    Act { at: at(1), actor: "ann".to_owned(), selector: "state:open".to_owned(), reason: None }
}

async fn carry_out(ledger: PostgresLedger, drops: Drops, id: i64) {
    let later = at(1_000);
    match drops {
        Drops::ForGood => drop(ledger.discard(&[id], &act(), None).await.expect("discarded")),
        Drops::Move => {
            let (from, to) = (DeadLetterState::Open, DeadLetterState::Discarded);
            ledger.move_dead_letters(&[id], from, to).await.expect("moved");
        }
        Drops::Discarded => drop(ledger.drop_discarded(later, 10).await.expect("dropped")),
        Drops::Class => drop(ledger.expire_class("refused", later, later, 10).await.expect("expired")),
        Drops::All => drop(ledger.expire(Expiring::DeadLetters, later, later, 10).await.expect("expired")),
    }
}

/// The id of a dead letter of a new event.
pub(super) async fn dead(ledger: &PostgresLedger, number: u64) -> i64 {
    let (id, letter) = dies(number, "refused");
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

/// A worker that has locked a payload goes on to its dead letter, whatever drops the payload meanwhile.
#[tokio::test]
async fn nobody_who_drops_a_payload_stands_in_a_circle_with_a_worker() {
    let url = url();
    let ledger = open(&url).await;
    let mut worker = PgConnection::connect(&url).await.expect("connected");
    let all = [Drops::ForGood, Drops::Move, Drops::Discarded, Drops::Class, Drops::All];
    for (number, drops) in (1..).zip(all) {
        let id = dead(&ledger, number).await;
        if matches!(drops, Drops::Discarded) {
            ledger.discard(&[id], &act(), Some(at(2))).await.expect("discarded");
        }
        let lock = "BEGIN; SET LOCAL lock_timeout = '1s'; SELECT 1 FROM pending FOR UPDATE";
        raw_sql(lock).execute(&mut worker).await.expect("locked");
        let dropping = tokio::spawn(carry_out(ledger.clone(), drops, id));
        let waits = "SELECT 1 FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while !dropping.is_finished() && psql(&url, waits).expect("asked").is_empty() {
            tokio::task::yield_now().await;
        }
        let go_on = format!("UPDATE dead_letters SET repeats = repeats + 1 WHERE id = {id}; COMMIT");
        let done = raw_sql(sqlx::AssertSqlSafe(go_on)).execute(&mut worker).await;
        assert!(done.is_ok(), "{drops:?} has locked the dead letter first: {done:?}");
        dropping.await.expect("no failure");
        // What was left to the next sweep goes with that.
        carry_out(ledger.clone(), drops, id).await;
        assert_eq!(ledger.payload(dies(number, "").0).await.expect("read"), None, "{drops:?}");
    }
}
