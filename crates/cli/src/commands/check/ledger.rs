//! The ledger: reachable, of the right version, with a schema that this program can use, and the rights that it needs.

use jiff::SignedDuration;
use ledger::postgres::{Inspection, PostgresLedger};
use worker::gate::SKEW;

use super::super::files;
use super::Finding;
use service::clock::Clock;
use service::config::{Ledger, LedgerUrl};
use service::engines::files::whole;
use service::engines::presence::Presence;
use service::engines::{self, EngineError};

const NAME: &str = "ledger";

/// The findings, and whether the ledger can be opened without changing anything.
pub(super) async fn look(settings: &Ledger, clock: &Clock) -> (Vec<Finding>, bool) {
    match &settings.url {
        LedgerUrl::Sqlite(path) if Presence::of(path) == Presence::Missing => {
            let found = format!("there is no file {}", whole(path).display());
            (vec![Finding::bad(NAME, found, super::NO_FILE)], false)
        }
        LedgerUrl::Sqlite(path) => match files::damage(path.clone(), super::LOOK_WITHIN).await {
            Some(why) => {
                let found = format!("SQLite, {} is damaged: {why}", path.display());
                (vec![Finding::bad(NAME, found, files::MEND_LEDGER)], false)
            }
            None => match engines::must_be_begun(&settings.url).await {
                Ok(()) => (vec![Finding::ok(NAME, format!("SQLite, {}", path.display()))], true),
                Err(error @ EngineError::NoInstallation { .. }) => {
                    (vec![Finding::note(NAME, error.to_string(), "the next start creates it")], false)
                }
                Err(error) => (vec![Finding::failed(NAME, &error)], false),
            },
        },
        LedgerUrl::Postgres(url) => match PostgresLedger::inspect(url.reveal(), clock.as_ref()).await {
            Ok(found) => (findings(&found), found.schema == found.known_schema && found.refused.is_none()),
            Err(error) => (vec![Finding::failed(NAME, &EngineError::Database(error))], false),
        },
    }
}

fn findings(found: &Inspection) -> Vec<Finding> {
    let mut findings = vec![server(found), rights(found), schema(found)];
    if !found.is_durable {
        let hint = "set fsync and full_page_writes on: without them a power cut loses accepted events";
        findings.push(Finding::note("ledger, durability", "fsync or full_page_writes is off", hint));
    }
    // The clocks of two workers may differ by `SKEW`, so each may be off by half of it.
    if found.clock_ahead.unsigned_abs() > SKEW / 2 {
        findings.push(clocks(found.clock_ahead));
    }
    findings
}

fn server(found: &Inspection) -> Finding {
    let server = format!("Postgres {}", found.server);
    if !found.server_is_new_enough {
        return Finding::bad(NAME, server, "use Postgres 14 or newer");
    }
    if found.is_standby {
        return Finding::bad(NAME, format!("{server}, a standby"), "point ledger.url at the primary");
    }
    Finding::ok(NAME, server)
}

fn clocks(ahead: SignedDuration) -> Finding {
    let side = if ahead.is_negative() { "behind" } else { "ahead of" };
    let found = format!("this machine's clock is {:.1} s {side} the database's", ahead.abs().as_secs_f64());
    let hint = "synchronize both with a time server (NTP): a worker takes over from another one by the time of its clock";
    Finding::bad("ledger, clock", found, hint)
}

fn rights(found: &Inspection) -> Finding {
    const NAME: &str = "ledger, permissions";
    match (found.may_create, found.owns_tables) {
        (true, true) => Finding::ok(NAME, "the role can create tables and owns the existing ones"),
        (false, _) => {
            let hint = "make the role the owner of its database: ALTER DATABASE … OWNER TO …";
            Finding::bad(NAME, "the role cannot create tables in its schema", hint)
        }
        (true, false) => {
            let hint = "make it their owner (ALTER TABLE … OWNER TO …): it creates and drops a partition for each week";
            Finding::bad(NAME, "the role does not own some of the existing tables", hint)
        }
    }
}

fn schema(found: &Inspection) -> Finding {
    const NAME: &str = "ledger, schema";
    let steps = format!("step {} of {}", found.schema, found.known_schema);
    match &found.refused {
        Some(why) => Finding::bad(
            NAME,
            why.clone(),
            "install the newest version, or set ledger.url to another database",
        ),
        None if found.schema < found.known_schema => {
            Finding::note(NAME, steps, "the next start updates it; `migrate` does so in advance")
        }
        None => Finding::ok(NAME, steps),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn well() -> Inspection {
        Inspection {
            server: "17.2".to_owned(),
            server_is_new_enough: true,
            is_standby: false,
            is_durable: true,
            clock_ahead: SignedDuration::from_millis(-300),
            may_create: true,
            owns_tables: true,
            schema: 5,
            known_schema: 5,
            refused: None,
        }
    }

    fn worst(found: &Inspection) -> Verdict {
        let verdicts = findings(found).into_iter().map(|finding| finding.verdict);
        verdicts.max_by_key(|verdict| *verdict as u8).unwrap()
    }

    #[test]
    fn each_problem_of_a_database_is_reported() {
        assert_eq!(worst(&well()), Verdict::Ok);
        for bad in [
            Inspection { server_is_new_enough: false, ..well() },
            Inspection { is_standby: true, ..well() },
            Inspection { clock_ahead: SignedDuration::from_secs(-2), ..well() },
            Inspection { may_create: false, ..well() },
            Inspection { owns_tables: false, ..well() },
            Inspection { refused: Some("too new".to_owned()), ..well() },
        ] {
            assert_eq!(worst(&bad), Verdict::Bad, "{bad:?}");
        }
        for note in [Inspection { schema: 0, ..well() }, Inspection { is_durable: false, ..well() }] {
            assert_eq!(worst(&note), Verdict::Note, "{note:?}");
        }
    }
}
