//! How much faster a stream may come, as a curve.

use std::fmt::Write;

use wattmill_sim::{Latency, Summary};
use wattmill_units::{AnswerHash, Seconds};

use crate::bars::{ServingBars, ends, plain, with_bar};
use crate::format::{grouped, ms, number, percent};
use crate::replay::{ReplayHeading, milliseconds};
use crate::{Heading, Horizontal, Limit, LineChart, Page, Series, Spacing, Svg, Table};

/// A stream at one speed.
#[derive(Clone, Debug, PartialEq)]
pub struct SaturationPoint {
    /// How many times as fast as given.
    pub speed: f64,
    /// Whether enough requests kept their limits.
    pub holds: bool,
    /// What came of it.
    pub summary: Summary,
    /// Where measurements lie of it; `None` where nothing was finished, or step times are a user's
    /// own.
    pub bars: Option<ServingBars>,
}

/// What keeps a stream from coming faster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limiting {
    /// Whether the time to first token is past its limit.
    pub late_ttft: bool,
    /// Whether the time per output token is.
    pub late_tpot: bool,
    /// What is used up, in words.
    pub resource: String,
}

impl Limiting {
    /// The latency that leaves its limit first.
    pub fn latency(&self) -> &'static str {
        match (self.late_ttft, self.late_tpot) {
            (true, true) => "TTFT and TPOT",
            (true, false) => "TTFT",
            (false, true) => "TPOT",
            (false, false) => "TTFT of some and TPOT of others",
        }
    }
}

/// Everything there is to say of a saturation curve.
#[derive(Clone, Debug, PartialEq)]
pub struct SaturationReport {
    /// What was replayed on what.
    pub heading: ReplayHeading,
    /// Share of the requests that must keep both limits.
    pub share: f64,
    /// Accelerators of all replicas; `None` with a step-time table.
    pub accelerators: Option<u64>,
    /// What was tried, slowest first.
    pub points: Vec<SaturationPoint>,
    /// What keeps the stream from coming faster.
    pub limiting: Option<Limiting>,
    /// Seed of the traffic; `None` of a trace.
    pub seed: Option<u64>,
}

impl SaturationReport {
    /// The fastest that holds, if any does.
    pub fn best(&self) -> Option<&SaturationPoint> {
        self.points.iter().rev().find(|point| point.holds)
    }

    /// Hash of the answer: of every speed and what came of it.
    pub(crate) fn hash(&self) -> u64 {
        let mut hash = AnswerHash::new();
        for point in &self.points {
            hash.add_f64(point.speed);
            hash.add(point.summary.answer_hash);
        }
        hash.finish()
    }

    /// The answer in a sentence.
    pub fn answer(&self) -> String {
        let share = percent(self.share);
        let (ttft, tpot) = self.heading.slo;
        let promise = format!("{share} of requests within TTFT {ttft} and TPOT {tpot}");
        let why = self.limiting.as_ref().map_or_else(String::new, |limiting| {
            format!("; late beyond it: {} ({})", limiting.latency(), limiting.resource)
        });
        match self.best() {
            None => format!("no speed keeps {promise}{why}"),
            Some(best) => {
                let rate = best.summary.output_tokens_per_s;
                let each = self.accelerators.map_or_else(String::new, |accelerators| {
                    format!(" ({} an accelerator)", grouped(rate / accelerators as f64))
                });
                format!(
                    "{} requests/s and {} output tokens/s{each} with {promise}: {} times as fast as \
                     given{why}",
                    number(best.summary.requests_per_s),
                    grouped(rate),
                    number(best.speed)
                )
            }
        }
    }
}

/// A saturation curve as text.
pub fn saturation_text(report: &SaturationReport) -> String {
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        let _ = writeln!(out, "{text}");
    };
    let heading = &report.heading;
    line(format_args!("{}", heading.requests));
    line(format_args!(
        "on {} {} of {}",
        grouped(heading.replicas.into()),
        if heading.replicas == 1 { "replica" } else { "replicas" },
        heading.engine
    ));
    if heading.interrupted {
        line(format_args!("PARTIAL: interrupted; what was tried until then is below"));
    }
    line(format_args!("\n{}", curve(report)));
    line(format_args!("Where 80 % of measurements of such engines lie\n\n{}", believed(report)));
    line(format_args!("saturation      {}", report.answer()));
    if let Some(said) = rate(report) {
        line(format_args!("tokens/s        {said}"));
    }
    line(format_args!("simulated       {} speeds in {}", report.points.len(), heading.wall));
    line(format_args!("answer          {:016x}", report.hash()));
    out
}

/// The rate found, with its error bar; `None` where no speed holds.
fn rate(report: &SaturationReport) -> Option<String> {
    let SaturationPoint { summary, bars, .. } = report.best()?;
    let rate = summary.output_tokens_per_s;
    let bar = bars.as_ref().and_then(|bars| bars.throughput.as_ref());
    Some(with_bar(&grouped(rate), rate, bar, grouped))
}

fn believed(report: &SaturationReport) -> Table {
    let headers = ["speed", "output", "TTFT p50", "p99", "TPOT p50", "p99", "inside"];
    let mut table = Table::new(headers).units(["times", "tokens/s", "ms", "ms", "ms", "ms", ""]);
    for SaturationPoint { speed, summary, bars, .. } in &report.points {
        let bars = bars.unwrap_or_default();
        let mut row = vec![number(*speed)];
        row.push(ends(summary.output_tokens_per_s, bars.throughput.as_ref(), grouped));
        for (latency, bar) in [(&summary.ttft, bars.ttft), (&summary.tpot, bars.tpot)] {
            row.push(ends(latency.p50.as_ms(), bar.as_ref(), plain));
            row.push(ends(latency.p99.as_ms(), bar.as_ref(), plain));
        }
        let inside = |bar: wattmill_catalog::Interval| if bar.inside { "yes" } else { "no" };
        row.push(bars.throughput.map_or("-", inside).to_owned());
        table.push(row);
    }
    table
}

fn curve(report: &SaturationReport) -> Table {
    let mut table = Table::new([
        "speed", "finished", "output", "inside", "TTFT", "", "TPOT", "", "batch", "KV peak", "busy",
    ])
    .units([
        "times",
        "requests/s",
        "tokens/s",
        "both limits",
        "p50 ms",
        "p99 ms",
        "p50 ms",
        "p99 ms",
        "mean",
        "",
        "",
    ]);
    for SaturationPoint { speed, summary, .. } in &report.points {
        table.push([
            number(*speed),
            number(summary.requests_per_s),
            grouped(summary.output_tokens_per_s),
            percent(summary.attainment),
            ms(summary.ttft.p50),
            ms(summary.ttft.p99),
            ms(summary.tpot.p50),
            ms(summary.tpot.p99),
            number(summary.batch_mean),
            percent(summary.kv_peak),
            percent(summary.busy),
        ]);
    }
    table
}

/// A saturation curve as one page of HTML.
pub fn saturation_page(report: &SaturationReport) -> String {
    let heading = &report.heading;
    let mut page = Page::new("Saturation").lead(format!(
        "{}, on {} replicas of {}, at {} speeds.",
        heading.requests,
        grouped(heading.replicas.into()),
        heading.engine,
        report.points.len()
    ));
    if let Some(best) = report.best() {
        page = page
            .figure(number(best.summary.requests_per_s), "requests a second inside the SLO")
            .figure(grouped(best.summary.output_tokens_per_s), "output tokens a second")
            .figure(milliseconds(best.summary.ttft.p99), "time to first token, p99")
            .figure(milliseconds(best.summary.tpot.p99), "time per output token, p99");
    }
    if heading.interrupted {
        page = page.note("Partial: interrupted; what was tried until then is below.");
    }
    let (ttft, tpot) = heading.slo;
    page.text(&report.answer())
        .section("Latency by load")
        .chart(&latency(
            report,
            "Time to first token",
            "time to first token, ms",
            Limit::new(format!("TTFT limit {ttft}"), ttft.as_ms()),
            |summary| &summary.ttft,
        ))
        .chart(&latency(
            report,
            "Time per output token",
            "time per output token, ms",
            Limit::new(format!("TPOT limit {tpot}"), tpot.as_ms()),
            |summary| &summary.tpot,
        ))
        .section("Every speed that was tried")
        .table(&curve(report))
        .section("Where 80 % of measurements of such engines lie")
        .table(&believed(report))
        .foot(format!("answer {:016x}", report.hash()))
        .foot(format!("wattmill {}", env!("CARGO_PKG_VERSION")))
        .render()
}

fn latency(
    report: &SaturationReport,
    name: &str,
    y_label: &str,
    limit: Limit,
    of: fn(&Summary) -> &Latency,
) -> Svg {
    let points = &report.points;
    let series = |name: &str, at: fn(&Latency) -> Seconds| {
        Series::new(name, points.iter().map(|p| at(of(&p.summary)).as_ms()).collect())
    };
    let chart = LineChart {
        heading: Heading::new(name, "Against how many times as fast as given the requests come."),
        x: Horizontal::Numbers {
            label: "speed, times as given".to_owned(),
            values: points.iter().map(|p| p.speed).collect(),
        },
        y_label: y_label.to_owned(),
        spacing: Spacing::Logarithmic,
        series: vec![series("p50", |l| l.p50), series("p90", |l| l.p90), series("p99", |l| l.p99)],
        limits: vec![limit],
    };
    chart.to_svg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::saturated;

    #[test]
    fn what_it_says() {
        let report = saturated();
        let answer = report.answer();
        for part in [
            "1 times as fast as given",
            "late beyond it: TTFT (KV cache: its blocks run out)",
            "99 % of requests",
        ] {
            assert!(answer.contains(part), "{part}\n{answer}");
        }
        let text = saturation_text(&report);
        assert!(text.contains(&answer));
        let found = text.lines().find(|line| line.starts_with("tokens/s ")).unwrap();
        assert!(found.contains(" rows, median "), "{found}");
        let page = saturation_page(&report);
        assert!(page.contains("TTFT limit 200 ms") && page.contains("speed, times as given"));
        let mut none = report.clone();
        none.points.iter_mut().for_each(|point| point.holds = false);
        assert!(none.answer().starts_with("no speed keeps 99 % of requests"), "{}", none.answer());
        assert_ne!(SaturationReport { points: Vec::new(), ..report.clone() }.hash(), report.hash());
    }
}
