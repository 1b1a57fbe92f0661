//! Durations by class of dead letters.

use std::collections::BTreeMap;
use std::time::Duration;

use ledger::selector::CLASSES;

use super::settings::Raw;
use super::value::Setting;

/// Durations by class of dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByClass(pub BTreeMap<String, Duration>);

impl Setting for ByClass {
    const WANTED: &'static str = "classes of dead letters with durations, like refused=30d,gone=7d, or empty";

    fn read(raw: &Raw) -> Option<Self> {
        let parts = raw.as_text()?.split(',').map(str::trim).filter(|part| !part.is_empty());
        let pair = |part: &str| {
            let (class, kept) = part.split_once('=')?;
            let class = class.trim();
            let text = kept.trim().to_owned();
            let kept = Duration::read(&Raw { text, form: raw.form })?;
            CLASSES.contains(&class).then(|| (class.to_owned(), kept))
        };
        parts.map(pair).collect::<Option<_>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::Form;

    fn read(text: &str) -> Option<ByClass> {
        ByClass::read(&Raw { text: text.to_owned(), form: Form::Text })
    }

    #[test]
    fn classes_have_durations() {
        let read = |text| read(text).map(|ByClass(all)| all.into_iter().collect::<Vec<_>>());
        let days = |days: u64| Duration::from_secs(days * 86_400);
        let expected = vec![("gone".to_owned(), days(7)), ("refused".to_owned(), days(30))];
        assert_eq!(read("refused=30d, gone = 7d,"), Some(expected));
        assert_eq!(read(""), Some(Vec::new()));
        for wrong in ["refused", "refused=30", "nonsense=30d", "=30d", "refused=0d"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
