//! A zoom as tables on a terminal.

use std::fmt::Write;

use wattmill_catalog::Interval;
use wattmill_factory::Factory;
use wattmill_plan::{Pool, Zoom};

use crate::Table;
use crate::bars::{ServingBars, ends, plain};
use crate::format::{grouped, ms, number, percent, prefixed, signed_percent};
use crate::replay::joules_per_token;

/// A zoom as text; `bars` are where measurements lie of each of its pools.
pub fn zoom_text(factory: &Factory, zoom: &Zoom, bars: &[ServingBars]) -> String {
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        let _ = writeln!(out, "{text}");
    };
    line(format_args!(
        "{}: {} from {} UTC, every request simulated",
        factory.name, zoom.length, zoom.at
    ));
    if zoom.interrupted {
        line(format_args!("PARTIAL: interrupted; the last pool below covers a part of the window"));
    }
    if zoom.pools.is_empty() {
        line(format_args!(
            "\nNothing serves in this window: no machine runs, or nothing is asked of those that do."
        ));
    } else {
        line(format_args!(
            "\nThe plan's fluid hour against the window, request by request\n\n{}",
            against(factory, zoom)
        ));
        line(format_args!("Latency in the window\n\n{}", latencies(factory, zoom)));
        let believed = believed(factory, zoom, bars);
        line(format_args!("Where 80 % of measurements of such engines lie\n\n{believed}"));
    }
    for (service, unserved) in factory.services.iter().zip(&zoom.unserved) {
        if *unserved > 0.0 {
            line(format_args!(
                "{} requests to `{}` found no machine in the window, by the plan.",
                grouped(*unserved),
                service.name
            ));
        }
    }
    line(format_args!("seed {}, answer {:016x}", factory.seed, zoom.answer_hash));
    out
}

pub(super) fn names(factory: &Factory, pool: &Pool) -> [String; 3] {
    [
        factory.sites[pool.site].name.clone(),
        factory.services[pool.service].name.clone(),
        factory.hardware[pool.hardware].system.id.clone(),
    ]
}

pub(super) fn against(factory: &Factory, zoom: &Zoom) -> Table {
    let mut table = Table::new([
        "site",
        "service",
        "system",
        "replicas",
        "requests/s",
        "",
        "",
        "output tokens/s",
        "",
        "",
        "accelerator power",
        "",
        "",
    ])
    .units([
        "", "", "", "", "fluid", "exact", "off by", "fluid", "exact", "off by", "fluid", "exact",
        "off by",
    ])
    .left(&[0, 1, 2]);
    for pool in &zoom.pools {
        let mut row: Vec<String> = names(factory, pool).into();
        row.push(grouped(pool.replicas.into()));
        let off = |fluid: f64, exact: f64| {
            if fluid > 0.0 { signed_percent(exact / fluid - 1.0) } else { "-".to_owned() }
        };
        let (fluid, exact) = (&pool.fluid, &pool.exact);
        row.extend([
            number(fluid.requests_per_s),
            number(exact.requests_per_s),
            off(fluid.requests_per_s, exact.requests_per_s),
            prefixed(fluid.output_tokens_per_s),
            prefixed(exact.output_tokens_per_s),
            off(fluid.output_tokens_per_s, exact.output_tokens_per_s),
            fluid.power.to_string(),
            exact.power.to_string(),
            off(fluid.power.as_watts(), exact.power.as_watts()),
        ]);
        table.push(row);
    }
    table
}

pub(super) fn believed(factory: &Factory, zoom: &Zoom, bars: &[ServingBars]) -> Table {
    let headers = [
        "site", "service", "system", "TTFT p50", "TTFT p99", "TPOT p50", "TPOT p99", "energy",
        "power", "inside",
    ];
    let mut table = Table::new(headers)
        .units(["", "", "", "ms", "ms", "ms", "ms", "J/token", "MW", ""])
        .left(&[0, 1, 2]);
    for (pool, bars) in zoom.pools.iter().zip(bars) {
        let s = &pool.summary;
        let mut row: Vec<String> = names(factory, pool).into();
        for (latency, bar) in [(&s.ttft, bars.ttft), (&s.tpot, bars.tpot)] {
            row.push(ends(latency.p50.as_ms(), bar.as_ref(), plain));
            row.push(ends(latency.p99.as_ms(), bar.as_ref(), plain));
        }
        let of = |value: Option<f64>, bar: &Option<Interval>| {
            value.map_or_else(|| "-".to_owned(), |value| ends(value, bar.as_ref(), number))
        };
        row.push(of(joules_per_token(s), &bars.energy));
        row.push(of(s.power.map(|power| power.as_mw()), &bars.power));
        let inside = |bar: Interval| if bar.inside { "yes" } else { "no" };
        row.push(bars.tpot.map_or("-", inside).to_owned());
        table.push(row);
    }
    table
}

pub(super) fn latencies(factory: &Factory, zoom: &Zoom) -> Table {
    let mut table = Table::new([
        "site",
        "service",
        "system",
        "requests",
        "TTFT p50",
        "TTFT p99",
        "TPOT p50",
        "TPOT p99",
        "within SLO",
        "promised",
        "KV peak",
        "batch",
    ])
    .units(["", "", "", "", "ms", "ms", "ms", "ms", "", "each limit", "", "sequences"])
    .left(&[0, 1, 2]);
    for pool in &zoom.pools {
        let s = &pool.summary;
        let mut row: Vec<String> = names(factory, pool).into();
        row.extend([
            grouped(s.finished as f64),
            ms(s.ttft.p50),
            ms(s.ttft.p99),
            ms(s.tpot.p50),
            ms(s.tpot.p99),
            percent(s.attainment),
            percent(pool.promised),
            percent(s.kv_peak),
            number(s.batch_mean),
        ]);
        table.push(row);
    }
    table
}
