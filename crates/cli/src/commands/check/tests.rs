//! The output of `check`, at the widths of a small and of a usual terminal.

use ::connections::{Connection, Settings, State};

use super::*;
use crate::commands::snapshots::{at, fits, shown};
use service::config::Proxy;

/// An active connection whose custom field Refersion refuses.
fn with_a_suspended_field() -> Connection {
    let mut settings = Settings::default();
    settings.custom_fields.insert("vip".to_owned(), 8);
    settings.suspend(8, "the affiliate was not changed, and no reason was given", at(-3_600));
    Connection {
        id: 1,
        name: "shop".parse().unwrap(),
        settings,
        settings_version: 2,
        resumes: 0,
        state: State::Active,
        paused_since: None,
        paused_because: None,
        learned_rate: None,
        asked_to_wait_until: None,
        created_at: at(-9_000),
        write_key: "wk_0193b5c00000".to_owned(),
    }
}

fn findings() -> Vec<Finding> {
    let mut findings = vec![
        Finding::ok("writing", "in /srv/refersion/data"),
        Finding::note("disk", "900 MiB are free", "free some space"),
        Finding::bad("work", "60 events wait in the queue, and no worker is running", "start it"),
    ];
    findings.extend(connections::of_connection(&with_a_suspended_field(), &Proxy::Direct));
    findings
}

#[test]
fn a_check_fits_a_terminal_of_80_and_of_120_columns() {
    for width in [80, 120] {
        let text = shown(width, |output| show(&findings(), output));
        assert!(fits(&text, width), "{text}");
        insta::assert_snapshot!(format!("check_at_{width}"), text);
    }
}

#[test]
fn the_last_line_agrees_with_the_findings() {
    let (well, none) = (Finding::ok("queue", ""), Finding::note("connections", "none", "add one"));
    let bad = Finding::bad("work", "no worker is running", "start it");
    let last = |findings: &[Finding]| {
        shown(80, |output| show(findings, output)).lines().last().unwrap_or_default().to_owned()
    };
    assert_eq!(last(&[well]), "everything is as it should be");
    let noted = [Finding::ok("queue", ""), none];
    assert_eq!(last(&noted), "nothing is BAD; read the notes");
    assert_eq!(last(&[bad]), "correct the lines marked BAD");
}

#[test]
fn a_suspended_field_is_named_with_its_time_and_advice() {
    let [well, field] = &connections::of_connection(&with_a_suspended_field(), &Proxy::Direct)[..] else {
        panic!("two findings")
    };
    assert_eq!((well.verdict, field.verdict), (Verdict::Ok, Verdict::Bad));
    assert_eq!(field.name, "connection shop, custom field 8");
    assert!(field.found.starts_with("not sent since 2027-01-15T07:00:00Z"), "{}", field.found);
    let hint = field.hint.as_deref().unwrap_or_default();
    assert!(hint.contains("connections set shop --no-custom-field vip"), "{hint}");
}
