//! The ingest endpoint over real TCP, as Segment uses it.

#![expect(clippy::disallowed_methods, reason = "tests take seeds and times from outside")]

#[cfg(test)]
mod arrays;
#[cfg(test)]
mod bytes;
#[cfg(test)]
mod client;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod http;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod many_clients;
#[cfg(test)]
mod registration;
#[cfg(test)]
mod room;
#[cfg(test)]
mod signed;
#[cfg(test)]
mod tracking;
#[cfg(test)]
mod tracking_paths;
