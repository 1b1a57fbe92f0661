//! A person's stored data as the API shows it: complete, or masked for viewers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::mask::{self, MASKED};
use crate::operator::profile::{AffiliateRow, IdentifierRow, PersonRow, Profile, TraitRow};

/// Linked identifiers of one connection, and the data that is kept for them.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct ProfileAnswer {
    /// The name of the connection.
    connection: String,
    /// The identifiers with their traits.
    identifiers: Vec<IdentifierAnswer>,
    /// The persons to whom the identifiers belong.
    persons: Vec<PersonAnswer>,
    /// Affiliates, including those that are left over.
    affiliates: Vec<AffiliateAnswer>,
}

#[derive(Serialize, ToSchema)]
struct IdentifierAnswer {
    /// `user`, `address` or `anonymous`.
    #[schema(value_type = String)]
    kind: serde_json::Value,
    /// The beginning of its keyed digest.
    digest: String,
    /// Its plain text, unless it was erased; null for viewers.
    name: Option<String>,
    /// The newest time at which an event named it.
    said_at: Option<Timestamp>,
    /// The newest delete that covers it.
    deleted_at: Option<Timestamp>,
    /// The reason why Refersion refuses it.
    refused: Option<String>,
    /// Number of others that it linked when it stopped linking; null if it links.
    shared_by: Option<u32>,
    /// The condition that its person waits for.
    waits_for: Option<String>,
    /// The traits that were stated for it.
    traits: Vec<TraitAnswer>,
}

#[derive(Serialize, ToSchema)]
struct TraitAnswer {
    /// Its name, folded.
    name: String,
    /// Its value, `…` for viewers; null if it was cleared.
    value: Option<String>,
    /// When it was stated.
    said_at: Timestamp,
    /// The field of Refersion that it is sent to; null if there is none.
    field: Option<String>,
    /// The reason why Refersion refuses the value.
    refused: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct PersonAnswer {
    /// The digest of the user, or of the address that no user claimed.
    root: String,
    /// The digest of the address that it holds.
    address: String,
    /// The digests of all identifiers that belong to it.
    identifiers: Vec<String>,
    /// True if it has everything that a create requires.
    complete: bool,
    /// The numeric id of its affiliate.
    affiliate_id: Option<u64>,
    /// The code of its affiliate.
    affiliate_code: Option<String>,
    /// Fields and other changes that are still to be sent.
    differs: Vec<String>,
    /// The condition that it waits for.
    waits_for: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct AffiliateAnswer {
    /// Its numeric id; null while a create has no answer.
    id: Option<u64>,
    /// Its code.
    code: Option<String>,
    /// The digest of the address that was last sent to Refersion, or that Refersion showed.
    address: String,
    /// True if no person is bound to it.
    left_over: bool,
    /// True if it was found in Refersion, and not created by this program.
    found: bool,
    /// True if a delete disabled it, or is about to.
    disabled_by_us: bool,
    /// True if Refersion no longer has it.
    gone: bool,
    /// The values that were last sent to Refersion, by field; `…` for viewers.
    delivered: BTreeMap<String, String>,
    /// Fields whose value in Refersion is not known.
    unknown: Vec<String>,
}

/// The whole profile.
pub(super) fn of(profile: Profile) -> ProfileAnswer {
    ProfileAnswer {
        connection: profile.connection,
        identifiers: profile.identifiers.into_iter().map(identifier).collect(),
        persons: profile.persons.into_iter().map(person).collect(),
        affiliates: profile.affiliates.into_iter().map(affiliate).collect(),
    }
}

/// The same without names and values.
pub(super) fn masked(profile: Profile) -> ProfileAnswer {
    let mut answer = of(profile);
    let mask_text = |text: &mut Option<String>| *text = text.take().map(|text| mask::text(&text));
    for identifier in &mut answer.identifiers {
        identifier.name = None;
        mask_text(&mut identifier.refused);
        for stated in &mut identifier.traits {
            stated.value = stated.value.take().map(|_| MASKED.to_owned());
            mask_text(&mut stated.refused);
        }
    }
    for affiliate in &mut answer.affiliates {
        affiliate.delivered.values_mut().for_each(|value| MASKED.clone_into(value));
    }
    answer
}

fn identifier(row: IdentifierRow) -> IdentifierAnswer {
    IdentifierAnswer {
        kind: serde_json::to_value(row.kind).unwrap_or_default(),
        digest: row.digest,
        name: row.name.or(row.shown_as),
        said_at: row.said_at,
        deleted_at: row.deleted_at,
        refused: row.refused,
        shared_by: row.shared_by,
        waits_for: row.waits_for,
        traits: row.traits.into_iter().map(trait_answer).collect(),
    }
}

fn trait_answer(row: TraitRow) -> TraitAnswer {
    TraitAnswer {
        name: row.name,
        value: row.value,
        said_at: row.said_at,
        field: row.field,
        refused: row.refused,
    }
}

fn person(row: PersonRow) -> PersonAnswer {
    PersonAnswer {
        root: row.root,
        address: row.address,
        identifiers: row.identifiers,
        complete: row.complete,
        affiliate_id: row.affiliate_id,
        affiliate_code: row.affiliate_code,
        differs: row.differs,
        waits_for: row.waits_for,
    }
}

fn affiliate(row: AffiliateRow) -> AffiliateAnswer {
    AffiliateAnswer {
        id: row.id,
        code: row.code,
        address: row.address,
        left_over: row.left_over,
        found: row.found,
        disabled_by_us: row.disabled_by_us,
        gone: row.gone,
        delivered: row.delivered,
        unknown: row.unknown,
    }
}
