//! How far measurements were from answers of a kind: the error bar of an answer, and of a row's.

use wattmill_catalog::{Catalog, Interval, Question};
use wattmill_perf::{Deployment, Prefill, StepShape, explain};
use wattmill_sim::{Summary, Usage};

use crate::evaluate::{Case, constants_of};
use crate::outcome::Metric;

/// What a replica does most of the time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Sequences decoding in a step, mean.
    pub batch: f64,
    /// Tokens of a prompt, mean.
    pub input: f64,
    /// Output tokens of a request, mean.
    pub output: f64,
}

impl Load {
    /// Of a run; `None` where nothing was finished.
    pub fn of(summary: &Summary) -> Option<Self> {
        let finished = summary.finished as f64;
        (summary.finished > 0).then(|| Self {
            batch: summary.batch_mean,
            input: summary.input_tokens as f64 / finished,
            output: summary.output_tokens as f64 / finished,
        })
    }

    /// Of the replicas of a pool, which may do a part of a request alone; `None` where they did
    /// nothing.
    pub fn of_usage(usage: &Usage) -> Option<Self> {
        let per = |part: f64, count: u64| if count > 0 { part / count as f64 } else { 0.0 };
        let context = per(usage.context_steps as f64, usage.decode_tokens);
        let prompts = (usage.prefill_tokens + usage.cached_tokens) as f64;
        let prompt = per(prompts, usage.prompt_completions);
        let input = if prompt > 0.0 { prompt } else { context };
        (usage.steps > 0).then(|| Self {
            batch: per(usage.decode_tokens as f64, usage.steps),
            input,
            output: (2.0 * (context - input)).max(0.0),
        })
    }

    /// Whether every operator of its steps lies within what was measured on the chip family of
    /// `deployment`.
    pub fn is_measured(&self, deployment: &Deployment<'_>) -> bool {
        self.steps(deployment.spec.max_tokens).iter().all(|step| {
            // What cannot be priced has no answer to believe.
            let operators = explain(deployment, step).unwrap_or_default();
            operators.iter().all(|operator| operator.surface.is_none_or(|used| used.inside))
        })
    }

    /// Steps that stand for it: one that only decodes, in the middle of its answers, and one that
    /// reads a prompt, as much of it as a step takes.
    fn steps(&self, most_tokens: u32) -> [StepShape; 2] {
        let decodes = self.batch.round().clamp(1.0, f64::from(u32::MAX)) as u32;
        let context = self.input + self.output / 2.0;
        let decode_context = (f64::from(decodes) * context) as u64;
        let mut prefill = Prefill::default();
        prefill.add(self.input.round().clamp(1.0, f64::from(most_tokens.max(1))) as u32, 0, true);
        let decoding = StepShape { decodes, decode_context, ..StepShape::default() };
        [decoding, StepShape { prefill, ..StepShape::default() }]
    }
}

/// Of one metric: of servers as shipped, and where these were never measured for it, of the engine
/// as Splitwise ran it, who timed prompts by themselves.
///
/// Hardly anything was measured under a power cap: it widens the interval by how many times as much
/// the accelerator could draw without it.
pub fn error_bar(
    catalog: &Catalog,
    deployment: &Deployment<'_>,
    metric: Metric,
    inside: bool,
) -> Option<Interval> {
    // What nobody can say has no error.
    let of_power = matches!(metric, Metric::EnergyPerToken | Metric::AcceleratorPower);
    if of_power && deployment.accelerator.tdp.is_none() {
        return None;
    }
    let bars = catalog.error_bars();
    let shipped = deployment.spec.flavour.name();
    let campaign = format!("{shipped}-splitwise");
    let measured =
        |engine: &&str| bars.iter().any(|(m, _, e, _)| m == metric.name() && e == *engine);
    let engine = [shipped, campaign.as_str()].into_iter().find(measured).unwrap_or(shipped);
    let bar = bars.interval(&Question {
        metric: metric.name(),
        family: &deployment.accelerator.family,
        engine,
        model: &deployment.model.id,
        inside,
    })?;
    Some(bar.under_cap(deployment_cap(deployment)))
}

/// How deep the power cap of a deployment is; `None` without one, and at the chip's own limit.
pub fn deployment_cap(deployment: &Deployment<'_>) -> Option<f64> {
    deployment.spec.power_cap?.depth(deployment.accelerator.tdp?)
}

/// Error bars of the figures that a row is answered with.
pub(crate) struct RowBars<'c> {
    case: &'c Case<'c>,
    engine: String,
    /// Whether every operator of its steps was measured.
    inside: bool,
    /// How deep its power cap is.
    cap: Option<f64>,
}

impl<'c> RowBars<'c> {
    pub(crate) fn of(case: &'c Case<'c>) -> Self {
        let load = case.load();
        Self {
            case,
            engine: constants_of(case),
            inside: load.is_none_or(|(deployment, load)| load.is_measured(deployment)),
            cap: load.and_then(|(deployment, _)| deployment_cap(deployment)),
        }
    }

    /// Of measurements as the row is one: of its chip family, engine and campaign. `None` where nothing
    /// of that kind was ever measured, or it has an error of its own, as operators do.
    pub(crate) fn of_metric(&self, metric: Metric, catalog: &Catalog) -> Option<Interval> {
        let bar = match self.case {
            Case::Training(case) => return Some(case.interval),
            Case::Kernels(_) => return None,
            _ => catalog.error_bars().interval(&Question {
                metric: metric.name(),
                family: self.case.family(),
                engine: &self.engine,
                model: &self.case.measured().group.model,
                inside: self.inside,
            })?,
        };
        Some(bar.under_cap(self.cap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_that_does_a_part_has_a_load() {
        let both = Usage {
            steps: 10,
            prefill_tokens: 900,
            cached_tokens: 100,
            prompt_completions: 2,
            decode_tokens: 40,
            context_steps: 40 * 600,
            ..Usage::default()
        };
        let load = Load { batch: 4.0, input: 500.0, output: 200.0 };
        assert_eq!(Load::of_usage(&both), Some(load));
        let alone = Usage { prefill_tokens: 0, cached_tokens: 0, prompt_completions: 0, ..both };
        assert_eq!(Load::of_usage(&alone), Some(Load { input: 600.0, output: 0.0, ..load }));
        assert_eq!(Load::of_usage(&Usage::default()), None);
    }

    #[test]
    fn what_was_not_finished_is_no_load() {
        let load = Load { batch: 0.2, input: 1e6, output: 10.0 };
        let [decoding, reading] = load.steps(8192);
        assert_eq!((decoding.decodes, decoding.prefill.chunks), (1, 0));
        assert_eq!((reading.decodes, reading.prefill.tokens), (0, 8192));
    }
}
