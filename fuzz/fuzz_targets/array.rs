//! The arrays of Webhooks destinations: any bytes become at most as many items as allowed, each as it is written, or are refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use segment::array::{MAX_ITEMS, begins_array, items};

fuzz_target!(|body: &[u8]| {
    let Ok(items) = items(body) else { return };
    assert!(begins_array(body) && items.len() <= MAX_ITEMS);
    assert!(items.iter().map(|item| item.get().len()).sum::<usize>() < body.len());
});
