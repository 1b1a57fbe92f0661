//! The report of the demo: figures as tables, the proof, and every broken promise.

use std::collections::BTreeMap;

use super::figures::{LISTED, Report};
use service::failure::{Exit, Failure};
use service::output::Output;

impl Report {
    /// Every promise that was broken, one line each.
    pub(super) fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let proof = &self.proof;
        if proof.differences > 0 {
            broken
                .push(format!("Refersion differs from the reference model in {} places", proof.differences));
        }
        if proof.outcome_faults > 0 {
            broken.push(format!("{} events did not end in exactly one outcome", proof.outcome_faults));
        }
        let ended: u64 = self.outcomes.values().flat_map(BTreeMap::values).sum();
        if ended != self.accepted {
            broken.push(format!("{} events were accepted, and {ended} have an outcome", self.accepted));
        }
        if self.rate.most_in_10s > self.rate.allowed_in_10s {
            let rate = &self.rate;
            broken.push(format!(
                "{} calls arrived within 10 s, and {} are allowed",
                rate.most_in_10s, rate.allowed_in_10s
            ));
        }
        broken
    }

    /// The exit code of the command.
    pub(super) fn exit(&self) -> Exit {
        if self.broken().is_empty() { Exit::Done } else { Exit::Failed }
    }

    /// Prints everything.
    pub(super) fn print(&self, output: &mut Output) -> Result<(), Failure> {
        if output.is_json() {
            return output.json(&serde_json::json!({ "report": self, "broken_promises": self.broken() }));
        }
        self.print_events(output)?;
        self.print_calls(output)?;
        self.print_faults(output)?;
        self.print_proof(output)
    }

    fn print_events(&self, output: &mut Output) -> Result<(), Failure> {
        head(output, "Answers of the ingest endpoint")?;
        let rows: Vec<_> = self.answers.iter().map(|(status, count)| row([status, count])).collect();
        output.table(&["STATUS", "REQUESTS"], &rows)?;

        head(output, "Events by outcome")?;
        let mut rows: Vec<_> =
            self.outcomes.iter().map(|(outcome, reasons)| outcome_row(outcome, reasons)).collect();
        let sum: u64 = self.outcomes.values().flat_map(BTreeMap::values).sum();
        rows.push(row([&"sum", &sum, &format!("{} were accepted", self.accepted)]));
        output.table(&["OUTCOME", "EVENTS", "WHY"], &rows)?;

        head(output, "Latency")?;
        let rows: Vec<_> = self
            .latencies
            .iter()
            .map(|it| row([&it.what, &it.times, &ms(it.p50_ms), &ms(it.p99_ms)]))
            .collect();
        output.table(&["WHAT", "TIMES", "HALF WITHIN", "99 OF 100 WITHIN"], &rows)?;
        if let Some(why) = self.why_live_is_slower() {
            output.line(why)?;
        }
        output.line(&format!(
            "{} new affiliates take at least {:.0} s at {} calls a second; this program causes the rest of the latency.",
            self.least_creates(),
            self.seconds_at_the_ceiling(),
            self.rate.ceiling
        ))
    }

    fn print_calls(&self, output: &mut Output) -> Result<(), Failure> {
        head(output, "Calls to Refersion's API")?;
        let mut rows: Vec<_> =
            self.calls.iter().map(|it| row([&it.operation, &it.answered, &it.least, &it.failed])).collect();
        let sum = |of: fn(&super::figures::CallRow) -> u64| self.calls.iter().map(of).sum::<u64>();
        rows.push(row([&"sum", &sum(|it| it.answered), &sum(|it| it.least), &sum(|it| it.failed)]));
        output.table(&["OPERATION", "ANSWERED", "LEAST POSSIBLE", "FAILED, RETRIED"], &rows)?;
        if self.calls.iter().any(|it| it.answered < it.least) {
            output.line(
                "Fewer answers than the least possible: some failed calls had taken effect anyway, and were not needed again.",
            )?;
        }
        let rate = &self.rate;
        output.line(&format!(
            "Rate: at most {} calls a second; the busiest 10 s had {} calls, and {} are allowed.",
            rate.ceiling, rate.most_in_10s, rate.allowed_in_10s
        ))
    }

    fn print_faults(&self, output: &mut Output) -> Result<(), Failure> {
        head(output, "Faults injected")?;
        let rows: Vec<_> = self.faults.iter().map(|(kind, count)| row([kind, count])).collect();
        output.table(&["FAULT", "TIMES"], &rows)?;

        head(output, "Dead letters")?;
        let rows: Vec<_> = self
            .dead
            .iter()
            .map(|it| row([&it.class, &it.field.as_deref().unwrap_or("-"), &it.events, &it.example]))
            .collect();
        output.table(&["CLASS", "FIELD", "EVENTS", "FOR EXAMPLE"], &rows)?;

        head(output, "Traits that no custom field takes")?;
        let rows: Vec<_> = self.unmapped.iter().map(|(name, events)| row([name, events])).collect();
        output.table(&["TRAIT", "EVENTS"], &rows)
    }

    fn print_proof(&self, output: &mut Output) -> Result<(), Failure> {
        let proof = &self.proof;
        head(output, "The proof")?;
        let equals = if proof.differences == 0 { "equals" } else { "DIFFERS FROM" };
        output.line(&format!(
            "Refersion's state {equals} the reference model's: {} affiliates compared, {} differences.",
            proof.affiliates, proof.differences
        ))?;
        list(output, &proof.first_differences, proof.differences)?;
        let has = if proof.outcome_faults == 0 {
            "has exactly one outcome"
        } else {
            "SHOULD HAVE EXACTLY ONE OUTCOME"
        };
        output.line(&format!(
            "Every accepted event {has}: {} events looked up, {} exceptions.",
            proof.events, proof.outcome_faults
        ))?;
        list(output, &proof.first_outcome_faults, proof.outcome_faults)?;
        let are = if proof.disabled == 1 { "affiliate is" } else { "affiliates are" };
        output.line(&format!(
            "Deletes forbid {} addresses; {} {are} disabled there. Affiliates without a person: {}.",
            proof.forbidden,
            proof.disabled,
            proof.left_over.len()
        ))?;
        list(output, &proof.left_over[..proof.left_over.len().min(LISTED)], proof.left_over.len())?;
        for broken in self.broken() {
            output.line(&format!("BROKEN PROMISE: {broken}."))?;
        }
        output.line("")?;
        output.line(&format!(
            "{} members, {} events, {:.1} s, seed {}.",
            self.members, self.accepted, self.seconds, self.seed
        ))
    }

    /// The reason why live events took longer than bulk ones, if they did: they go first, but need other calls.
    fn why_live_is_slower(&self) -> Option<&'static str> {
        let half = |lane: &str| self.latencies.iter().find(|it| it.what.ends_with(lane)).map(|it| it.p50_ms);
        (half("live")? > half("bulk")?).then_some(
            "Live events took longer here: most are sign-ups, which need a create each, one by one; bulk events change \
             existing affiliates, 50 in one call.",
        )
    }

    fn least_creates(&self) -> u64 {
        self.calls.iter().find(|it| it.operation == "affiliate/new").map_or(0, |it| it.least)
    }

    fn seconds_at_the_ceiling(&self) -> f64 {
        f64::from(u32::try_from(self.least_creates()).unwrap_or(u32::MAX)) / self.rate.ceiling
    }
}

fn head(output: &mut Output, title: &str) -> Result<(), Failure> {
    output.line(&format!("\n{title}"))
}

fn list(output: &mut Output, lines: &[String], of: usize) -> Result<(), Failure> {
    for line in lines {
        output.line(&format!("  {line}"))?;
    }
    if of > lines.len() {
        output.line(&format!("  and {} more", of - lines.len()))?;
    }
    Ok(())
}

fn row<const N: usize>(cells: [&dyn std::fmt::Display; N]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}

fn outcome_row(outcome: &str, reasons: &BTreeMap<String, u64>) -> Vec<String> {
    let mut reasons_by_count: Vec<_> = reasons.iter().filter(|(reason, _)| !reason.is_empty()).collect();
    reasons_by_count.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), reason.as_str()));
    let why: Vec<_> = reasons_by_count.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    row([&outcome, &reasons.values().sum::<u64>(), &why.join(", ")])
}

fn ms(millis: u64) -> String {
    if millis < 10_000 { format!("{millis} ms") } else { format!("{} s", millis / 1_000) }
}

#[cfg(test)]
mod tests;
