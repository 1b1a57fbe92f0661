//! Plans of statements on Postgres when its statistics of a table are out of date.

use std::time::Duration;

use identity::Digest;
use identity::stamp::Moment;
use jiff::Timestamp;
use ledger::plans::{ItemChange, ItemState};
use ledger::postgres::PostgresLedger;
use ledger::{
    Act, AuditFilter, AuditLog as _, Calls as _, Changes, DeadLetterFilter, Graphs as _, Hints as _,
    NewRevision, PlanItems as _, Repairs as _, View as _,
};
use testbed::postgres::psql;

use super::postgres_locks::dead;
use super::postgres_server::{ONE, at, digest, of, open, url};

/// The number of rows that nobody reads.
const ROWS: u64 = 20_000;
/// The number of reads.
pub(super) const ROUNDS: u64 = 10;

/// Scans of an index, and the entries that they read.
fn scanned(url: &str, index: &str) -> (u64, u64) {
    let read =
        format!("SELECT idx_scan, idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = '{index}'");
    let row = psql(url, &read).expect("read");
    let (scans, entries) = row.trim().split_once('|').expect("two columns");
    (scans.parse().expect("a number"), entries.parse().expect("a number"))
}

/// Fills a table that, according to the statistics of Postgres, has four rows. `row` is the row for the number `n`, as SQL.
pub(super) fn fill(url: &str, table: &str, row: &str) {
    let rows = |from: u64, to: u64| {
        format!("INSERT INTO {table} SELECT {row} FROM generate_series({from}, {to}) AS n")
    };
    psql(url, &rows(1, 4)).expect("written");
    psql(url, &format!("ANALYZE {}", table.split(' ').next().expect("a name"))).expect("analysed");
    psql(url, &rows(5, ROWS)).expect("written");
}

/// Asserts that [`ROUNDS`] reads read only the entries of `index` that they need, not all.
pub(super) async fn assert_reads_few_entries(url: &str, index: &str, mut ask: impl AsyncFnMut(u64)) {
    let before = scanned(url, index);
    for round in 0..ROUNDS {
        ask(round).await;
    }
    // A server process reports what it has read within a second or so.
    let mut after = scanned(url, index);
    for _ in 0..100 {
        if after.0 >= before.0 + ROUNDS {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        after = scanned(url, index);
    }
    assert!(after.0 >= before.0 + ROUNDS, "it has scanned {index}: {before:?}, {after:?}");
    let entries = after.1 - before.1;
    assert!(entries < ROWS, "{ROUNDS} rounds read {entries} entries of {index}");
}

async fn opened() -> (String, PostgresLedger) {
    let url = url();
    let ledger = open(&url).await;
    (url, ledger)
}

/// A table of a new installation grows from nothing to millions of rows before Postgres looks at it again.
#[tokio::test]
async fn a_batch_reads_only_its_own_digests_despite_outdated_statistics() {
    let (url, ledger) = opened().await;
    fill(&url, "graph_digests (connection, digest, graph)", &format!("{ONE}, sha256(n::text::bytea), n"));
    let asked: Vec<Digest> = (1..=100).map(digest).collect();
    let gather = async |_| drop(ledger.gather(ONE, &asked, &[]).await.expect("gathered"));
    assert_reads_few_entries(&url, "graph_digests_pkey", gather).await;
}

#[tokio::test]
async fn a_repair_reads_the_names_of_its_own_dead_letters() {
    let (url, ledger) = opened().await;
    let mut letters = Vec::new();
    for number in 0..ROUNDS {
        letters.push(dead(&ledger, number + 1).await);
    }
    fill_names(&url);
    let act = Act { at: at(1), actor: "ann".to_owned(), selector: "state:open".to_owned(), reason: None };
    let repair = async |round: u64| {
        let letter = letters[usize::try_from(round).expect("small")];
        let named = vec![digest(2 * round), digest(2 * round + 1)];
        let payload = "{}".to_owned();
        let revision = NewRevision { letter, expected: 0, payload, named, stated_at: Moment(1) };
        drop(ledger.repair(&[revision], &act).await.expect("stored"));
    };
    assert_reads_few_entries(&url, "stray_letters_pkey", repair).await;
}

#[tokio::test]
async fn a_delete_reads_the_dead_letters_that_name_its_person() {
    let (url, ledger) = opened().await;
    fill_names(&url);
    let delete = async |round: u64| {
        let tombstones = vec![(digest(2 * round), Moment(9)), (digest(2 * round + 1), Moment(9))];
        ledger.record(Changes { tombstones, ..of(Vec::new()) }).await.expect("recorded");
    };
    assert_reads_few_entries(&url, "stray_letters_pkey", delete).await;
}

fn fill_names(url: &str) {
    let row = format!(
        "{ONE}, sha256(n::text::bytea), ('10000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 1"
    );
    fill(url, "stray_letters (connection, digest, event_id, said_at)", &row);
}

#[tokio::test]
async fn a_webhook_reads_the_affiliates_that_it_names() {
    let (url, ledger) = opened().await;
    let row = format!("{ONE}, 'code-' || n, substr(sha256(n::text::bytea), 1, 16), NULL, 'active', 1, 1");
    fill(&url, "directory (connection, code, address, affiliate, status, seen_at, pass)", &row);
    let ask = async |round: u64| {
        let codes: Vec<String> = (1..=3).map(|number| format!("code-{}", 10 * round + number)).collect();
        let found = ledger.addresses_of(ONE, &codes).await.expect("looked up");
        assert_eq!(found.len(), 3);
    };
    assert_reads_few_entries(&url, "directory_pkey", ask).await;
}

#[tokio::test]
async fn an_answer_reads_the_codes_of_its_affiliates() {
    let (url, ledger) = opened().await;
    fill(&url, "affiliate_codes (connection, affiliate, code)", &format!("{ONE}, n, 'code-' || n"));
    let ask = async |round: u64| {
        let ids: Vec<u64> = (1..=3).map(|number| 10 * round + number).collect();
        assert_eq!(ledger.affiliate_codes(ONE, &ids).await.expect("read").len(), 3);
    };
    assert_reads_few_entries(&url, "affiliate_codes_pkey", ask).await;
}

#[tokio::test]
async fn the_progress_of_a_plan_reads_the_items_that_it_names() {
    let (url, ledger) = opened().await;
    let row =
        "7, n, ('10000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 1, sha256(n::text::bytea), 'g1',
        'planned', '', 0, 1";
    fill(
        &url,
        "plan_items (plan, letter, event, connection, person, group_key, state, reason, weight, died_at)",
        row,
    );
    let count = format!("INSERT INTO plan_counts VALUES (7, 'planned', '', {ROWS})");
    psql(&url, &count).expect("written");
    let change = async |round: u64| {
        let letters = (1..=3).map(|number| i64::try_from(10 * round + number).expect("small"));
        let changes: Vec<_> = letters.map(|letter| ItemChange::to(letter, ItemState::Released, "")).collect();
        ledger.change_plan_items(7, None, &changes).await.expect("changed");
    };
    assert_reads_few_entries(&url, "plan_items_pkey", change).await;
}

/// Blocks of an index that were read, from memory or from the disk.
fn blocks(url: &str, index: &str) -> u64 {
    let read = format!(
        "SELECT idx_blks_read + idx_blks_hit FROM pg_statio_user_indexes WHERE indexrelname = '{index}'"
    );
    psql(url, &read).expect("read").trim().parse().expect("a number")
}

/// A page that begins far behind the newest row starts there. The server does not count index entries that a scan skips, but it counts
/// their blocks.
#[tokio::test]
async fn a_late_page_skips_the_earlier_part_of_the_index() {
    let (url, ledger) = opened().await;
    fill(&url, "audit (connection, at, actor, action, subject)", &format!("{ONE}, n, 'ann', 'act', ''"));
    let letter = format!(
        "('10000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, {ONE}, 'refused', 'cause', 1, n, 'open', 'g'"
    );
    fill(
        &url,
        "dead_letters (event_id, connection, class, cause, attempts, died_at, state, group_key)",
        &letter,
    );
    let micros = |at| Timestamp::from_microsecond(at).expect("a time");
    let after = Some((micros(50), i64::MAX));
    let lines = AuditFilter { after, limit: 20, ..AuditFilter::default() };
    let letters = DeadLetterFilter { after, limit: 20, ..DeadLetterFilter::default() };
    let before = ["audit_at", "dead_letters_by_time_and_id"].map(|index| (index, blocks(&url, index)));
    assert_reads_few_entries(&url, "audit_at", async |_| {
        assert_eq!(ledger.audit_lines(&lines).await.expect("read").len(), 20);
    })
    .await;
    assert_reads_few_entries(&url, "dead_letters_by_time_and_id", async |_| {
        assert!(ledger.dead_letters(&letters).await.expect("read").is_empty(), "they have no events");
    })
    .await;
    for (index, before) in before {
        let read = blocks(&url, index) - before;
        assert!(read < ROUNDS * 10, "{ROUNDS} pages read {read} blocks of {index}");
    }
}
