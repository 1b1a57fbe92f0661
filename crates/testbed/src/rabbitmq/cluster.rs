//! Several nodes on this machine that are one broker.

use std::thread;

use super::node::{Node, map_ports};
use super::{Broker, ensure};
use crate::Missing;
use crate::private::{Group, free_ports};

/// A cluster; it goes when this is dropped, or when the process ends in any way.
pub struct Cluster {
    /// Its nodes; each may be killed and started again.
    pub nodes: Vec<Broker>,
    _port_mapper: Group,
}

impl Cluster {
    /// Starts a cluster of so many nodes.
    ///
    /// # Errors
    /// When RabbitMQ is not installed and cannot be, or does not start.
    pub fn start(count: usize) -> Result<Self, Missing> {
        ensure()?;
        let folder = tempfile::Builder::new().prefix("rabbitmq-cluster-").tempdir()?.keep();
        let cookie = folder.display().to_string().replace(|one: char| !one.is_ascii_alphanumeric(), "");
        let [epmd] = free_ports()?;
        let port_mapper = Group::start(&map_ports(epmd), &[], &folder)?;
        // The first one is alone, and so begins the cluster; those that come later find it there.
        let first = Broker::start_node(Node::member(epmd, &cookie)?)?;
        let join = format!(
            "cluster_formation.peer_discovery_backend = classic_config\n\
             cluster_formation.classic_config.nodes.1 = {}\n",
            first.node.name()
        );
        let others = thread::scope(|scope| {
            let start = || {
                let node = Node::member(epmd, &cookie)?;
                node.add_settings(&join)?;
                Broker::start_node(node)
            };
            let starting: Vec<_> = (1..count).map(|_| scope.spawn(start)).collect();
            starting.into_iter().map(|one| one.join().expect("starting a node does not panic")).collect()
        });
        let others: Result<Vec<Broker>, Missing> = others;
        let mut nodes = vec![first];
        nodes.extend(others?);
        Ok(Self { nodes, _port_mapper: port_mapper })
    }

    /// The URLs of the virtual host `/` at each node.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Broker::url).collect()
    }
}
