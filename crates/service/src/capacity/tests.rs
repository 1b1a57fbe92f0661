//! The promises about room.

use super::*;

const GIB: u64 = 1 << 30;

fn limits() -> Limits {
    let letters = KeptLetters { number: 100, bytes: 1_000 };
    Limits { ledger_bytes: Some(10 * GIB), min_free: GIB, letters }
}

fn measured() -> Measured {
    Measured { ledger_bytes: GIB, free_bytes: Some(50 * GIB), connections: 2, ..Measured::default() }
}

fn decided(measured: &Measured, before: &Refusals) -> Refusals {
    decide(&limits(), measured, before)
}

#[test]
fn a_nearly_full_ledger_or_disk_refuses_every_connection() {
    let nobody = Refusals::default();
    assert_eq!(decided(&measured(), &nobody), nobody);
    let full = Measured { ledger_bytes: 10 * GIB, ..measured() };
    assert_eq!(decided(&full, &nobody).everyone, Some(Reason::Ledger));
    let disk = Measured { free_bytes: Some(GIB - 1), ..measured() };
    assert_eq!(decided(&disk, &nobody).everyone, Some(Reason::Disk));
    let elsewhere = Measured { free_bytes: None, ledger_bytes: 100 * GIB, ..measured() };
    assert_eq!(decide(&Limits { ledger_bytes: None, ..limits() }, &elsewhere, &nobody), nobody);
}

#[test]
fn events_are_accepted_again_below_the_limit() {
    let full = |bytes| Measured { ledger_bytes: bytes, ..measured() };
    let refused = decided(&full(10 * GIB), &Refusals::default());
    let just_below = full(10 * GIB - 1);
    assert_eq!(decided(&just_below, &refused).everyone, Some(Reason::Ledger));
    assert_eq!(decided(&just_below, &Refusals::default()).everyone, None);
    assert_eq!(decided(&full(9 * GIB), &refused), Refusals::default());
    let disk = |bytes| Measured { free_bytes: Some(bytes), ..measured() };
    let refused = decided(&disk(GIB - 1), &Refusals::default());
    assert_eq!(decided(&disk(GIB), &refused).everyone, Some(Reason::Disk));
    assert_eq!(decided(&disk(2 * GIB), &refused).everyone, None);
}

#[test]
fn too_many_dead_letters_refuse_only_their_connection() {
    for kept in [KeptLetters { number: 100, bytes: 0 }, KeptLetters { number: 1, bytes: 1_000 }] {
        let letters = [(1, kept), (2, KeptLetters { number: 99, bytes: 999 })].into();
        let refused = decided(&Measured { letters, ..measured() }, &Refusals::default());
        assert_eq!(refused.everyone, None);
        assert_eq!(refused.connections, [(1, Reason::DeadLetters)].into());
    }
}

#[test]
fn the_largest_connection_of_a_nearly_full_ledger_is_refused_first() {
    let full = |ledger_bytes, shares: [(i64, u64); 2]| Measured {
        ledger_bytes,
        shares: shares.into(),
        ..measured()
    };
    let refused = |measured: &Measured| decided(measured, &Refusals::default()).connections;
    assert_eq!(refused(&full(8 * GIB, [(1, 60), (2, 40)])), [(1, Reason::Share)].into());
    assert_eq!(refused(&full(7 * GIB, [(1, 60), (2, 40)])), [].into(), "there is room still");
    assert_eq!(refused(&full(8 * GIB, [(1, 50), (2, 50)])), [].into(), "nobody has more than half");
    let alone = Measured { connections: 1, ..full(8 * GIB, [(1, 60), (2, 0)]) };
    assert_eq!(refused(&alone), [].into(), "there is nobody to leave room for");
}
