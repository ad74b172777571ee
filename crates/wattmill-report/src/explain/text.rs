//! One step as tables and bars on a terminal.

use std::fmt::Write;

use wattmill_units::{Energy, Power, Seconds};

use super::{ExplainFit, ExplainPart, ExplainReport, bound_name};
use crate::bars::with_bar;
use crate::document::explain_hash;
use crate::engine::engine_name;
use crate::format::{counted, grouped, number, percent};
use crate::table::Table;

/// Characters of the longest bar.
const BAR: f64 = 30.0;

/// One step as text.
pub fn explain_text(report: &ExplainReport) -> String {
    let mut out = String::new();
    let name = engine_name(&report.model, &report.system, &report.spec);
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "one step of {name}, as {}, {} cache\n{}",
        report.spec.flavour,
        report.spec.kv_precision,
        what(report)
    );
    for warning in &report.warnings {
        let _ = writeln!(out, "warning: {warning}");
    }
    out.push('\n');
    for (name, value) in rows(report) {
        let _ = writeln!(out, "{name:<16}{value}");
    }
    let _ = write!(out, "\n{}\n{}\n{}", work(report), bars(report), fits(report));
    let _ = writeln!(out, "\nanswer          {:016x}", explain_hash(report));
    out
}

/// What the step does.
fn what(report: &ExplainReport) -> String {
    let step = &report.step;
    let mut said = Vec::new();
    if step.decodes > 0 {
        let decodes = counted(step.decodes as usize, "sequence");
        let each = grouped(step.context.into());
        said.push(format!("{decodes} decoding, {each} tokens of context each"));
    }
    let prompts = step.prompts.iter().map(|(tokens, cached)| {
        let behind = match cached {
            0 => String::new(),
            cached => format!(" behind {} cached", grouped((*cached).into())),
        };
        format!("a prompt of {} tokens{behind}", grouped((*tokens).into()))
    });
    said.extend(prompts);
    said.join("; ")
}

/// Figures of the whole step by name.
fn rows(report: &ExplainReport) -> Vec<(&'static str, String)> {
    let time = report.time();
    let seconds = |s: f64| Seconds::from_s(s).to_string();
    let step = with_bar(&time.to_string(), time.as_s(), report.interval.as_ref(), seconds);
    let mut rows = vec![
        ("step", format!("{step}; measured as {}", report.measured_as())),
        ("", "time of its operators, one after another".to_owned()),
    ];
    if report.spec.speculation.is_some() && report.step.decodes > 0 {
        let gained = number(report.tokens_per_sequence());
        rows.push(("round", format!("{gained} tokens a sequence, of those guessed and verified")));
        let tpot = report.tpot();
        let said = with_bar(&tpot.to_string(), tpot.as_s(), report.interval.as_ref(), seconds);
        rows.push(("TPOT", said));
    }
    rows.push(("power", report.power().map_or_else(unknown, |power| drawn(report, power))));
    if let Some(cap) = report.spec.power_cap {
        let clocks = report.parts.iter().map(|part| part.operator.clock);
        let lowest = percent(clocks.fold(1.0, f64::min));
        rows.push((
            "power cap",
            format!("{cap}; arithmetic at {lowest} of its highest clock or more"),
        ));
    }
    rows.push(("energy", report.energy().map_or_else(unknown, |energy| used(report, energy))));
    let (held, cache) = report.cache;
    rows.push((
        "KV cache",
        format!(
            "{} of {} tokens, {}",
            grouped(held as f64),
            grouped(cache as f64),
            percent(held as f64 / cache.max(1) as f64)
        ),
    ));
    rows.push((
        "not measured",
        format!(
            "{} of the time is in shapes outside of what was measured on this chip family",
            percent(report.share_outside())
        ),
    ));
    rows
}

fn unknown() -> String {
    "unknown: no published TDP".to_owned()
}

/// The power of an accelerator beside its limit.
fn drawn(report: &ExplainReport, power: Power) -> String {
    let of_limit = |limit| format!(", {} of its {limit}", percent(power / limit));
    let limit = report.limit.map_or_else(String::new, of_limit);
    let watts = |watts: f64| Power::from_watts(watts).to_string();
    let shown = format!("{power} an accelerator{limit}");
    with_bar(&shown, power.as_watts(), report.power_interval.as_ref(), watts)
}

/// The energy of the step and of a token.
fn used(report: &ExplainReport, energy: Energy) -> String {
    let each = energy.as_joules() / report.tokens();
    let bar = report.energy_interval.as_ref();
    format!(
        "{} J on {}: {}",
        number(energy.as_joules()),
        counted(report.spec.layout.accelerators() as usize, "accelerator"),
        with_bar(&format!("{} J a token", number(each)), each, bar, number)
    )
}

/// What every operator does and what it reaches.
fn work(report: &ExplainReport) -> Table {
    let headers =
        ["operator, one accelerator", "FLOPs", "bytes", "sent", "time", "of peak", "bound by"];
    let mut table =
        Table::new(headers).units(["", "GFLOP", "MB", "MB", "us", "%", ""]).left(&[0, 6]);
    for part in &report.parts {
        let o = &part.operator;
        table.push([
            o.name.to_owned(),
            or_nothing(o.flops.as_flops() / 1e9),
            or_nothing(o.bytes.as_bytes() / 1e6),
            or_nothing(o.message.as_bytes() / 1e6),
            micros(o.time),
            report.share_of_peak(part).map_or_else(String::new, per_cent),
            bound_name(o.bound).to_owned(),
        ]);
    }
    let sum = |of: fn(&ExplainPart) -> f64| report.parts.iter().map(of).sum::<f64>();
    table.push([
        "total".to_owned(),
        or_nothing(sum(|part| part.operator.flops.as_flops() / 1e9)),
        or_nothing(sum(|part| part.operator.bytes.as_bytes() / 1e6)),
        or_nothing(sum(|part| part.operator.message.as_bytes() / 1e6)),
        micros(report.time()),
    ]);
    table
}

/// Shares of the time, longest first.
fn bars(report: &ExplainReport) -> Table {
    let mut parts: Vec<&ExplainPart> = report.parts.iter().collect();
    parts.sort_by(|a, b| b.operator.time.as_s().total_cmp(&a.operator.time.as_s()));
    let longest = parts.first().map_or(Seconds::ZERO, |part| part.operator.time);
    let mut table = Table::new(["time", "", ""]).units(["", "%", ""]).left(&[0, 2]);
    for part in parts {
        let time = part.operator.time;
        let length = if longest > Seconds::ZERO { time / longest * BAR } else { 0.0 };
        let bar = "#".repeat(length.round() as usize);
        table.push([part.operator.name.to_owned(), per_cent(time / report.time()), bar]);
    }
    table
}

/// The measurements behind the operators.
fn fits(report: &ExplainReport) -> Table {
    let headers = [
        "priced by",
        "measurements",
        "rows",
        "error",
        "90th",
        "unseen",
        "inside",
        "measured range",
    ];
    let units = ["", "", "", "median %", "%", "90th %", "", ""];
    let mut table = Table::new(headers).units(units).left(&[0, 1, 6, 7]);
    for part in &report.parts {
        let name = part.operator.name.to_owned();
        let (Some(used), Some(fit)) = (part.operator.surface, &part.fit) else {
            table.push([name, "constants".to_owned()]);
            continue;
        };
        let inside = if part.is_inside() == Some(true) { "yes" } else { "no" };
        table.push([
            name,
            format!("{} {}", used.operator.replace('_', " "), used.format),
            used.rows.to_string(),
            per_cent(fit.error.median),
            per_cent(fit.error.p90),
            per_cent(fit.error.unseen_p90),
            inside.to_owned(),
            range(fit),
        ]);
    }
    table
}

/// From where to where it was measured.
fn range(fit: &ExplainFit) -> String {
    if fit.borrowed {
        return "none on this chip family".to_owned();
    }
    let axis = |(name, low, high): &(String, f64, f64)| match name.strip_prefix("log2 ") {
        Some(name) => format!("{name} {} to {}", plain(low.exp2()), plain(high.exp2())),
        None => format!("{name} {} to {}", number(*low), number(*high)),
    };
    fit.measured.iter().map(axis).collect::<Vec<_>>().join(", ")
}

fn plain(value: f64) -> String {
    if value < 1.0 { number(value) } else { grouped(value) }
}

fn or_nothing(value: f64) -> String {
    if value > 0.0 { number(value) } else { String::new() }
}

fn micros(time: Seconds) -> String {
    format!("{:.1}", time.as_s() * 1e6)
}

fn per_cent(fraction: f64) -> String {
    format!("{:.1}", fraction * 100.0)
}
