//! The addresses of a process, bound before anything is opened, so that they can be announced and handed on.

use std::io;
use std::net::{SocketAddr, TcpListener as Socket};

use tokio::net::TcpListener;

use super::Roles;
use crate::config::Config;
use crate::failure::Failure;

/// A listener and its address.
pub(super) type Bound = (TcpListener, SocketAddr);

/// The sockets that the roles of a process listen on.
#[derive(Debug)]
pub struct Listeners {
    health: (Socket, SocketAddr),
    ingest: Option<(Socket, SocketAddr)>,
    api: Option<(Socket, SocketAddr)>,
}

impl Listeners {
    /// Binds the addresses of `config`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// [`Failure`] if an address cannot be listened on.
    pub fn bind(config: &Config, roles: Roles) -> Result<Self, Failure> {
        let health = bind(config.health.listen, "health.listen")?;
        let ingest = roles.ingest.then(|| bind(config.ingest.listen, "ingest.listen")).transpose()?;
        let api = roles.api.then(|| bind(config.api.listen, "api.listen")).transpose()?;
        Ok(Self { health, ingest, api })
    }

    /// The address of the ingest endpoint, if this process has one.
    #[must_use]
    pub fn ingest_address(&self) -> Option<SocketAddr> {
        self.ingest.as_ref().map(|(_, address)| *address)
    }

    /// The address of the HTTP API, if this process has one.
    #[must_use]
    pub fn api_address(&self) -> Option<SocketAddr> {
        self.api.as_ref().map(|(_, address)| *address)
    }

    /// The address of health and metrics.
    #[must_use]
    pub fn health_address(&self) -> SocketAddr {
        self.health.1
    }

    /// The same sockets once more.
    pub(super) fn again(&self) -> Result<Self, Failure> {
        let again = |(socket, address): &(Socket, SocketAddr)| {
            socket.try_clone().map(|socket| (socket, *address)).map_err(|error| no_socket(&error))
        };
        let optional = |bound: &Option<_>| bound.as_ref().map(again).transpose();
        Ok(Self { health: again(&self.health)?, ingest: optional(&self.ingest)?, api: optional(&self.api)? })
    }

    /// The listener of health and metrics, that of the ingest endpoint, and that of the HTTP API.
    pub(super) fn into_parts(self) -> Result<(Bound, Option<Bound>, Option<Bound>), Failure> {
        let listening = |(socket, address)| {
            TcpListener::from_std(socket)
                .map(|listener| (listener, address))
                .map_err(|error| no_socket(&error))
        };
        let optional = |bound: Option<_>| bound.map(listening).transpose();
        Ok((listening(self.health)?, optional(self.ingest)?, optional(self.api)?))
    }
}

fn bind(address: SocketAddr, key: &str) -> Result<(Socket, SocketAddr), Failure> {
    let bound = || {
        let socket = Socket::bind(address)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        Ok::<_, io::Error>((socket, address))
    };
    bound().map_err(|error| {
        let hint = format!("choose another {key}, or end the process that listens there");
        let failure = Failure::failed("listen", &error, hint);
        Failure { message: format!("cannot listen on {address}: {}", failure.message), ..failure }
    })
}

fn no_socket(error: &io::Error) -> Failure {
    Failure::failed("listen", error, "the system is short of file handles")
}
