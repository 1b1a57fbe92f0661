//! What waits for operators: open dead letters, and notifications that could not be delivered.

use ledger::{DeadLetterFilter, DeadLetterState, Outbox};

use super::Finding;
use service::config::Config;
use service::engines::Engines;
use service::failure::Failure;

const NOTIFICATIONS: &str = "notifications";

/// Both are only noted: the program works while they wait.
pub(super) async fn look(engines: &Engines, config: &Config) -> Result<Vec<Finding>, Failure> {
    let open = DeadLetterFilter { states: Some(vec![DeadLetterState::Open]), ..DeadLetterFilter::default() };
    let open = engines.dead_letters.count_dead_letters(&open).await?;
    let outbox = engines.notifications.outbox().await?;
    Ok(vec![letters(open), notifications(&outbox, config.notifications.url.is_some())])
}

fn letters(open: u64) -> Finding {
    const NAME: &str = "dead letters";
    match open {
        0 => Finding::ok(NAME, "none is open"),
        _ => Finding::note(NAME, format!("{open} open"), "`dead-letters groups` shows them by cause"),
    }
}

fn notifications(outbox: &Outbox, has_url: bool) -> Finding {
    let Outbox { waiting, failed, error, .. } = outbox;
    let undelivered = format!("{waiting} wait, {failed} were given up");
    match (has_url, error) {
        (false, _) if *waiting == 0 => Finding::ok(NOTIFICATIONS, "off: notifications.url is not set"),
        (false, _) => {
            let hint = "set notifications.url in every process, or unset it in every process";
            Finding::note(NOTIFICATIONS, format!("notifications.url is not set here; {undelivered}"), hint)
        }
        (true, None) => Finding::ok(NOTIFICATIONS, format!("on; {undelivered}")),
        (true, Some(error)) => {
            let hint = "check notifications.url and its receiver";
            Finding::note(NOTIFICATIONS, format!("cannot be delivered: {error}; {undelivered}"), hint)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn what_waits_for_operators_is_noted_and_nothing_to_correct() {
        assert_eq!(letters(0).verdict, Verdict::Ok);
        assert_eq!(letters(3).verdict, Verdict::Note);
        let failing = Outbox {
            waiting: 2,
            failed: 1,
            error: Some("the receiver answered 500".to_owned()),
            ..Outbox::default()
        };
        assert_eq!(notifications(&Outbox::default(), false).found, "off: notifications.url is not set");
        assert_eq!(notifications(&Outbox::default(), true).found, "on; 0 wait, 0 were given up");
        let finding = notifications(&failing, true);
        assert_eq!(finding.verdict, Verdict::Note);
        assert_eq!(finding.found, "cannot be delivered: the receiver answered 500; 2 wait, 1 were given up");
        assert_eq!(notifications(&failing, false).verdict, Verdict::Note);
    }
}
