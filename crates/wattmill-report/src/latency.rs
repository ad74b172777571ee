//! The latency table that replay and zoom share.

use wattmill_sim::{Latency, Summary};

use crate::Table;
use crate::format::ms;

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
