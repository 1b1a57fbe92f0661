//! The meaning of each bit of the flags, for the writer and the reader.

/// Of an identifier. The two lowest bits are its kind.
pub(super) mod identifier {
    pub(crate) const KIND: u64 = 0b11;
    pub(crate) const SEALED: u64 = 1 << 2;
    pub(crate) const STATED_AT: u64 = 1 << 3;
    pub(crate) const EXISTED: u64 = 1 << 4;
    pub(crate) const SEARCHED_AT: u64 = 1 << 5;
    pub(crate) const NAMED: u64 = 1 << 6;
    pub(crate) const REFUSED: u64 = 1 << 7;
    pub(crate) const MAY_APPEAR: u64 = 1 << 8;
    pub(crate) const SHARED: u64 = 1 << 9;
    pub(crate) const APART: u64 = 1 << 10;
    pub(crate) const INHERITED: u64 = 1 << 11;
    pub(crate) const REFUSED_AT: u64 = 1 << 12;
    pub(crate) const ALL: u64 = (1 << 13) - 1;
}

/// Of a claim: the classes that occur, and whether traits follow that were stated beside the address.
pub(super) mod claim {
    pub(crate) const ORDINARY: u64 = 1;
    pub(crate) const ENGAGE: u64 = 1 << 1;
    pub(crate) const SHAPE: u64 = 1 << 2;
    pub(crate) const BESIDE: u64 = 1 << 3;
    pub(crate) const ALL: u64 = (1 << 4) - 1;
}

/// Of an affiliate. The three lowest bits are its status, 0 where it is not known.
pub(super) mod affiliate {
    pub(crate) const STATUS: u64 = 0b111;
    pub(crate) const ID: u64 = 1 << 3;
    pub(crate) const CODE: u64 = 1 << 4;
    pub(crate) const FOUND: u64 = 1 << 5;
    pub(crate) const GONE: u64 = 1 << 6;
    pub(crate) const ADDRESS_UNKNOWN: u64 = 1 << 7;
    pub(crate) const DISABLED_BY_US: u64 = 1 << 8;
    pub(crate) const WAS_ACTIVE: u64 = 1 << 9;
    pub(crate) const SCRUBBED: u64 = 1 << 10;
    pub(crate) const PAYEE: u64 = 1 << 11;
    pub(crate) const HELD_SINCE: u64 = 1 << 12;
    pub(crate) const STUCK: u64 = 1 << 13;
    pub(crate) const ALL: u64 = (1 << 14) - 1;
}

/// Of an event. The two lowest bits are its state, the two after them the call that sent a part of it.
pub(super) mod event {
    pub(crate) const STATE: u64 = 0b11;
    pub(crate) const SENT_BY: u64 = 0b11 << 2;
    pub(crate) const SENT_BY_EDIT: u64 = 1 << 2;
    pub(crate) const SENT_BY_CREATE: u64 = 2 << 2;
    pub(crate) const BULK: u64 = 1 << 4;
    pub(crate) const DELETE: u64 = 1 << 5;
    pub(crate) const ADDRESS: u64 = 1 << 6;
    pub(crate) const UNUSABLE: u64 = 1 << 7;
    pub(crate) const UNMATCHED: u64 = 1 << 8;
    pub(crate) const REFUSED_KEY: u64 = 1 << 9;
    pub(crate) const ALL: u64 = (1 << 10) - 1;
}

/// Of a trait whose stamp has a mark. Form 1 has the text of the refusal alone, and no flags.
pub(super) mod refusal {
    pub(crate) const REFUSED: u64 = 1;
    pub(crate) const BLAME: u64 = 1 << 1;
    pub(crate) const ALL: u64 = (1 << 2) - 1;
}
