//! The output of `audiences` on terminals of 80 and of 120 columns, as snapshots.

use super::show;
use crate::commands::snapshots::{at, fits, shown};
use service::operator::audiences::{AtSegment, LastVerify, List, Rejected, Row};

fn row(audience: &str, connection: &str) -> Row {
    Row {
        connection: connection.to_owned(),
        audience: audience.to_owned(),
        class: Some("audience".to_owned()),
        space_id: Some("spa_1".to_owned()),
        segment_id: Some("aud_1".to_owned()),
        mapped_to: vec!["custom field 7".to_owned()],
        members: 120_340,
        left: 1_204,
        affiliates: 9_871,
        match_rate: Some(9_871.0 / 120_340.0),
        held: 8_200,
        delivered: 8_900,
        waiting: 1_671,
        refused: 3,
        rejected: None,
        progress: Some(8_900.0 / 10_571.0),
        waiting_for_create: 120,
        eta_seconds: Some(340),
        first_seen: at(-90_000),
        last_change: Some(at(-42)),
        counting: false,
        segment: None,
        verified: None,
        rate: Some(5.0),
    }
}

/// An audience that is not sent, so that Refersion knows nothing of it.
fn unmapped() -> Row {
    Row {
        class: None,
        mapped_to: Vec::new(),
        affiliates: 0,
        match_rate: None,
        held: 0,
        delivered: 0,
        waiting: 0,
        waiting_for_create: 0,
        refused: 0,
        progress: None,
        eta_seconds: None,
        last_change: None,
        counting: true,
        verified: Some(None),
        rate: None,
        ..row("a_rather_long_audience_that_nobody_maps", "shop-in-another-country")
    }
}

#[test]
fn audiences_fit_a_terminal_of_80_and_of_120_columns() {
    let list = || List {
        audiences: vec![row("first_time_shopper", "shop"), unmapped()],
        beyond_the_limit: vec!["shop".to_owned()],
        limit: 1_000,
    };
    for width in [80, 120] {
        let text = shown(width, |output| show::list(&list(), at(0), output));
        assert!(fits(&text, width), "{text}");
        insta::assert_snapshot!(format!("audiences_at_{width}"), text);
    }
}

#[test]
fn one_audience_is_shown_with_its_comparison_segment_and_rejections() {
    let segment = AtSegment {
        members: Some(125_000),
        status: Some("Live".to_owned()),
        enabled: Some(true),
        not_arrived: Some(4_660),
        eta_seconds: Some(420),
        asked_at: Some(at(-12)),
        error: None,
    };
    let rejected = Rejected {
        class: "refused".to_owned(),
        field: Some("custom:7".to_owned()),
        cause: "X is not a allowed value for field custom_fields".to_owned(),
        dead_letters: 3,
    };
    let last = LastVerify { at: at(-7_200), compared: 9_871, drifted: 12, repair: true, complete: false };
    let full = Row {
        segment: Some(segment),
        rejected: Some(vec![rejected]),
        verified: Some(Some(last)),
        ..row("first_time_shopper", "shop")
    };
    for width in [80, 120] {
        insta::assert_snapshot!(
            format!("audience_at_{width}"),
            shown(width, |output| show::one(&full, at(0), output))
        );
    }
    insta::assert_snapshot!(
        "audience_that_is_not_sent",
        shown(80, |output| show::one(&unmapped(), at(0), output))
    );
}
