//! A training job as tables on a terminal.

use std::fmt::Write;

use wattmill_perf::{RankedLayout, RefusedLayout, TrainingRun};
use wattmill_units::{Money, Power, Seconds};

use super::{TrainAnswer, TrainReport};
use crate::bars::{with_bar, words};
use crate::document::train_hash;
use crate::format::{grouped, number, percent, prefixed};
use crate::table::Table;

/// A training job as text.
pub fn train_text(report: &TrainReport) -> String {
    let mut out = String::new();
    let what = report.lora_rank.map_or("training".to_owned(), |r| format!("LoRA (rank {r})"));
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "{what} of {} on {} {} ({}), {}, as {}\n{} sequences of {} tokens a step",
        report.model,
        grouped(report.accelerators.into()),
        report.accelerator,
        report.system,
        report.format,
        report.stack,
        grouped(report.global_batch.into()),
        grouped(report.sequence.into()),
    );
    for warning in &report.warnings {
        let _ = writeln!(out, "warning: {warning}");
    }
    match &report.answer {
        Some(answer) => feasible(&mut out, report, answer),
        None => infeasible(&mut out, report),
    }
    let _ = writeln!(out, "\nanswer          {:016x}", train_hash(report));
    out
}

fn feasible(out: &mut String, report: &TrainReport, answer: &TrainAnswer) {
    let TrainAnswer { layout, micro_batch, recompute, step, .. } = answer;
    let how = if report.stated {
        "as asked for".to_owned()
    } else {
        format!("fastest of {} tried", grouped(report.tried.into()))
    };
    let _ = writeln!(
        out,
        "\nlayout          {layout}; micro-batch {micro_batch}, recompute {recompute} ({how})"
    );
    let total = step.time.total();
    for (name, value) in rows(report, answer) {
        let _ = writeln!(out, "{name:<16}{value}");
    }

    let mut time = Table::new(["time of a step", "", "share"]).units(["", "s", "%"]);
    for (name, part) in step.time.parts() {
        // Parts too small to be seen are in the total.
        if part / total >= 0.0005 {
            time.push([name.to_owned(), seconds(part), share(part / total)]);
        }
    }
    time.push(["total".to_owned(), seconds(total), share(1.0)]);
    let _ = write!(out, "\n{time}");

    let memory = step.memory;
    let mut held = Table::new(["memory of the fullest accelerator", ""]).units(["", "GB"]);
    for (name, part) in [
        ("weights", memory.weights),
        ("gradients", memory.gradients),
        ("optimizer", memory.optimizer),
        ("activations", memory.activations),
        ("runtime", memory.runtime),
        ("total", memory.total()),
    ] {
        held.push([name.to_owned(), format!("{:.1}", part.as_gb())]);
    }
    let _ = write!(out, "\n{held}");
    whole_run(out, answer);
    if !report.others.is_empty() {
        let _ = write!(out, "\n{}", others(&report.others, total));
    }
    refused(out, "\nrefused", &report.refused);
}

/// Figures of a step by name.
fn rows(report: &TrainReport, answer: &TrainAnswer) -> Vec<(&'static str, String)> {
    let (step, interval) = (&answer.step, &answer.interval);
    let ends = [interval.low, interval.median, interval.high].map(|time| time.to_string());
    let said = words(ends, interval.rows, interval.inside);
    let rate = step.tokens_per_s_per_accelerator() * step.accelerators as f64;
    let peak = step.peak_bf16;
    let full = step.flops.model_full_square() / step.flops.model() * step.mfu();
    let mut rows = vec![
        ("step", format!("{} ({said})", step.time.total())),
        (
            "throughput",
            format!(
                "{} tokens/s ({}), {} tokens/s an accelerator",
                prefixed(rate),
                between(answer.rates(), rate, prefixed),
                grouped(step.tokens_per_s_per_accelerator())
            ),
        ),
        (
            "MFU",
            format!(
                "{} ({}) of the dense BF16 peak of {} TFLOP/s: {} TFLOP/s of model FLOPs",
                percent(step.mfu()),
                between(answer.rates(), step.mfu(), percent),
                grouped(peak.as_tflops_per_s()),
                grouped(step.model_rate().as_tflops_per_s())
            ),
        ),
        (
            "",
            "model FLOPs: weights and the causal half of attention, nothing recomputed".to_owned(),
        ),
        (
            "",
            format!(
                "with the whole square of attention {}; HFU, what is recomputed counted, {}",
                percent(full),
                percent(step.hfu())
            ),
        ),
    ];
    rows.push((
        "power",
        step.power().map_or("unknown: nothing states the accelerator's limit".to_owned(), |p| {
            let shown = format!("{p} an accelerator, mean");
            let watts = |watts: f64| Power::from_watts(watts).to_string();
            with_bar(&shown, p.as_watts(), answer.power_interval.as_ref(), watts)
        }),
    ));
    if answer.power_interval.is_some() {
        rows.push(("", "measured were whole nodes, of which accelerators draw most".to_owned()));
    }
    if let Some(cap) = report.power_cap {
        let clock = percent(step.clock);
        rows.push(("power cap", format!("{cap}; arithmetic at {clock} of its highest clock")));
    }
    rows
}

fn whole_run(out: &mut String, answer: &TrainAnswer) {
    let Some(run) = &answer.run else { return };
    let TrainingRun { tokens, steps, time, accelerator_hours, energy, cost } = run;
    let total = answer.step.time.total();
    let days = |step: Seconds| number(time.as_days() * (step / total));
    let _ = writeln!(
        out,
        "\nwhole run       {} tokens in {} steps\ntime            {} days ({} to {}), nothing for \
         failures and evaluation",
        prefixed(*tokens),
        grouped(*steps),
        days(total),
        days(answer.interval.low),
        days(answer.interval.high),
    );
    let hours = between(answer.times(), *accelerator_hours, grouped);
    let _ = writeln!(out, "GPU-hours       {} ({hours})", grouped(*accelerator_hours));
    let energy = energy.map_or("unknown".to_owned(), |e| {
        format!(
            "{} MWh ({}) of accelerators, time and power off together; hosts, network and cooling not \
             included",
            number(e.as_mwh()),
            between(answer.energies(), e.as_mwh(), number)
        )
    });
    let _ = writeln!(out, "energy          {energy}");
    let cost = match (cost, &answer.price) {
        (Some(cost), Some((price, source))) => {
            let price = format!("{:.2}", price.as_usd());
            let ends = between(answer.times(), cost.as_usd(), grouped);
            format!("{} ({ends}) at {price} USD an accelerator-hour ({source})", dollars(*cost))
        }
        _ => "unknown: nothing states what an hour of this accelerator costs".to_owned(),
    };
    let _ = writeln!(out, "cost            {cost}");
}

/// `value` at both ends of an interval.
fn between([low, high]: [f64; 2], value: f64, show: impl Fn(f64) -> String) -> String {
    format!("{} to {}", show(value * low), show(value * high))
}

fn infeasible(out: &mut String, report: &TrainReport) {
    let asked = if report.stated { "the layout asked for" } else { "any usual layout" };
    let _ = writeln!(
        out,
        "\nINFEASIBLE: {} cannot train `{}` in {asked}",
        crate::format::counted(report.accelerators as usize, "accelerator"),
        report.model
    );
    refused(out, "", &report.refused);
}

fn refused(out: &mut String, title: &str, refused: &[RefusedLayout]) {
    if refused.is_empty() {
        return;
    }
    if !title.is_empty() {
        let _ = writeln!(out, "{title}");
    }
    for RefusedLayout { layout, problem, alike } in refused {
        let more = match alike {
            0 | 1 => String::new(),
            many => format!(" (and {} more layouts)", many - 1),
        };
        let _ = writeln!(out, "  {layout}: {problem}{more}");
    }
}

fn others(others: &[RankedLayout], best: Seconds) -> Table {
    let headers =
        ["next best layouts", "micro-batch", "recompute", "step", "slower", "MFU", "memory"];
    let mut table = Table::new(headers).left(&[0, 2]).units(["", "", "", "s", "%", "%", "GB"]);
    for other in others {
        let time = other.step.time.total();
        table.push([
            other.layout.to_string(),
            other.micro_batch.to_string(),
            other.recompute.to_string(),
            seconds(time),
            share(time / best - 1.0),
            share(other.step.mfu()),
            format!("{:.1}", other.step.memory.total().as_gb()),
        ]);
    }
    table
}

fn seconds(time: Seconds) -> String {
    format!("{:.3}", time.as_s())
}

fn share(fraction: f64) -> String {
    format!("{:.1}", fraction * 100.0)
}

fn dollars(cost: Money) -> String {
    format!("{} USD", grouped(cost.as_usd()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::training;

    #[test]
    fn parts_are_shown_in_order_and_what_is_not_known_is_said() {
        let text = train_text(&training::searched());
        let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("no {words}:\n{text}"));
        let order =
            ["layout ", "step ", "MFU ", "time of a step", "memory of", "whole run", "cost "];
        assert!(order.map(at).is_sorted(), "{text}");
        for name in ["throughput ", "MFU ", "power ", "time  ", "GPU-hours ", "energy ", "cost "] {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            assert!(line.contains(" to "), "{line}");
        }
        let mut unpriced = training::searched();
        let answer = unpriced.answer.as_mut().unwrap();
        (answer.price, answer.step.energy) = (None, None);
        let run = answer.run.as_mut().unwrap();
        (run.cost, run.energy) = (None, None);
        let text = train_text(&unpriced);
        assert!(text.contains("cost            unknown"), "{text}");
        assert!(text.contains("energy          unknown"), "{text}");
        assert!(text.contains("power           unknown"), "{text}");
    }

    #[test]
    fn what_cannot_be_names_what_binds() {
        let text = train_text(&training::too_large());
        assert!(text.contains("INFEASIBLE: 8 accelerators cannot train"), "{text}");
        assert!(text.contains("does not fit: each `h100-sxm` would hold"), "{text}");
    }
}
