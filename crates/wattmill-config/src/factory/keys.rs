//! Every key of a factory file, once.

use wattmill_units::{
    ByteRate, Bytes, CarbonIntensity, EnergyPrice, FlopRate, Money, Power, Seconds,
};

use super::schema::{End, Key, Kind, Limits, Need, Table};
use super::text::Measure;

mod energy;
mod engine;
mod fleet;
mod money;
mod phase;
mod risk;
mod site;

pub(super) use energy::{BATTERY, CLIMATE, CLOCK, CURTAILMENT, EXPORT, PERIOD, SOLAR, WIND};
pub(super) use engine::{ENGINE, SPECULATION};
pub(super) use fleet::{
    ADMISSION, AUTOSCALE, EVENT as FLEET_EVENT, FAILURES, FLEET, FLEET_CURTAILMENT, FLEET_SERVICE,
    FLEET_SITE, POOL, PROVIDER, REGION as FLEET_REGION, WAY_TO,
};
pub(super) use money::{CONTRACT, CURRENCY, ECONOMICS, EVENT, SUBSCRIPTION};
pub(super) use phase::{REFRESH, REGION, SUBSTITUTE};
pub(super) use risk::{CORRELATION, DISTRIBUTION, TARGET};
pub(super) use site::{GRID, ONSITE, PUE, SITE, STEP};

const POWER: Kind = Kind::Quantity(Measure::of::<Power>(), Limits::above("0 W", "1000 GW"));
const CARBON: Kind =
    Kind::Quantity(Measure::of::<CarbonIntensity>(), Limits::within("0 g/kWh", "2000 g/kWh"));
const PRICE: Kind =
    Kind::Quantity(Measure::of::<EnergyPrice>(), Limits::within("-1000 USD/MWh", "10000 USD/MWh"));
const MONEY: Kind = Kind::Quantity(Measure::of::<Money>(), Limits::above("0 USD", "100000 GUSD"));
const DELAY: Kind = Kind::Quantity(Measure::of::<Seconds>(), Limits::within("0 s", "50 years"));
const LATENCY: Kind = Kind::Quantity(Measure::of::<Seconds>(), Limits::above("0 s", "1 day"));
const LIFE: Kind = Kind::Quantity(Measure::of::<Seconds>(), Limits::above("0 s", "100 years"));
const FLOPS: Kind =
    Kind::Quantity(Measure::of::<FlopRate>(), Limits::above("0 TFLOP/s", "1000 EFLOP/s"));
const BANDWIDTH: Kind =
    Kind::Quantity(Measure::of::<ByteRate>(), Limits::above("0 GB/s", "1000000 TB/s"));
const MEMORY: Kind = Kind::Quantity(Measure::of::<Bytes>(), Limits::above("0 GB", "1000 TB"));
const SHARE: Kind = Kind::Number(Limits::within("0", "1"));
const SHARE_OF_SOME: Kind = Kind::Number(Limits::above("0", "1"));
const SHARE_OF_YEAR: Kind =
    Kind::Quantity(Measure::YEARLY, Limits::within("0 %/year", "100 %/year"));
const PER_DAY: Kind = Kind::Count(Limits::within("0", "1e18"));
const SIZE: Kind = Kind::Whole(Limits::within("1", "100000000"));
const SIZE_OR_NONE: Kind = Kind::Whole(Limits::within("0", "100000000"));
const PRECISION: Kind = Kind::Choice(&["bf16", "fp8", "fp4"]);

const fn required(name: &'static str, kind: Kind, example: &'static str, doc: &'static str) -> Key {
    Key { name, kind, need: Need::Required, doc, example }
}

const fn optional(name: &'static str, kind: Kind, example: &'static str, doc: &'static str) -> Key {
    Key { name, kind, need: Need::Optional, doc, example }
}

/// `default` is what one would write between quotes, or bare for numbers and words alike.
const fn defaulted(
    name: &'static str,
    kind: Kind,
    (default, why): (&'static str, &'static str),
    example: &'static str,
    doc: &'static str,
) -> Key {
    Key { name, kind, need: Need::Default(default, why), doc, example }
}

/// Why what machines do is known before anything is drawn.
const MEASURED_ONCE: &str = "what machines do is measured once, for all samples";

const SOURCE: Key = optional(
    "source",
    Kind::Text,
    r#""operator's announcement, 2025-07""#,
    "Where the figures of this table come from.",
);

/// The file itself.
pub(super) static FILE: Table = Table {
    name: "file",
    doc: "The top of the file.",
    catalogue_row: false,
    certain: "every sample walks the same days",
    keys: &[
        required("name", Kind::Text, r#""Ten gigawatts, as announced""#, "What people call it."),
        required("start", Kind::Date, "2026-07-01", "First day of the plan."),
        required("end", Kind::Date, "2031-06-30", "Last day of the plan, inclusive."),
        defaulted(
            "seed",
            Kind::Whole(Limits::within("0", "9223372036854775807")),
            ("1", "any number does"),
            "7",
            "Seed of everything random. The same seed gives the same answer on every machine.",
        ),
        defaulted(
            "weather",
            Kind::Choice(&["same", "varies"]),
            ("same", "what is not said to differ between samples does not"),
            r#""varies""#,
            "Whether every sample has weather of its own: other clouds and winds of the models, and other \
             years of the files of hours, drawn of those that a file has whole, the same year for all \
             files, prices included. The plan has the weather of its seed and the files' own years.",
        ),
        required(
            "site",
            Kind::Tables(&SITE),
            "",
            "Where power arrives and machines stand, one `[[site]]` each. At least one.",
        ),
        required(
            "phase",
            Kind::Tables(&PHASE),
            "",
            "What is built, one `[[phase]]` each. At least one.",
        ),
        optional(
            "service",
            Kind::Tables(&SERVICE),
            "",
            "What is served, one `[[service]]` each. Earlier services are served first.",
        ),
        optional(
            "training",
            Kind::Tables(&TRAINING),
            "",
            "What is trained, one `[[training]]` each. Earlier runs are placed first, all after serving.",
        ),
        optional(
            "curtailment",
            Kind::Tables(&CURTAILMENT),
            "",
            "When the grid asks a site to draw less, one `[[curtailment]]` each.",
        ),
        optional(
            "contract",
            Kind::Tables(&CONTRACT),
            "",
            "What is paid for what, one `[[contract]]` each.",
        ),
        optional(
            "event",
            Kind::Tables(&EVENT),
            "",
            "What may happen that contracts hang on, one `[[event]]` each.",
        ),
        optional(
            "currency",
            Kind::Tables(&CURRENCY),
            "",
            "Currencies that contracts are written in besides dollars, one `[[currency]]` each.",
        ),
        optional(
            "target",
            Kind::Tables(&TARGET),
            "",
            "What is to be reached by when, one `[[target]]` each. Samples say how likely that is.",
        ),
        optional(
            "correlation",
            Kind::Tables(&CORRELATION),
            "",
            "Which distributions go together, one `[[correlation]]` each. All others are independent.",
        ),
        optional("economics", Kind::Table(&ECONOMICS), "", "Costs that no catalogue row states."),
        optional(
            "system",
            Kind::Named(&SYSTEM),
            "",
            "Systems of your own, one `[system.NAME]` each. A name of the catalogue is overridden.",
        ),
        optional(
            "accelerator",
            Kind::Named(&ACCELERATOR),
            "",
            "Accelerators of your own, one `[accelerator.NAME]` each. A name of the catalogue is overridden.",
        ),
        optional(
            "model",
            Kind::Named(&MODEL),
            "",
            "Models of your own, one `[model.NAME]` each. A name of the catalogue is overridden.",
        ),
    ],
};

pub(super) static PHASE: Table = Table {
    name: "phase",
    doc: "One delivery of machines to a site.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("name", Kind::Text, r#""first gigawatt""#, "Unique among phases."),
        required("site", Kind::Reference("a `[[site]]`"), r#""abilene""#, "Where it stands."),
        required(
            "system",
            Kind::Reference("a system: a catalogue id or a `[system.NAME]`"),
            r#""vr-nvl72""#,
            "What is installed. `wattmill catalog list` shows the ids.",
        ),
        required("power", POWER, r#""1 GW""#, "How much, counted as `basis` says."),
        defaulted(
            "basis",
            Kind::Choice(&["facility", "it"]),
            ("facility", "announcements count at the meter"),
            r#""it""#,
            "What `power` counts: facility power at the design PUE, or IT power.",
        ),
        optional(
            "unit_power",
            POWER,
            r#""190 kW""#,
            "IT power provisioned for one unit of the system. Left out, the catalogue's maximum, or \
             its typical power where no maximum is known.",
        ),
        defaulted(
            "beside",
            SHARE,
            ("0", "what a unit's power leaves out is not counted"),
            r#""14 %""#,
            "IT power that stands beside the units, over `unit_power`: switches between racks, storage, \
             managing nodes. It takes part of the phase's power and is drawn at all hours. Epoch AI \
             (2025-12) puts it at 14 % of the servers.",
        ),
        defaulted(
            "oversubscription",
            Kind::Number(Limits::within("1", "10")),
            ("1", "power is there for every unit at its `unit_power`"),
            "1.2",
            "IT power of the units installed over what is provisioned for them. With more than 1, what \
             they draw is held to what the site has: batch work gives way first, then training, then \
             requests go to other sites, then they are turned away.",
        ),
        required("first_rack", Kind::Date, "2026-10-01", "First day a rack runs if nothing slips."),
        defaulted(
            "ramp",
            DELAY,
            ("0 days", "all at once"),
            r#""180 days""#,
            "From the first rack to the last, linear.",
        ),
        defaulted(
            "slip",
            DELAY,
            ("0 days", "nothing is late unless the file says so"),
            r#"{ p50 = "60 days", p90 = "270 days" }"#,
            "How late it is.",
        ),
        optional(
            "chain",
            Kind::Tables(&CHAIN),
            r#"[{ needs = "transformer", ordered = 2025-01-01, lead = "128 weeks" }]"#,
            "What it needs besides its racks. Of its units no more run than the least of these is \
             ready for; the site's power is counted anyway.",
        ),
        optional(
            "substitute",
            Kind::Table(&SUBSTITUTE),
            r#"{ system = "gb300-nvl72", if_after = 2027-06-01, first_rack = 2027-03-01 }"#,
            "What comes in place of `system` if that is too late.",
        ),
        optional(
            "cancelled",
            Kind::Date,
            "2027-03-01",
            "Day from which nothing more of it is delivered. What stands stays.",
        ),
        optional(
            "retire",
            LIFE,
            r#""5 years""#,
            "Age at which a unit is taken out. Left out, it stays to the end of the plan.",
        ),
        optional(
            "refresh",
            Kind::Table(&REFRESH),
            r#"{ at = "5 years", system = "vr-nvl72", residual = "10 %", downtime = "14 days" }"#,
            "What takes the place of each unit at an age. Left out, nothing does.",
        ),
        SOURCE,
    ],
};

pub(super) static CHAIN: Table = Table {
    name: "phase.chain",
    doc: "Something that a phase cannot run without, from when on: `ready`, or `ordered` and `lead`.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required(
            "needs",
            Kind::Text,
            r#""transformer""#,
            "What it is: a transformer, a turbine, a building, cooling, accelerators.",
        ),
        optional("ready", Kind::Date, "2027-06-30", "First day on which some of it is ready."),
        optional("ordered", Kind::Date, "2025-01-01", "Day of the order. Goes with `lead`."),
        optional(
            "lead",
            DELAY,
            r#"{ p10 = "80 weeks", p50 = "128 weeks", p90 = "210 weeks" }"#,
            "From the order to the first of it.",
        ),
        defaulted(
            "delay",
            DELAY,
            ("0 days", "nothing is late unless the file says so"),
            r#"{ p50 = "60 days", p90 = "270 days" }"#,
            "How late it is.",
        ),
        defaulted(
            "ramp",
            DELAY,
            ("0 days", "all at once"),
            r#""180 days""#,
            "From the first of it to all of it, linear.",
        ),
        SOURCE,
    ],
};

pub(super) static SERVICE: Table = Table {
    name: "service",
    doc: "A model served to users.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("name", Kind::Text, r#""chat""#, "Unique among services."),
        required(
            "model",
            Kind::Reference("a model: a catalogue id or a `[model.NAME]`"),
            r#""deepseek-v3""#,
            "What answers. `wattmill catalog list` shows the ids.",
        ),
        required(
            "slo",
            Kind::Table(&SLO),
            r#"{ ttft = "2 s", tpot = "50 ms", at = "p99" }"#,
            "Latency promised to users.",
        ),
        required(
            "users",
            Kind::Table(&USERS),
            r#"{ weekly = "700 M", growth = "40 %/year", lengths = "azure-conv-2023" }"#,
            "Who asks, how much, when.",
        ),
        defaulted(
            "engine",
            Kind::Either(&[Kind::Choice(&["auto"]), Kind::Table(&ENGINE)]),
            ("auto", "the best of a few usual layouts is found for each kind of machine"),
            r#"{ tensor = 8, precision = "fp8" }"#,
            "How it is run.",
        ),
        optional(
            "price",
            Kind::Quantity(
                Measure::COST_OF_TOKENS,
                Limits::within("0 USD/M tokens", "1000000 USD/M tokens"),
            ),
            r#""10 USD/M tokens""#,
            "Revenue of output tokens.",
        ),
        optional(
            "subscription",
            Kind::Table(&SUBSCRIPTION),
            r#"{ monthly = "20 USD", paying = "5 %" }"#,
            "What users pay by the month beside, or in place of, `price`. Needs `weekly` users.",
        ),
        defaulted(
            "batch",
            Kind::Flag,
            ("false", "somebody waits for the answers"),
            "true",
            "Whether it may be throttled when power is short.",
        ),
        optional(
            "elasticity",
            Kind::Number(Limits::within("-10", "0")),
            "-0.8",
            "How much less is asked when `price` is above `reference_price`, in percent for each percent. \
             Left out, a price changes nothing. Goes with both.",
        ),
        optional(
            "reference_price",
            Kind::Quantity(
                Measure::COST_OF_TOKENS,
                Limits::above("0 USD/M tokens", "1000000 USD/M tokens"),
            ),
            r#""10 USD/M tokens""#,
            "Price at which as much is asked as `users` say.",
        ),
        SOURCE,
    ],
};

pub(super) static SLO: Table = Table {
    name: "service.slo",
    doc: "Latency promised to users of a service.",
    catalogue_row: false,
    certain: MEASURED_ONCE,
    keys: &[
        required("ttft", LATENCY, r#""2 s""#, "Time to first token."),
        required("tpot", LATENCY, r#""50 ms""#, "Time per output token after the first."),
        defaulted(
            "at",
            Kind::Percentile,
            ("p99", "the usual promise"),
            r#""p95""#,
            "Percentile of requests at which both hold.",
        ),
    ],
};

pub(super) static USERS: Table = Table {
    name: "service.users",
    doc: "Traffic at the start of the plan and how it changes. How much is asked comes from exactly \
          one of `messages_per_day`, `requests_per_day` and `tokens_per_day`, or else from `weekly`.",
    catalogue_row: false,
    certain: "",
    keys: &[
        optional(
            "weekly",
            PER_DAY,
            r#""700 M""#,
            "People who come in a week. Without a figure per day, each sends 3.7 messages a day \
             (18 billion messages a week of 700 million users: NBER, How People Use ChatGPT, 2025-07).",
        ),
        optional(
            "messages_per_day",
            PER_DAY,
            r#""2.6 G""#,
            "Messages of all users together, each one request.",
        ),
        optional(
            "requests_per_day",
            PER_DAY,
            r#""50 M""#,
            "Requests, for services that nobody chats with.",
        ),
        optional(
            "tokens_per_day",
            PER_DAY,
            r#""8.64 T""#,
            "Prompt and answer tokens together; divided by their mean per request.",
        ),
        defaulted(
            "growth",
            Kind::Quantity(
                Measure::YEARLY,
                Limits { low: End::Excluded("-100 %/year"), high: End::Allowed("100000 %/year") },
            ),
            ("0 %/year", "no growth unless the file says so"),
            r#""40 %/year""#,
            "Growth of requests per year, compounded daily.",
        ),
        optional(
            "lengths",
            Kind::Either(&[
                Kind::Reference("a length table of the catalogue"),
                Kind::Table(&LENGTHS),
            ]),
            r#""azure-conv-2023""#,
            "Distribution of prompt and answer lengths. Needed unless `input_tokens` and \
             `output_tokens` are given.",
        ),
        optional(
            "input_tokens",
            SIZE,
            "1024",
            "The same prompt length for every request, instead of `lengths`.",
        ),
        optional(
            "output_tokens",
            SIZE,
            "256",
            "The same answer length for every request, instead of `lengths`.",
        ),
        defaulted(
            "shape",
            Kind::Either(&[
                Kind::Choice(&["flat"]),
                Kind::Reference("a 24-hour shape of the catalogue"),
                Kind::Numbers(24),
            ]),
            ("flat", "no daily cycle unless the file says so"),
            r#""servegen-m-mid""#,
            "Rate in each hour of the UTC day relative to the others, or of the local day where `regions` \
             are given; scaled to a mean of 1.",
        ),
        optional(
            "regions",
            Kind::Tables(&REGION),
            r#"[{ name = "europe", share = 0.4, utc_offset = 1 }, { name = "americas", share = 0.6, utc_offset = -6 }]"#,
            "Where users are; each has the `shape` by its own clock. Shares add up to 1.",
        ),
        defaulted(
            "arrivals",
            Kind::Either(&[Kind::Choice(&["poisson"]), Kind::Table(&GAMMA)]),
            ("poisson", "independent users"),
            "{ cv = 2.0 }",
            "How requests bunch within an hour.",
        ),
    ],
};

pub(super) static LENGTHS: Table = Table {
    name: "service.users.lengths",
    doc: "Prompt and answer lengths by their quantiles, linear between them. Probabilities rise \
          from 0 to 1; tokens are at least 1 and never fall.",
    catalogue_row: false,
    certain: MEASURED_ONCE,
    keys: &[
        required("input", Kind::Quantiles, "[[0, 3], [0.5, 1020], [1, 4142]]", "Prompt tokens."),
        required("output", Kind::Quantiles, "[[0, 1], [0.5, 129], [1, 1000]]", "Answer tokens."),
    ],
};

pub(super) static GAMMA: Table = Table {
    name: "service.users.arrivals",
    doc: "Gamma-distributed gaps between requests.",
    catalogue_row: false,
    certain: MEASURED_ONCE,
    keys: &[required(
        "cv",
        Kind::Number(Limits::above("0", "100")),
        "2.0",
        "Deviation of the gaps over their mean: 1 is Poisson, more comes in bursts.",
    )],
};

pub(super) static TRAINING: Table = Table {
    name: "training",
    doc: "A training run.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("name", Kind::Text, r#""frontier-1""#, "Unique among training runs."),
        required(
            "model",
            Kind::Reference("a model: a catalogue id or a `[model.NAME]`"),
            r#""llama-3.1-405b""#,
            "What is trained.",
        ),
        required(
            "tokens",
            Kind::Count(Limits::above("0", "1e18")),
            r#""15.6 T""#,
            "Tokens to train on.",
        ),
        required(
            "gpus",
            Kind::Count(Limits::within("1", "100000000")),
            "16384",
            "Accelerators it wants. It runs on fewer, proportionally slower, until serving leaves them.",
        ),
        optional(
            "from",
            Kind::Date,
            "2027-01-01",
            "First day it may run. Left out, the plan's first day.",
        ),
        defaulted(
            "precision",
            PRECISION,
            ("bf16", "the usual training format"),
            r#""fp8""#,
            "Format of matrix multiplications.",
        ),
        defaulted(
            "mfu",
            SHARE_OF_SOME,
            (
                "0.41",
                "lower end of 0.41 to 0.48 on up to 6,144 H100 in BF16: NVIDIA/Megatron-LM README",
            ),
            "0.41",
            "Model-FLOPs utilisation, dense, against the peak of `precision`.",
        ),
        SOURCE,
    ],
};

const NAMED: Key = optional(
    "name",
    Kind::Text,
    r#""Our own""#,
    "What its maker calls it. Left out, its name in the file.",
);
const VENDOR: Key = optional("vendor", Kind::Text, r#""us""#, "Who makes it.");
const DATED: Key = optional("date", Kind::Text, r#""2026-11""#, "When the source says it holds.");
const CONFIDENCE: Key = optional(
    "confidence",
    Kind::Choice(&["A", "B", "C", "E"]),
    r#""E""#,
    "How sure: A read in a primary document, B in a secondary one, C general knowledge, E estimate. \
     Left out, E.",
);

pub(super) static SYSTEM: Table = Table {
    name: "system",
    doc: "A server, rack or pod of your own, written like a row of the catalogue: any value may \
          also be `{ value = …, source = …, confidence = … }`.",
    catalogue_row: true,
    certain: MEASURED_ONCE,
    keys: &[
        NAMED,
        VENDOR,
        required(
            "accelerator",
            Kind::Reference("an accelerator: a catalogue id or an `[accelerator.NAME]`"),
            r#""gb300""#,
            "What it holds.",
        ),
        required("accelerators", SIZE, "72", "Accelerators in one unit."),
        optional("unit", Kind::Text, r#""rack""#, "What one unit is. Left out, `server`."),
        optional(
            "power_typical",
            POWER,
            r#""132 kW""#,
            "IT power of one unit under typical full load.",
        ),
        optional("power_typical_as", Kind::Text, r#""Max-Q""#, "What its source calls that power."),
        optional(
            "power_max",
            POWER,
            r#""155 kW""#,
            "Highest IT power of one unit, what is provisioned for.",
        ),
        optional("power_max_as", Kind::Text, r#""Max-P""#, "What its source calls that power."),
        optional("price", MONEY, r#""3.5 MUSD""#, "Price of one unit."),
        optional("available", Kind::Text, r#""2026-Q3""#, "First available."),
        SOURCE,
        DATED,
        CONFIDENCE,
    ],
};

pub(super) static ACCELERATOR: Table = Table {
    name: "accelerator",
    doc: "An accelerator package of your own, written like a row of the catalogue: any value may \
          also be `{ value = …, source = …, confidence = … }`. All rates are dense. To be run it \
          needs a peak, `memory`, `memory_bandwidth`, `scaleup` and `scaleup_domain`. Without `tdp` \
          a plan takes a unit's power to be its accelerators'; elsewhere power is not known.",
    catalogue_row: true,
    certain: MEASURED_ONCE,
    keys: &[
        NAMED,
        VENDOR,
        required(
            "family",
            Kind::Text,
            r#""blackwell""#,
            "Family of chips whose measured efficiency it borrows.",
        ),
        optional("launch", Kind::Text, r#""2027""#, "Announced or shipped."),
        optional("bf16", FLOPS, r#""2500 TFLOP/s""#, "Dense BF16 peak."),
        optional("fp8", FLOPS, r#""5000 TFLOP/s""#, "Dense FP8 peak."),
        optional("fp4", FLOPS, r#""15 PFLOP/s""#, "Dense FP4 peak."),
        optional("memory", MEMORY, r#""279 GB""#, "Usable memory."),
        optional("memory_bandwidth", BANDWIDTH, r#""8 TB/s""#, "Peak memory bandwidth."),
        optional(
            "scaleup",
            BANDWIDTH,
            r#""900 GB/s""#,
            "Scale-up bandwidth of one accelerator in one direction.",
        ),
        optional("scaleup_domain", SIZE, "72", "Accelerators in one scale-up domain."),
        optional(
            "scaleout",
            BANDWIDTH,
            r#""100 GB/s""#,
            "Scale-out bandwidth of one accelerator in one direction.",
        ),
        optional("tdp", POWER, r#""1400 W""#, "Package power limit."),
        optional(
            "tdp_max_p",
            POWER,
            r#""1600 W""#,
            "Limit that its maker allows besides (Max-P, where `tdp` is Max-Q): shown where power is \
             counted, and priced nowhere.",
        ),
        SOURCE,
        DATED,
        CONFIDENCE,
    ],
};

pub(super) static MODEL: Table = Table {
    name: "model",
    doc: "A transformer of your own, written like a row of the catalogue: any value may also be \
          `{ value = …, source = …, confidence = … }`. To be run it needs `layers`, `hidden`, \
          `heads`, `vocab` and `ffn_dim` or `experts`.",
    catalogue_row: true,
    certain: MEASURED_ONCE,
    keys: &[
        optional("family", Kind::Text, r#""ours""#, "Family as its maker calls it."),
        optional("release", Kind::Text, r#""2026-09""#, "Released."),
        optional("layers", SIZE, "61", "Layers."),
        optional("hidden", SIZE, "7168", "Residual width."),
        optional(
            "residual_streams",
            SIZE,
            "4",
            "Rows of that width between layers, as with hyper-connections. Left out, 1.",
        ),
        optional("heads", SIZE, "128", "Query heads."),
        optional(
            "kv_heads",
            SIZE,
            "8",
            "Key and value heads of grouped attention. Left out, as many as `heads`.",
        ),
        optional(
            "head_dim",
            SIZE,
            "128",
            "Size of a head of grouped attention. Left out, `hidden` by `heads`.",
        ),
        optional(
            "kv_rank",
            SIZE,
            "512",
            "Rank of the cached latent; its presence makes attention latent.",
        ),
        optional(
            "q_rank",
            SIZE_OR_NONE,
            "1536",
            "Latent attention: rank of the compressed query. Left out, not compressed.",
        ),
        optional("nope_dim", SIZE, "128", "Latent attention: head size without position."),
        optional(
            "rope_dim",
            SIZE_OR_NONE,
            "64",
            "Latent attention: head size with rotary position, cached once per token.",
        ),
        optional("v_dim", SIZE, "128", "Latent attention: value head size."),
        optional(
            "output_gate",
            Kind::Flag,
            "false",
            "Whether what attention reads is gated, by a projection of its own. Left out, no.",
        ),
        optional(
            "state",
            Kind::Text,
            r#""gated delta""#,
            "Kind of the layers that keep a state instead of a cache: `gated delta`, `lightning` or \
             `mamba-2`.",
        ),
        optional("state_layers", SIZE_OR_NONE, "45", "How many layers have a state."),
        optional("state_heads", SIZE, "64", "States of such a layer."),
        optional(
            "state_key_heads",
            SIZE,
            "16",
            "Keys of such a layer, shared by its heads; Mamba-2's groups. Left out, as many as \
             `state_heads`.",
        ),
        optional("state_key_dim", SIZE, "128", "Rows of a state; Mamba-2's state size."),
        optional("state_value_dim", SIZE, "128", "Columns of a state; Mamba-2's head size."),
        optional("state_conv", SIZE_OR_NONE, "4", "Tokens of the convolution before the state."),
        optional(
            "attention_layers",
            SIZE_OR_NONE,
            "15",
            "Layers that attend. Left out, all without a state.",
        ),
        optional(
            "full_attention_layers",
            SIZE_OR_NONE,
            "5",
            "Of these, layers that attend over the whole context. Left out, all.",
        ),
        optional(
            "window",
            SIZE_OR_NONE,
            "128",
            "Sliding window of the other layers, tokens; of all where attention is compressed.",
        ),
        optional(
            "sparse_entry_tokens",
            SIZE,
            "4",
            "Compressed attention: tokens that an entry of the cache stands for in layers which pick \
             `sparse_top_k` of their entries.",
        ),
        optional("sparse_entry_layers", SIZE_OR_NONE, "7", "How many layers do so."),
        optional(
            "entry_tokens",
            SIZE,
            "128",
            "Compressed attention: the same in layers that read all of their entries.",
        ),
        optional("entry_layers", SIZE_OR_NONE, "8", "How many layers do so."),
        optional(
            "output_groups",
            SIZE,
            "16",
            "Compressed attention: groups of heads that are projected together before the output.",
        ),
        optional("output_rank", SIZE, "1024", "What each of these groups becomes."),
        optional(
            "sparse_top_k",
            SIZE_OR_NONE,
            "2048",
            "Tokens, or entries, a sparse attention layer selects from the context.",
        ),
        optional("indexer_heads", SIZE, "64", "Sparse attention: query heads of what selects."),
        optional("indexer_dim", SIZE, "128", "Sparse attention: head size of what selects."),
        optional("ffn_dim", SIZE_OR_NONE, "18432", "Inner size of a dense feed-forward layer."),
        optional(
            "dense_layers",
            SIZE_OR_NONE,
            "3",
            "Dense layers. Left out, all without `experts`, none with them.",
        ),
        optional("experts", SIZE, "256", "Routed experts per layer of a mixture of experts."),
        optional("experts_per_token", SIZE, "8", "Routed experts a token visits."),
        optional("expert_dim", SIZE, "2048", "Inner size of one routed expert."),
        optional(
            "expert_latent_dim",
            SIZE_OR_NONE,
            "1024",
            "Width to which a token is projected for the routed experts. Left out, not projected.",
        ),
        optional(
            "shared_expert_dim",
            SIZE_OR_NONE,
            "2048",
            "Total inner size of the shared experts.",
        ),
        optional(
            "moe_layers",
            SIZE_OR_NONE,
            "58",
            "Layers with experts. Left out, all that are not dense.",
        ),
        optional(
            "gated",
            Kind::Flag,
            "true",
            "Whether feed-forward parts are gated (three matrices). Left out, yes.",
        ),
        optional("vocab", SIZE, "129280", "Vocabulary."),
        optional(
            "tied_embeddings",
            Kind::Flag,
            "false",
            "Whether input and output embeddings are one matrix. Left out, no.",
        ),
        optional("context", SIZE, "163840", "Longest context, tokens."),
        SOURCE,
        DATED,
        CONFIDENCE,
    ],
};

/// A session file.
pub(super) static SESSIONS: Table = Table {
    name: "session file",
    doc: "What conversations are like; for `wattmill replay --sessions`.",
    catalogue_row: false,
    certain: "a session file is read once",
    keys: &[
        required("name", Kind::Text, r#""chat""#, "What people call it."),
        required(
            "context",
            SIZE,
            "131072",
            "Most tokens of a prompt and its answer; a session whose next turn would be longer ends.",
        ),
        required(
            "system",
            Kind::Table(&SESSIONS_SYSTEM),
            "{ count = 20, tokens = [[0, 200], [1, 4000]] }",
            "Instructions that sessions begin with and share.",
        ),
        required("turns", Kind::Quantiles, "[[0, 1], [0.5, 2], [1, 60]]", "Turns of a session."),
        required(
            "opening",
            Kind::Quantiles,
            "[[0, 3], [0.5, 60], [1, 16000]]",
            "New tokens of the first turn.",
        ),
        required(
            "follow_up",
            Kind::Quantiles,
            "[[0, 2], [0.5, 30], [1, 8000]]",
            "New tokens of every later turn: a question, or what a tool answered.",
        ),
        required(
            "answer",
            Kind::Quantiles,
            "[[0, 1], [0.5, 129], [1, 1000]]",
            "Answer tokens of a turn.",
        ),
        required(
            "pause",
            Kind::Table(&SESSIONS_PAUSE),
            r#"{ mean = "60 s", cv = 1.5 }"#,
            "From the end of an answer to the next turn.",
        ),
    ],
};

pub(super) static SESSIONS_SYSTEM: Table = Table {
    name: "session file.system",
    doc: "System prompts, each shared by the sessions that begin with it.",
    catalogue_row: false,
    certain: "a session file is read once",
    keys: &[
        required(
            "count",
            Kind::Whole(Limits::within("1", "1000000")),
            "20",
            "How many different ones there are.",
        ),
        defaulted(
            "popularity",
            Kind::Number(Limits::within("0", "10")),
            ("1", "Zipf's law"),
            "0.8",
            "How fast popularity falls: the i-th is chosen in proportion to i to the minus this.",
        ),
        required("tokens", Kind::Quantiles, "[[0, 200], [1, 4000]]", "Tokens of one."),
    ],
};

pub(super) static SESSIONS_PAUSE: Table = Table {
    name: "session file.pause",
    doc: "Gamma-distributed times between an answer and the next turn.",
    catalogue_row: false,
    certain: "a session file is read once",
    keys: &[
        required("mean", DELAY, r#""60 s""#, "Mean."),
        defaulted(
            "cv",
            Kind::Number(Limits::within("0", "100")),
            ("1", "as if each moment were as good as the next"),
            "1.5",
            "Deviation over the mean; 0 is always the same.",
        ),
    ],
};
