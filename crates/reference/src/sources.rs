//! The places where an identify may state traits.

use crate::json::Node;
use crate::parse::parse;

/// The keys under which a text that is JSON stands for the object or list in it.
const OBJECTS: [&str; 11] = [
    "traits",
    "context",
    "properties",
    "company",
    "address",
    "defaultaddress",
    "addresses",
    "billingaddress",
    "billing",
    "shippingaddress",
    "shipping",
];

/// The same event, with texts that contain JSON objects replaced by these objects.
pub(crate) fn with_texts_parsed(node: Node) -> Node {
    let Node::Object(members) = node else { return node };
    let members = members.into_iter().map(|(key, value)| {
        let is_object = OBJECTS.contains(&key.folded.as_str());
        (key, if is_object { parsed(value) } else { value })
    });
    Node::Object(members.collect())
}

fn parsed(value: Node) -> Node {
    match value {
        Node::Text(text) if text.trim_start().starts_with(['{', '[']) => {
            parse(text.as_bytes()).unwrap_or(Node::Text(text))
        }
        other => with_texts_parsed(other),
    }
}

/// The objects that state standard traits, the strongest first; the last is the event itself.
pub(crate) fn sources(node: &Node) -> Vec<&Node> {
    let mut sources = trait_sources(node);
    sources.push(node);
    sources
}

/// The objects that state any traits.
pub(crate) fn trait_sources(node: &Node) -> Vec<&Node> {
    let nested =
        |outer: &str| node.all(outer).into_iter().flat_map(|it| it.all("traits")).collect::<Vec<_>>();
    let places = [node.all("traits"), nested("traits"), nested("context"), node.all("properties")];
    places.into_iter().filter_map(|nodes| nodes.into_iter().find(|node| node.is_object())).collect()
}
