//! The catalogue as tables on a terminal.

use wattmill_catalog::{Accelerator, Catalog, Kind, Model, Provenance, System};

use crate::Table;
use crate::format::{number, or_dash, prefixed};

/// Every row of one kind, or of all, a line each.
pub fn catalog_list_text(catalog: &Catalog, kind: Option<Kind>) -> String {
    let kinds = Kind::ALL.into_iter().filter(|k| kind.is_none_or(|wanted| wanted == *k));
    let tables = kinds.map(|kind| format!("{}\n\n{}", title(kind), list(catalog, kind)));
    let mut text = tables.collect::<Vec<_>>().join("\n");
    text.push_str("\nconfidence: A primary source, B secondary, C general knowledge, E estimate\n");
    text
}

/// One row by its id or alias, in every kind that has it: each value with unit, source and date.
/// `None` if no kind has it.
pub fn catalog_show_text(catalog: &Catalog, id: &str) -> Option<String> {
    let rows: Vec<String> = Kind::ALL
        .into_iter()
        .filter_map(|kind| {
            let (id, provenance, missing) = row(catalog, kind, id)?;
            Some(show(catalog, kind, id, provenance, &missing))
        })
        .collect();
    (!rows.is_empty()).then(|| rows.join("\n"))
}

const fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Accelerator => "Accelerators",
        Kind::System => "Systems",
        Kind::Model => "Models",
        Kind::Lengths => "Prompt and answer lengths",
        Kind::Shape => "Daily shapes",
        Kind::Efficiency => "Achieved efficiency by chip family",
    }
}

fn list(catalog: &Catalog, kind: Kind) -> Table {
    match kind {
        Kind::Accelerator => accelerators(catalog),
        Kind::System => systems(catalog),
        Kind::Model => models(catalog),
        Kind::Lengths => {
            let mut table = Table::new(["id", "mean prompt", "mean answer", "", "date"])
                .units(["", "tokens", "tokens", "", ""])
                .left(&[0, 3, 4]);
            for row in catalog.all_lengths() {
                let (input, output) = (number(row.mean_input), number(row.mean_output));
                let p = &row.provenance;
                table.push([&row.id, &input, &output, p.confidence.letter(), &p.date]);
            }
            table
        }
        Kind::Shape => {
            let mut table = Table::new(["id", "busiest hour", "quietest hour", "", "date"])
                .units(["", "of the mean", "of the mean", "", ""])
                .left(&[0, 3, 4]);
            for row in catalog.shapes() {
                let busiest = row.hourly.iter().copied().fold(0.0, f64::max);
                let quietest = row.hourly.iter().copied().fold(f64::INFINITY, f64::min);
                let p = &row.provenance;
                let (busiest, quietest) = (number(busiest), number(quietest));
                table.push([&row.id, &busiest, &quietest, p.confidence.letter(), &p.date]);
            }
            table
        }
        Kind::Efficiency => {
            let mut table = Table::new([
                "family",
                "GEMM bf16",
                "fp8",
                "fp4",
                "memory",
                "all-reduce",
                "measured",
                "",
                "date",
            ])
            .units(["", "of peak", "of peak", "of peak", "of peak", "of link", "", "", ""])
            .left(&[0, 6, 7, 8]);
            for row in catalog.efficiencies() {
                let p = &row.provenance;
                let from = row.borrowed_from.as_ref().map(|family| format!("as {family}"));
                table.push([
                    row.family.clone(),
                    number(row.gemm[0]),
                    number(row.gemm[1]),
                    number(row.gemm[2]),
                    number(row.memory_kv),
                    number(row.allreduce),
                    from.unwrap_or_else(|| "yes".to_owned()),
                    p.confidence.letter().to_owned(),
                    p.date.clone(),
                ]);
            }
            table
        }
    }
}

fn accelerators(catalog: &Catalog) -> Table {
    let mut table = Table::new([
        "id",
        "family",
        "BF16",
        "FP8",
        "FP4",
        "memory",
        "bandwidth",
        "scale-up",
        "domain",
        "limit",
        "",
        "date",
    ])
    .units(["", "", "TFLOP/s", "TFLOP/s", "TFLOP/s", "GB", "TB/s", "GB/s", "", "W", "", ""])
    .left(&[0, 1, 10, 11]);
    for a in catalog.accelerators() {
        let rate = |rate: Option<wattmill_units::FlopRate>| {
            or_dash(rate, |rate| number(rate.as_tflops_per_s()))
        };
        table.push([
            a.id.clone(),
            a.family.clone(),
            rate(a.bf16),
            rate(a.fp8),
            rate(a.fp4),
            or_dash(a.memory, |memory| number(memory.as_gb())),
            or_dash(a.memory_bandwidth, |rate| number(rate.as_tb_per_s())),
            or_dash(a.scaleup, |rate| number(rate.as_gb_per_s())),
            or_dash(a.scaleup_domain, |domain| domain.to_string()),
            or_dash(a.tdp, |power| number(power.as_watts())),
            a.provenance.confidence.letter().to_owned(),
            a.provenance.date.clone(),
        ]);
    }
    table
}

fn systems(catalog: &Catalog) -> Table {
    let mut table = Table::new([
        "id",
        "accelerator",
        "count",
        "unit",
        "typical",
        "maximum",
        "price",
        "available",
        "",
        "date",
    ])
    .units(["", "", "", "", "kW", "kW", "MUSD", "", "", ""])
    .left(&[0, 1, 3, 7, 8, 9]);
    for s in catalog.systems() {
        table.push([
            s.id.clone(),
            s.accelerator.clone(),
            s.accelerators.to_string(),
            s.unit.clone(),
            or_dash(s.power_typical, |power| number(power.as_kw())),
            or_dash(s.power_max, |power| number(power.as_kw())),
            or_dash(s.price, |price| number(price.as_musd())),
            s.available.clone(),
            s.provenance.confidence.letter().to_owned(),
            s.provenance.date.clone(),
        ]);
    }
    table
}

fn models(catalog: &Catalog) -> Table {
    let mut table = Table::new([
        "id",
        "layers",
        "hidden",
        "parameters",
        "active",
        "KV cache",
        "context",
        "priced",
        "",
        "date",
    ])
    .units(["", "", "", "", "", "kB/token, bf16", "tokens", "", "", ""])
    .left(&[0, 7, 8, 9]);
    for m in catalog.models() {
        let known = m.missing().is_empty();
        let of = |value: f64| if known { prefixed(value) } else { "-".to_owned() };
        let kv = number(m.kv_bytes_per_token(2.0) / 1e3);
        table.push([
            m.id.clone(),
            m.layers.to_string(),
            m.hidden.to_string(),
            of(m.parameters()),
            of(m.active_parameters()),
            if known { kv } else { "-".to_owned() },
            m.context.to_string(),
            if known { "yes" } else { "no" }.to_owned(),
            m.provenance.confidence.letter().to_owned(),
            m.provenance.date.clone(),
        ]);
    }
    table
}

/// The row of a kind by id or alias: its own id, provenance and what it lacks.
fn row<'a>(
    catalog: &'a Catalog,
    kind: Kind,
    id: &str,
) -> Option<(&'a str, &'a Provenance, Vec<&'static str>)> {
    match kind {
        Kind::Accelerator => {
            let of = |row: &'a Accelerator| (row.id.as_str(), &row.provenance, row.missing());
            catalog.accelerator(id).map(of)
        }
        Kind::System => {
            let of = |row: &'a System| (row.id.as_str(), &row.provenance, row.missing());
            catalog.system(id).map(of)
        }
        Kind::Model => {
            let of = |row: &'a Model| (row.id.as_str(), &row.provenance, row.missing());
            catalog.model(id).map(of)
        }
        Kind::Lengths => {
            catalog.lengths(id).map(|row| (row.id.as_str(), &row.provenance, Vec::new()))
        }
        Kind::Shape => catalog.shape(id).map(|row| (row.id.as_str(), &row.provenance, Vec::new())),
        Kind::Efficiency => {
            catalog.efficiency(id).map(|row| (row.family.as_str(), &row.provenance, Vec::new()))
        }
    }
}

fn show(
    catalog: &Catalog,
    kind: Kind,
    id: &str,
    provenance: &Provenance,
    missing: &[&str],
) -> String {
    let mut table = Table::new(["value", "", "source", "confidence"]).left(&[0, 1, 2, 3]);
    for field in &provenance.fields {
        let source = field.source.as_deref().unwrap_or("as the row");
        let confidence = field.confidence.unwrap_or(provenance.confidence).letter();
        table.push([field.name, &field.value, source, confidence]);
    }
    let mut text = format!(
        "{id} ({})\nsource: {}\ndate: {}, confidence {}\n",
        title(kind).to_lowercase(),
        provenance.source,
        provenance.date,
        provenance.confidence.letter(),
    );
    let aliases: Vec<&str> = catalog.aliases(kind, id).into_iter().filter(|a| *a != id).collect();
    if !aliases.is_empty() {
        text.push_str(&format!("also called: {}\n", aliases.join(", ")));
    }
    if !missing.is_empty() {
        text.push_str(&format!("cannot be run: no source states {}\n", missing.join(", ")));
    }
    format!("{text}\n{table}")
}
