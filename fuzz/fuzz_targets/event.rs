//! The reader of events: any bytes are read or refused, a check says the same, and what is stored of them holds no key.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use segment::{Outline, ReadOptions};

fuzz_target!(|json: &[u8]| {
    let read = segment::read(json, Timestamp::UNIX_EPOCH);
    let outline = Outline::of(json, &ReadOptions::default());
    let checked = segment::check(json, Timestamp::UNIX_EPOCH);
    assert_eq!(checked.is_ok(), read.is_ok());
    if let (Ok(event), Ok(checked)) = (read, checked) {
        assert_eq!(outline.message_id, event.message_id);
        assert_eq!((checked.bulk, checked.has_message_id), (event.bulk, event.message_id.is_some()));
    }
    if let Ok(clean) = segment::without_key(json, "public.secretsecret") {
        assert!(!String::from_utf8_lossy(&clean).contains("secretsecret"));
    }
});
