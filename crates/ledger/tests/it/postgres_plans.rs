//! Plans of statements on Postgres, where what it knows of a table is out of date.

use std::time::Duration;

use identity::Digest;
use ledger::Graphs as _;
use testbed::postgres::psql;

use super::postgres_server::{ONE, digest, open, url};

/// Digests that are there and asked for by nobody.
const OTHERS: u64 = 20_000;
/// How often a batch is gathered.
const BATCHES: u64 = 10;

/// Scans of the index of digests, and the entries that they read.
fn scanned(url: &str) -> (u64, u64) {
    let read =
        "SELECT idx_scan, idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'graph_digests_pkey'";
    let row = psql(url, read).expect("read");
    let (scans, entries) = row.trim().split_once('|').expect("two columns");
    (scans.parse().expect("a number"), entries.parse().expect("a number"))
}

fn add(url: &str, numbers: std::ops::RangeInclusive<u64>) {
    let (first, last) = (numbers.start(), numbers.end());
    let rows = format!(
        "INSERT INTO graph_digests (connection, digest, graph)
         SELECT {ONE}, sha256(n::text::bytea), n FROM generate_series({first}, {last}) AS n"
    );
    psql(url, &rows).expect("written");
}

/// A table of a new installation grows from nothing to millions of rows before Postgres looks at it again.
#[tokio::test]
async fn a_batch_reads_what_it_names_however_small_the_table_seemed() {
    let url = url();
    let ledger = open(&url).await;
    add(&url, 1..=4);
    psql(&url, "ANALYZE graph_digests").expect("analysed");
    let asked: Vec<Digest> = (1..=100).map(digest).collect();
    ledger.gather(ONE, &asked, &[]).await.expect("gathered");
    add(&url, 5..=OTHERS);
    let before = scanned(&url);
    for _ in 0..BATCHES {
        ledger.gather(ONE, &asked, &[]).await.expect("gathered");
    }
    // A server process reports what it has read within a second or so.
    let mut after = scanned(&url);
    for _ in 0..100 {
        if after.0 >= before.0 + BATCHES {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        after = scanned(&url);
    }
    assert!(after.0 >= before.0 + BATCHES, "it has scanned: {before:?}, {after:?}");
    let entries = after.1 - before.1;
    assert!(entries < OTHERS, "{BATCHES} batches of {} digests read {entries} of the others", asked.len());
}
