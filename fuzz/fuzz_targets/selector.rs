//! Selectors of dead letters and of the audit: any text is read or refused, and what was read is read again from how it is written.
#![no_main]

use jiff::Timestamp;
use ledger::{AuditSelector, Selector};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let now = Timestamp::UNIX_EPOCH;
    if let Ok(selector) = Selector::parse(text) {
        let again = Selector::parse(&selector.to_string()).expect("it was written by the parser's own rules");
        assert_eq!(selector, again);
    }
    if let Ok(selector) = AuditSelector::parse(text, now) {
        AuditSelector::parse(&selector.to_string(), now).expect("it was written by the parser's own rules");
    }
});
