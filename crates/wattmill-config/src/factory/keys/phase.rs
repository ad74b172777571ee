//! Keys of what comes in place of a late system, and of where users are.

use super::{
    DELAY, Kind, LIFE, Limits, POWER, SHARE, SOURCE, Table, defaulted, optional, required,
};

pub(in super::super) static SUBSTITUTE: Table = Table {
    name: "phase.substitute",
    doc: "Another system in place of a phase's own if that would come too late, its slip and with \
          samples the slip that is drawn included.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required(
            "system",
            Kind::Reference("a system: a catalogue id or a `[system.NAME]`"),
            r#""gb300-nvl72""#,
            "What is installed then.",
        ),
        optional(
            "unit_power",
            POWER,
            r#""140 kW""#,
            "IT power provisioned for one unit of it. Left out, the catalogue's maximum, or its typical \
             power where no maximum is known.",
        ),
        required(
            "if_after",
            Kind::Date,
            "2027-06-01",
            "It is taken if the first rack of the phase's own system comes after this day.",
        ),
        optional(
            "first_rack",
            Kind::Date,
            "2027-03-01",
            "First day a rack of it runs; it does not slip. Left out, the day of `if_after`.",
        ),
    ],
};

pub(in super::super) static REFRESH: Table = Table {
    name: "phase.refresh",
    doc: "Units that take the place of a phase's own when these have their age, in the same power: a \
          phase of its own, which is called after this one, with `, refreshed`. They are paid for again, \
          building and plant are not; what the old ones are sold for is so much less to be written off.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("at", LIFE, r#""5 years""#, "Age at which a unit is taken out, in whole days."),
        optional(
            "system",
            Kind::Reference("a system: a catalogue id or a `[system.NAME]`"),
            r#""vr-nvl72""#,
            "What comes in its place. Left out, the same again.",
        ),
        optional(
            "unit_power",
            POWER,
            r#""190 kW""#,
            "IT power provisioned for one unit of `system`. Left out, the catalogue's maximum, or its \
             typical power where no maximum is known.",
        ),
        defaulted(
            "residual",
            SHARE,
            ("0", "nothing is got for old machines unless the file says so"),
            r#""10 %""#,
            "Share of its price that an old unit is sold for.",
        ),
        defaulted(
            "downtime",
            DELAY,
            ("0 days", "one stands where the other stood by the next day, unless the file says so"),
            r#""14 days""#,
            "From one's end to the other's begin, in whole days.",
        ),
        SOURCE,
    ],
};

pub(in super::super) static REGION: Table = Table {
    name: "service.users.regions",
    doc: "Users that live by one clock.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("name", Kind::Text, r#""europe""#, "What people call it."),
        required("share", SHARE, "0.4", "Share of the requests."),
        required(
            "utc_offset",
            Kind::Number(Limits::within("-12", "14")),
            "1",
            "Hours by which its clock is ahead of UTC, the year's mean.",
        ),
    ],
};
