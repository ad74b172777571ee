//! Keys of what a site's energy is made of, and of what the grid asks.

use wattmill_units::{Energy, Money, Seconds};

use super::{
    DELAY, End, Key, Kind, LIFE, Limits, Measure, POWER, PRICE, SHARE, SHARE_OF_SOME,
    SHARE_OF_YEAR, SOURCE, Table, defaulted, optional, required,
};

const FREE: (&str, &str) = ("0 USD/MWh", "sun and wind burn no fuel; set your own if it is bought");
const SITE_DAY: &str = "First day with power. Left out, the plan's first day.";
const DEGREES: Kind = Kind::Quantity(Measure::TEMPERATURE, Limits::within("-60 °C", "60 °C"));
const SPAN: Kind = Kind::Quantity(Measure::WARMTH, Limits::within("0 K", "60 K"));

/// What something on the campus costs to build.
pub(in super::super) const CAPITAL: Key = defaulted(
    "capital",
    Kind::Quantity(Measure::of::<Money>(), Limits::within("0 USD", "100000 GUSD")),
    ("0 USD", "whoever sells its energy has paid for it, unless the file says otherwise"),
    r#""120 MUSD""#,
    "What it costs to build, paid on its first day, or in the plan's first hour if it stands before.",
);

/// For how long it stands, with what is usually taken.
pub(in super::super) const fn life(usual: &'static str, why: &'static str) -> Key {
    defaulted("life", LIFE, (usual, why), r#""20 years""#, "Straight-line life of its `capital`.")
}

pub(in super::super) static EXPORT: Table = Table {
    name: "site.grid.export",
    doc: "What the grid buys of the site's own energy: sun and wind that neither the site nor its \
          battery takes, if it pays more than they cost, and what the battery has left in hours in which \
          `discharge_above` lets it give and the grid pays as much. Emissions are not credited.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("most", POWER, r#""200 MW""#, "Most that it takes."),
        optional(
            "price",
            PRICE,
            r#""25 USD/MWh""#,
            "What it pays. May be negative: then nothing is sold. Left out, the hour's price of its own \
             energy.",
        ),
        SOURCE,
    ],
};

pub(in super::super) static PERIOD: Table = Table {
    name: "site.grid.period",
    doc: "A price that holds in some hours of the site's local clock.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("price", PRICE, r#""140 USD/MWh""#, "Price of energy in it. May be negative."),
        optional(
            "months",
            Kind::Wholes(Limits::within("1", "12")),
            "[6, 7, 8, 9]",
            "Months in which it holds. Left out, all.",
        ),
        defaulted(
            "from",
            Kind::Whole(Limits::within("0", "23")),
            ("0", "from midnight"),
            "16",
            "First hour of the local day in which it holds.",
        ),
        defaulted(
            "to",
            Kind::Whole(Limits::within("1", "24")),
            ("24", "to midnight"),
            "21",
            "Hour of the local day in which it holds no more. If that is not after `from`, it holds over \
             midnight.",
        ),
        defaulted(
            "days",
            Kind::Choice(&["all", "workdays"]),
            ("all", "weekends too"),
            r#""workdays""#,
            "Whether it leaves out Saturdays and Sundays.",
        ),
    ],
};

pub(in super::super) static SOLAR: Table = Table {
    name: "site.solar",
    doc: "Panels on the campus: from a file of hours, or from the sun's path and clouds drawn day by \
          day, alike at sites near each other. They add no firm power; what nobody takes is curtailed.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("capacity", POWER, r#""500 MW""#, "Power at full sun, at the meter."),
        optional("from", Kind::Date, "2027-03-01", SITE_DAY),
        defaulted("price", PRICE, FREE, r#""28 USD/MWh""#, "Cost of the energy that is used."),
        optional(
            "hourly",
            Kind::File("`solar_fraction`"),
            r#""solar.csv""#,
            "Fraction of the capacity in each hour. Left out, the model, which needs the site's `latitude`.",
        ),
        defaulted(
            "clearness",
            SHARE_OF_SOME,
            ("0.8", "assumption: a sunny place; take your own from a solar atlas"),
            "0.8",
            "Model only: mean share of a clear sky's light that comes down. Days are drawn evenly around \
             it.",
        ),
        defaulted(
            "mount",
            Kind::Choice(&["fixed", "tracking"]),
            ("fixed", "tilted by the latitude"),
            r#""tracking""#,
            "Model only: whether the panels follow the sun about one axis.",
        ),
        CAPITAL,
        life("30 years", "assumption: as utility-scale panels are usually written off"),
        SOURCE,
    ],
};

pub(in super::super) static WIND: Table = Table {
    name: "site.wind",
    doc: "Wind turbines on the campus: from a file of hours, or from Weibull-distributed speeds drawn \
          hour by hour, alike at sites near each other. They add no firm power; what nobody takes is curtailed.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("capacity", POWER, r#""300 MW""#, "Power at full wind, at the meter."),
        optional("from", Kind::Date, "2027-03-01", SITE_DAY),
        defaulted("price", PRICE, FREE, r#""26 USD/MWh""#, "Cost of the energy that is used."),
        optional(
            "hourly",
            Kind::File("`wind_fraction`"),
            r#""wind.csv""#,
            "Fraction of the capacity in each hour. Left out, the model, which needs `speed`.",
        ),
        optional(
            "speed",
            Kind::Quantity(Measure::SPEED, Limits::above("0 m/s", "30 m/s")),
            r#""8 m/s""#,
            "Model only: mean wind speed at the hub.",
        ),
        defaulted(
            "shape",
            Kind::Number(Limits::within("1", "10")),
            ("2", "Rayleigh's distribution, usual where nothing else is known"),
            "2.1",
            "Model only: Weibull shape of the speeds.",
        ),
        defaulted(
            "persistence",
            Kind::Number(Limits { low: End::Allowed("0"), high: End::Excluded("1") }),
            ("0.95", "assumption: hourly wind seldom changes much from hour to hour"),
            "0.95",
            "Model only: correlation of one hour's wind with the next.",
        ),
        CAPITAL,
        life("30 years", "assumption: as onshore turbines are usually written off"),
        SOURCE,
    ],
};

pub(in super::super) static BATTERY: Table = Table {
    name: "site.battery",
    doc: "A battery on the campus. It takes what sun and wind leave, and gives when a rule says so: \
          `discharge_above`, `shave_above`; without any of these and `charge_below` it gives whenever \
          sun and wind do not suffice. Its reserve it gives only when nobody sells enough.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required(
            "energy",
            Kind::Quantity(Measure::of::<Energy>(), Limits::above("0 MWh", "1000 TWh")),
            r#""400 MWh""#,
            "What it holds when it is new.",
        ),
        required("power", POWER, r#""100 MW""#, "Most that it takes and gives, at the meter."),
        required(
            "efficiency",
            SHARE_OF_SOME,
            "0.86",
            "Of what goes in, what comes out: the round trip.",
        ),
        optional("from", Kind::Date, "2027-03-01", "First day. Left out, the plan's first day."),
        defaulted("start", SHARE, ("0.5", "half full"), "0.5", "Share that is full when it comes."),
        defaulted(
            "reserve",
            Kind::Number(Limits { low: End::Allowed("0"), high: End::Excluded("1") }),
            ("0", "nothing is kept back unless the file says so"),
            "0.1",
            "Share of what it holds that is kept for when nobody sells enough.",
        ),
        defaulted(
            "fade",
            SHARE_OF_YEAR,
            ("0 %/year", "it does not age unless the file says so"),
            r#""2 %/year""#,
            "Share of its first capacity that it loses in a year.",
        ),
        optional(
            "cycles",
            Kind::Count(Limits::above("0", "1e9")),
            "6000",
            "Full cycles after which it has lost a fifth of its capacity besides. Left out, cycles do \
             not age it.",
        ),
        optional(
            "charge_below",
            PRICE,
            r#""20 USD/MWh""#,
            "Below this price of the grid it is charged from it.",
        ),
        optional(
            "discharge_above",
            PRICE,
            r#""90 USD/MWh""#,
            "From this price of the grid on it gives all it can.",
        ),
        optional(
            "shave_above",
            POWER,
            r#""900 MW""#,
            "What is drawn beyond this, sun and wind left out, it gives.",
        ),
        CAPITAL,
        life("15 years", "assumption: as lithium-ion storage is usually written off"),
        SOURCE,
    ],
};

pub(in super::super) static CLOCK: Table = Table {
    name: "site.clock",
    doc: "How the site's local clock differs from UTC. Tariffs go by it; everything else in the file \
          is UTC.",
    catalogue_row: false,
    certain: "clocks are known",
    keys: &[
        required(
            "utc_offset",
            Kind::Quantity(Measure::of::<Seconds>(), Limits::within("-12 h", "14 h")),
            r#""-6 h""#,
            "Standard time less UTC.",
        ),
        defaulted(
            "summer_time",
            Kind::Choice(&["never", "us", "europe"]),
            ("never", "no summer time unless the file says so"),
            r#""us""#,
            "When it is an hour more: from the second Sunday of March to the first of November (`us`), or \
             from the last of March to the last of October (`europe`).",
        ),
    ],
};

pub(in super::super) static CLIMATE: Table = Table {
    name: "site.climate",
    doc: "Outside temperature: from a file of hours, or as a wave of the year and one of the day.",
    catalogue_row: false,
    certain: "",
    keys: &[
        optional(
            "hourly",
            Kind::File("`temperature_c`"),
            r#""weather.csv""#,
            "Temperature in each hour. Left out, the waves, which need `mean` and the site's `latitude`.",
        ),
        optional("mean", DEGREES, r#""18 °C""#, "Mean of the year."),
        defaulted(
            "season",
            SPAN,
            ("10 K", "assumption: a temperate place"),
            r#""10 K""#,
            "Half of what lies between the mean of the warmest and of the coldest day.",
        ),
        defaulted(
            "day",
            SPAN,
            ("6 K", "assumption: inland"),
            r#""6 K""#,
            "Half of what lies between the warmest and the coldest hour of a day.",
        ),
    ],
};

pub(in super::super) static CURTAILMENT: Table = Table {
    name: "curtailment",
    doc: "Hours in which the grid asks a site to draw less, and what may answer. What it would have \
          drawn is what it draws without the event in that very hour. Of several at one time the one \
          that asks for most holds.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("site", Kind::Reference("a `[[site]]`"), r#""abilene""#, "Who is asked."),
        required("at", Kind::Moment, "2027-07-15T20:00:00", "From when on, UTC."),
        required("for", DELAY, r#""3 hours""#, "For how long. Every hour it touches counts whole."),
        required(
            "cut",
            SHARE_OF_SOME,
            r#""25 %""#,
            "Share of what it would draw from the grid that it is not to draw.",
        ),
        defaulted(
            "answers",
            Kind::Words(&["batch", "training", "shift", "battery", "generation", "shed"]),
            ("batch, training, shift, battery, generation", "what costs least first"),
            r#"["battery", "batch", "training"]"#,
            "What answers, first to last: services that may wait are throttled (`batch`), training is \
             paused (`training`), requests go to idle machines of other sites (`shift`), the battery \
             gives, generators run more (`generation`), requests are turned away (`shed`). What none of \
             them gives is drawn anyway, and counted.",
        ),
        SOURCE,
    ],
};
