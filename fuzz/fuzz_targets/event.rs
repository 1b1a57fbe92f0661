//! The reader of events: any bytes are read or refused, and what is stored of them holds no key.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use segment::{Outline, ReadOptions};

fuzz_target!(|json: &[u8]| {
    let read = segment::read(json, Timestamp::UNIX_EPOCH);
    let outline = Outline::of(json, &ReadOptions::default());
    if let Ok(event) = read {
        assert_eq!(outline.message_id, event.message_id);
    }
    if let Ok(clean) = segment::without_key(json, "public.secretsecret") {
        assert!(!String::from_utf8_lossy(&clean).contains("secretsecret"));
    }
});
