//! Builds one metric family out of plain figures.

use prometheus::proto::{self, LabelPair, Metric, MetricFamily, MetricType};

use super::snapshot::{Histogram, Settling};

/// Prefix of every metric's name.
const PREFIX: &str = "refersion_destination_";

/// A family that is being filled. The names of its labels are fixed; each figure gives their values.
pub(super) struct Family<const LABELS: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; LABELS],
    kind: MetricType,
    metrics: Vec<Metric>,
}

impl<const LABELS: usize> Family<LABELS> {
    /// Something that only grows; its name ends in `_total`.
    pub(super) fn counter(name: &'static str, help: &'static str, labels: [&'static str; LABELS]) -> Self {
        Self { name, help, labels, kind: MetricType::COUNTER, metrics: Vec::new() }
    }

    /// Something that goes up and down.
    pub(super) fn gauge(name: &'static str, help: &'static str, labels: [&'static str; LABELS]) -> Self {
        Self { name, help, labels, kind: MetricType::GAUGE, metrics: Vec::new() }
    }

    /// A distribution of durations.
    pub(super) fn histogram(name: &'static str, help: &'static str, labels: [&'static str; LABELS]) -> Self {
        Self { name, help, labels, kind: MetricType::HISTOGRAM, metrics: Vec::new() }
    }

    /// A number of events, and the sum of their durations.
    pub(super) fn summary(name: &'static str, help: &'static str, labels: [&'static str; LABELS]) -> Self {
        Self { name, help, labels, kind: MetricType::SUMMARY, metrics: Vec::new() }
    }

    /// Adds a figure to a counter or gauge.
    pub(super) fn with(mut self, labels: [&str; LABELS], value: f64) -> Self {
        let mut metric = self.labelled(labels);
        if self.kind == MetricType::COUNTER {
            let mut counter = proto::Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = proto::Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.metrics.push(metric);
        self
    }

    /// Adds a distribution to a histogram.
    pub(super) fn with_histogram(mut self, labels: [&str; LABELS], figures: &Histogram) -> Self {
        let mut below = 0;
        let bucket = |&(bound, count): &(f64, u64)| {
            below += count;
            let mut bucket = proto::Bucket::default();
            bucket.set_upper_bound(bound);
            bucket.set_cumulative_count(below);
            bucket
        };
        let buckets = figures.buckets.iter().map(bucket).collect();
        let mut histogram = proto::Histogram::default();
        histogram.set_bucket(buckets);
        histogram.set_sample_count(below + figures.beyond);
        histogram.set_sample_sum(figures.seconds);
        let mut metric = self.labelled(labels);
        metric.set_histogram(histogram);
        self.metrics.push(metric);
        self
    }

    /// Adds a count and a sum to a summary.
    pub(super) fn with_summary(mut self, labels: [&str; LABELS], figures: &Settling) -> Self {
        let mut summary = proto::Summary::default();
        summary.set_sample_count(figures.events);
        summary.set_sample_sum(figures.seconds);
        let mut metric = self.labelled(labels);
        metric.set_summary(summary);
        self.metrics.push(metric);
        self
    }

    /// The family as Prometheus takes it; `None` without figures, because an empty family is an error there.
    pub(super) fn finish(self) -> Option<MetricFamily> {
        if self.metrics.is_empty() {
            return None;
        }
        let mut family = MetricFamily::default();
        family.set_name(format!("{PREFIX}{}", self.name));
        family.set_help(self.help.to_owned());
        family.set_field_type(self.kind);
        family.set_metric(self.metrics);
        Some(family)
    }

    fn labelled(&self, values: [&str; LABELS]) -> Metric {
        let pair = |(name, value): (&&str, &str)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value(value.to_owned());
            pair
        };
        Metric::from_label(self.labels.iter().zip(values).map(pair).collect())
    }
}

impl Family<0> {
    /// The family with its only figure, if that is known.
    pub(super) fn only(self, value: impl Into<Option<f64>>) -> Option<MetricFamily> {
        self.with([], value.into()?).finish()
    }
}

/// A count as Prometheus takes it: exact up to 2^53, which no counter of ours reaches.
#[expect(clippy::cast_precision_loss, reason = "exact below 2^53 events, which is millennia away")]
pub(super) fn number(count: u64) -> f64 {
    count as f64
}
