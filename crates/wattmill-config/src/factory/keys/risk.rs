//! Keys that say what is not known, what goes together and what is wanted.

use super::{End, Kind, Limits, PER_DAY, POWER, SOURCE, Table, optional, required};

pub(in super::super) static TARGET: Table = Table {
    name: "target",
    doc: "Something to be reached by a day: exactly one of `energised`, `accelerators`, \
          `tokens_per_day` and `training`.",
    catalogue_row: false,
    certain: "a target is what one wants",
    keys: &[
        required("name", Kind::Text, r#""first gigawatt in time""#, "Unique among targets."),
        required("by", Kind::Date, "2027-06-30", "Last day on which it counts as met."),
        optional(
            "energised",
            POWER,
            r#""1 GW""#,
            "Facility power of machines that run, at design PUE. A gigawatt of whole racks is a \
             little less than a gigawatt: 99.9 % of it counts.",
        ),
        optional("accelerators", PER_DAY, r#""1 M""#, "Accelerators that run."),
        optional("tokens_per_day", PER_DAY, r#""10 T""#, "Output tokens served in a day."),
        optional(
            "training",
            Kind::Reference("a `[[training]]`"),
            r#""frontier-1""#,
            "The last token of this run.",
        ),
        SOURCE,
    ],
};

pub(in super::super) static CORRELATION: Table = Table {
    name: "correlation",
    doc: "Two distributions that go together. Said of their normal scores, so that it holds whatever \
          their shapes.",
    catalogue_row: false,
    certain: "a correlation belongs to the distributions, it has none of its own",
    keys: &[
        required(
            "between",
            Kind::Pair,
            r#"["site.abilene.grid.price", "site.milam.grid.price"]"#,
            "The two keys, as KIND.NAME.KEY. `wattmill run --samples N` lists all that there are.",
        ),
        required(
            "value",
            Kind::Number(Limits { low: End::Excluded("-1"), high: End::Excluded("1") }),
            "0.8",
            "Correlation.",
        ),
        SOURCE,
    ],
};

/// Stands for any number, count, quantity or day of a table that allows it.
pub(in super::super) static DISTRIBUTION: Table = Table {
    name: "distribution",
    doc: "In place of any number, quantity or day that says nothing else, a table makes it a \
          distribution: `{ low, high }` (anything between them), `{ low, mode, high }` (a triangle), \
          `{ p10, p50, p90 }` or `{ p10, p90 }` (two halves of normal distributions), `{ p50, p90 }` \
          (what cannot be below zero), the same with `shape = \"lognormal\"`, or `{ values }` with \
          `weights`. Text such as `\"20..90 USD/MWh\"` is `{ low, high }`. `wattmill run` takes the \
          median of each; `wattmill run --samples N` draws them. Tails end where one draw in a \
          thousand would lie beyond.",
    catalogue_row: false,
    certain: "it is one already",
    keys: &[
        optional("low", Kind::Same, r#""20 USD/MWh""#, "Lowest value."),
        optional("mode", Kind::Same, r#""47 USD/MWh""#, "Most likely value."),
        optional("high", Kind::Same, r#""90 USD/MWh""#, "Highest value."),
        optional("p10", Kind::Same, r#""30 USD/MWh""#, "One in ten is lower."),
        optional(
            "p50",
            Kind::Same,
            r#""47 USD/MWh""#,
            "Median. Left out, midway between the others.",
        ),
        optional("p90", Kind::Same, r#""80 USD/MWh""#, "One in ten is higher."),
        optional(
            "shape",
            Kind::Choice(&["lognormal"]),
            r#""lognormal""#,
            "With `p50` and `p90`: the logarithm is normal.",
        ),
        optional("values", Kind::AllSame, r#"["1 GW", "1.2 GW"]"#, "One of these."),
        optional("weights", Kind::Weights, "[3, 1]", "How likely each is. Left out, all the same."),
    ],
};
