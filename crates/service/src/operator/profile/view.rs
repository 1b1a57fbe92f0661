//! A graph as it is shown to an operator who asks about a person.

use std::collections::BTreeSet;

use connections::Connection;
use identity::eligibility::Rules;
use identity::graph::{Affiliate, Claim, Graph, Identifier, Sighting, TraitValue};
use identity::plan::{Act, Analysis, Step};
use identity::resolution::Person;
use identity::settle;
use identity::{Digest, Stamp, Text};
use worker::translate;

use super::rows::{AffiliateRow, ClaimRow, IdentifierRow, PersonRow, Profile, SightingRow, TraitRow};
use super::{Depth, SHORT};
use crate::engines::Engines;
use crate::operator::waiting::step_waits_for;

pub(super) struct View<'a> {
    pub(super) engines: &'a Engines,
    pub(super) analysis: &'a Analysis<'a>,
    pub(super) depth: Depth,
    pub(super) mine: BTreeSet<Digest>,
    pub(super) asked: Asked<'a>,
}

/// The name that was asked about, if there is one, and the digests that it is kept under.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) text: Option<&'a str>,
    pub(super) digests: &'a [Digest],
}

impl View<'_> {
    pub(super) fn profile(&self, connection: &Connection) -> Profile {
        let graph = self.graph();
        let shown = |digest: Digest| self.shows(digest);
        let claims = graph.claims.iter().filter(|claim| shown(claim.user) || shown(claim.address));
        let sightings = graph.sightings.iter().filter(|it| shown(it.anonymous) || shown(it.with));
        let persons = self.analysis.resolution.persons.iter().filter(|person| shown(person.root));
        let affiliates = graph.affiliates.iter().filter(|affiliate| self.shows_affiliate(affiliate));
        Profile {
            connection: connection.name.to_string(),
            digests: graph.identifiers.keys().filter(|digest| shown(**digest)).copied().collect(),
            identifiers: graph.identifiers.iter().map(|(digest, it)| self.identifier(*digest, it)).collect(),
            claims: claims.map(|claim| self.claim(claim)).collect(),
            sightings: sightings.map(|sighting| self.sighting(sighting)).collect(),
            persons: persons.map(|person| self.person(person)).collect(),
            affiliates: affiliates.map(|affiliate| self.affiliate(affiliate)).collect(),
        }
    }

    fn graph(&self) -> &Graph {
        self.analysis.graph
    }

    fn rules(&self) -> &Rules {
        self.analysis.rules
    }

    fn shows(&self, digest: Digest) -> bool {
        self.depth == Depth::Operator || self.mine.contains(&digest)
    }

    fn shows_affiliate(&self, affiliate: &Affiliate) -> bool {
        let mine = self.mine.iter().filter_map(|digest| self.analysis.resolution.person(*digest));
        let bound = mine.filter_map(|person| self.analysis.resolution.bound(self.graph(), person));
        self.shows(affiliate.address) || bound.into_iter().any(|it| it.address == affiliate.address)
    }

    fn label(&self, digest: Digest) -> String {
        let whole = digest.to_string();
        if self.depth == Depth::Person { whole } else { whole.chars().take(SHORT).collect() }
    }

    fn identifier(&self, digest: Digest, it: &Identifier) -> IdentifierRow {
        let shown = self.shows(digest);
        let sealed = it.sealed.as_deref().filter(|_| shown);
        let is_asked = self.asked.digests.contains(&digest);
        let asked = || self.asked.text.filter(|_| is_asked).map(ToOwned::to_owned);
        let name = sealed.and_then(|sealed| translate::open(&self.engines.vault, digest, sealed));
        IdentifierRow {
            kind: it.kind,
            digest: self.label(digest),
            name: name.clone().filter(|_| self.depth == Depth::Person),
            shown_as: name.or_else(asked),
            said_at: it.stated_at.filter(|_| shown).map(Into::into),
            deleted_at: self.analysis.tombstones.on(digest).map(Into::into),
            refused: it.refused.clone().filter(|_| shown),
            searched_at: it.searched_at.filter(|_| shown).map(Into::into),
            shared_by: it.shared.filter(|_| shown),
            not_linked_with: it.apart.iter().filter(|_| shown).map(|digest| self.label(*digest)).collect(),
            waits_for: settle::waits_for(self.analysis, digest).filter(|_| shown),
            traits: it
                .traits
                .iter()
                .filter(|_| shown)
                .map(|(key, stated)| self.trait_row(key, stated))
                .collect(),
        }
    }

    fn trait_row(&self, key: &str, stated: &TraitValue) -> TraitRow {
        TraitRow {
            name: key.strip_prefix(identity::eligibility::CUSTOM).unwrap_or(key).to_owned(),
            value: stated.value.as_ref().map(ToString::to_string),
            said_at: stated.stamp.time.into(),
            message: stated.stamp.key.to_string(),
            field: self.rules().fields_of(key).next().map(ToOwned::to_owned),
            refused: stated.refused.clone(),
        }
    }

    fn claim(&self, claim: &Claim) -> ClaimRow {
        let time = |stamp: &Stamp| stamp.time.into();
        ClaimRow {
            user: self.label(claim.user),
            address: self.label(claim.address),
            first: claim.first().map(time),
            last: claim.last().map(time),
            by_engage_only: claim.ordinary.is_none() && claim.engage.is_some(),
        }
    }

    fn sighting(&self, sighting: &Sighting) -> SightingRow {
        SightingRow {
            anonymous: self.label(sighting.anonymous),
            with: self.label(sighting.with),
            first: sighting.span.first.time.into(),
            last: sighting.span.last.time.into(),
        }
    }

    fn person(&self, person: &Person<'_>) -> PersonRow {
        let bound = self.analysis.resolution.bound(self.graph(), person);
        let steps = self.analysis.steps.iter().filter(|step| {
            let own = bound.map(|affiliate| affiliate.address);
            person.profiles.contains(&step.anchor) || own == Some(step.anchor)
        });
        let (differs, retries): (Vec<_>, Vec<_>) = steps
            .map(|step| (differs(step), step_waits_for(step, self.graph().retries.get(&step.anchor))))
            .unzip();
        PersonRow {
            root: self.label(person.root),
            address: self.label(person.address),
            identifiers: person.profiles.iter().map(|digest| self.label(*digest)).collect(),
            complete: person.is_eligible,
            affiliate_id: bound.and_then(|affiliate| affiliate.id),
            affiliate_code: bound.and_then(|affiliate| affiliate.code.clone()),
            differs,
            waits_for: retries.into_iter().next().or_else(|| settle::waits_for(self.analysis, person.root)),
        }
    }

    fn affiliate(&self, affiliate: &Affiliate) -> AffiliateRow {
        let persons = &self.analysis.resolution.persons;
        let bound =
            persons.iter().any(|it| self.analysis.resolution.bound(self.graph(), it) == Some(affiliate));
        AffiliateRow {
            id: affiliate.id,
            code: affiliate.code.clone(),
            status: affiliate.status,
            address: self.label(affiliate.address),
            left_over: !bound,
            found: affiliate.found,
            payee: affiliate.payee.map(|payee| self.label(payee)),
            payout_held_since: affiliate.held_since.map(Into::into),
            not_cleared: affiliate.stuck.iter().map(ToString::to_string).collect(),
            disabled_by_us: affiliate.disabled_by_us,
            gone: affiliate.gone,
            delivered: affiliate
                .delivered
                .iter()
                .filter_map(|(k, v)| Some((k.to_string(), v.as_ref()?.to_string())))
                .collect(),
            unknown: affiliate
                .delivered
                .iter()
                .filter(|(_, v)| v.is_none())
                .map(|(k, _)| k.to_string())
                .collect(),
        }
    }
}

/// The changes of a step that Refersion does not know yet: the fields, or the act.
pub(in super::super) fn differs(step: &Step) -> String {
    let names = |fields: Vec<&str>| fields.join(", ");
    match &step.act {
        Act::Create { fields, .. } => {
            format!("create with {}", names(fields.keys().map(Text::as_str).collect()))
        }
        Act::Edit { email, fields, .. } => {
            let email = email.iter().map(|_| "email");
            format!("edit {}", names(email.chain(fields.keys().map(Text::as_str)).collect()))
        }
        Act::Scrub { .. } => "empty every field".to_owned(),
        Act::Status { status, .. } => format!("set the status {status:?}").to_lowercase(),
        Act::Search { .. } => "search for an affiliate that may exist".to_owned(),
    }
}
