//! The bodies of the Tracking API: any bytes become events within the limits, none of them a delete, or are refused.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use segment::Body;
use segment::tracking::{Call, MAX_EVENTS, MAX_MERGED_BYTES, Tracking, readable};

fuzz_target!(|body: &[u8]| {
    let body = readable(body);
    let Ok(request) = Tracking::parse(&body) else { return };
    for call in [Call::Batch, Call::Single("identify")] {
        let Ok(events) = request.events(call, Timestamp::UNIX_EPOCH) else { continue };
        let Ok(events) = events.collect::<Result<Vec<_>, _>>() else { continue };
        assert!(events.len() <= MAX_EVENTS);
        assert!(events.iter().map(String::len).sum::<usize>() <= MAX_MERGED_BYTES);
        for event in events {
            let read = segment::read(event.as_bytes(), Timestamp::UNIX_EPOCH);
            assert!(!read.is_ok_and(|event| matches!(event.body, Body::Delete(_))), "{event}");
        }
    }
});
