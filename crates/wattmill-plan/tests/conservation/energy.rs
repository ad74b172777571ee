//! Drafts whose sites have weather, storage, tariffs, cooling and events besides.

use std::fmt::Write;

use proptest::prelude::*;
use proptest::sample::select;

use super::draft::{Draft, Headroom, drafts};

/// What a draft's site has besides.
#[derive(Clone, Debug)]
struct Yard {
    solar: Option<f64>,
    wind: Option<f64>,
    battery: Option<(f64, f64, f64, &'static str)>,
    tariff: Option<(f64, f64)>,
    cooling: Option<(f64, f64)>,
    water: bool,
    export: Option<(f64, Option<f64>)>,
    capital: Option<f64>,
}

/// An event of a draft.
#[derive(Clone, Debug)]
struct Event {
    site: usize,
    day: i32,
    hour: i32,
    hours: i32,
    cut: f64,
    answers: &'static str,
}

/// A factory with more than firm power.
#[derive(Clone, Debug)]
pub(crate) struct Energetic {
    draft: Draft,
    yards: Vec<Yard>,
    events: Vec<Event>,
    oversubscribed: Option<f64>,
    batch: bool,
}

const RULES: &[&str] = &[
    "",
    r#", charge_below = "30 USD/MWh", discharge_above = "60 USD/MWh""#,
    r#", shave_above = "200 kW""#,
    r#", reserve = 0.3, fade = "5 %/year", cycles = 500"#,
];

const ANSWERS: &[&str] = &[
    "",
    r#"answers = ["battery", "generation", "training"]"#,
    r#"answers = ["shift", "shed"]"#,
    r#"answers = ["generation", "battery", "shed", "shift", "training", "batch"]"#,
];

/// Any such factory.
pub(crate) fn energetic() -> impl Strategy<Value = Energetic> {
    let battery = (0.1..20.0f64, 0.05..5.0f64, 0.5..1.0f64, select(RULES));
    let yard = (
        (prop::option::of(0.05..5.0f64), prop::option::of(0.05..5.0f64)),
        prop::option::of(battery),
        prop::option::of((-50.0..200.0f64, 0.0..20.0f64)),
        prop::option::of((0.0..1.0f64, 0.0..2.0f64)),
        any::<bool>(),
        prop::option::of((0.05..5.0f64, prop::option::of(-40.0..120.0f64))),
        prop::option::of(0.0..3.0f64),
    )
        .prop_map(|((solar, wind), battery, tariff, cooling, water, export, capital)| Yard {
            solar,
            wind,
            battery,
            tariff,
            cooling,
            water,
            export,
            capital,
        });
    let event = (0..3usize, 0..60i32, 0..24i32, 1..30i32, (0.05..1.0f64, select(ANSWERS)))
        .prop_map(|(site, day, hour, hours, (cut, answers))| Event {
            site,
            day,
            hour,
            hours,
            cut,
            answers,
        });
    (
        drafts(Headroom::None),
        prop::collection::vec(yard, 3),
        prop::collection::vec(event, 0..4),
        prop::option::of(1.0..1.6f64),
        any::<bool>(),
    )
        .prop_map(|(draft, yards, events, oversubscribed, batch)| Energetic {
            draft,
            yards,
            events,
            oversubscribed,
            batch,
        })
}

impl Energetic {
    /// As a factory file.
    pub(crate) fn text(&self) -> String {
        let mut text = self.draft.text();
        let sites = text.matches("[[site]]").count();
        for (index, yard) in self.yards.iter().enumerate().take(sites) {
            text = yard.put(&text, index);
        }
        if let Some(factor) = self.oversubscribed {
            text =
                text.replace("[[phase]]\n", &format!("[[phase]]\noversubscription = {factor:?}\n"));
        }
        if self.yards.iter().any(|yard| yard.capital.is_some()) {
            text.push_str(
                "\n[economics]\nnetwork_life = \"40 days\"\ncooling_life = \"90 days\"\n\
                 building_life = \"50 years\"\n",
            );
        }
        if self.batch {
            text = text.replacen("[[service]]\n", "[[service]]\nbatch = true\n", 1);
        }
        for event in &self.events {
            let Event { site, day, hour, hours, cut, answers } = event;
            let _ = write!(
                text,
                "\n[[curtailment]]\nsite = \"{}\"\nat = \"{}T{hour:02}:00\"\nfor = \"{hours} h\"\n\
                 cut = {cut:?}\n{answers}\n",
                site % sites,
                self.draft.day(*day),
            );
        }
        text
    }
}

impl Yard {
    /// The text with this yard at the site of that number.
    fn put(&self, text: &str, index: usize) -> String {
        let head = format!("[[site]]\nname = \"{index}\"\n");
        let start = text.find(&head).expect("every site is written");
        let (before, site) = text.split_at(start + head.len());
        let mut more = String::from(
            "latitude = 35.0\nlongitude = -100.0\nclimate = { mean = \"18 °C\" }\n\
             clock = { utc_offset = \"-6 h\", summer_time = \"us\" }\n",
        );
        let capital = |share: f64| match self.capital {
            Some(musd) => {
                format!(", capital = \"{} MUSD\", life = \"{} days\"", musd * share, 20.0 + share)
            }
            None => String::new(),
        };
        if let Some(mw) = self.solar {
            let capital = capital(1.0);
            let _ = writeln!(
                more,
                "solar = {{ capacity = \"{mw} MW\", price = \"20 USD/MWh\"{capital} }}"
            );
        }
        if let Some(mw) = self.wind {
            let capital = capital(2.0);
            let _ =
                writeln!(more, "wind = {{ capacity = \"{mw} MW\", speed = \"7 m/s\"{capital} }}");
        }
        if let Some((mwh, mw, efficiency, rules)) = self.battery {
            let _ = writeln!(
                more,
                "battery = {{ energy = \"{mwh} MWh\", power = \"{mw} MW\", efficiency = {efficiency:?}\
                 {rules}{} }}",
                capital(400.0),
            );
        }
        if self.water {
            more.push_str("water = \"1.1 L/kWh\"\n");
        }
        let mut site = site.to_owned();
        if let Some((price, demand)) = self.tariff {
            site = site.replacen(
                "grid = { ",
                &format!(
                    "grid = {{ period = [{{ from = 16, to = 21, price = \"{price} USD/MWh\" }}], \
                     demand_charge = \"{demand} USD/kW\", "
                ),
                1,
            );
        }
        if let Some((mw, price)) = self.export {
            let price = price.map_or_else(String::new, |p| format!(", price = \"{p} USD/MWh\""));
            let export = format!("grid = {{ export = {{ most = \"{mw} MW\"{price} }}, ");
            site = site.replacen("grid = { ", &export, 1);
        }
        if let Some((fixed, per_degree)) = self.cooling {
            site = site.replacen(
                "pue = { ",
                &format!("pue = {{ fixed = {fixed:?}, per_degree = \"{per_degree} %/K\", "),
                1,
            );
        }
        format!("{before}{more}{site}")
    }
}
