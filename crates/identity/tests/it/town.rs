//! Many graphs, joined where events link them, as absorb does it.

use identity::Graph;
use identity::bounds::Bounds;
use identity::eligibility::Rules;
use identity::fold::{delete, identify, merge};
use identity::settle::{Settled, settle_within};

use crate::story::{self, Event};

/// How an event goes into a graph. Planted faults have one of their own.
pub(crate) type Fold = fn(&mut Graph, &Event);

/// The right one.
pub(crate) fn fold(graph: &mut Graph, event: &Event) {
    if event.delete {
        delete(graph, &event.deletion());
    } else {
        identify(graph, &event.statement());
    }
}

/// The first event of most stories: somebody who becomes an affiliate.
pub(crate) fn ann() -> Event {
    story::identify(1).user("U").email("a@x.io").named("Ann")
}

/// The graphs after these events, by the usual rules.
pub(crate) fn town(events: &[Event]) -> Town {
    let mut town = Town::new(story::rules(), fold);
    events.iter().for_each(|event| drop(town.absorb(event)));
    town
}

/// The graphs of one connection.
pub(crate) struct Town {
    pub(crate) rules: Rules,
    pub(crate) graphs: Vec<Graph>,
    pub(crate) bounds: Bounds,
    fold: Fold,
}

impl Town {
    pub(crate) fn new(rules: Rules, fold: Fold) -> Self {
        Self { rules, graphs: Vec::new(), bounds: Bounds::STANDARD, fold }
    }

    /// Absorbs an event into the graph of all that it names.
    pub(crate) fn absorb(&mut self, event: &Event) -> Settled {
        let names = event.names();
        let is_near = |graph: &Graph| names.iter().any(|name| graph.identifiers.contains_key(name));
        let (near, far) = std::mem::take(&mut self.graphs).into_iter().partition(is_near);
        self.graphs = far;
        let mut near: Vec<Graph> = near;
        let mut joined = near.pop().unwrap_or_default();
        for graph in near {
            merge(&mut joined, graph);
        }
        (self.fold)(&mut joined, event);
        let settled = settle_within(&mut joined, &self.rules, &self.bounds);
        self.graphs.push(joined);
        settled
    }

    pub(crate) fn graph_with(&mut self, name: identity::Digest) -> Option<&mut Graph> {
        self.graphs.iter_mut().find(|graph| graph.identifiers.contains_key(&name))
    }
}
