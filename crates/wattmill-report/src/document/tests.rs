//! Documents of a small factory, held to their own schemas.

mod conforms;
mod explained;
pub(crate) mod fleet;
mod sides;
mod small;
pub(crate) mod training;

pub(crate) use small::{day as day_of_three, saturated};

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde_json::Value;
use wattmill_catalog::{Catalog, Kind};
use wattmill_plan::{Binds, Window, zoom};
use wattmill_units::{Energy, Seconds};

use super::*;
use crate::calibrate::CalibratedWith;
use conforms::problems;

/// One document of each kind by the name of its schema, some of them twice.
fn documents() -> Vec<(&'static str, String)> {
    let catalog = Catalog::builtin();
    let (factory, plan) = small::planned();
    let window = Window {
        at: "2027-03-03T18:00".parse().unwrap(),
        length: Seconds::from_s(20.0),
        site: factory.sites.ids().next(),
        service: None,
    };
    let zoomed =
        zoom(&factory, catalog, &plan.offers, &window, |_| ControlFlow::Continue(())).unwrap();
    let zoom_bars = vec![small::bars(); zoomed.pools.len()];
    let entry = DiagnosticEntry {
        severity: DiagnosticSeverity::Error,
        file: "factory.toml".to_owned(),
        line: Some(3),
        column: Some(14),
        message: "energy where power belongs".to_owned(),
        label: "W, kW, MW, GW".to_owned(),
        help: None,
    };
    let odd =
        DiagnosticEntry { severity: DiagnosticSeverity::Warning, line: None, ..entry.clone() };
    let with =
        CalibratedWith { file: "mine.toml".to_owned(), engines: vec!["hopper.vllm".to_owned()] };
    let (trace, synthetic) = (small::trace(), small::synthetic());
    vec![
        (
            "run",
            run_document(
                &factory,
                &plan,
                &small::plan_bars(),
                Some(&small::risk(&factory, &plan)),
                &["odd".to_owned()],
                None,
            ),
        ),
        ("compare", sides::compared(&factory)),
        ("sweep", sides::swept(&factory, &plan)),
        ("zoom", zoom_document(&factory, &window, &zoomed, &zoom_bars, &[], None)),
        ("replay", replay_document(&trace.0, &trace.1, &trace.2)),
        ("replay", replay_document(&synthetic.0, &synthetic.1, &synthetic.2)),
        ("replay --saturate", saturation_document(&small::saturated())),
        ("serve", serve_document(&fleet::served())),
        ("explain", explain_document(&explained::mixed())),
        ("explain", explain_document(&explained::unknown())),
        ("train", train_document(&training::searched())),
        ("train", train_document(&training::too_large())),
        ("validate", validate_document(&small::validated())),
        ("calibrate", calibrate_document(&small::calibrated())),
        ("bench day", day_document(&small::day())),
        ("check", check_document("factory.toml", None, &[entry], None)),
        ("check", check_document("small.toml", Some(&factory), &[odd], Some(&with))),
        ("gigawatt", holding_document(&small::holdings())),
        ("catalog", catalog_list_document(catalog, None)),
        ("catalog", catalog_show_document(catalog, "H100").unwrap()),
    ]
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn documents_keep_to_their_schemas() {
    let schemas = output_schemas();
    let mut seen = BTreeMap::new();
    for (name, text) in documents() {
        assert!(text.ends_with("}\n"), "{name}");
        assert_eq!(problems(&schemas[name], &parsed(&text)), Vec::<String>::new(), "{name}");
        *seen.entry(name).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), schemas.as_object().unwrap().len(), "every document is tried");
}

#[test]
fn every_document_begins_alike() {
    for (name, text) in documents() {
        let document = parsed(&text);
        let fields: Vec<&String> = document.as_object().unwrap().keys().take(5).collect();
        let head = ["schema", "wattmill_version", "seed", "answer_hash", "warnings"];
        assert_eq!(fields, head, "{name}");
        let hash = document["answer_hash"].as_str().unwrap();
        assert!(hash.len() == 16 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{hash}");
    }
}

/// What the last parts of a number's name may be.
const UNITS: &[&str] = &[
    "j_per_output_token",
    "w",
    "j",
    "mw",
    "mwh",
    "gb",
    "flop_per_s_per_accelerator",
    "tokens_per_sequence",
    "tokens_per_s_per_accelerator",
    "usd_per_accelerator_hour",
    "usd",
    "usd_per_w",
    "usd_per_kw",
    "l_per_kwh",
    "m3",
    "usd_per_mwh",
    "usd_per_million_output_tokens",
    "ms",
    "s",
    "days",
    "years",
    "hours",
    "t",
    "g_per_kwh",
    "deg",
    "flop",
    "tokens",
    "tokens_per_s",
    "tokens_per_day",
    "tokens_per_mwh",
    "tokens_per_j",
    "requests",
    "requests_per_s",
    "requests_per_day",
    "requests_per_wall_s",
    "sequences",
    "fraction",
    "ratio",
];

/// Names of numbers that need no unit: counts of what they name, places, and two that have theirs
/// in a field beside them.
const COUNTS: &[&str] = &[
    "rated_cycles",
    "seed",
    "fleet_seed",
    "replicas_on",
    "ready_replicas",
    "starting_replicas",
    "draining_replicas",
    "repairing_replicas",
    "site_lost_replicas",
    "kv_blocks_peak",
    "evicted_kv_blocks",
    "units",
    "accelerators",
    "planned_accelerators",
    "stated_accelerators",
    "stated_low_accelerators",
    "stated_high_accelerators",
    "accelerators_per_unit",
    "accelerators_per_replica",
    "replicas",
    "kv_blocks",
    "evicted_blocks",
    "shards",
    "threads",
    "preemptions",
    "steps",
    "count",
    "errors",
    "line",
    "column",
    "price_year",
    "weekly_users",
    "tensor_parallel",
    "pipeline_parallel",
    "expert_parallel",
    "data_parallel_attention",
    "attention_groups",
    "pools",
    "data_parallel",
    "context_parallel",
    "expert_tensor_parallel",
    "virtual_stages",
    "sharding_group",
    "lora_rank",
    "layouts",
    "layouts_tried",
    "measured_rows",
    "rows",
    "cases",
    // A figure over samples, whose unit stands beside them.
    "samples",
    "samples_refused",
    "samples_undefined",
    "planned",
    "p10",
    "p50",
    "where_lowest",
    "where_highest",
    // A figure of two factories, or over the points of a sweep, likewise.
    "base",
    "other",
    "difference",
    "difference_p10",
    "difference_p50",
    "difference_p90",
    "difference_mean",
    "low",
    "high",
    "points",
    "points_computed",
    "points_known",
    "points_refused",
    "rank_correlation",
    "answered",
    "headline",
    "clients",
    // Errors, whose names are those of the trade: fractions of what was measured.
    "median",
    "mean",
    "p90",
    "bias",
    "sources",
    "uses",
    "number",
];

/// Calls `visit` with every property of every object of a schema.
fn properties(schema: &Value, visit: &mut impl FnMut(&str, &Value)) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        visit(name, property);
    }
    for part in schema["$defs"].as_object().into_iter().flatten().map(|(_, part)| part) {
        properties(part, visit);
    }
}

fn is_number(schema: &Value) -> bool {
    let number = |name: &Value| name == "number" || name == "integer";
    match &schema["type"] {
        Value::Array(names) if names.iter().any(|name| name == "array") => {
            is_number(&schema["items"])
        }
        Value::Array(names) => names.iter().any(number),
        name if name == "array" => is_number(&schema["items"]),
        name => number(name),
    }
}

#[test]
fn no_number_is_without_a_unit() {
    let mut used = Vec::new();
    for schema in output_schemas().as_object().unwrap().values() {
        properties(schema, &mut |name, property| {
            if !is_number(property) {
                return;
            }
            let unit = UNITS.iter().find(|unit| {
                name.strip_suffix(*unit).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'))
            });
            let known = unit.or_else(|| COUNTS.iter().find(|count| **count == name));
            used.push(*known.unwrap_or_else(|| panic!("`{name}` is a bare number: {property}")));
        });
    }
    // A list that allows what is nowhere used would hide the next mistake.
    let idle: Vec<_> = COUNTS.iter().filter(|name| !used.contains(name)).collect();
    assert!(idle.is_empty(), "{idle:?}");
}

#[test]
fn every_field_is_explained_and_always_there() {
    for (document, schema) in output_schemas().as_object().unwrap() {
        properties(schema, &mut |name, property| {
            let told = property["description"].as_str().unwrap_or_default();
            assert!(told.ends_with('.'), "{document}: `{name}`: {told}");
        });
        let objects = schema["$defs"].as_object().into_iter().flatten().map(|(_, part)| part);
        for object in objects.chain([schema]) {
            let required: Vec<&str> =
                object["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            for name in object["properties"].as_object().unwrap().keys() {
                assert!(required.contains(&name.as_str()), "{document}: `{name}`");
            }
        }
    }
}

#[test]
fn parts_of_one_name_are_one_part() {
    let schemas = output_schemas();
    let mut parts: BTreeMap<&str, &Value> = BTreeMap::new();
    for schema in schemas.as_object().unwrap().values() {
        for (name, part) in schema["$defs"].as_object().into_iter().flatten() {
            assert_eq!(*parts.entry(name).or_insert(part), part, "{name}");
        }
    }
}

#[test]
fn the_reference_has_every_field_and_no_dead_link() {
    let text = output_reference_markdown();
    for schema in output_schemas().as_object().unwrap().values() {
        properties(schema, &mut |name, _| {
            assert!(text.contains(&format!("| `{name}` |")), "{name}")
        });
    }
    assert!(!text.contains("anything"), "a type that the reference cannot tell");
    let anchors: Vec<String> = text
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches(['#', ' ']).to_lowercase())
        .collect();
    for link in text.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(anchors.iter().any(|anchor| anchor == link), "{link}");
    }
    let mut once = anchors.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), anchors.len(), "headings of one name");
}

#[test]
fn words_are_those_of_the_plan() {
    let schemas = output_schemas();
    let words = |of: &Value| -> Vec<String> {
        of["enum"].as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let binds = &schemas["run"]["$defs"]["SiteQuarter"]["properties"]["binds"];
    assert_eq!(words(binds), Binds::ALL.map(Binds::name));
    let kinds = &schemas["catalog"]["$defs"]["Row"]["properties"]["kind"];
    assert_eq!(words(kinds), Kind::ALL.map(Kind::name));
}

#[test]
fn a_plan_says_the_same_in_its_parts_and_as_a_whole() {
    let (factory, plan) = small::planned();
    let document = parsed(&run_document(&factory, &plan, &small::plan_bars(), None, &[], None));
    assert_eq!(document["seed"], 7);
    assert_eq!(document["answer_hash"], format!("{:016x}", plan.answer_hash));
    assert_eq!(document["inputs"]["services"][0]["slo_ttft_ms"], 2000.0);
    assert_eq!(document["inputs"]["services"][0]["engine"]["tensor_parallel"], 1);
    assert_eq!(document["inputs"]["phases"][0]["system"], "dgx-h100");
    let energy: f64 = document["quarters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|quarter| quarter["total"]["energy_mwh"].as_f64().unwrap())
        .sum();
    let whole = document["total"]["energy_mwh"].as_f64().unwrap();
    let stages = document["waterfall"].as_array().unwrap();
    let spent: f64 = stages.iter().map(|stage| stage["energy_mwh"].as_f64().unwrap()).sum();
    assert!(whole > 0.0 && (energy / whole - 1.0).abs() < 1e-12);
    assert!((spent / whole - 1.0).abs() < 1e-9);
    let days = document["days"]["dates"].as_array().unwrap();
    assert_eq!(days.len(), plan.days.len());
    for list in ["accelerators", "asked_output_tokens", "served_output_tokens"] {
        assert_eq!(document["days"][list].as_array().unwrap().len(), days.len(), "{list}");
    }
    let powers = &document["days"]["sites"][0]["facility_power_mw"];
    assert_eq!(powers.as_array().unwrap().len(), days.len());
    let day = |list: &Value| list.as_array().unwrap().iter().filter_map(Value::as_f64).sum::<f64>();
    assert!(
        (day(powers) * 24.0 / whole - 1.0).abs() < 1e-9,
        "mean power of the days is the energy"
    );
    assert!(document["offers"][0]["point"]["ttft_p99_ms"].as_f64().unwrap() < 2000.0);
}

#[test]
fn what_is_not_a_number_is_null() {
    let (factory, mut plan) = small::planned();
    plan.quarters[0].sites[0].sums.energy = Energy::from_mwh(f64::NAN);
    plan.quarters[0].services[0].worst_hour_served = f64::INFINITY;
    let document = parsed(&run_document(&factory, &plan, &small::plan_bars(), None, &[], None));
    let quarter = &document["quarters"][0];
    assert_eq!(quarter["sites"][0]["energy_mwh"], Value::Null);
    assert_eq!(quarter["services"][0]["worst_hour_served_fraction"], Value::Null);

    let (inputs, summary, tally) = small::nothing();
    let document = parsed(&replay_document(&inputs, &summary, &tally));
    assert_eq!(document["ttft_p99_ms"], Value::Null);
    assert_eq!(document["distributions"]["ttft"]["max_ms"], Value::Null);
    assert_eq!(document["simulated_requests_per_wall_s"], Value::Null);
}

#[test]
fn equal_questions_have_equal_answers() {
    assert_eq!(documents(), documents());
}

#[test]
fn the_catalogue_is_listed_by_kind_and_shown_by_any_name() {
    let catalog = Catalog::builtin();
    let rows = |text: &str| parsed(text)["rows"].as_array().unwrap().clone();
    let systems = rows(&catalog_list_document(catalog, Some(Kind::System)));
    assert_eq!(systems.len(), catalog.ids(Kind::System).len());
    assert!(systems.iter().all(|row| row["kind"] == "system"));
    let shown = rows(&catalog_show_document(catalog, "VR_NVL72").unwrap());
    assert_eq!(shown.len(), 1);
    let accelerators = shown[0]["fields"].as_array().unwrap().iter();
    let accelerators = accelerators.clone().find(|field| field["name"] == "accelerators").unwrap();
    assert_eq!((&accelerators["number"], &accelerators["unit"]), (&72.0.into(), &Value::Null));
    assert_eq!(catalog_show_document(catalog, "vr-nvl73"), None);
    let lengths = rows(&catalog_show_document(catalog, "azure-conv-2023").unwrap());
    assert!(lengths[0]["lengths"]["input_quantiles_tokens"].as_array().unwrap().len() > 2);
}

#[test]
fn a_wrong_file_says_where() {
    let (_, text) = documents().into_iter().find(|(name, _)| *name == "check").unwrap();
    let document = parsed(&text);
    assert_eq!(document["valid"], false);
    assert_eq!(document["errors"], 1);
    assert_eq!(document["diagnostics"][0]["line"], 3);
    assert_eq!(document["diagnostics"][0]["severity"], "error");
}
