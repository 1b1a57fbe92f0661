//! The door over real TCP, as Segment meets it.

#[cfg(test)]
mod bytes;
#[cfg(test)]
mod client;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod room;
#[cfg(test)]
mod stage;
