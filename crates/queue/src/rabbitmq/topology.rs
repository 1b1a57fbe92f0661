//! The names of the exchange and the queues, and the limits of the lanes. `declare` creates them.

use super::RabbitError;
use super::options::{LANE_QUEUES, Options};
use crate::Lane;

/// Number of deliveries without an answer after which a message goes to the poison queue.
pub const DELIVERY_LIMIT: u32 = 10;

/// The source of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Lane(Lane),
    Poison,
}

/// One queue of ours.
#[derive(Clone, Debug)]
pub(super) struct QueueName {
    pub(super) source: Source,
    /// The queue's name, such as `segment.live.2`.
    pub(super) name: String,
    /// Its routing key, such as `live.2`.
    pub(super) key: String,
}

/// All names, derived from the options.
#[derive(Clone, Debug)]
pub(super) struct Topology {
    pub(super) exchange: String,
    pub(super) queues: Vec<QueueName>,
    pub(super) max_bytes: [u64; 2],
}

impl Topology {
    pub(super) fn new(options: &Options) -> Result<Self, RabbitError> {
        check(options)?;
        let lanes = [(Lane::Live, options.live_queues), (Lane::Bulk, options.bulk_queues)];
        let mut queues = Vec::new();
        for (lane, count) in lanes {
            for number in 0..count {
                let key = match number {
                    0 => lane_key(lane).to_owned(),
                    _ => format!("{}.{number}", lane_key(lane)),
                };
                queues.push(QueueName {
                    source: Source::Lane(lane),
                    name: format!("{}.{key}", options.prefix),
                    key,
                });
            }
        }
        let key = "poison".to_owned();
        queues.push(QueueName { source: Source::Poison, name: format!("{}.{key}", options.prefix), key });
        let max_bytes = lanes.map(|(_, count)| (options.max_bytes / u64::from(count)).max(1));
        Ok(Self { exchange: options.prefix.clone(), queues, max_bytes })
    }

    /// Bytes that may wait in each lane: live, then bulk.
    pub(super) fn lane_limits(&self) -> [u64; 2] {
        let queues = |lane| self.keys(lane).len() as u64;
        [Lane::Live, Lane::Bulk].map(|lane| self.max_bytes[usize::from(lane == Lane::Bulk)] * queues(lane))
    }

    /// The routing keys of a lane.
    pub(super) fn keys(&self, lane: Lane) -> Vec<String> {
        let of_lane = |queue: &&QueueName| queue.source == Source::Lane(lane);
        self.queues.iter().filter(of_lane).map(|queue| queue.key.clone()).collect()
    }

    /// The lane of a queue by its name, as the broker's dead-letter headers give it.
    pub(super) fn lane_of(&self, queue: &str) -> Option<Lane> {
        match self.queues.iter().find(|known| known.name == queue)?.source {
            Source::Lane(lane) => Some(lane),
            Source::Poison => None,
        }
    }
}

fn lane_key(lane: Lane) -> &'static str {
    match lane {
        Lane::Live => "live",
        Lane::Bulk => "bulk",
    }
}

fn check(options: &Options) -> Result<(), RabbitError> {
    let wrong = |what: String| Err(RabbitError::Configuration { what });
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if options.prefix.is_empty() || options.prefix.len() > 100 || !options.prefix.bytes().all(plain) {
        return wrong(format!(
            "the queue prefix {:?} must be 1 to 100 letters, digits, dots, dashes or underscores",
            options.prefix
        ));
    }
    for count in [options.live_queues, options.bulk_queues] {
        if !(1..=LANE_QUEUES).contains(&count) {
            return wrong(format!("a lane has 1 to {LANE_QUEUES} queues, not {count}"));
        }
    }
    if !(2..=2000).contains(&options.prefetch) {
        return wrong(format!("the prefetch must be 2 to 2000 messages, not {}", options.prefetch));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_queue_of_a_lane_has_a_key_of_its_own() {
        let options = Options { live_queues: 3, ..Options::default() };
        let topology = Topology::new(&options).unwrap();
        assert_eq!(topology.keys(Lane::Live), ["live", "live.1", "live.2"]);
        assert_eq!(topology.keys(Lane::Bulk), ["bulk"]);
        assert_eq!(topology.lane_of("segment.live.2"), Some(Lane::Live));
        assert_eq!(topology.lane_of("segment.poison"), None);
    }

    #[test]
    fn options_that_no_broker_could_serve_are_refused() {
        for options in [
            Options { prefix: "two words".to_owned(), ..Options::default() },
            Options { live_queues: 0, ..Options::default() },
            Options { bulk_queues: LANE_QUEUES + 1, ..Options::default() },
            Options { prefetch: 1, ..Options::default() },
        ] {
            assert!(Topology::new(&options).unwrap_err().needs_an_operator());
        }
    }
}
