//! The stored data of a person: identifiers with their traits and links, affiliates, and the values that are still to be sent.

mod rows;
mod view;

use std::collections::BTreeSet;

use connections::Connection;
use identity::Digest;
use identity::plan::Analysis;
use ledger::GraphRow;
use worker::rules::rules;

pub use rows::{AffiliateRow, ClaimRow, IdentifierRow, PersonRow, Profile, SightingRow, TraitRow};

pub(super) use self::view::differs;
use self::view::{Asked, View};
use super::{Directory, Subject};
use crate::engines::Engines;
use crate::failure::Failure;

/// Hex digits of a digest that distinguish identifiers of one graph.
pub(super) const SHORT: usize = 8;

/// The extent of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The whole graph, with names, and shortened digests where a name is not kept: for an operator who looks for a cause.
    Operator,
    /// One person alone, with names, as the person may request it. Other persons of the graph stay digests.
    Person,
}

/// Everything that is linked with `subject`, by connection.
///
/// # Errors
///
/// [`Failure`] if the ledger cannot be read.
pub async fn find(
    engines: &Engines,
    directory: &Directory,
    subject: &Subject,
    depth: Depth,
) -> Result<Vec<Profile>, Failure> {
    let mut profiles = Vec::new();
    for connection in directory.all() {
        let digests = subject.digests(engines, connection.id);
        let asked = Asked { text: Some(subject.text()), digests: &digests };
        profiles.extend(of_connection(engines, connection, asked, depth).await?);
    }
    Ok(profiles)
}

/// Everything that is linked with these identifiers in one connection, as an operator sees it.
///
/// # Errors
///
/// As [`find`].
pub async fn of_digests(
    engines: &Engines,
    connection: &Connection,
    digests: &[Digest],
) -> Result<Vec<Profile>, Failure> {
    of_connection(engines, connection, Asked { text: None, digests }, Depth::Operator).await
}

async fn of_connection(
    engines: &Engines,
    connection: &Connection,
    asked: Asked<'_>,
    depth: Depth,
) -> Result<Vec<Profile>, Failure> {
    let rules = rules(&connection.settings);
    let graphs = engines.ledger.gather(connection.id, asked.digests, &[]).await?.graphs;
    let profile = |row: &GraphRow| {
        let analysis = Analysis::of(&row.graph, &rules);
        let mine = mine(&analysis, asked.digests);
        View { engines, analysis: &analysis, depth, mine, asked }.profile(connection)
    };
    Ok(graphs.iter().map(profile).collect())
}

/// The identifiers of the persons that are asked about.
pub(super) fn mine(analysis: &Analysis<'_>, asked: &[Digest]) -> BTreeSet<Digest> {
    let here = asked.iter().filter(|digest| analysis.graph.identifiers.contains_key(digest));
    here.flat_map(|digest| {
        let person = analysis.resolution.person(*digest).map(|person| person.profiles.clone());
        person.unwrap_or_else(|| vec![*digest])
    })
    .collect()
}
