//! Who is who, and what is to be told of them: the pure heart of the destination.
//!
//! A [`Graph`] is an identity graph: identifiers of one connection that claims and sightings link, with the profiles kept
//! under them, the affiliates that Refersion has for them, and the events that have not come to rest. It is read, folded
//! and written as one. Everything here is a function of a graph; nothing knows IO, a clock, Segment or Refersion.
//!
//! The order of reading: [`graph`] (what is kept), [`fold`] (an event goes in), [`who`] (persons come out),
//! [`difference`] (what Refersion does not know yet), [`plan`] (the next step for each), [`answer`] (what a call's end
//! changes), [`settle`] (how events end).

pub mod answer;
pub mod difference;
pub mod digest;
pub mod erase;
pub mod fold;
pub mod graph;
pub mod needs;
pub mod plan;
pub mod settle;
pub mod stamp;
pub mod tombs;
pub mod who;

pub use digest::Digest;
pub use graph::Graph;
pub use stamp::Stamp;
