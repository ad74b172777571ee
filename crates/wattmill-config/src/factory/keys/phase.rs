//! Keys of what comes in place of a late system, and of where users are.

use super::{Kind, Limits, POWER, Table, optional, required};

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

pub(in super::super) static REGION: Table = Table {
    name: "service.users.regions",
    doc: "Users that live by one clock.",
    catalogue_row: false,
    certain: "",
    keys: &[
        required("name", Kind::Text, r#""europe""#, "What people call it."),
        required("share", Kind::Number(Limits::within("0", "1")), "0.4", "Share of the requests."),
        required(
            "utc_offset",
            Kind::Number(Limits::within("-12", "14")),
            "1",
            "Hours by which its clock is ahead of UTC, the year's mean.",
        ),
    ],
};
