//! The ingest endpoint over real TCP, as Segment meets it.

#[cfg(test)]
mod bytes;
#[cfg(test)]
mod client;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod crowds;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod http;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod room;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod tracking;
