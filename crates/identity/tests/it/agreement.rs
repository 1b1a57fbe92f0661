//! Whether the graphs and the reference model agree on every person.

use std::collections::BTreeMap;

use identity::Graph;
use identity::difference::desired;
use identity::graph::{Affiliate, Kind, Status};
use identity::plan::{Act, Analysis};
use reference::{Expected, Presence};

use crate::dice::PropertyResult;
use crate::events::text_of;
use crate::store::GraphStore;

/// The fields of each affiliate without the empty ones, by address.
type Persons = BTreeMap<String, BTreeMap<String, String>>;

/// Compares the fold and identity resolution with the reference model: the same affiliates with the same fields, and, if
/// there were an affiliate at every address, the same ones disabled.
pub(crate) fn agree(store: &GraphStore, expected: &Expected) -> PropertyResult {
    let (ours, theirs) = (persons(store), expected_persons(expected));
    if ours != theirs {
        return Err(format!("the fold has {ours:#?}, the reference {theirs:#?}"));
    }
    let disabled: Vec<String> = store.graphs.iter().flat_map(|graph| disabled(graph, store)).collect();
    let mut disabled: Vec<&String> = disabled.iter().collect();
    disabled.sort();
    let forbidden: Vec<&String> = expected.forbidden.iter().collect();
    if disabled != forbidden {
        return Err(format!("the plan disables {disabled:?}, the reference forbids {forbidden:?}"));
    }
    Ok(())
}

fn persons(store: &GraphStore) -> Persons {
    let mut persons = Persons::new();
    for graph in &store.graphs {
        let analysis = Analysis::of(graph, &store.rules);
        for person in &analysis.resolution.persons {
            let existed = graph.identifiers.get(&person.address).is_some_and(|address| address.existed);
            let tombstoned = analysis.tombstones.around(graph, person.address).is_some();
            if person.is_eligible || (existed && !tombstoned) {
                let fields = desired(person, &store.rules).fields.into_iter();
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
fn disabled(graph: &Graph, store: &GraphStore) -> Vec<String> {
    let mut graph = graph.clone();
    let addresses = graph.identifiers.iter().filter(|(_, it)| it.kind == Kind::Address);
    let affiliates = addresses.zip(1..).map(|((address, _), id)| Affiliate {
        id: Some(id),
        status: Some(Status::Active),
        ..Affiliate::at(*address)
    });
    graph.affiliates = affiliates.collect();
    let steps = Analysis::of(&graph, &store.rules).steps;
    let disables = |act: &Act| matches!(act, Act::Status { status: Status::Disabled, .. });
    steps.iter().filter(|step| disables(&step.act)).map(|step| text_of(step.anchor)).collect()
}

/// How many of the expected affiliates came back after a delete: to see that histories reach that.
pub(crate) fn count_recreated(expected: &Expected) -> usize {
    expected.affiliates.values().filter(|affiliate| affiliate.presence == Presence::Recreated).count()
}
