//! Keys of a fleet file: what serves whom, where, and what happens to it.

use wattmill_units::{Money, Seconds};

use super::{
    ACCELERATOR, CARBON, DELAY, ENGINE, LATENCY, MODEL, POWER, PRICE, SHARE_OF_SOME, SLO, SYSTEM,
    defaulted, optional, required,
};
use crate::factory::schema::{Kind, Limits, Table};
use crate::factory::text::Measure;

/// Why nothing in a fleet file is a distribution.
const ONE_RUN: &str = "a fleet is simulated once, request by request";

const WAY: Kind = Kind::Quantity(Measure::of::<Seconds>(), Limits::within("0 s", "1 h"));
const REPLICAS: Kind = Kind::Whole(Limits::within("0", "1000000"));
const WEIGHT: Kind = Kind::Number(Limits::within("0", "1000000"));
const HOURLY: Kind = Kind::Quantity(Measure::of::<Money>(), Limits::within("0 USD", "10000 USD"));

pub(in crate::factory) static FLEET: Table = Table {
    name: "fleet file",
    doc: "Sites, pools of replicas, who asks and what happens; for `wattmill serve`. The traffic itself \
          comes from flags.",
    catalogue_row: false,
    certain: ONE_RUN,
    keys: &[
        required("name", Kind::Text, r#""Two coasts""#, "What people call it."),
        defaulted(
            "seed",
            Kind::Whole(Limits::within("0", "9223372036854775807")),
            ("1", "any number does"),
            "7",
            "Seed of failures, of routers that draw and of who asks. The traffic has its own.",
        ),
        defaulted(
            "prefer",
            Kind::Choice(&["latency", "capacity", "price", "carbon"]),
            ("latency", "users feel it"),
            r#""price""#,
            "Which pool answers of those that could: at the nearest site, the one with the most room, or \
             where a request of 1,000 tokens and 250 more in answer costs or emits least in a full batch: \
             the hours of its accelerators, if any pool states them, and its energy, PUE included. The \
             next best answers while a pool has more in hand than at the highest rate at which it keeps \
             its SLO, which is found with the first requests that come.",
        ),
        optional(
            "farthest",
            WAY,
            r#""80 ms""#,
            "There and back, to the farthest site that may be preferred; beyond it requests go only if \
             nothing nearer has room.",
        ),
        defaulted(
            "most_resends",
            Kind::Whole(Limits::within("0", "255")),
            ("3", "what a patient client does"),
            "1",
            "How often a request is sent again whose replica or site was lost; then it is lost too.",
        ),
        defaulted(
            "series",
            Kind::Quantity(Measure::of::<Seconds>(), Limits::within("1 s", "1 day")),
            ("1 min", "a row a minute"),
            r#""10 s""#,
            "Length of a row of the time series.",
        ),
        required("site", Kind::Tables(&FLEET_SITE), "", "Where machines stand. At least one."),
        required("pool", Kind::Tables(&POOL), "", "Replicas behind a router. At least one."),
        optional(
            "region",
            Kind::Tables(&REGION),
            "",
            "Where it is asked. Without any everybody is beside every site.",
        ),
        required(
            "service",
            Kind::Tables(&FLEET_SERVICE),
            "",
            "What is asked for. At least one. The traffic is divided among them.",
        ),
        optional(
            "provider",
            Kind::Tables(&PROVIDER),
            "",
            "Who rents machines out, by the hour. Pools name theirs.",
        ),
        optional("event", Kind::Tables(&EVENT), "", "What happens to sites."),
        optional(
            "curtailment",
            Kind::Tables(&FLEET_CURTAILMENT),
            "",
            "When a site may draw less power.",
        ),
        optional("system", Kind::Named(&SYSTEM), "", "Systems of your own."),
        optional("accelerator", Kind::Named(&ACCELERATOR), "", "Accelerators of your own."),
        optional("model", Kind::Named(&MODEL), "", "Models of your own."),
    ],
};

pub(in crate::factory) static FLEET_SITE: Table = Table {
    name: "site",
    doc: "A place with machines. If it is lost, so is everything under way there.",
    catalogue_row: false,
    certain: ONE_RUN,
    keys: &[
        required("name", Kind::Text, r#""oregon""#, "Unique among sites."),
        optional("price", PRICE, r#""47 USD/MWh""#, "Of energy at the meter."),
        optional("carbon", CARBON, r#""299 g/kWh""#, "Of energy at the meter."),
        defaulted(
            "pue",
            Kind::Number(Limits::within("1", "5")),
            ("1.2", "a liquid-cooled hall of today"),
            "1.1",
            "Facility energy over that of the accelerators.",
        ),
        optional(
            "power",
            POWER,
            r#""2 MW""#,
            "What the accelerators of all its pools may draw, PUE included, every replica on. Where it is \
             less than their limits each accelerator of a pool is capped, and its compute slows.",
        ),
        defaulted(
            "shared",
            Kind::Choice(&["proportional", "priority"]),
            ("proportional", "all slow down alike"),
            r#""priority""#,
            "How that is shared: each pool the same part of what it could use beyond its least, or those \
             of the highest `priority` all that they could.",
        ),
    ],
};

pub(in crate::factory) static PROVIDER: Table = Table {
    name: "provider",
    doc: "Who rents machines out. Costs are told by provider, too.",
    catalogue_row: false,
    certain: ONE_RUN,
    keys: &[
        required("name", Kind::Text, r#""northern-cloud""#, "Unique among providers."),
        optional(
            "accelerator_hour",
            HOURLY,
            r#""2.80 USD""#,
            "What an accelerator costs for an hour in which its replica is on, where a pool does not say \
             otherwise.",
        ),
        defaulted(
            "energy_included",
            Kind::Flag,
            ("true", "what is rented runs"),
            "false",
            "Whether that pays for the energy, too; otherwise it costs what the site states.",
        ),
    ],
};

pub(in crate::factory) static FLEET_CURTAILMENT: Table = Table {
    name: "curtailment",
    doc: "A site may draw less for some time: its accelerators are capped, from and to the step.",
    catalogue_row: false,
    certain: ONE_RUN,
    keys: &[
        required("site", Kind::Reference("a `[[site]]`"), r#""oregon""#, "Which site."),
        required(
            "power",
            Kind::Either(&[POWER, SHARE_OF_SOME]),
            r#""60 %""#,
            "What it may draw, or the part of its `power`, or of the limits of all its accelerators if it \
             states none.",
        ),
        required("from", DELAY, r#""10 min""#, "From when, from the start."),
        required("until", DELAY, r#""25 min""#, "Until when."),
    ],
};

pub(in crate::factory) static POOL: Table = Table {
    name: "pool",
    doc: "Equal replicas of one engine at one site, behind one router.",
    catalogue_row: false,
    certain: ONE_RUN,
    keys: &[
        required("name", Kind::Text, r#""chat-west""#, "Unique among pools."),
        required("site", Kind::Reference("a `[[site]]`"), r#""oregon""#, "Where it is."),
        optional(
            "services",
            Kind::Names,
            r#"["chat"]"#,
            "Services that it answers, all if left out. A pool that only decodes answers what is handed \
             to it.",
        ),
        required(
            "model",
            Kind::Reference("a `[model.NAME]` or a model of the catalogue"),
            r#""llama-3.1-70b""#,
            "What it runs.",
        ),
        required(
            "system",
            Kind::Reference("a `[system.NAME]` or a system of the catalogue"),
            r#""dgx-h200""#,
            "On what.",
        ),
        defaulted(
            "engine",
            Kind::Either(&[Kind::Choice(&["auto"]), Kind::Table(&ENGINE)]),
            ("auto", "the smallest usual layout that fits"),
            r#"{ tensor = 8, precision = "fp8" }"#,
            "How one replica is laid out, and in which software.",
        ),
        required("replicas", REPLICAS, "8", "How many stand ready at the start."),
        defaulted(
            "router",
            Kind::Choice(&["round-robin", "random", "power-of-two", "least-loaded", "kv-aware"]),
            ("least-loaded", "it copes with any lengths"),
            r#""kv-aware""#,
            "Who chooses the replica.",
        ),
        defaulted(
            "own_batches",
            Kind::Flag,
            ("false", "as if the batch were dealt evenly, which is never slower"),
            "true",
            "Whether each attention group of the engine (`data_attention`) has a batch of its own and \
             waits for the slowest in every step, as they do.",
        ),
        defaulted(
            "prefix_caching",
            Kind::Flag,
            ("true", "what engines do unless told"),
            "false",
            "Whether blocks of prompts and answers are kept for others that begin alike.",
        ),
        defaulted(
            "role",
            Kind::Choice(&["both", "prefill", "decode"]),
            ("both", "prompts are answered where they are computed"),
            r#""prefill""#,
            "Which part of a request it does. A pool that prefills needs `hands_to`.",
        ),
        optional(
            "hands_to",
            Kind::Reference("a `[[pool]]` that decodes, at the same site"),
            r#""chat-decode""#,
            "Who answers the prompts that it computes.",
        ),
        defaulted(
            "short",
            Kind::Whole(Limits::within("0", "100000000")),
            ("0", "all are handed over"),
            "256",
            "Prompts with no more tokens to compute than this are computed where they are decoded.",
        ),
        defaulted(
            "start_up",
            DELAY,
            ("2 min", "engine start and loading a model from local disk"),
            r#""5 min""#,
            "From starting a replica to its first request.",
        ),
        optional(
            "autoscale",
            Kind::Table(&AUTOSCALE),
            "{ min = 2, max = 20 }",
            "Who starts and drains replicas; nobody if left out.",
        ),
        optional(
            "admission",
            Kind::Table(&ADMISSION),
            "{ queue = 1000 }",
            "What waits in front of the router.",
        ),
        optional(
            "failures",
            Kind::Table(&FAILURES),
            r#"{ between = "30 days", repair = "2 h" }"#,
            "How its replicas break; never if left out.",
        ),
        optional(
            "accelerator_hour",
            HOURLY,
            r#""2.20 USD""#,
            "What an accelerator costs for an hour in which its replica is on; the provider's if left \
             out. Energy costs extra, unless it is included there.",
        ),
        optional(
            "provider",
            Kind::Reference("a `[[provider]]`"),
            r#""northern-cloud""#,
            "Whose machines they are; one's own if left out.",
        ),
        defaulted(
            "priority",
            Kind::Whole(Limits::within("0", "255")),
            ("0", "all alike"),
            "2",
            "Who keeps power where its site has too little for all, the higher the longer.",
        ),
    ],
};

pub(in crate::factory) static AUTOSCALE: Table = Table {
    name: "pool.autoscale",
    doc: "An autoscaler that follows load and SLO.",
    catalogue_row: false,
    certain: ONE_RUN,
    keys: &[
        required("min", REPLICAS, "2", "Fewest replicas."),
        required("max", REPLICAS, "20", "Most replicas."),
        optional(
            "sustained",
            Kind::Number(Limits::above("0", "1000000")),
            "5",
            "Requests a second that one replica sustains inside the SLO. Left out: as many as it is found \
             to of the requests that come. A pool that only decodes has to state it.",
        ),
        defaulted(
            "target",
            SHARE_OF_SOME,
            ("80 %", "room for what comes while replicas start"),
            r#""70 %""#,
            "Share of that at which replicas are to run.",
        ),
        defaulted(
            "every",
            Kind::Quantity(Measure::of::<Seconds>(), Limits::within("1 s", "1 day")),
            ("15 s", "the period of Kubernetes' autoscaler"),
            r#""1 min""#,
            "How often it looks.",
        ),
        defaulted(
            "settle",
            DELAY,
            ("5 min", "the stabilisation window of Kubernetes' autoscaler"),
            r#""10 min""#,
            "How long load must have been low before replicas are drained.",
        ),
        defaulted(
            "cool_down",
            DELAY,
            ("1 min", "a step at a time"),
            r#""5 min""#,
            "Least time between a change and draining.",
        ),
    ],
};

pub(in crate::factory) static ADMISSION: Table = Table {
    name: "pool.admission",
    doc: "Where requests wait, and how many may. What is turned away is counted as shed.",
    catalogue_row: false,
    certain: ONE_RUN,
    keys: &[
        optional(
            "in_hand",
            Kind::Whole(Limits::within("1", "100000000")),
            "64",
            "Most requests in hand of each replica; further ones wait in front of the router. Left out: \
             four times the engine's `max_seqs`.",
        ),
        defaulted(
            "queue",
            Kind::Whole(Limits::within("0", "100000000")),
            ("65536", "bounds memory; far more than anyone waits for"),
            "1000",
            "Most requests that wait there.",
        ),
    ],
};

pub(in crate::factory) static FAILURES: Table = Table {
    name: "pool.failures",
    doc: "Exponential times between failures of one replica, and to its repair.",
    catalogue_row: false,
    certain: ONE_RUN,
    keys: &[
        required("between", LATENCY_OF_YEARS, r#""30 days""#, "Mean time between failures."),
        required(
            "repair",
            LATENCY_OF_YEARS,
            r#""2 h""#,
            "Mean time to repair; `start_up` comes on top.",
        ),
    ],
};

const LATENCY_OF_YEARS: Kind =
    Kind::Quantity(Measure::of::<Seconds>(), Limits::above("0 s", "50 years"));

pub(in crate::factory) static REGION: Table = Table {
    name: "region",
    doc: "A part of the world with a clock of its own.",
    catalogue_row: false,
    certain: ONE_RUN,
    keys: &[
        required("name", Kind::Text, r#""europe""#, "Unique among regions."),
        defaulted("share", WEIGHT, ("1", "all alike"), "0.4", "Weight of its requests."),
        defaulted(
            "clock",
            Kind::Quantity(Measure::of::<Seconds>(), Limits::within("0 h", "24 h")),
            ("0 h", "midnight"),
            r#""9 h""#,
            "Local time of day at the start.",
        ),
        optional(
            "shape",
            Kind::Either(&[Kind::Reference("a daily shape of the catalogue"), Kind::Numbers(24)]),
            r#""servegen-m-mid""#,
            "How its weight moves with its own time of day, flat if left out. How much is asked in all \
             comes from the traffic.",
        ),
        required(
            "to",
            Kind::Tables(&WAY_TO),
            r#"[{ site = "oregon", one_way = "70 ms" }]"#,
            "How far each site is.",
        ),
    ],
};

pub(in crate::factory) static WAY_TO: Table = Table {
    name: "region.to",
    doc: "The way to a site.",
    catalogue_row: false,
    certain: ONE_RUN,
    keys: &[
        required("site", Kind::Reference("a `[[site]]`"), r#""oregon""#, "Which site."),
        required("one_way", WAY, r#""70 ms""#, "Network latency one way."),
    ],
};

pub(in crate::factory) static FLEET_SERVICE: Table = Table {
    name: "service",
    doc: "Requests with one promise.",
    catalogue_row: false,
    certain: ONE_RUN,
    keys: &[
        required("name", Kind::Text, r#""chat""#, "Unique among services."),
        required(
            "slo",
            Kind::Table(&SLO),
            r#"{ ttft = "2 s", tpot = "50 ms" }"#,
            "The promise; attainment is the share of requests that keep both.",
        ),
        defaulted("share", WEIGHT, ("1", "all alike"), "0.2", "Weight of its requests."),
        defaulted(
            "priority",
            Kind::Whole(Limits::within("0", "255")),
            ("0", "all alike"),
            "2",
            "Who goes first where requests wait, the higher the earlier; the lowest is turned away first.",
        ),
        optional(
            "patience",
            LATENCY,
            r#""20 s""#,
            "Time after which a first token is of no use. A request whose prompt has not begun by then is \
             shed, in front of the router as at a replica; one that has begun is answered.",
        ),
    ],
};

pub(in crate::factory) static EVENT: Table = Table {
    name: "event",
    doc: "A site is lost with everything under way there. Where two events of a site overlap, it is back \
          when both are over.",
    catalogue_row: false,
    certain: ONE_RUN,
    keys: &[
        required("site", Kind::Reference("a `[[site]]`"), r#""oregon""#, "Which site."),
        required("lost", DELAY, r#""10 min""#, "When, from the start."),
        optional(
            "back",
            DELAY,
            r#""25 min""#,
            "From when it is back and starts its replicas; never if left out.",
        ),
    ],
};
