//! The audience of an event, by which its dead letter is selected.

use serde::Deserialize;

/// The maximum length of a key; longer keys are not stored.
const MAX_CHARS: usize = 128;

#[derive(Deserialize)]
struct Event {
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    personas: Personas,
}

#[derive(Deserialize)]
struct Personas {
    computation_key: String,
}

/// The key of the audience or computed trait that Engage synced with an event, at the place where Segment writes it
/// (`context.personas.computation_key`); `None` for other events, and for payloads that are not JSON.
pub(crate) fn audience_in(payload: &str) -> Option<String> {
    let event: Event = serde_json::from_str(payload).ok()?;
    let key = event.context.personas.computation_key;
    (!key.is_empty() && key.chars().count() <= MAX_CHARS).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audience_is_the_key_of_the_computation() {
        let with = |context: &str| audience_in(&format!(r#"{{"userId":"u","context":{context}}}"#));
        assert_eq!(with(r#"{"personas":{"computation_key":"vip","space_id":"s"}}"#).as_deref(), Some("vip"));
        for other in ["[]", "{}", r#"{"personas":null}"#, r#"{"personas":{"computation_key":7}}"#] {
            assert_eq!(with(other), None, "{other}");
        }
        assert_eq!(audience_in("no JSON"), None);
    }
}
