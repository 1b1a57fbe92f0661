//! Records values that the bounds of a graph refuse: as a dead letter that names the trait and the limit.

use identity::bounds::{Bound, Bounds, Refused, Shed};
use identity::eligibility::CUSTOM;
use jiff::Timestamp;
use ledger::{Changes, DeadLetter, OrphanedDeadLetter, Outcome, State};
use tracing::warn;

/// The class of dead letters of values that exceed a bound.
pub(crate) const TOO_LARGE: &str = "too_large";

/// Maximum length of a trait's name that is shown.
const MAX_SHOWN_CHARS: usize = 64;

/// The name of a trait as an operator may see it; `None` if it may be personal: some sources name traits by addresses or ids.
pub(crate) fn shown(key: &str) -> Option<&str> {
    let name = key.strip_prefix(CUSTOM).unwrap_or(key);
    let digits = name.chars().filter(char::is_ascii_digit).count();
    let is_plain = !name.contains('@') && digits * 2 <= name.len() && name.chars().count() <= MAX_SHOWN_CHARS;
    is_plain.then_some(name)
}

/// Makes events with a value that a bound refused dead letters.
pub(crate) fn note_refused(changes: &mut Changes, shed: Shed, now: Timestamp) {
    if shed.values > 0 {
        warn!(
            connection_id = changes.connection,
            values = shed.values,
            events = shed.refused.len(),
            "values of one person exceed the bounds of a graph and were refused"
        );
    }
    for refused in shed.refused {
        changes.outcomes.push(Outcome {
            event: refused.event,
            number: refused.number,
            state: State::Dead,
            reason: Some(TOO_LARGE.to_owned()),
            affiliate: None,
            at: now,
        });
        changes.orphans.push(OrphanedDeadLetter {
            event: refused.event,
            named: refused.named.clone(),
            stated_at: refused.stated_at,
        });
        changes.dead_letters.push(letter(&refused, now));
    }
}

fn letter(refused: &Refused, now: Timestamp) -> DeadLetter {
    let key = refused.key.as_deref().and_then(shown);
    DeadLetter {
        event: refused.event,
        class: TOO_LARGE.to_owned(),
        cause: cause(refused),
        http_status: None,
        field: key.map(ToOwned::to_owned),
        attempts: 0,
        died_at: now,
        person: refused.named.first().copied(),
    }
}

fn cause(refused: &Refused) -> String {
    let Bounds { unmapped_traits, bytes, events } = Bounds::STANDARD;
    let limit = match refused.bound {
        Bound::UnmappedTraits => format!("more than {unmapped_traits} traits that no setting maps"),
        Bound::Bytes => format!("more than {bytes} bytes"),
        Bound::Events => {
            return format!(
                "more than {events} events of one person have not come to rest; what this one says is kept: discard it"
            );
        }
    };
    let key =
        refused.key.as_deref().and_then(shown).map_or_else(String::new, |key| format!(", first \"{key}\""));
    let values =
        if refused.values == 1 { "1 value".to_owned() } else { format!("{} values", refused.values) };
    format!(
        "{values} of this event were refused{key}, because one person has {limit}; the rest of the event was taken: correct \
         the source that makes up traits, or map those that you need, then replay"
    )
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_trait_name_that_looks_like_an_address_or_an_id_is_not_shown() {
        assert_eq!(shown("trait:plan"), Some("plan"));
        assert_eq!(shown("address.city"), Some("address.city"));
        for key in ["trait:ann@example.com", "trait:4111111111111111", &"x".repeat(65)] {
            assert_eq!(shown(key), None, "{key}");
        }
    }
}
