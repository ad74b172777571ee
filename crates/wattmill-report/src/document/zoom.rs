//! `wattmill zoom`.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_factory::Factory;
use wattmill_plan as plan;
use wattmill_plan::Window;

use super::bars::ReplayErrorBars;
use super::factory::Factory as Inputs;
use super::head::{Head, hexadecimal};
use super::measured::Measured;
use super::text::text;
use crate::bars::ServingBars;
use crate::calibrate::CalibratedWith;

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.zoom/1";

/// A window of a plan as JSON text, with where measurements lie of each pool and `warnings` of the
/// factory file.
pub fn zoom_document(
    factory: &Factory,
    window: &Window,
    zoom: &plan::Zoom,
    bars: &[ServingBars],
    warnings: &[String],
    calibration: Option<&CalibratedWith>,
) -> String {
    let mut document = Zoom::new(factory, window, zoom, bars, warnings);
    document.head = document.head.calibrated(calibration);
    text(&document)
}

/// A window of a factory's plan, request by request, beside the plan's own figures for that hour.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Zoom {
    #[serde(flatten)]
    head: Head,
    /// Whether it was stopped early: then the last pool is partial and later ones are missing.
    interrupted: bool,
    /// Name of the factory.
    factory: String,
    /// Start of the window, UTC.
    at: String,
    /// Its length.
    length_s: f64,
    /// Name of the only site looked at; null for all.
    site: Option<String>,
    /// Name of the only service looked at; null for all.
    service: Option<String>,
    /// The factory as it was read.
    inputs: Inputs,
    /// Every pool of replicas that serves in the window.
    pools: Vec<Pool>,
    /// What no machine was there for, by service.
    unserved: Vec<Unserved>,
}

impl Zoom {
    fn new(
        factory: &Factory,
        window: &Window,
        zoom: &plan::Zoom,
        bars: &[ServingBars],
        warnings: &[String],
    ) -> Self {
        let pools = zoom.pools.iter().zip(bars);
        let pools = pools.map(|(pool, bars)| Pool::of(factory, pool, bars));
        let unserved = factory.services.iter().zip(&zoom.unserved);
        Self {
            head: Head::new(SCHEMA, Some(factory.seed), zoom.answer_hash, warnings.to_vec()),
            interrupted: zoom.interrupted,
            factory: factory.name.clone(),
            at: zoom.at.to_string(),
            length_s: zoom.length.as_s(),
            site: window.site.map(|site| factory.sites[site].name.clone()),
            service: window.service.map(|service| factory.services[service].name.clone()),
            inputs: Inputs::from(factory),
            pools: pools.collect(),
            unserved: unserved
                .map(|(service, requests)| Unserved {
                    service: service.name.clone(),
                    unserved_requests: *requests,
                })
                .collect(),
        }
    }
}

/// Replicas of one service on one system at one site, through the window.
#[derive(Debug, Serialize, JsonSchema)]
struct Pool {
    /// Name of the site.
    site: String,
    /// Id of the system.
    system: String,
    /// Name of the service.
    service: String,
    /// Id of the model.
    model: String,
    /// Replicas simulated: the plan's, rounded up to whole ones.
    replicas: u32,
    /// Accelerators of a replica.
    accelerators_per_replica: u32,
    /// What the plan, a fluid, says of the hour.
    fluid: Flow,
    /// The same figures, measured in the window.
    exact: Flow,
    /// How far requests of window and plan are apart, over the plan's; null if that has none.
    requests_difference_fraction: Option<f64>,
    /// How far output tokens of window and plan are apart, likewise.
    output_tokens_difference_fraction: Option<f64>,
    /// How far power of window and plan are apart, likewise.
    accelerator_power_difference_fraction: Option<f64>,
    /// Share of requests that the plan promises to keep each latency limit; compare with
    /// `slo_attainment_fraction` of `measured`.
    promised_fraction: f64,
    /// Everything else that was measured.
    measured: Measured,
    /// Where measurements lie of it.
    error_bars: ReplayErrorBars,
    /// Hash of the pool's answer, 16 hexadecimal digits.
    answer_hash: String,
}

impl Pool {
    fn of(factory: &Factory, pool: &plan::Pool, bars: &ServingBars) -> Self {
        let service = &factory.services[pool.service];
        let (fluid, exact) = (Flow::from(&pool.fluid), Flow::from(&pool.exact));
        let apart = |of: fn(&Flow) -> f64| {
            let (fluid, exact) = (of(&fluid), of(&exact));
            (fluid != 0.0).then(|| exact / fluid - 1.0)
        };
        Self {
            site: factory.sites[pool.site].name.clone(),
            system: factory.hardware[pool.hardware].system.id.clone(),
            service: service.name.clone(),
            model: service.model.id.clone(),
            replicas: pool.replicas,
            accelerators_per_replica: pool.accelerators,
            requests_difference_fraction: apart(|flow| flow.requests_per_s),
            output_tokens_difference_fraction: apart(|flow| flow.output_tokens_per_s),
            accelerator_power_difference_fraction: apart(|flow| flow.accelerator_power_mw),
            fluid,
            exact,
            promised_fraction: pool.promised,
            measured: Measured::from(&pool.summary),
            error_bars: ReplayErrorBars::of(bars, &pool.summary),
            answer_hash: hexadecimal(pool.summary.answer_hash),
        }
    }
}

/// Figures that plan and window both have.
#[derive(Debug, Serialize, JsonSchema)]
struct Flow {
    /// Requests finished.
    requests_per_s: f64,
    /// Output tokens.
    output_tokens_per_s: f64,
    /// Accelerator power of the pool.
    accelerator_power_mw: f64,
}

impl From<&plan::Flow> for Flow {
    fn from(flow: &plan::Flow) -> Self {
        Self {
            requests_per_s: flow.requests_per_s,
            output_tokens_per_s: flow.output_tokens_per_s,
            accelerator_power_mw: flow.power.as_mw(),
        }
    }
}

/// What no machine was there for.
#[derive(Debug, Serialize, JsonSchema)]
struct Unserved {
    /// Name of the service.
    service: String,
    /// Requests asked in the window that no machine was there for.
    unserved_requests: f64,
}
