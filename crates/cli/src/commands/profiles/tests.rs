//! The output of `profiles show`, at the widths of a small and of a usual terminal.

use identity::graph::Status;

use super::*;
use crate::commands::snapshots::{at, shown};
use identity::graph::Kind;
use service::operator::profile::{
    AffiliateRow, ClaimRow, IdentifierRow, PersonRow, Profile, SightingRow, TraitRow,
};

fn identifier(kind: Kind, digest: &str, name: Option<&str>, traits: Vec<TraitRow>) -> IdentifierRow {
    IdentifierRow {
        kind,
        digest: digest.to_owned(),
        name: None,
        shown_as: name.map(str::to_owned),
        said_at: Some(at(-300)),
        deleted_at: None,
        refused: None,
        searched_at: None,
        waits_for: None,
        shared_by: None,
        not_linked_with: Vec::new(),
        traits,
    }
}

fn stated(name: &str, value: &str, field: Option<&str>, refused: Option<&str>) -> TraitRow {
    TraitRow {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        said_at: at(-300),
        message: "api-2MZ0B6Xf4bGxyz".to_owned(),
        field: field.map(str::to_owned),
        refused: refused.map(str::to_owned),
    }
}

/// A person whose phone number was refused, and whose flag is still to be sent.
fn peter() -> Profile {
    let traits = vec![
        stated("first_name", "Peter", Some("first_name"), None),
        stated("phone", "X", Some("phone"), Some("X is not a allowed value for field phone")),
        stated("favoriteColor", "a very particular shade of blue", None, None),
    ];
    let person = PersonRow {
        root: "aa11".to_owned(),
        address: "bb22".to_owned(),
        identifiers: ["aa11", "bb22", "cc33"].map(str::to_owned).to_vec(),
        complete: true,
        affiliate_id: Some(37_569_297),
        affiliate_code: Some("a3y7".to_owned()),
        differs: vec!["edit custom:1234".to_owned()],
        waits_for: None,
    };
    let affiliate = AffiliateRow {
        id: Some(37_569_297),
        code: Some("a3y7".to_owned()),
        status: Some(Status::Active),
        address: "bb22".to_owned(),
        left_over: false,
        found: true,
        payee: Some("aa11".to_owned()),
        payout_held_since: None,
        not_cleared: vec!["country".to_owned()],
        disabled_by_us: false,
        gone: false,
        delivered: [("first_name", "Peter"), ("company", "Initech")]
            .map(|(field, text)| (field.to_owned(), text.to_owned()))
            .into(),
        unknown: Vec::new(),
    };
    let claim = ClaimRow {
        user: "aa11".to_owned(),
        address: "bb22".to_owned(),
        first: Some(at(-9_000)),
        last: Some(at(-300)),
        by_engage_only: false,
    };
    let (anonymous, with) = ("cc33".to_owned(), "aa11".to_owned());
    Profile {
        connection: "shop-in-another-country".to_owned(),
        digests: Vec::new(),
        identifiers: vec![
            identifier(Kind::User, "aa11", Some("user-4711"), traits),
            identifier(Kind::Address, "bb22", Some("peter.gibbons@initech.example.com"), Vec::new()),
            identifier(Kind::Anonymous, "cc33", None, Vec::new()),
        ],
        claims: vec![claim],
        sightings: vec![SightingRow { anonymous, with, first: at(-9_000), last: at(-9_000) }],
        persons: vec![person],
        affiliates: vec![affiliate],
    }
}

#[test]
fn a_profile_fits_a_terminal_of_80_and_of_120_columns() {
    for width in [80, 120] {
        let text = shown(width, |output| show(&peter(), output));
        assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
        insta::assert_snapshot!(format!("profile_at_{width}"), text);
    }
}
