//! Whether a text looks like a state or region.
//!
//! `state` among the traits is often the state of something else, such as a subscription, an order or a sign-up.

/// Names and codes of the United States, in lower case.
const UNITED_STATES: &str = "|al|ak|az|ar|ca|co|ct|de|dc|fl|ga|hi|id|il|in|ia|ks|ky|la|me|md|ma|mi|mn|ms|mo|mt|ne|nv|nh|nj|nm|\
    ny|nc|nd|oh|ok|or|pa|ri|sc|sd|tn|tx|ut|vt|va|wa|wv|wi|wy|as|gu|mp|pr|vi|\
    alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|district of columbia|florida|georgia|hawaii|\
    idaho|illinois|indiana|iowa|kansas|kentucky|louisiana|maine|maryland|massachusetts|michigan|minnesota|mississippi|\
    missouri|montana|nebraska|nevada|new hampshire|new jersey|new mexico|new york|north carolina|north dakota|ohio|\
    oklahoma|oregon|pennsylvania|rhode island|south carolina|south dakota|tennessee|texas|utah|vermont|virginia|\
    washington|west virginia|wisconsin|wyoming|american samoa|guam|northern mariana islands|puerto rico|";

/// States of other things, in lower case.
const OTHER_STATES: &str = "|active|activated|approved|archived|banned|blocked|bounced|canceled|cancelled|churned|closed|\
    cold|complete|completed|confirmed|customer|deactivated|declined|deleted|demo|disabled|done|dormant|draft|enabled|engaged|\
    error|expired|failed|false|finished|free|fulfilled|hot|idle|inactive|incomplete|initial|invited|lapsed|lead|live|lost|\
    member|new|none|null|off|offline|on hold|onboarded|onboarding|online|open|opted in|opted out|ordered|paid|past due|paused|\
    pending|premium|processing|prospect|qualified|ready|registered|rejected|resolved|running|shipped|signed up|started|\
    stopped|subscribed|success|suspended|test|trial|trialing|true|unconfirmed|undefined|unknown|unpaid|unqualified|\
    unsubscribed|unverified|user|verified|visitor|vip|waiting|warm|won|";

/// The longest text that is accepted as the name of a state, in characters.
const MAX_CHARS: usize = 60;

/// Whether a text looks like a state: a state of the United States, a short code in capital letters, or a name that begins
/// with one and is not known as a state of something else.
pub(super) fn looks_like_one(text: &str) -> bool {
    let lower = text.to_lowercase();
    if is_in(UNITED_STATES, &lower) {
        return true;
    }
    let is_of_a_name = |c: char| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '’' | '.' | '(' | ')');
    let begins_a_name = |c: char| c.is_alphabetic() && !c.is_lowercase();
    text.chars().count() <= MAX_CHARS
        && text.chars().all(is_of_a_name)
        && text.chars().next().is_some_and(begins_a_name)
        && !is_in(OTHER_STATES, &lower)
}

fn is_in(list: &str, word: &str) -> bool {
    !word.contains('|') && list.contains(&format!("|{word}|"))
}

#[cfg(test)]
mod tests {
    use super::looks_like_one;

    #[test]
    fn states_and_regions_are_recognized() {
        for state in [
            "CA",
            "ca",
            "california",
            "New York",
            "Bayern",
            "NSW",
            "Île-de-France",
            "東京都",
            "St. Gallen",
            "BC",
        ] {
            assert!(looks_like_one(state), "{state}");
        }
    }

    #[test]
    fn states_of_other_things_are_not_recognized() {
        for state in [
            "trialing",
            "Active",
            "PENDING",
            "past_due",
            "step 2",
            "onboarding",
            "5",
            "qualified",
            "",
            "Paused",
            "new",
        ] {
            assert!(!looks_like_one(state), "{state}");
        }
    }
}
