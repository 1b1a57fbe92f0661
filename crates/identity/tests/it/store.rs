//! Many graphs, joined where events link them, as absorb does it.

use identity::bounds::Bounds;
use identity::eligibility::Rules;
use identity::fold::{Name, delete, identify, merge};
use identity::graph::Identifier;
use identity::settle::{Settled, settle_within};
use identity::shared::{SHARED_AFTER, WithoutShared, note_apart, split_graph, without_shared};
use identity::{Digest, Graph};

use crate::events::{self, Event};

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
    events::identify(1).user("U").email("a@x.io").named("Ann")
}

/// The graphs after these events, by the usual rules.
pub(crate) fn store_after(events: &[Event]) -> GraphStore {
    let mut store = GraphStore::new(events::rules(), fold);
    events.iter().for_each(|event| drop(store.absorb(event)));
    store
}

/// The graphs of one connection.
pub(crate) struct GraphStore {
    pub(crate) rules: Rules,
    pub(crate) graphs: Vec<Graph>,
    pub(crate) bounds: Bounds,
    /// Maximum number of others that an identifier links.
    shared_after: usize,
    fold: Fold,
}

impl GraphStore {
    pub(crate) fn new(rules: Rules, fold: Fold) -> Self {
        Self { rules, graphs: Vec::new(), bounds: Bounds::STANDARD, shared_after: SHARED_AFTER, fold }
    }

    /// The same, but an identifier links at most `shared_after` others.
    pub(crate) fn linking(self, shared_after: usize) -> Self {
        Self { shared_after, ..self }
    }

    /// Absorbs an event, without its shared identifiers.
    pub(crate) fn absorb(&mut self, event: &Event) -> Settled {
        if event.delete {
            return self.absorb_parts_of_delete(event);
        }
        let mut without = without_shared(&event.statement(), |name| self.is_shared(name));
        while without.as_ref().is_some_and(|without| self.note(without)) {
            without = without_shared(&event.statement(), |name| self.is_shared(name));
        }
        match without.map(|without| without.statement) {
            None => self.absorb_linking(event),
            Some(None) => Settled::default(),
            Some(Some(left)) => {
                let event = Event {
                    user: event.user.clone().filter(|_| left.user.is_some()),
                    email: event.email.clone().filter(|_| left.address.is_some()),
                    anonymous: event.anonymous.clone().filter(|_| left.anonymous.is_some()),
                    ..event.clone()
                };
                self.absorb_linking(&event)
            }
        }
    }

    fn is_shared(&self, name: Digest) -> bool {
        let graph = self.graphs.iter().find_map(|graph| graph.identifiers.get(&name));
        graph.is_some_and(Identifier::is_shared)
    }

    /// Notes the identifiers that were named with a shared one; returns whether one of them becomes shared because of that.
    fn note(&mut self, without: &WithoutShared) -> bool {
        let mut stopped = false;
        for apart in &without.apart {
            let known =
                self.graphs.iter().position(|graph| graph.identifiers.contains_key(&apart.identifier));
            let mut graph = known.map(|place| self.graphs.swap_remove(place)).unwrap_or_default();
            note_apart(&mut graph, apart);
            stopped |= self.put_back(graph);
        }
        stopped
    }

    /// Puts a graph back, in parts if an identifier of it is shared.
    fn put_back(&mut self, mut graph: Graph) -> bool {
        let parts = split_graph(&mut graph, self.shared_after, &self.rules);
        let stopped = parts.is_some();
        for mut part in parts.map_or_else(|| vec![graph], |(parts, _)| parts) {
            if stopped {
                settle_within(&mut part, &self.rules, &self.bounds);
            }
            self.graphs.push(part);
        }
        stopped
    }

    /// Absorbs a delete. A shared identifier that it names is covered by itself.
    fn absorb_parts_of_delete(&mut self, event: &Event) -> Settled {
        let only = |shared: bool| {
            let fits = |name: &Name| self.is_shared(name.digest) == shared;
            let deletion = event.deletion();
            Event {
                user: event.user.clone().filter(|_| deletion.user.as_ref().is_some_and(fits)),
                email: event.email.clone().filter(|_| deletion.addresses.iter().any(fits)),
                anonymous: event.anonymous.clone().filter(|_| deletion.anonymous.as_ref().is_some_and(fits)),
                ..event.clone()
            }
        };
        let (linking, shared) = (only(false), only(true));
        if shared.names().is_empty() {
            return self.absorb_linking(event);
        }
        let parts = [
            Event { email: None, anonymous: None, ..shared.clone() },
            Event { user: None, anonymous: None, ..shared.clone() },
            Event { user: None, email: None, ..shared },
        ];
        for part in parts.iter().filter(|part| !part.names().is_empty()) {
            self.absorb_linking(part);
        }
        if linking.names().is_empty() { Settled::default() } else { self.absorb_linking(&linking) }
    }

    /// Absorbs an event into the graph of all that it names.
    fn absorb_linking(&mut self, event: &Event) -> Settled {
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
        self.put_back(joined);
        settled
    }

    pub(crate) fn graph_with(&mut self, name: identity::Digest) -> Option<&mut Graph> {
        self.graphs.iter_mut().find(|graph| graph.identifiers.contains_key(&name))
    }
}
