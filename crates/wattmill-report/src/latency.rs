//! Latencies as a table and as a picture.

use wattmill_factory::Slo;
use wattmill_sim::{Latency, Summary};
use wattmill_units::Seconds;

use crate::format::{ms, number};
use crate::{DotChart, Heading, Limit, Series, Spacing, Svg, Table};

/// TTFT, TPOT, inter-token and end-to-end latency at their quantiles.
pub(crate) fn latency_table(summary: &Summary) -> Table {
    let mut table = Table::new(["latency", "mean", "p50", "p90", "p95", "p99"])
        .units(["", "ms", "ms", "ms", "ms", "ms"]);
    let rows: [(&str, &Latency); 4] = [
        ("time to first token (TTFT)", &summary.ttft),
        ("time per output token (TPOT)", &summary.tpot),
        ("inter-token", &summary.inter_token),
        ("end to end", &summary.end_to_end),
    ];
    for (name, l) in rows {
        table.push([name.to_owned(), ms(l.mean), ms(l.p50), ms(l.p90), ms(l.p95), ms(l.p99)]);
    }
    table
}

/// Latencies of something with a name, and what they are held to.
pub(crate) struct Held {
    /// Who serves whom on what.
    pub(crate) name: String,
    /// Time to first token.
    pub(crate) ttft: Latency,
    /// Time per output token.
    pub(crate) tpot: Latency,
    /// The limits.
    pub(crate) slo: Slo,
}

/// Percentiles as shares of their limits, a row for each: TTFT and TPOT on one axis, whatever their
/// sizes.
pub(crate) fn latency_chart(heading: Heading, held: &[Held]) -> Svg {
    let rows: Vec<(String, &Latency, Seconds)> = held
        .iter()
        .flat_map(|Held { name, ttft, tpot, slo }| {
            let at = number(100.0 * slo.quantile);
            [
                (format!("{name}: TTFT, p{at} in {}", slo.ttft), ttft, slo.ttft),
                (format!("{name}: TPOT, p{at} in {}", slo.tpot), tpot, slo.tpot),
            ]
        })
        .collect();
    let series = |name: &str, of: fn(&Latency) -> Seconds| {
        let share = |(_, latency, limit): &(_, &Latency, Seconds)| 100.0 * (of(latency) / *limit);
        Series::new(name, rows.iter().map(share).collect())
    };
    let chart = DotChart {
        heading,
        x_label: "share of the limit, %".to_owned(),
        spacing: Spacing::Logarithmic,
        series: vec![
            series("p50", |latency| latency.p50),
            series("p90", |latency| latency.p90),
            series("p95", |latency| latency.p95),
            series("p99", |latency| latency.p99),
        ],
        limits: vec![Limit::new("limit", 100.0)],
        rows: rows.into_iter().map(|(name, ..)| name).collect(),
    };
    chart.to_svg()
}
