//! The tables that show a profile, and everything that is linked with it.

use std::collections::BTreeMap;

use identity::graph::Kind;
use service::failure::Failure;
use service::operator::profile::{self, Profile};
use service::output::{Column, Output, cut, spare, whole};

pub(in super::super) fn show(profile: &Profile, output: &mut Output) -> Result<(), Failure> {
    output.line(&format!("connection {}", profile.connection))?;
    let names = Names::of(profile);
    persons(profile, &names, output)?;
    affiliates(profile, &names, output)?;
    identifiers(profile, &names, output)?;
    shared(profile, &names, output)?;
    links(profile, &names, output)?;
    traits(profile, &names, output)
}

/// A table under a title; nothing if it is empty.
fn section(title: &str, head: &[Column], rows: &[Vec<String>], output: &mut Output) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    output.line(&format!("\n{title}"))?;
    output.table(head, rows)
}

fn text<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

/// The names of identifiers by their digests: the plain text, or kind and digest if the text is not kept.
struct Names<'a>(BTreeMap<&'a str, String>);

impl<'a> Names<'a> {
    fn of(profile: &'a Profile) -> Self {
        let name = |it: &'a profile::IdentifierRow| {
            let shown = it.shown_as.clone().unwrap_or_else(|| format!("{} {}", kind(it.kind), it.digest));
            (it.digest.as_str(), shown)
        };
        Self(profile.identifiers.iter().map(name).collect())
    }

    fn name(&self, digest: &str) -> String {
        self.0.get(digest).cloned().unwrap_or_else(|| digest.to_owned())
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::User => "userId",
        Kind::Address => "email",
        Kind::Anonymous => "anonymousId",
    }
}

fn identifiers(profile: &Profile, names: &Names<'_>, output: &mut Output) -> Result<(), Failure> {
    let cells = |it: &profile::IdentifierRow| {
        let times = [text(it.said_at.as_ref()), text(it.deleted_at.as_ref())];
        let mut cells = vec![names.name(&it.digest), kind(it.kind).to_owned()];
        cells.extend(times);
        cells.extend([text(it.refused.as_ref()), text(it.waits_for.as_ref())]);
        cells
    };
    let rows: Vec<_> = profile.identifiers.iter().map(cells).collect();
    let head = [
        cut("NAME"),
        whole("KIND"),
        spare("LAST NAMED"),
        spare("DELETED"),
        spare("REFUSED"),
        spare("WAITS FOR"),
    ];
    section("identifiers", &head, &rows, output)
}

/// Identifiers that are used for too many people, and the identifiers of this person that are affected.
fn shared(profile: &Profile, names: &Names<'_>, output: &mut Output) -> Result<(), Failure> {
    for it in &profile.identifiers {
        let name = names.name(&it.digest);
        if let Some(linked) = it.shared_by {
            output.line(&format!(
                "\n{name} is shared: events named it with {linked} others, so it counts for nobody and links nothing"
            ))?;
        }
        if !it.not_linked_with.is_empty() {
            let others = it.not_linked_with.join(", ");
            output
                .line(&format!("\n{name} is not linked with shared identifiers: {others} (see `status`)"))?;
        }
    }
    Ok(())
}

fn traits(profile: &Profile, names: &Names<'_>, output: &mut Output) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for identifier in &profile.identifiers {
        rows.extend(identifier.traits.iter().map(|it| {
            vec![
                it.name.clone(),
                it.value.clone().unwrap_or_else(|| "(cleared)".to_owned()),
                it.field.clone().unwrap_or_else(|| "(none)".to_owned()),
                names.name(&identifier.digest),
                it.said_at.to_string(),
                text(it.refused.as_ref()),
            ]
        }));
    }
    let head = [cut("TRAIT"), cut("VALUE"), cut("FIELD"), cut("SAID OF"), spare("SAID AT"), spare("REFUSED")];
    section("traits", &head, &rows, output)
}

/// The reasons why identifiers are linked.
fn links(profile: &Profile, names: &Names<'_>, output: &mut Output) -> Result<(), Failure> {
    let claim = |it: &profile::ClaimRow| {
        let by = if it.by_engage_only { "events of Engage name both" } else { "events name both" };
        let (first, last) = (text(it.first.as_ref()), text(it.last.as_ref()));
        vec![names.name(&it.user), names.name(&it.address), by.to_owned(), first, last]
    };
    let sighting = |it: &profile::SightingRow| {
        let (first, last) = (it.first.to_string(), it.last.to_string());
        vec![names.name(&it.anonymous), names.name(&it.with), "seen together".to_owned(), first, last]
    };
    let rows: Vec<_> =
        profile.claims.iter().map(claim).chain(profile.sightings.iter().map(sighting)).collect();
    let head = [cut("NAME"), cut("LINKED WITH"), cut("WHY"), spare("FIRST"), spare("LAST")];
    section("links", &head, &rows, output)
}

fn persons(profile: &Profile, names: &Names<'_>, output: &mut Output) -> Result<(), Failure> {
    for it in &profile.persons {
        let others: Vec<String> = it.identifiers.iter().map(|digest| names.name(digest)).collect();
        let affiliate = match (it.affiliate_id, &it.affiliate_code) {
            (Some(id), Some(code)) => format!("affiliate {id} (code {code})"),
            (Some(id), None) => format!("affiliate {id}"),
            _ => "no affiliate yet".to_owned(),
        };
        output.line(&format!("\nperson {}: {affiliate}", names.name(&it.address)))?;
        output.line(&format!("  known as    {}", others.join(", ")))?;
        let to_send = if it.differs.is_empty() { "nothing".to_owned() } else { it.differs.join("; ") };
        output.line(&format!("  to be sent  {to_send}"))?;
        if let Some(waits_for) = &it.waits_for {
            output.line(&format!("  waits for   {waits_for}"))?;
        }
    }
    Ok(())
}

fn affiliates(profile: &Profile, names: &Names<'_>, output: &mut Output) -> Result<(), Failure> {
    let cells = |it: &profile::AffiliateRow| {
        let marks = [
            (it.left_over, "left over"),
            (it.found, "existed already"),
            (it.disabled_by_us, "disabled by a delete"),
            (it.gone, "gone"),
            (it.payout_held_since.is_some(), "payout held back"),
        ];
        let marks: Vec<_> = marks.iter().filter(|(is, _)| *is).map(|(_, mark)| *mark).collect();
        let mut delivered: Vec<_> = it.delivered.iter().map(|(k, v)| format!("{k}={v}")).collect();
        delivered.extend(it.not_cleared.iter().map(|field| format!("{field} (cannot be cleared)")));
        delivered.extend(it.unknown.iter().map(|field| format!("{field} (not known)")));
        let status = it.status.map(|status| format!("{status:?}").to_uppercase());
        vec![
            text(it.id.as_ref()),
            text(it.code.as_ref()),
            text(status.as_ref()),
            names.name(&it.address),
            it.payee.as_ref().map(|payee| names.name(payee)).unwrap_or_default(),
            marks.join(", "),
            delivered.join(", "),
        ]
    };
    let rows: Vec<_> = profile.affiliates.iter().map(cells).collect();
    let head = [
        whole("ID"),
        whole("CODE"),
        whole("STATUS"),
        cut("ADDRESS"),
        spare("PAYEE"),
        cut("STATE"),
        cut("DELIVERED"),
    ];
    section("affiliates", &head, &rows, output)
}
