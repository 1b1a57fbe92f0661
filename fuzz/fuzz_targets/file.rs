//! Files: any bytes, read in pieces of any length, have an answer, and what is read is JSON. `read_whole` checks the rest.
#![no_main]

use files::{Form, Options, read_whole};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u16, &[u8])| {
    let (choice, piece, bytes) = input;
    let options = Options {
        audience: (choice & 1 > 0).then(|| "audience".to_owned()),
        trait_name: (choice & 2 > 0).then(|| "trait".to_owned()),
        form: [None, Some(Form::Events), Some(Form::Export)][usize::from(choice >> 2) % 3],
        ..Options::default()
    };
    drop(read_whole(bytes, &options, piece.into()));
});
