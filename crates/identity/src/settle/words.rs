//! Texts for operators.

use std::collections::BTreeMap;

use crate::Text;
use crate::digest::Digest;
use crate::eligibility::Rules;
use crate::plan::{Analysis, StepKind};
use crate::resolution::Wait;

/// The next thing that an identifier's person waits for, in words for an operator; `None` if it waits for nothing.
#[must_use]
pub fn waits_for(analysis: &Analysis<'_>, identifier: Digest) -> Option<String> {
    let retry = |anchor| analysis.graph.retries.get(&anchor);
    let Some(person) = analysis.resolution.person(identifier) else {
        return Some(match analysis.resolution.waits.get(&identifier)? {
            Wait::NoAddress => "an email address".to_owned(),
            Wait::AddressHeldByAnother => "its email address, which belongs to another userId".to_owned(),
            Wait::AnonymousOnly => {
                "an identify that names this anonymousId together with a userId or an email".to_owned()
            }
            Wait::Shared => return None,
            Wait::ClaimerWaits => {
                "the userId that claimed this email address last, and that now has another one or none"
                    .to_owned()
            }
        });
    };
    if let Some(step) = analysis.steps.iter().find(|step| person.has(step.anchor)) {
        let call = match step.kind() {
            StepKind::Create => "the create",
            StepKind::Edit => "the edit",
            StepKind::Status => "the status change",
            StepKind::Search => "the search",
        };
        return Some(match retry(step.anchor) {
            Some(retry) if retry.given_up => {
                format!("an operator: {call} was given up ({})", retry.class)
            }
            Some(retry) => {
                format!("the next attempt of {call} ({}, {} attempts)", retry.class, retry.attempts)
            }
            None => call.to_owned(),
        });
    }
    if analysis.resolution.bound(analysis.graph, person).is_some() {
        return None;
    }
    let lacking = analysis.rules.lacking(&person.traits, false);
    if lacking.is_empty() {
        return Some(analysis.blockers(person).join("; "));
    }
    Some(format!("the missing {}", lacking.join(", ")))
}

/// The custom trait keys that nothing maps, with how many of `keys` have them.
#[must_use]
pub fn unmapped<'k>(rules: &Rules, keys: impl Iterator<Item = &'k Text>) -> BTreeMap<&'k str, u64> {
    let mut counts = BTreeMap::new();
    for key in keys.filter(|key| !rules.is_mapped(key)) {
        *counts.entry(key.as_str()).or_default() += 1;
    }
    counts
}
