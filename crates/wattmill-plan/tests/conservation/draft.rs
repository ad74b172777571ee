//! Random factories, small and short enough to be planned in a moment, as text.

use std::fmt::Write;

use jiff::civil::{Date, date};
use proptest::prelude::*;
use proptest::sample::select;
use wattmill_catalog::Catalog;

/// What a site's connection leaves beyond the machines that are to stand there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Headroom {
    /// Nothing, and a part of it comes late: some machines may wait for power.
    None,
    /// As much again.
    Double,
}

#[derive(Clone, Debug)]
struct Site {
    headroom: Headroom,
    design: f64,
    /// PUE through the year, between 1 and `design`.
    annual: f64,
    /// Fraction of the power that generation of its own brings, and how many days later.
    late: (f64, i32),
    usd_per_mwh: f64,
}

#[derive(Clone, Debug)]
struct Phase {
    site: usize,
    system: &'static str,
    units: u32,
    facility: bool,
    /// Days from the start of the plan.
    first_rack: i32,
    ramp: u32,
    slip: Option<u32>,
    /// Age at which others take its place, what the old is sold for, and days between.
    refresh: Option<(u32, f64, u32)>,
    doubled: bool,
}

#[derive(Clone, Debug)]
struct Service {
    model: &'static str,
    tpot_ms: f64,
    engine: Option<(u32, &'static str)>,
    requests_per_day: f64,
    growth: f64,
    tokens: (u32, u32),
    hours: Option<Vec<u32>>,
    cv: Option<f64>,
    price: Option<f64>,
    subscription: Option<(f64, f64)>,
    /// Share of the users who live by another clock, and by how many hours.
    away: Option<(f64, f64)>,
}

#[derive(Clone, Debug)]
struct Training {
    tokens: f64,
    gpus: u32,
    from: Option<i32>,
    precision: &'static str,
}

/// A factory to be.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    seed: u32,
    start: i32,
    days: i32,
    sites: Vec<Site>,
    phases: Vec<Phase>,
    services: Vec<Service>,
    trainings: Vec<Training>,
    /// Whether machines stay for ever.
    lasting: bool,
}

/// Any draft whose sites have this headroom.
pub(crate) fn drafts(headroom: Headroom) -> impl Strategy<Value = Draft> {
    let site = (1.05..1.7f64, 0.0..1.0f64, 0.0..0.9f64, 0..200i32, -5.0..120.0f64).prop_map(
        move |(design, annual, part, days, usd_per_mwh)| Site {
            headroom,
            design,
            annual: 1.0 + (design - 1.0) * annual,
            late: (part, days),
            usd_per_mwh,
        },
    );
    (
        (0..1000u32, 0..1500i32, 30..400i32),
        prop::collection::vec(site, 1..=3),
        prop::collection::vec(phase(), 1..=4),
        prop::collection::vec(service(), 0..=3),
        prop::collection::vec(training(), 0..=2),
    )
        .prop_map(move |((seed, start, days), sites, mut phases, services, trainings)| {
            for phase in &mut phases {
                phase.site %= sites.len();
            }
            let lasting = matches!(headroom, Headroom::Double);
            Draft { seed, start, days, sites, phases, services, trainings, lasting }
        })
}

fn phase() -> impl Strategy<Value = Phase> {
    (
        (0..3usize, select(vec!["dgx-h100", "dgx-a100", "gb200-nvl72"]), 1..200u32),
        (any::<bool>(), -90..240i32, prop_oneof![Just(0), 1..300u32]),
        prop::option::of(0..90u32),
        prop::option::weighted(0.3, (1..300u32, 0.0..1.0f64, 0..40u32)),
    )
        .prop_map(|((site, system, units), (facility, first_rack, ramp), slip, refresh)| {
            Phase { site, system, units, facility, first_rack, ramp, slip, refresh, doubled: false }
        })
}

fn service() -> impl Strategy<Value = Service> {
    let engine = (select(vec![1, 2, 4, 8]), select(vec!["bf16", "fp8"]));
    (
        (select(vec!["llama-3.1-8b", "qwen2.5-14b"]), 1.0..80.0f64),
        prop::option::weighted(0.7, engine),
        (
            prop_oneof![Just(0.0), (3.0..10.0f64).prop_map(|e| 10f64.powf(e).round())],
            -50.0..300.0f64,
        ),
        (1..600u32, 1..50u32),
        prop::option::of(prop::collection::vec(1..50u32, 24)),
        (
            prop::option::of(0.3..4.0f64),
            prop::option::of(0.0..20.0f64),
            prop::option::of((1.0..100.0f64, 0.0..1.0f64)),
            prop::option::of((0.0..1.0f64, -12.0..14.0f64)),
        ),
    )
        .prop_map(
            |(
                (model, tpot_ms),
                engine,
                (requests, growth),
                tokens,
                hours,
                (cv, price, subscription, away),
            )| {
                let requests_per_day = requests;
                Service {
                    model,
                    tpot_ms,
                    engine,
                    requests_per_day,
                    growth,
                    tokens,
                    hours,
                    cv,
                    price,
                    subscription,
                    away,
                }
            },
        )
}

fn training() -> impl Strategy<Value = Training> {
    (9.0..13.0f64, 1..20_000u32, prop::option::of(-30..420i32), select(vec!["bf16", "fp8", "fp4"]))
        .prop_map(|(tokens, gpus, from, precision)| Training {
            tokens: 10f64.powf(tokens).round(),
            gpus,
            from,
            precision,
        })
}

impl Phase {
    /// IT power, watts.
    fn power(&self) -> f64 {
        self.planned() * if self.doubled { 2.0 } else { 1.0 }
    }

    /// Before anything was doubled.
    fn planned(&self) -> f64 {
        let system = Catalog::builtin().system(self.system).expect("a system of the catalogue");
        let unit = system.power_max.or(system.power_typical).expect("a power").as_watts();
        // A little more than whole units, so that the last one fits.
        unit * (f64::from(self.units) + 0.1)
    }
}

impl Draft {
    /// With one phase of twice the power.
    pub(crate) fn doubled(&self, phase: usize) -> Self {
        let mut draft = self.clone();
        draft.phases[phase].doubled = true;
        draft
    }

    pub(crate) fn day(&self, from_start: i32) -> Date {
        date(2024, 1, 1).saturating_add(jiff::Span::new().days(self.start + from_start))
    }

    /// As a factory file.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "name = \"draft\"\nseed = {}\nstart = {}\nend = {}\n",
            self.seed,
            self.day(0),
            self.day(self.days)
        );
        for (index, site) in self.sites.iter().enumerate() {
            self.site(&mut text, index, site);
        }
        for (index, phase) in self.phases.iter().enumerate() {
            let design = self.sites[phase.site].design;
            let (basis, power) = match phase.facility {
                true => ("facility", phase.power() * design),
                false => ("it", phase.power()),
            };
            let _ = write!(
                text,
                "\n[[phase]]\nname = \"{index}\"\nsite = \"{}\"\nsystem = \"{}\"\n\
                 power = \"{power} W\"\nbasis = \"{basis}\"\nfirst_rack = {}\nramp = \"{} days\"\n",
                phase.site,
                phase.system,
                self.day(phase.first_rack),
                phase.ramp,
            );
            if let Some(p50) = phase.slip {
                let p90 = p50 * 2;
                let _ = writeln!(text, "slip = {{ p50 = \"{p50} days\", p90 = \"{p90} days\" }}");
            }
            if let (Some((age, residual, gap)), false) = (phase.refresh, self.lasting) {
                let system = if age % 2 == 0 { "system = \"dgx-a100\", " } else { "" };
                let _ = writeln!(
                    text,
                    "refresh = {{ at = \"{age} days\", {system}residual = {residual:?}, \
                     downtime = \"{gap} days\" }}"
                );
            }
        }
        for (index, service) in self.services.iter().enumerate() {
            service.write(&mut text, index);
        }
        for (index, training) in self.trainings.iter().enumerate() {
            let Training { tokens, gpus, from, precision } = training;
            let _ = write!(
                text,
                "\n[[training]]\nname = \"{index}\"\nmodel = \"llama-3.1-8b\"\ntokens = {tokens:?}\n\
                 gpus = {gpus}\nprecision = \"{precision}\"\n"
            );
            if let Some(from) = from {
                let _ = writeln!(text, "from = {}", self.day(*from));
            }
        }
        text.push_str(
            "\n[[contract]]\nkind = \"investment\"\nfrom = \"a friend\"\namount = \"3 MUSD\"\n\
             for_each = \"100 kW deployed\"\nup_to = \"100 MUSD\"\n",
        );
        self.contracts(&mut text);
        text
    }

    /// One of every kind, some of them only for some seeds.
    fn contracts(&self, text: &mut String) {
        let _ = write!(
            text,
            "\n[[event]]\nname = \"e\"\non = {}\nchance = {}\n\
             \n[[event]]\nname = \"bankrupt\"\non = {}\nchance = {}\ndefaults = \"{}\"\n\
             \n[[contract]]\nname = \"loan\"\nkind = \"loan\"\nfrom = \"nvidia\"\nshare = 0.4\n\
             rate = \"7 %/year\"\nterm = \"{} days\"\nup_to = \"{} MUSD\"\n\
             \n[[contract]]\nname = \"share\"\nkind = \"revenue share\"\nto = \"a partner\"\nshare = 0.3\n\
             up_to = \"5 kUSD\"\n\
             \n[[contract]]\nkind = \"revenue share\"\nto = \"a partner\"\nshare = 0.1\n\
             after = \"share\"\nends = \"e\"\n\
             \n[[contract]]\nkind = \"capacity\"\nfrom = \"a friend\"\nyearly = \"1 MUSD\"\n\
             minimum = 0.4\nramp = \"50 days\"\nbegins = \"e\"\n",
            self.day(self.days / 3),
            f64::from(self.seed % 11) / 10.0,
            self.day(self.days / 2),
            f64::from(self.seed % 7) / 6.0,
            ["a friend", "nvidia", "a partner"][self.seed as usize % 3],
            50 + self.seed,
            1 + self.seed,
        );
        if self.seed.is_multiple_of(2) {
            text.push_str(
                "\n[[contract]]\nkind = \"lease\"\nto = \"a landlord\"\nsite = \"0\"\nyearly = \"2 MUSD\"\n",
            );
        }
    }

    fn site(&self, text: &mut String, index: usize, site: &Site) {
        let here = || self.phases.iter().filter(|phase| phase.site == index);
        let drawn: f64 = here().map(|phase| phase.planned() * site.design).sum();
        let needed = drawn.max(1e6) * (1.0 + 1e-9);
        let first = here().map(|phase| phase.first_rack).min().unwrap_or(0);
        let (grid, late) = match site.headroom {
            Headroom::None => (needed * (1.0 - site.late.0), needed * site.late.0),
            Headroom::Double => (needed * 2.0, 0.0),
        };
        let _ = write!(
            text,
            "\n[[site]]\nname = \"{index}\"\npue = {{ design = {:?}, annual = {:?} }}\n\
             grid = {{ connection = \"{grid} W\", energized = {}, price = \"{} USD/MWh\", \
             carbon = \"300 g/kWh\" }}\n",
            site.design,
            site.annual,
            self.day(first),
            site.usd_per_mwh,
        );
        if late > 0.0 {
            let _ = writeln!(
                text,
                "onsite = [{{ kind = \"gas turbine\", capacity = \"{late} W\", from = {}, \
                 price = \"60 USD/MWh\", carbon = \"400 g/kWh\" }}]",
                self.day(first + site.late.1),
            );
        }
    }
}

impl Service {
    fn write(&self, text: &mut String, index: usize) {
        let (input, output) = self.tokens;
        let _ = write!(
            text,
            "\n[[service]]\nname = \"{index}\"\nmodel = \"{}\"\n\
             slo = {{ ttft = \"1 s\", tpot = \"{} ms\" }}\n",
            self.model, self.tpot_ms,
        );
        if let Some((tensor, precision)) = self.engine {
            let _ = writeln!(
                text,
                "engine = {{ tensor = {tensor}, precision = \"{precision}\", max_seqs = 64, \
                 max_tokens = 512 }}"
            );
        }
        if let Some(price) = self.price {
            let _ = writeln!(text, "price = \"{price} USD/M tokens\"");
        }
        if let Some((monthly, paying)) = self.subscription {
            let _ = writeln!(
                text,
                "subscription = {{ monthly = \"{monthly} USD\", paying = {paying:?} }}"
            );
        }
        let _ = write!(
            text,
            "[service.users]\nweekly = 1000\nrequests_per_day = {:?}\ngrowth = \"{} %/year\"\n\
             input_tokens = {input}\noutput_tokens = {output}\n",
            self.requests_per_day, self.growth,
        );
        if let Some(hours) = &self.hours {
            let _ = writeln!(text, "shape = {hours:?}");
        }
        if let Some((share, hours)) = self.away {
            let home = 1.0 - share;
            let _ = writeln!(
                text,
                "regions = [{{ name = \"home\", share = {home:?}, utc_offset = 0 }}, \
                 {{ name = \"away\", share = {share:?}, utc_offset = {hours:?} }}]"
            );
        }
        if let Some(cv) = self.cv {
            let _ = writeln!(text, "arrivals = {{ cv = {cv:?} }}");
        }
    }
}
