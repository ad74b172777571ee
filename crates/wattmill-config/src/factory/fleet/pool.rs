//! `[[pool]]`: what can be said of a pool, and of two that work together.

use toml::de::DeValue;
use wattmill_factory::EngineChoice;

use super::super::context::Context;
use super::super::engine;
use super::super::own::Own;
use super::super::row::Row;
use super::{FleetPool, FleetProvider, PoolFailures, PoolRole, PoolScale, named, place, span};
use wattmill_units::Money;

/// Rows of sites, services, pools and providers.
type Rows<'r, 'a> = (&'r [Row<'a>], &'r [Row<'a>], &'r [Row<'a>], &'r [Row<'a>]);

pub(super) fn pool(
    cx: &mut Context<'_>,
    row: &Row<'_>,
    own: &Own,
    (sites, services, pools, sellers): Rows<'_, '_>,
    providers: &[Option<FleetProvider>],
) -> Option<FleetPool> {
    let name = row.text(cx, "name");
    let site = named(cx, row, "site", sites);
    let answers = answers(cx, row, services);
    let model = own.model(cx, row, "model");
    let system = row.text(cx, "system");
    let hardware = system.and_then(|name| own.hardware(cx, row, "system", &name));
    let engine = engine::engine(cx, row);
    let replicas = row.small(cx, "replicas");
    let router = row.choice(cx, "router").and_then(|name| name.parse().ok());
    let own_batches = own_batches(cx, row, engine.as_ref());
    let prefix_caching = row.flag(cx, "prefix_caching");
    let role = role(cx, row, pools);
    let start_up = span(cx, row, "start_up");
    let scale = row.has("autoscale").then(|| autoscale(cx, row, replicas));
    let admission = row.table_or_defaults(cx, "admission");
    let in_hand = admission.as_ref().and_then(|row| row.small(cx, "in_hand"));
    let queue = admission.as_ref().and_then(|row| row.small(cx, "queue"));
    let failures = row.has("failures").then(|| {
        let row = row.table(cx, "failures")?;
        let (between, repair) = (span(cx, &row, "between"), span(cx, &row, "repair"));
        Some(PoolFailures { between: between?, repair: repair? })
    });
    let accelerator_hour = row.quantity::<Money>(cx, "accelerator_hour");
    let provider = row.has("provider").then(|| named(cx, row, "provider", sellers));
    let priority = row.small(cx, "priority");
    let provider = match provider {
        Some(provider) => Some(provider?),
        None => None,
    };
    let asked = provider.and_then(|place| providers[place].as_ref()?.accelerator_hour);
    Some(FleetPool {
        name: name?,
        site: site?,
        services: answers?,
        model: model?,
        hardware: hardware?,
        engine: engine?,
        replicas: replicas?,
        router: router?,
        own_batches: own_batches?,
        prefix_caching: prefix_caching?,
        role: role?,
        start_up: start_up?,
        scale: match scale {
            Some(scale) => Some(scale?),
            None => None,
        },
        in_hand,
        queue: queue?,
        failures: match failures {
            Some(failures) => Some(failures?),
            None => None,
        },
        accelerator_hour: accelerator_hour.or(asked),
        provider,
        priority: priority? as u8,
    })
}

/// Whether attention groups have batches of their own, of an engine that has several.
fn own_batches(cx: &mut Context<'_>, row: &Row<'_>, engine: Option<&EngineChoice>) -> Option<bool> {
    let own = row.flag(cx, "own_batches")?;
    let Some(EngineChoice::Explicit(spec)) = engine else { return Some(own) };
    if own && spec.layout.data_attention == 1 {
        cx.error(
            row.span("own_batches"),
            "`own_batches` of an engine with one attention group",
            "there is but one batch",
            "leave it out, or give `engine` several groups, such as `data_attention = 8`",
        );
        return None;
    }
    if own && spec.max_seqs < spec.layout.data_attention {
        let (most, groups) = (spec.max_seqs, spec.layout.data_attention);
        cx.error(
            row.span("own_batches"),
            format!("{most} sequences for the batches of {groups} attention groups"),
            "some would have none",
            format!("raise the engine's `max_seqs` to {groups} or more"),
        );
        return None;
    }
    Some(own)
}

/// Reports pools that cannot be compared by price because only others say what an hour costs.
pub(super) fn priced(cx: &mut Context<'_>, rows: &[Row<'_>], pools: &[Option<FleetPool>]) {
    let states = |pool: &Option<FleetPool>| {
        pool.as_ref().is_some_and(|pool| pool.accelerator_hour.is_some())
    };
    if !pools.iter().any(states) {
        return;
    }
    let silent = |(row, pool): (&Row<'_>, &Option<FleetPool>)| {
        (pool.is_some() && !states(pool)).then(|| row.span("name"))
    };
    let silent: Vec<_> = rows.iter().zip(pools).filter_map(silent).collect();
    for span in silent {
        cx.missing(
            span,
            "nothing states what an hour of its accelerators costs",
            "others do, and pools are ranked by price",
            "add `accelerator_hour = \"2.20 USD\"` to the pool or its provider, or leave it out \
             everywhere",
        );
    }
}

/// Places of the services that it answers.
fn answers(cx: &mut Context<'_>, row: &Row<'_>, services: &[Row<'_>]) -> Option<Vec<usize>> {
    // What is handed to it was asked of others.
    if row.plain_text("role") == Some("decode") {
        if row.has("services") {
            cx.error(
                row.span("services"),
                "a pool that only decodes answers what is handed to it",
                "not asked here",
                "leave `services` out here, and state them where prompts are computed",
            );
            return None;
        }
        return Some(Vec::new());
    }
    let Some(value) = row.raw("services") else {
        return Some((0..services.len()).collect());
    };
    let DeValue::Array(array) = value.get_ref() else {
        row.mismatch(cx, "services", value);
        return None;
    };
    let mut places = Vec::new();
    for element in array {
        let DeValue::String(wanted) = element.get_ref() else {
            row.mismatch(cx, "services", element);
            return None;
        };
        places.push(place(cx, element.span(), wanted, "service", services));
    }
    places.into_iter().collect()
}

fn role(cx: &mut Context<'_>, row: &Row<'_>, pools: &[Row<'_>]) -> Option<PoolRole> {
    let short = row.small(cx, "short");
    let word = row.choice(cx, "role")?;
    if word != "prefill" {
        for key in ["hands_to", "short"].into_iter().filter(|key| row.has(key)) {
            cx.error(
                row.span(key),
                format!("`{key}` of a pool that hands nothing over"),
                format!("its role is `{word}`"),
                format!("leave it out, or set `role = \"prefill\"`; it says what `{key}` is for"),
            );
        }
        return Some(if word == "decode" { PoolRole::Decode } else { PoolRole::Both });
    }
    if !row.has("hands_to") {
        if !row.has_or_means("hands_to") {
            cx.missing(
                row.span("role"),
                "a pool that prefills hands its prompts to nobody",
                "`hands_to` is needed",
                "name a `[[pool]]` of the same site with `role = \"decode\"`, as in `hands_to = \
                 \"chat-decode\"`",
            );
        }
        return None;
    }
    let decode = named(cx, row, "hands_to", pools)?;
    let is_decode = pools[decode].plain_text("role") == Some("decode");
    if !is_decode {
        let name = pools[decode].plain_text("name").unwrap_or("?");
        cx.error(
            row.span("hands_to"),
            format!("pool `{name}` does not take prompts over"),
            "its role is not `decode`",
            format!("set `role = \"decode\"` there, or name another than `{name}`"),
        );
        return None;
    }
    Some(PoolRole::Prefill { decode, short: short? })
}

fn autoscale(cx: &mut Context<'_>, row: &Row<'_>, replicas: Option<u32>) -> Option<PoolScale> {
    let scale = row.table(cx, "autoscale")?;
    let (minimum, maximum) = (scale.small(cx, "min"), scale.small(cx, "max"));
    let sustained = scale.number(cx, "sustained");
    if sustained.is_none() && row.plain_text("role") == Some("decode") && !scale.has("sustained") {
        cx.missing(
            row.span("autoscale"),
            "an autoscaler of a pool that only decodes does not know what a replica sustains",
            "`sustained` is needed",
            "state it, such as `sustained = 5`; only pools that are asked are tried out",
        );
        return None;
    }
    let target = scale.number(cx, "target");
    let every = span(cx, &scale, "every");
    let settle = span(cx, &scale, "settle");
    let cool_down = span(cx, &scale, "cool_down");
    let (minimum, maximum) = (minimum?, maximum?);
    if minimum > maximum {
        cx.error(
            scale.span("min"),
            format!("an autoscaler from {minimum} up to {maximum} replicas"),
            format!("`max` is {maximum}"),
            "exchange the two, or raise `max`",
        );
    } else if let Some(replicas) = replicas.filter(|n| !(minimum..=maximum).contains(n)) {
        cx.error(
            row.span("replicas"),
            format!("starts with {replicas} replicas"),
            format!("the autoscaler keeps {minimum} to {maximum}"),
            format!(
                "start with {}, or change the autoscaler's limits",
                replicas.clamp(minimum, maximum)
            ),
        );
    }
    Some(PoolScale {
        minimum,
        maximum,
        sustained,
        target: target?,
        every: every?,
        settle: settle?,
        cool_down: cool_down?,
    })
}

/// What keeps one pool from handing its prompts over to another, as far as the file says it.
pub(super) fn pairs(cx: &mut Context<'_>, rows: &[Row<'_>], pools: &[Option<FleetPool>]) {
    for (row, pool) in rows.iter().zip(pools) {
        let Some(FleetPool { role: PoolRole::Prefill { decode, .. }, .. }) = pool else { continue };
        let (Some(pool), Some(other)) = (pool, &pools[*decode]) else { continue };
        let mut refuse = |why: String, label: String, help: &str| {
            let message =
                format!("pool `{}` cannot hand prompts over to `{}`: {why}", pool.name, other.name);
            cx.error(row.span("hands_to"), message, label, help);
        };
        if pool.site != other.site {
            refuse(
                "they are at different sites".to_owned(),
                "elsewhere".to_owned(),
                "pair pools of one site, whose network carries the cache",
            );
        }
        if pool.model.id != other.model.id {
            refuse(
                format!("that one runs {}, not {}", other.model.id, pool.model.id),
                "another model".to_owned(),
                "give both one `model`",
            );
        }
        let (EngineChoice::Explicit(ours), EngineChoice::Explicit(theirs)) =
            (&pool.engine, &other.engine)
        else {
            continue;
        };
        if ours.kv_precision != theirs.kv_precision {
            let (ours, theirs) = (ours.kv_precision.name(), theirs.kv_precision.name());
            refuse(
                format!("the cache is written in {ours}, but read in {theirs}"),
                format!("reads {theirs}"),
                "give both one `kv_precision`",
            );
        }
        if ours.block_tokens != theirs.block_tokens {
            let (ours, theirs) = (ours.block_tokens, theirs.block_tokens);
            refuse(
                format!("blocks of {ours} tokens do not become blocks of {theirs}"),
                format!("blocks of {theirs}"),
                "give both one `block_tokens`",
            );
        }
        if ours.layout.pipeline != theirs.layout.pipeline {
            let (ours, theirs) = (ours.layout.pipeline, theirs.layout.pipeline);
            refuse(
                format!("{ours} pipeline stages hold other layers than {theirs}"),
                format!("{theirs} stages"),
                "give both as many, which may be 1",
            );
        }
    }
}

/// Services that no pool answers, and pools that nobody hands anything to.
pub(super) fn unanswered(cx: &mut Context<'_>, services: &[Row<'_>], pools: &[Option<FleetPool>]) {
    if pools.iter().any(Option::is_none) {
        return;
    }
    for (index, row) in services.iter().enumerate() {
        if pools.iter().flatten().any(|pool| pool.services.contains(&index)) {
            continue;
        }
        let name = row.plain_text("name").unwrap_or("?");
        cx.error(
            row.span("name"),
            format!("no pool answers service `{name}`"),
            "all of it would be lost",
            format!("name it in `services` of a `[[pool]]`, such as `services = [\"{name}\"]`"),
        );
    }
}
