//! Keys of contracts, events, currencies and costs.

use wattmill_units::Money;

use super::{
    DELAY, End, Kind, LIFE, Limits, MONEY, Measure, POWER, SHARE, SHARE_OF_SOME, SHARE_OF_YEAR,
    SOURCE, Table, defaulted, optional, required,
};

pub(in super::super) static CONTRACT: Table = Table {
    name: "contract",
    doc: "Who pays whom for what: money released step by step as power is deployed (`investment`) or \
          paid on a day whatever is built (`equity`); a `loan`; a `lease` of land, building and plant; \
          `capacity` that is paid for whether it is used or not, and brings no machines of its own; a \
          `revenue share`. We are called `us`.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required(
            "kind",
            Kind::Choice(&["investment", "equity", "loan", "lease", "capacity", "revenue share"]),
            r#""investment""#,
            "What is paid for.",
        ),
        optional(
            "name",
            Kind::Text,
            r#""abilene lease""#,
            "Unique among contracts. Left out, its place in the file.",
        ),
        defaulted(
            "from",
            Kind::Text,
            ("us", "whoever has no name is the programme itself"),
            r#""nvidia""#,
            "Who pays, invests or lends. Investment and equity name someone.",
        ),
        defaulted(
            "to",
            Kind::Text,
            ("us", "whoever has no name is the programme itself"),
            r#""oracle""#,
            "Who is paid or borrows.",
        ),
        optional(
            "amount",
            MONEY,
            r#""10 GUSD""#,
            "Investment and equity only: how much for each step, or at once.",
        ),
        optional(
            "yearly",
            MONEY,
            r#""60 GUSD""#,
            "Lease and capacity only: how much a year once its ramp is over. In a currency of the file \
             if it says so, such as `\"3 GEUR\"`.",
        ),
        optional("share", SHARE_OF_SOME, r#""20 %""#, "Of revenue, or of what a loan covers."),
        defaulted(
            "covers",
            Kind::Choice(&["all", "machines", "infrastructure"]),
            ("all", "lenders look at the whole"),
            r#""machines""#,
            "Loan only: what is bought with it.",
        ),
        optional(
            "rate",
            SHARE_OF_YEAR,
            r#""7 %/year""#,
            "Loan only: interest on what is owed at the start of a quarter.",
        ),
        defaulted(
            "minimum",
            SHARE,
            ("1", "take or pay"),
            "0.8",
            "Capacity of ours only: share that is paid whatever is used; above it as much as the \
             accelerators work.",
        ),
        optional(
            "site",
            Kind::Reference("a `[[site]]`"),
            r#""abilene""#,
            "Lease only: the site whose land, building and plant are not bought but leased.",
        ),
        optional(
            "service",
            Kind::Reference("a `[[service]]`"),
            r#""chat""#,
            "Revenue share only: of this service. Left out, of all.",
        ),
        optional(
            "for_each",
            POWER,
            r#""1 GW deployed""#,
            "Investment only: facility power of one step. The word `deployed` may follow.",
        ),
        optional(
            "up_to",
            MONEY,
            r#""100 GUSD""#,
            "Most that is ever paid, or lent. Left out, no limit.",
        ),
        optional(
            "on",
            Kind::Date,
            "2026-02-27",
            "Of equity the day it is paid, of others the first day. Left out, the plan's first day. Equity from \
             before the plan is there at its start.",
        ),
        optional(
            "term",
            LIFE,
            r#""15 years""#,
            "How long it lasts; of a loan how long each draw is repaid over, evenly.",
        ),
        defaulted(
            "ramp",
            DELAY,
            ("0 days", "all at once"),
            r#""2 years""#,
            "Lease and capacity only: from nothing to all of it, linear.",
        ),
        optional(
            "begins",
            Kind::Reference("an `[[event]]`"),
            r#""agi""#,
            "Event before which it has no effect.",
        ),
        optional(
            "ends",
            Kind::Reference("an `[[event]]`"),
            r#""agi""#,
            "Event from which it has no effect any more.",
        ),
        optional(
            "after",
            Kind::Reference("a `[[contract]]`"),
            r#""first share""#,
            "Contract after whose end (its term, its event, its `up_to`) this one begins.",
        ),
        optional(
            "price_year",
            Kind::Whole(Limits::within("2000", "2100")),
            "2025",
            "Year whose dollars its amounts are; they are brought to that of `[economics]` with its \
             `inflation`. Left out, the same year.",
        ),
        SOURCE,
    ],
};

pub(in super::super) static EVENT: Table = Table {
    name: "event",
    doc: "Something that may happen on a day, such as a declaration, and that begins or ends contracts.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("name", Kind::Text, r#""agi""#, "Unique among events."),
        required("on", Kind::Date, "2029-01-01", "The day, if it happens."),
        defaulted(
            "chance",
            SHARE,
            ("1", "what is written happens unless it says otherwise"),
            "0.3",
            "How likely it is. A plan has it happen from one half on; every sample draws.",
        ),
        optional(
            "defaults",
            Kind::Text,
            r#""oracle""#,
            "A side of a contract that goes bankrupt on the day: from then on it pays, invests and lends \
             nothing, pays nothing back, and hands over nothing that would be paid for. What it has lent \
             and its shares of revenue are owed on, to whoever has its claims.",
        ),
        SOURCE,
    ],
};

pub(in super::super) static SUBSCRIPTION: Table = Table {
    name: "service.subscription",
    doc: "What users pay by the month, whatever they ask. Of that, as much is earned in a quarter as of \
          all requests is served.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("monthly", MONEY, r#""20 USD""#, "Of one user who pays, a month."),
        required("paying", SHARE, r#""5 %""#, "Share of the weekly users who pay."),
        SOURCE,
    ],
};

pub(in super::super) static CURRENCY: Table = Table {
    name: "currency",
    doc: "A currency that amounts of contracts may be written in, in place of `USD`.",
    catalogue_row: false,
    certain: "amounts in it are read once",
    keys: &[
        required(
            "name",
            Kind::Text,
            r#""EUR""#,
            "Its code: `\"3 GEUR\"` are three billions of it.",
        ),
        required(
            "usd",
            Kind::Number(Limits { low: End::Excluded("0"), high: End::Allowed("1000000") }),
            "1.1",
            "Dollars for one, in dollars of the price year.",
        ),
        SOURCE,
    ],
};

pub(in super::super) static ECONOMICS: Table = Table {
    name: "economics",
    doc: "Costs that no catalogue row states.",
    catalogue_row: false,
    certain: "",
    keys: &[
        defaulted(
            "price_year",
            Kind::Whole(Limits::within("2000", "2100")),
            ("2026", "the year most figures of the catalogue were read"),
            "2026",
            "Year whose dollars these are.",
        ),
        defaulted(
            "infrastructure",
            Kind::Quantity(Measure::COST_OF_POWER, Limits::within("0 USD/W", "1000 USD/W")),
            (
                "17.9 USD/W",
                "Vantage Frontier, 2025-08: 25 GUSD for shell, electrical and mechanical plant of 1.4 GW",
            ),
            r#""17.9 USD/W""#,
            "Land, building, electrical and mechanical plant, per watt of facility power.",
        ),
        defaulted(
            "accelerator_price",
            Kind::Quantity(Measure::of::<Money>(), Limits::within("0 USD", "10 MUSD")),
            ("47 kUSD", "Bernstein, 2025-10: 3.4 MUSD of IT for a GB200 NVL72 rack, by 72"),
            r#""47 kUSD""#,
            "One accelerator with its share of server and network, where the system has no price of its own.",
        ),
        defaulted(
            "operations",
            SHARE_OF_YEAR,
            ("3 %/year", "assumption, no source read: set your own"),
            r#""3 %/year""#,
            "Staff, spares, insurance and tax, of all capital spent.",
        ),
        defaulted(
            "discount",
            SHARE_OF_YEAR,
            ("10 %/year", "assumption, no source read: set your own cost of capital"),
            r#""8 %/year""#,
            "Rate at which later money is worth less, for net present value.",
        ),
        defaulted(
            "inflation",
            Kind::Quantity(Measure::YEARLY, Limits::within("-10 %/year", "100 %/year")),
            ("2 %/year", "the Federal Reserve's longer-run goal, stated each January since 2012"),
            r#""2.5 %/year""#,
            "Brings amounts of contracts of another price year to this one's.",
        ),
        defaulted(
            "network_share",
            SHARE,
            ("0.231", "Bernstein, 2025-10: 13 of 56 % of capital that are IT equipment"),
            "0.2",
            "Network in the price of machines; the rest are accelerators and racks.",
        ),
        defaulted(
            "power_share",
            SHARE,
            ("0.366", "Bernstein, 2025-10: distribution, generators and turbines, 16 of 44 %"),
            "0.4",
            "Generators, transformers and distribution in infrastructure.",
        ),
        defaulted(
            "cooling_share",
            SHARE,
            (
                "0.389",
                "Bernstein, 2025-10: a third mechanical and electrical less the power plant, 17 of 44 %",
            ),
            "0.3",
            "Cooling and other mechanical plant in infrastructure; the rest are building and land.",
        ),
        defaulted(
            "machine_life",
            LIFE,
            ("5 years", "assumption: between the four to six years operators write off over"),
            r#""5 years""#,
            "Straight-line life of machines.",
        ),
        defaulted(
            "infrastructure_life",
            LIFE,
            ("15 years", "term of the Abilene lease: TechSpot, 2025-05"),
            r#""20 years""#,
            "Straight-line life of land, building and plant.",
        ),
        optional(
            "network_life",
            LIFE,
            r#""12 years""#,
            "Straight-line life of the network, as part of the machines. Left out, as the whole.",
        ),
        optional(
            "power_life",
            LIFE,
            r#""12 years""#,
            "Straight-line life of the power plant, as part of infrastructure. Left out, as the whole.",
        ),
        optional(
            "cooling_life",
            LIFE,
            r#""12 years""#,
            "Straight-line life of cooling, as part of infrastructure. Left out, as the whole.",
        ),
        optional(
            "building_life",
            LIFE,
            r#""12 years""#,
            "Straight-line life of building and land, as part of infrastructure. Left out, as the whole.",
        ),
        SOURCE,
    ],
};
