//! A zoom as one page.

use wattmill_factory::Factory;
use wattmill_plan::{Flow, Pool, Zoom};

use super::text::{against, believed, latencies, names};
use crate::bars::ServingBars;
use crate::calibrate::CalibratedWith;
use crate::format::{grouped, percent, prefixed};
use crate::latency::{Held, latency_chart};
use crate::{DotChart, Heading, Limit, Page, Series, Spacing, Svg};

/// A zoom as one page of HTML: the plan's fluid against the engine's requests, latency, and where
/// measurements lie of what each pool answers.
pub fn zoom_page(
    factory: &Factory,
    zoom: &Zoom,
    bars: &[ServingBars],
    calibration: Option<&CalibratedWith>,
) -> String {
    let finished: u64 = zoom.pools.iter().map(|pool| pool.summary.finished).sum();
    let replicas: f64 = zoom.pools.iter().map(|pool| f64::from(pool.replicas)).sum();
    let tokens: f64 = zoom.pools.iter().map(|pool| pool.exact.output_tokens_per_s).sum();
    let mut page = Page::new(factory.name.as_str())
        .lead(format!(
            "{} from {} UTC at request level: the plan's fluid hour against the engine, request by request.",
            zoom.length, zoom.at
        ))
        .figure(grouped(finished as f64), "requests simulated to the end in the window")
        .figure(grouped(replicas), "replicas")
        .figure(prefixed(tokens), "output tokens a second");
    let worst = zoom.pools.iter().filter_map(|pool| off(pool, |flow| flow.output_tokens_per_s));
    if let Some(worst) = worst.max_by(|a, b| a.abs().total_cmp(&b.abs())) {
        page =
            page.figure(format!("{worst:+.1} %"), "output tokens, exact against fluid, worst pool");
    }
    let within = zoom.pools.iter().map(|pool| pool.summary.attainment).reduce(f64::min);
    if let Some(within) = within {
        page = page.figure(percent(within), "of requests inside the SLO, worst pool");
    }
    if let Some(with) = calibration {
        page = page.note(&with.to_string());
    }
    if zoom.interrupted {
        page = page.note("Partial: interrupted; the last pool covers a part of the window.");
    }
    for (service, unserved) in factory.services.iter().zip(&zoom.unserved) {
        if *unserved > 0.0 {
            page = page.note(&format!(
                "{} requests to {} found no machine in the window, by the plan.",
                grouped(*unserved),
                service.name
            ));
        }
    }
    if zoom.pools.is_empty() {
        page = page.note(
            "Nothing serves in this window: no machine runs, or nothing is asked of those that do.",
        );
    } else {
        page = page
            .section("Fluid against exact")
            .chart(&differences(factory, zoom))
            .table(&against(factory, zoom))
            .section("Latency")
            .chart(&latency(factory, zoom))
            .table(&latencies(factory, zoom))
            .section("Where 80 % of measurements of such engines lie")
            .table(&believed(factory, zoom, bars));
    }
    page.foot(format!("seed {}, answer {:016x}", factory.seed, zoom.answer_hash))
        .foot(format!("wattmill {}", env!("CARGO_PKG_VERSION")))
        .render()
}

fn name(factory: &Factory, pool: &Pool) -> String {
    let [site, service, system] = names(factory, pool);
    format!("{service} at {site} on {system}")
}

/// How far the window is from the plan, in percent of the plan; `None` where the plan has nothing.
fn off(pool: &Pool, figure: impl Fn(&Flow) -> f64) -> Option<f64> {
    let (fluid, exact) = (figure(&pool.fluid), figure(&pool.exact));
    (fluid > 0.0).then(|| 100.0 * (exact / fluid - 1.0))
}

fn differences(factory: &Factory, zoom: &Zoom) -> Svg {
    let series = |name: &str, figure: fn(&Flow) -> f64| {
        let values = zoom.pools.iter().map(|pool| off(pool, figure).unwrap_or(f64::NAN));
        Series::new(name, values.collect())
    };
    let chart = DotChart {
        heading: Heading::new(
            "How far the window is from the plan",
            "Every pool's figures in the window, request by request, against the plan's for that hour.",
        ),
        rows: zoom.pools.iter().map(|pool| name(factory, pool)).collect(),
        x_label: "exact against fluid, difference in %".to_owned(),
        spacing: Spacing::Even,
        series: vec![
            series("requests a second", |flow| flow.requests_per_s),
            series("output tokens a second", |flow| flow.output_tokens_per_s),
            series("accelerator power", |flow| flow.power.as_watts()),
        ],
        limits: vec![Limit::new("no difference", 0.0)],
    };
    chart.to_svg()
}

fn latency(factory: &Factory, zoom: &Zoom) -> Svg {
    let held: Vec<Held> = zoom
        .pools
        .iter()
        .map(|pool| Held {
            name: name(factory, pool),
            ttft: pool.summary.ttft,
            tpot: pool.summary.tpot,
            slo: factory.services[pool.service].slo,
        })
        .collect();
    let heading = Heading::new("Latency in the window, against the SLO", "");
    latency_chart(heading, &held)
}
