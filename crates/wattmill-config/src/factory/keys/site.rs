//! Keys of a site: where power arrives.

use super::energy::{CAPITAL, life};
use super::{
    BATTERY, CARBON, CLIMATE, CLOCK, EXPORT, Kind, Limits, Measure, PERIOD, POWER, PRICE, SHARE,
    SOLAR, SOURCE, Table, WIND, defaulted, optional, required,
};

pub(in super::super) static SITE: Table = Table {
    name: "site",
    doc: "A campus behind one grid connection, generation of its own, or both.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("name", Kind::Text, r#""abilene""#, "Unique among sites."),
        optional(
            "latitude",
            Kind::Number(Limits::within("-90", "90")),
            "32.5",
            "Degrees north. Goes with `longitude`.",
        ),
        optional(
            "longitude",
            Kind::Number(Limits::within("-180", "180")),
            "-99.8",
            "Degrees east. Goes with `latitude`.",
        ),
        optional(
            "grid",
            Kind::Table(&GRID),
            r#"{ connection = "1.2 GW", energized = 2026-10-01, price = "47 USD/MWh", carbon = "299 g/kWh" }"#,
            "The grid connection. A site without one needs `onsite`.",
        ),
        optional(
            "onsite",
            Kind::Tables(&ONSITE),
            r#"[{ kind = "gas turbine", capacity = "360 MW", price = "60 USD/MWh", carbon = "400 g/kWh" }]"#,
            "Generation on the campus.",
        ),
        optional(
            "solar",
            Kind::Table(&SOLAR),
            r#"{ capacity = "500 MW" }"#,
            "Panels on the campus.",
        ),
        optional(
            "wind",
            Kind::Table(&WIND),
            r#"{ capacity = "300 MW", speed = "8 m/s" }"#,
            "Wind turbines on the campus.",
        ),
        optional(
            "battery",
            Kind::Table(&BATTERY),
            r#"{ energy = "400 MWh", power = "100 MW", efficiency = 0.86 }"#,
            "A battery on the campus.",
        ),
        optional(
            "clock",
            Kind::Table(&CLOCK),
            r#"{ utc_offset = "-6 h", summer_time = "us" }"#,
            "The local clock, which tariffs go by. Left out, UTC.",
        ),
        optional(
            "climate",
            Kind::Table(&CLIMATE),
            r#"{ mean = "18 °C" }"#,
            "Outside temperature, for a `pue` that follows it.",
        ),
        optional(
            "water",
            Kind::Quantity(Measure::WATER, Limits::within("0 L/kWh", "100 L/kWh")),
            r#""1.1 L/kWh""#,
            "Water for each unit of IT energy (WUE). Left out, water is not counted.",
        ),
        optional(
            "pue",
            Kind::Table(&PUE),
            "{ design = 1.4, annual = 1.1 }",
            "Facility over IT power. Left out, the defaults of its own keys hold.",
        ),
        SOURCE,
    ],
};

pub(in super::super) static GRID: Table = Table {
    name: "site.grid",
    doc: "A grid connection.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("connection", POWER, r#""1.2 GW""#, "Largest facility power it carries."),
        required("energized", Kind::Date, "2026-10-01", "First day with power."),
        optional(
            "step",
            Kind::Tables(&STEP),
            r#"[{ from = 2028-01-01, connection = "1.2 GW" }]"#,
            "What it carries from later days on, more or less than before. Left out, always the same.",
        ),
        optional(
            "price",
            PRICE,
            r#""47 USD/MWh""#,
            "Price of energy, all in: energy, grid fees, capacity. May be negative. Needed unless \
             `hourly` has prices; with them, those are scaled to this mean. Traffic goes where this \
             is lowest.",
        ),
        optional(
            "carbon",
            CARBON,
            r#""299 g/kWh""#,
            "Average location-based carbon intensity, CO₂ equivalent. Needed unless `hourly` has it.",
        ),
        optional(
            "hourly",
            Kind::File("`price_usd_per_mwh`, `carbon_g_per_kwh`"),
            r#""ercot.csv""#,
            "Price and carbon intensity of each hour, or one of them.",
        ),
        optional(
            "period",
            Kind::Tables(&PERIOD),
            r#"[{ months = [6, 7, 8, 9], from = 16, to = 21, price = "140 USD/MWh" }]"#,
            "Prices by the local clock, in place of `price`; the first that holds.",
        ),
        defaulted(
            "demand_charge",
            Kind::Quantity(Measure::DEMAND_CHARGE, Limits::within("0 USD/kW", "1000 USD/kW")),
            ("0 USD/kW", "no demand charge unless the file says so"),
            r#""12 USD/kW""#,
            "What each month's highest hour costs; a month that is only partly in the plan whole.",
        ),
        optional(
            "export",
            Kind::Table(&EXPORT),
            r#"{ most = "200 MW", price = "25 USD/MWh" }"#,
            "What it buys of the site's own energy. Left out, nothing.",
        ),
    ],
};

pub(in super::super) static STEP: Table = Table {
    name: "site.grid.step",
    doc: "A day from which on a connection carries more, or less.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("from", Kind::Date, "2028-01-01", "First day."),
        required(
            "connection",
            POWER,
            r#""1.2 GW""#,
            "Largest facility power from then on, in all.",
        ),
        SOURCE,
    ],
};

pub(in super::super) static ONSITE: Table = Table {
    name: "site.onsite",
    doc: "Generation behind the meter.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("kind", Kind::Text, r#""gas turbine""#, "What generates."),
        required("capacity", POWER, r#""360 MW""#, "Firm facility power it adds."),
        optional(
            "from",
            Kind::Date,
            "2026-10-01",
            "First day with power. Left out, the plan's first day.",
        ),
        required("price", PRICE, r#""60 USD/MWh""#, "Cost of its energy. May be negative."),
        required(
            "carbon",
            CARBON,
            r#""400 g/kWh""#,
            "Carbon intensity of its energy, CO₂ equivalent.",
        ),
        CAPITAL,
        life(
            "20 years",
            "assumption: as gas plants are usually written off; fuel cells last less long",
        ),
    ],
};

pub(in super::super) static PUE: Table = Table {
    name: "site.pue",
    doc: "Power usage effectiveness, facility over IT, under its two conventions.",
    catalogue_row: false,
    certain: "",
    keys: &[
        defaulted(
            "design",
            Kind::Number(Limits::within("1", "3")),
            ("1.4", "Epoch AI, 2025-12-18: peak facility over peak IT power, conversion included"),
            "1.4",
            "Of power at the design peak: sizes what fits behind a connection. At least `annual`.",
        ),
        defaulted(
            "annual",
            Kind::Number(Limits::within("1", "3")),
            ("1.1", "new liquid-cooled AI sites, analysts' notes of 2026 between 1.05 and 1.2"),
            "1.1",
            "Of energy through a year: what is paid for. With the keys below: at full load, as long as \
             nothing is cooled by compressors.",
        ),
        defaulted(
            "fixed",
            SHARE,
            ("0", "all of it goes with the load, as a constant PUE has it"),
            "0.4",
            "Share of the overhead at full load that is there without any load.",
        ),
        defaulted(
            "per_degree",
            Kind::Quantity(Measure::PER_DEGREE, Limits::within("0 %/K", "10 %/K")),
            ("0 %/K", "weather does not matter unless the file says so"),
            r#""0.6 %/K""#,
            "Power of compressors over IT power, for each degree outside above `free_below`. Needs the \
             site's `climate`.",
        ),
        defaulted(
            "free_below",
            Kind::Quantity(Measure::TEMPERATURE, Limits::within("-60 °C", "60 °C")),
            ("20 °C", "assumption: warm-water cooling with dry coolers manages more"),
            r#""24 °C""#,
            "Outside temperature up to which no compressor runs.",
        ),
    ],
};
