//! Whether the graphs and the reference model agree on every person.

use std::collections::BTreeMap;

use identity::Graph;
use identity::difference::desired;
use identity::graph::{Affiliate, Kind, Status};
use identity::plan::{Act, Analysis};
use reference::{Expected, Presence};

use crate::dice::PropertyResult;
use crate::events::text_of;
use crate::town::Town;

/// By address: what the affiliate holds, empty fields left out.
type Persons = BTreeMap<String, BTreeMap<String, String>>;

/// Holds the fold and "Who is who" against the reference: the same affiliates with the same fields, and, if there were an
/// affiliate at every address, the same ones disabled.
pub(crate) fn agree(town: &Town, expected: &Expected) -> PropertyResult {
    let (ours, theirs) = (persons(town), expected_persons(expected));
    if ours != theirs {
        return Err(format!("the fold has {ours:#?}, the reference {theirs:#?}"));
    }
    let disabled: Vec<String> = town.graphs.iter().flat_map(|graph| disabled(graph, town)).collect();
    let mut disabled: Vec<&String> = disabled.iter().collect();
    disabled.sort();
    let forbidden: Vec<&String> = expected.forbidden.iter().collect();
    if disabled != forbidden {
        return Err(format!("the plan disables {disabled:?}, the reference forbids {forbidden:?}"));
    }
    Ok(())
}

fn persons(town: &Town) -> Persons {
    let mut persons = Persons::new();
    for graph in &town.graphs {
        let analysis = Analysis::of(graph, &town.rules);
        for person in &analysis.resolution.persons {
            let existed = graph.identifiers.get(&person.address).is_some_and(|address| address.existed);
            let tombstoned = analysis.tombstones.around(graph, person.address).is_some();
            if person.is_eligible || (existed && !tombstoned) {
                let fields = desired(person, &town.rules).fields.into_iter();
                let fields = fields.filter(|(_, text)| !text.is_empty());
                let fields = fields.map(|(field, text)| (field.to_owned(), text.to_owned())).collect();
                persons.insert(text_of(person.address), fields);
            }
        }
    }
    persons
}

fn expected_persons(expected: &Expected) -> Persons {
    let fields = |affiliate: &reference::ExpectedAffiliate| {
        let customs = affiliate.custom_fields.iter().map(|(id, text)| (format!("custom:{id}"), text.clone()));
        affiliate.fields.clone().into_iter().chain(customs).filter(|(_, text)| !text.is_empty()).collect()
    };
    expected.affiliates.iter().map(|(address, affiliate)| (address.clone(), fields(affiliate))).collect()
}

/// The addresses of the affiliates that the plan disables, if there were one at every address.
fn disabled(graph: &Graph, town: &Town) -> Vec<String> {
    let mut graph = graph.clone();
    let addresses = graph.identifiers.iter().filter(|(_, it)| it.kind == Kind::Address);
    let affiliates = addresses.zip(1..).map(|((address, _), id)| Affiliate {
        id: Some(id),
        status: Some(Status::Active),
        ..Affiliate::at(*address)
    });
    graph.affiliates = affiliates.collect();
    let steps = Analysis::of(&graph, &town.rules).steps;
    let disables = |act: &Act| matches!(act, Act::Status { status: Status::Disabled, .. });
    steps.iter().filter(|step| disables(&step.act)).map(|step| text_of(step.anchor)).collect()
}

/// How many of the expected affiliates came back after a delete: to see that histories reach that.
pub(crate) fn reborn(expected: &Expected) -> usize {
    expected.affiliates.values().filter(|affiliate| affiliate.presence == Presence::Recreated).count()
}
