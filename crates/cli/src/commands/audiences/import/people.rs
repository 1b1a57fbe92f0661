//! The members of one audience in a graph: those that can be imported, and the reasons why others cannot.

use identity::audiences::makes_member;
use identity::directory::Listed;
use identity::eligibility::Rules;
use identity::plan::{Act, Analysis};
use identity::resolution::{Person, Wait};
use identity::{Digest, Graph, Map, Text};

/// A person who could be an affiliate and is none yet.
#[derive(Debug)]
pub(super) struct Importable {
    pub(super) email: String,
    /// By Refersion's names, as a create would send them.
    pub(super) fields: Map<Text, Text>,
}

const IS_AFFILIATE: &str = "is an affiliate already";
const MAY_BE_AFFILIATE: &str = "may be an affiliate: a create of it had no answer";

/// Whether a graph has a statement about the audience.
pub(super) fn concerns(graph: &Graph, key: &str) -> bool {
    graph.identifiers.values().any(|it| it.traits.contains_key(key))
}

/// The members in a graph that [`concerns`] the audience. `listed` has the directory's entries for its identifiers; `unseal` opens the
/// name of an identifier. Reasons why members cannot be imported are fixed texts, so that they can be counted.
pub(super) fn members_of(
    graph: &Graph,
    rules: &Rules,
    key: &str,
    listed: &Listed,
    unseal: impl Fn(Digest, &str) -> Option<String>,
) -> Vec<Result<Importable, String>> {
    let analysis = Analysis::of(graph, rules);
    let is_member = |person: &&Person<'_>| person.traits.get(key).is_some_and(|stated| makes_member(stated));
    let persons = analysis.resolution.persons.iter().filter(is_member);
    let mut members: Vec<_> = persons.map(|person| importable(&analysis, person, listed, &unseal)).collect();
    for (identifier, wait) in &analysis.resolution.waits {
        let stated = graph.identifiers.get(identifier).and_then(|it| it.traits.get(key));
        if stated.is_some_and(makes_member) {
            members.push(Err(reason_of(*wait).to_owned()));
        }
    }
    members
}

fn importable(
    analysis: &Analysis<'_>,
    person: &Person<'_>,
    listed: &Listed,
    unseal: &impl Fn(Digest, &str) -> Option<String>,
) -> Result<Importable, String> {
    if let Some(affiliate) =
        analysis.resolution.bound(analysis.graph, person).filter(|affiliate| !affiliate.gone)
    {
        let is_known = affiliate.code.is_some() || affiliate.id.is_some();
        return Err(if is_known { IS_AFFILIATE } else { MAY_BE_AFFILIATE }.to_owned());
    }
    if is_listed(analysis.graph, person, listed) {
        return Err(IS_AFFILIATE.to_owned());
    }
    let lacking = analysis.rules.lacking(&person.traits, false);
    if !lacking.is_empty() {
        return Err(format!("lacks {}", lacking.join(", ")));
    }
    let creates = analysis.steps.iter().filter(|step| step.anchor == person.address);
    let fields = creates.into_iter().find_map(|step| match &step.act {
        Act::Create { fields, .. } => Some(fields.clone()),
        _ => None,
    });
    let fields = fields.ok_or("Refersion refused its email or a required value")?;
    let sealed = analysis.graph.identifiers.get(&person.address).and_then(|it| it.sealed.as_deref());
    let email = sealed.and_then(|sealed| unseal(person.address, sealed));
    let email = email.ok_or("its email address cannot be read")?;
    if super::csv::is_formula(&email) {
        return Err("its email address begins like a formula of a spreadsheet".to_owned());
    }
    Ok(Importable { email, fields })
}

/// Whether the directory lists the person's address. No call binds the person to that affiliate while nothing is to be sent. As for
/// the worker, a search that is newer than the entry and found nobody outweighs it.
fn is_listed(graph: &Graph, person: &Person<'_>, listed: &Listed) -> bool {
    let searched_at = graph.identifiers.get(&person.address).and_then(|it| it.searched_at);
    listed.get(&person.address).is_some_and(|entry| searched_at.is_none_or(|at| entry.seen_at > at))
}

fn reason_of(wait: Wait) -> &'static str {
    match wait {
        Wait::NoAddress => "has no email address",
        Wait::AddressHeldByAnother => "its email address belongs to another userId",
        Wait::AnonymousOnly => "is an anonymousId alone",
        Wait::ClaimerWaits => "its email address belongs to a userId that waits",
        Wait::Shared => "is an identifier that too many share",
    }
}
