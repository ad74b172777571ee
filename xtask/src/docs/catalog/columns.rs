//! Key figures of a row of each kind.

use wattmill::catalog::{
    Accelerator, AttentionKind, Efficiency, LengthRow, Model, Precision, Provenance, ShapeRow,
    System,
};
use wattmill::units::Seconds;

/// One row of the index. Empty text is a value that no source states.
pub(super) struct Row<'a> {
    pub(super) id: &'a str,
    /// Heading and value.
    pub(super) figures: Vec<(&'static str, String)>,
    pub(super) provenance: &'a Provenance,
}

/// Values as the data file states them.
fn stated<'a>(
    provenance: &'a Provenance,
    columns: &'a [(&'static str, &'static str)],
) -> impl Iterator<Item = (&'static str, String)> + 'a {
    columns.iter().map(|(heading, name)| {
        let value = provenance.field(name).map(|field| {
            let own = field.confidence.filter(|own| *own != provenance.confidence);
            match own {
                Some(own) => format!("{} ({own})", field.value),
                None => field.value.clone(),
            }
        });
        (*heading, value.unwrap_or_default())
    })
}

pub(super) fn accelerator(row: &Accelerator) -> Row<'_> {
    let columns = &[
        ("name", "name"),
        ("vendor", "vendor"),
        ("family", "family"),
        ("launch", "launch"),
        ("BF16", "bf16"),
        ("FP8", "fp8"),
        ("FP4", "fp4"),
        ("memory", "memory"),
        ("bandwidth", "memory_bandwidth"),
        ("scale-up", "scaleup"),
        ("domain", "scaleup_domain"),
        ("scale-out", "scaleout"),
        ("TDP", "tdp"),
    ];
    let mut figures: Vec<_> = stated(&row.provenance, columns).collect();
    figures.push(lacks(&row.missing()));
    Row { id: &row.id, figures, provenance: &row.provenance }
}

pub(super) fn system(row: &System) -> Row<'_> {
    let columns = &[
        ("name", "name"),
        ("vendor", "vendor"),
        ("unit", "unit"),
        ("accelerator", "accelerator"),
        ("accelerators", "accelerators"),
        ("power, typical", "power_typical"),
        ("power, most", "power_max"),
        ("price", "price"),
        ("available", "available"),
    ];
    let mut figures: Vec<_> = stated(&row.provenance, columns).collect();
    figures.push(lacks(&row.missing()));
    Row { id: &row.id, figures, provenance: &row.provenance }
}

pub(super) fn model(row: &Model) -> Row<'_> {
    let missing = row.missing();
    let priced = missing.is_empty();
    let counted = |total: f64, active: f64| match (total, active) {
        (total, active) if total == active => billions(total),
        (total, active) => format!("{} / {}", billions(total), billions(active)),
    };
    let parameters =
        if priced { counted(row.parameters(), row.active_parameters()) } else { String::new() };
    let published = match (row.params_published, row.params_active_published) {
        (Some(total), Some(active)) => counted(total, active),
        (Some(total), None) => billions(total),
        (None, Some(active)) => format!("– / {}", billions(active)),
        (None, None) => String::new(),
    };
    let experts =
        row.ffn.moe.map_or(String::new(), |moe| format!("{} of {}", moe.top_k, moe.routed));
    let kv = if priced {
        format!("{} kB", significant(row.kv_bytes_per_token(2.0) / 1e3))
    } else {
        String::new()
    };
    let figures = vec![
        ("family", row.family.clone()),
        ("release", row.release.clone()),
        ("layers", count(row.layers)),
        ("hidden", count(row.hidden)),
        ("attention", attention(row)),
        ("experts", experts),
        ("context", count(row.context)),
        ("parameters", parameters),
        ("published", published),
        ("KV", kv),
        lacks(&missing),
    ];
    Row { id: &row.id, figures, provenance: &row.provenance }
}

fn attention(row: &Model) -> String {
    let heads = match row.attention {
        AttentionKind::Grouped { heads, kv_heads, .. } if heads * kv_heads > 0 => {
            format!("{heads} heads on {kv_heads}")
        }
        AttentionKind::Latent { heads, kv_rank, .. } if heads * kv_rank > 0 => {
            format!("{heads} heads on a latent of {kv_rank}")
        }
        AttentionKind::Compressed(c) => {
            let entries = [("picked", c.sparse), ("all", c.dense)].map(|(read, e)| {
                format!("{read} entries of {} tokens in {} layers", e.tokens, e.layers)
            });
            format!("{} heads on rows of {}, {}", c.heads, c.head_dim, entries.join(", "))
        }
        AttentionKind::Grouped { .. } | AttentionKind::Latent { .. } => return String::new(),
    };
    let mut parts = vec![heads];
    if row.window > 0 {
        let windowed = match row.attention {
            AttentionKind::Compressed(_) => row.attention_layers,
            _ => row.attention_layers.saturating_sub(row.full_attention_layers),
        };
        parts.push(format!("window of {} in {windowed} layers", row.window));
    }
    if row.sparse_top_k > 0 {
        parts.push(format!("picks {}", row.sparse_top_k));
    }
    parts.extend(row.state.map(|s| format!("{} state in {} layers", s.kind.name(), s.layers)));
    parts.extend(row.undescribed.map(|u| u.name().to_owned()));
    parts.join(", ")
}

pub(super) fn lengths(row: &LengthRow) -> Row<'_> {
    let mut figures: Vec<_> = stated(&row.provenance, &[("requests", "requests")]).collect();
    for (points, mean, headings) in [
        (&row.input, row.mean_input, ["prompt: mean", "median", "p99", "most"]),
        (&row.output, row.mean_output, ["answer: mean", "median", "p99", "most"]),
    ] {
        let values = [mean, quantile(points, 0.5), quantile(points, 0.99), quantile(points, 1.0)];
        figures.extend(headings.into_iter().zip(values.map(significant)));
    }
    figures.extend(stated(&row.provenance, &[("licence", "licence")]));
    Row { id: &row.id, figures, provenance: &row.provenance }
}

pub(super) fn shape(row: &ShapeRow) -> Row<'_> {
    let low = row.hourly.iter().copied().fold(f64::INFINITY, f64::min);
    let high = row.hourly.iter().copied().fold(0.0, f64::max);
    let at = |rate: f64| {
        let hours = row.hourly.iter().zip(0..).filter(|(r, _)| **r == rate);
        let hours: Vec<_> = hours.map(|(_, hour): (_, u32)| hour.to_string()).collect();
        if hours.len() == row.hourly.len() {
            format!("{rate:.2} all day")
        } else {
            format!("{rate:.2} in hour {}", hours.join(", "))
        }
    };
    let mut figures = vec![("lowest", at(low)), ("highest", at(high))];
    figures.extend(stated(&row.provenance, &[("licence", "licence")]));
    Row { id: &row.id, figures, provenance: &row.provenance }
}

pub(super) fn efficiency(row: &Efficiency) -> Row<'_> {
    let shares = |of: &dyn Fn(Precision) -> f64| {
        let shares = Precision::ALL.map(|precision| significant(of(precision)));
        shares.join(" / ")
    };
    let link = |share: f64, time: Seconds| {
        format!("{} + {} us", significant(share), significant(time.as_us()))
    };
    let figures = vec![
        ("borrows from", row.borrowed_from.clone().unwrap_or_default()),
        ("matrices", shares(&|p| row.gemm_at(p))),
        ("weights", shares(&|p| row.memory_weights_at(p))),
        ("KV cache", significant(row.memory_kv)),
        ("all-reduce", link(row.allreduce, row.allreduce_latency)),
        ("all-to-all", link(row.alltoall, row.alltoall_latency)),
        ("scale-out", link(row.scaleout, row.scaleout_latency)),
        ("kernel", format!("{} us", significant(row.kernel_latency.as_us()))),
        ("step", format!("{} us", significant(row.step_overhead.as_us()))),
        ("idle power", significant(row.idle_fraction)),
    ];
    Row { id: &row.family, figures, provenance: &row.provenance }
}

/// What a row would have to state to be used, beyond being shown.
fn lacks(missing: &[&str]) -> (&'static str, String) {
    ("lacks", missing.join(", "))
}

fn count(number: u32) -> String {
    if number == 0 { String::new() } else { number.to_string() }
}

fn billions(parameters: f64) -> String {
    format!("{} B", significant(parameters / 1e9))
}

/// Three digits, or all of them before the point.
fn significant(value: f64) -> String {
    let decimals = match value.abs() {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        _ => 3,
    };
    let text = format!("{value:.decimals$}");
    if decimals == 0 {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    text.to_owned()
}

/// Value at `probability`, linear between the points.
fn quantile(points: &[(f64, f64)], probability: f64) -> f64 {
    let above = points.partition_point(|(p, _)| *p < probability);
    match (above.checked_sub(1).map(|i| points[i]), points.get(above)) {
        (Some((p0, v0)), Some((p1, v1))) => v0 + (v1 - v0) * (probability - p0) / (p1 - p0),
        (None, Some((_, value))) => *value,
        (Some((_, value)), None) => value,
        (None, None) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.84, "0.84"),
            (0.99996, "1"),
            (4.75, "4.75"),
            (37.04, "37"),
            (671.02, "671"),
            (19366.0, "19366"),
            (100.0, "100"),
            (70.0, "70"),
        ] {
            assert_eq!(significant(value), text);
        }
    }

    #[test]
    fn a_quantile_lies_between_its_points() {
        let points = [(0.0, 10.0), (0.5, 20.0), (1.0, 40.0)];
        assert_eq!(quantile(&points, 0.0), 10.0);
        assert_eq!(quantile(&points, 0.5), 20.0);
        assert_eq!(quantile(&points, 0.75), 30.0);
        assert_eq!(quantile(&points, 1.0), 40.0);
    }
}
