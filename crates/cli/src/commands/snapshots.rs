//! Output for people on terminals of 80 and of 120 columns, as snapshots. `INSTA_UPDATE=always` writes them again.

use jiff::Timestamp;
use ledger::{AttemptView, DeadLetterState, DeadLetterView};
use uuid::Uuid;

use service::failure::Failure;
use service::operator::events::EventRow;
use service::output::Output;
use service::output::captured::captured;

/// The output on a terminal of this width.
pub(super) fn shown(width: usize, show: impl FnOnce(&mut Output) -> Result<(), Failure>) -> String {
    captured(false, Some(width), show).unwrap()
}

/// Whether the first table fits. An id that is copied is never cut.
pub(super) fn fits(text: &str, width: usize) -> bool {
    text.lines().take_while(|line| !line.is_empty()).all(|line| line.chars().count() <= width)
}

/// A time, in seconds from a fixed one.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn event(number: u128) -> Uuid {
    Uuid::from_u128(0x0193_b5c0_0000_7000_8000_0000_0000_0000 + number)
}

fn events() -> Vec<EventRow> {
    let row = |number: u128, state, reason: Option<&str>| EventRow {
        event_id: event(number),
        message_id: Some(format!("api-2MZ0B6Xf4bGxyz-{number}")),
        kind: "identify".to_owned(),
        connection: "shop-in-another-country".to_owned(),
        received_at: at(-300),
        state,
        reason: reason.map(str::to_owned),
        affiliate_code: Some("a3y7".to_owned()),
        affiliate_id: Some(37_569_297),
        attempts: Vec::new(),
        dead_letter_id: None,
        cause: None,
        waiting_for: None,
    };
    let attempt = |seconds, http_status, class: &str, message: &str| AttemptView {
        at: at(seconds),
        operation: "edit".to_owned(),
        http_status: Some(http_status),
        class: class.to_owned(),
        request: None,
        message: message.to_owned(),
    };
    let dead = EventRow {
        attempts: vec![
            attempt(-250, 500, "unavailable", "Internal server error"),
            attempt(-200, 422, "refused", "X is not a allowed value for field phone"),
        ],
        dead_letter_id: Some(17),
        cause: Some("X is not a allowed value for field phone".to_owned()),
        ..row(1, "dead", Some("refused"))
    };
    let waiting = EventRow {
        waiting_for: Some("a name, which Refersion requires for a new affiliate".to_owned()),
        affiliate_id: None,
        ..row(2, "remembered", Some("nothing_said"))
    };
    vec![dead, waiting]
}

#[test]
fn events_fit_a_terminal_of_80_and_of_120_columns() {
    for width in [80, 120] {
        let text = shown(width, |output| super::events::show(&events(), at(0), output));
        assert!(fits(&text, width), "{text}");
        insta::assert_snapshot!(format!("events_at_{width}"), text);
    }
}

#[test]
fn dead_letters_fit_a_terminal_of_80_and_of_120_columns() {
    let letter = |id, class: &str, cause: &str| DeadLetterView {
        repeats: 0,
        id,
        event: event(1),
        connection: 1,
        class: class.to_owned(),
        cause: cause.to_owned(),
        http_status: Some(422),
        field: Some("custom:1234".to_owned()),
        attempts: 3,
        died_at: at(-4_000),
        state: DeadLetterState::Open,
        payload: None,
        received_at: at(-5_000),
        audience: None,
        group: None,
        mender: None,
        revision: 0,
        discarded: None,
        resolved_by: None,
    };
    let letters = [
        letter(117, "refused", "Refersion takes no value for this custom field, and says no more"),
        letter(9, "too_many_identifiers", "the event links more identifiers than a person may have"),
    ];
    for width in [80, 120] {
        let text = shown(width, |output| super::dead_letters::show_for_test(&letters, at(0), output));
        assert!(fits(&text, width), "{text}");
        insta::assert_snapshot!(format!("dead_letters_at_{width}"), text);
    }
}
