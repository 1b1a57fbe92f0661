//! Repairs: any event and any patch, divided by the first line break, are applied or refused, and the message stays the same.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use repair::{Patch, Rules};

fuzz_target!(|text: &str| {
    let (payload, patch) = text.split_once('\n').unwrap_or((text, "[]"));
    let rules = Rules::default();
    let patched = Patch::parse(patch).and_then(|it| repair::patch(payload, &it, Timestamp::UNIX_EPOCH, &rules));
    let edited = repair::edit(payload, patch, Timestamp::UNIX_EPOCH, &rules);
    for repaired in [patched, edited].into_iter().flatten() {
        let after = segment::read(repaired.payload.as_bytes(), Timestamp::UNIX_EPOCH).expect("it was validated");
        if let Ok(before) = segment::read(payload.as_bytes(), Timestamp::UNIX_EPOCH) {
            assert_eq!(before.message_key, after.message_key);
        }
    }
});
