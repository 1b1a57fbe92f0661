//! A cluster of several nodes on this machine.

use std::thread;

use super::node::{Node, map_ports};
use super::{Broker, ensure};
use crate::Missing;
use crate::private::{Group, free_ports};

/// A private cluster. It is stopped when this is dropped, or when the process ends in any way.
pub struct Cluster {
    /// Its nodes; each may be killed and restarted.
    pub nodes: Vec<Broker>,
    _port_mapper: Group,
}

impl Cluster {
    /// Starts a cluster of `count` nodes.
    ///
    /// # Errors
    /// If RabbitMQ is missing and cannot be installed, or does not start.
    pub fn start(count: usize) -> Result<Self, Missing> {
        ensure()?;
        let folder = tempfile::Builder::new().prefix("rabbitmq-cluster-").tempdir()?.keep();
        let cookie = folder.display().to_string().replace(|one: char| !one.is_ascii_alphanumeric(), "");
        let [epmd] = free_ports()?;
        let port_mapper = Group::start(&map_ports(epmd), &[], &folder)?;
        // The first node forms the cluster; the others join it.
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
