//! A replay as one page.

use wattmill_sim::{Summary, Tally};
use wattmill_units::{Histogram, Seconds, Ticks};

use super::text::{ReplayHeading, believed, rows};
use crate::format::{grouped, number, or_dash, percent, prefixed};
use crate::latency::latency_table;
use crate::over_time::{OverTime, ServiceOf};
use crate::serve::ServedRow;
use crate::{Distribution, DistributionChart, Heading, Limit, Page, Svg, Table};

/// A replay as one page of HTML: headline figures, latency distributions against the limits, what
/// happened from minute to minute, and every figure of the summary.
///
/// `tally` is the one that `summary` was made of; `series` the rows of the time series.
pub fn replay_page(
    heading: &ReplayHeading,
    summary: &Summary,
    tally: &Tally,
    series: &[ServedRow],
) -> String {
    let replicas = if heading.replicas == 1 { "replica" } else { "replicas" };
    let mut page = Page::new(heading.requests.as_str())
        .lead(format!(
            "On {} {replicas} of {}, every request simulated.",
            grouped(heading.replicas.into()),
            heading.engine
        ))
        .figure(grouped(summary.finished as f64), "requests finished")
        .figure(percent(summary.attainment), "of requests inside both limits")
        .figure(milliseconds(summary.ttft.p99), "time to first token, p99")
        .figure(milliseconds(summary.tpot.p99), "time per output token, p99")
        .figure(rate(summary.output_tokens_per_s), "output tokens a second")
        .figure(rate(summary.requests_per_s), "requests a second");
    if let Some(power) = summary.power {
        page = page.figure(power.to_string(), "accelerator power, mean, idle included");
    }
    if summary.tokens_per_joule.is_some() {
        let meaning = "output tokens per joule of accelerators";
        page = page.figure(or_dash(summary.tokens_per_joule, number), meaning);
    }
    if let Some(with) = &heading.calibration {
        page = page.note(&with.to_string());
    }
    if heading.interrupted {
        page = page
            .note("Partial: interrupted before the last request; what was handed out is answered.");
    }
    let mut figures = Table::new(["", ""]).left(&[0, 1]);
    for (name, value) in rows(heading, summary) {
        figures.push([name.to_owned(), value]);
    }
    let mut bars = Table::new(["", ""]).left(&[0, 1]);
    for (name, value) in believed(heading, summary) {
        bars.push([name.to_owned(), value]);
    }
    page = page
        .section("Latency")
        .chart(&requests(heading, tally))
        .chart(&tokens(heading, tally))
        .table(&latency_table(summary));
    if !series.is_empty() {
        let of = ServiceOf { name: "requests".to_owned(), slo: heading.slo };
        let pools = vec!["all replicas".to_owned()];
        let (over_time, left_out) = OverTime::new(series, vec![of], pools, Vec::new());
        let charts = [
            over_time.requests(),
            over_time.latencies(),
            over_time.work(),
            over_time.power_and_cost(),
        ];
        page = charts.iter().flatten().fold(page.section("Over time"), Page::chart);
        if let Some(told) = left_out {
            page = page.text(&told);
        }
    }
    page.section("What measurements make of it")
        .text(BELIEVED)
        .table(&bars)
        .section("Everything else")
        .table(&figures)
        .foot(format!("answer {:016x}", summary.answer_hash))
        .foot(format!("wattmill {}", env!("CARGO_PKG_VERSION")))
        .render()
}

/// What the intervals of a page are.
const BELIEVED: &str = "Published measurements of the same kind of answer, on the same chip family and \
    engine, lie within these intervals in 80 % of cases; docs/validation.md says how they were made.";

fn rate(per_s: f64) -> String {
    match per_s {
        few if few < 1e3 => number(few),
        many if many < 1e6 => grouped(many),
        more => prefixed(more),
    }
}

pub(crate) fn milliseconds(span: Seconds) -> String {
    format!("{} ms", number(span.as_ms()))
}

const NANOSECOND_MS: f64 = 1e-6;

/// From arrival to the first token and to the last.
fn requests(heading: &ReplayHeading, tally: &Tally) -> Svg {
    let limit = heading.slo.0;
    let chart = DistributionChart {
        heading: Heading::new(
            "From arrival to the first token, and to the last",
            "Share of requests that took no longer.",
        ),
        x_label: "ms since arrival".to_owned(),
        y_label: "share of requests".to_owned(),
        distributions: vec![
            distribution("time to first token (TTFT)", &tally.ttft, NANOSECOND_MS),
            distribution("end to end", &tally.e2e, NANOSECOND_MS),
        ],
        limits: vec![Limit::new(format!("TTFT limit {limit}"), limit.as_ms())],
    };
    chart.to_svg()
}

/// Between one token and the next.
fn tokens(heading: &ReplayHeading, tally: &Tally) -> Svg {
    let limit = heading.slo.1;
    let tick_ms = Ticks::from_raw(1).as_seconds().as_ms();
    let chart = DistributionChart {
        heading: Heading::new(
            "From one token to the next",
            "Share of requests, by their mean time per output token, and of all gaps between two tokens, that took no longer.",
        ),
        x_label: "ms a token".to_owned(),
        y_label: "share of requests; of gaps".to_owned(),
        distributions: vec![
            distribution("time per output token (TPOT)", &tally.tpot, NANOSECOND_MS),
            distribution("inter-token", &tally.gaps, tick_ms),
        ],
        limits: vec![Limit::new(format!("TPOT limit {limit}"), limit.as_ms())],
    };
    chart.to_svg()
}

/// Cumulative shares of a histogram whose values are `unit` milliseconds each.
fn distribution(name: &str, histogram: &Histogram, unit: f64) -> Distribution {
    let count = histogram.count() as f64;
    let mut below = 0;
    let points = histogram.nonempty().map(|(value, times)| {
        below += times;
        (value as f64 * unit, below as f64 / count)
    });
    Distribution::new(name, points.collect())
}
