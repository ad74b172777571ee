//! All rows of every kind, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use toml::{Table, Value};

use crate::closest::closest;
use crate::efficiency::{Lender, parse_efficiency};
use crate::error_bars::parse_error_bars;
use crate::naming::{checkpoint_keys, key};
use crate::overheads::parse_overheads;
use crate::row::{PROVENANCE, RowError};
use crate::surface::parse_surfaces;
use crate::traffic::{parse_lengths, parse_shape};
use crate::{
    Accelerator, Efficiency, ErrorBars, LengthRow, Model, Overheads, ShapeRow, Surfaces, System,
    parse_accelerator, parse_model, parse_system,
};

/// What a row describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An [`Accelerator`].
    Accelerator,
    /// A [`System`].
    System,
    /// A [`Model`].
    Model,
    /// A [`LengthRow`].
    Lengths,
    /// A [`ShapeRow`].
    Shape,
    /// An [`Efficiency`].
    Efficiency,
}

impl Kind {
    /// Every kind, in the order one would list them.
    pub const ALL: [Self; 6] = [
        Self::Accelerator,
        Self::System,
        Self::Model,
        Self::Lengths,
        Self::Shape,
        Self::Efficiency,
    ];

    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accelerator => "accelerator",
            Self::System => "system",
            Self::Model => "model",
            Self::Lengths => "lengths",
            Self::Shape => "shape",
            Self::Efficiency => "efficiency",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why a text is not a catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// Not TOML at all.
    #[error("the {kind} text is not TOML: {message}")]
    Syntax {
        /// Which of the texts.
        kind: Kind,
        /// What the parser says, with line and column.
        message: String,
    },
    /// One value of a row.
    #[error("{kind} `{id}`: {error}")]
    Row {
        /// What the row describes.
        kind: Kind,
        /// Its id.
        id: String,
        /// Which value, and why.
        error: RowError,
    },
    /// Two rows answer to one name, or one row to a name twice.
    #[error("{kind} `{id}`: `{name}` already names `{other}`; drop or rename one of them")]
    Twice {
        /// What the rows describe.
        kind: Kind,
        /// The later row.
        id: String,
        /// The name they share.
        name: String,
        /// The earlier row.
        other: String,
    },
}

/// The texts of a catalogue, each a TOML table of rows by id.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a> {
    /// Accelerators.
    pub accelerators: &'a str,
    /// Systems.
    pub systems: &'a str,
    /// Models.
    pub models: &'a str,
    /// Two tables, `lengths` and `shape`, of rows by id.
    pub traffic: &'a str,
    /// Efficiencies by chip family.
    pub efficiency: &'a str,
    /// Operator surfaces by measured chip family, operator and number format.
    pub surfaces: &'a str,
    /// Engines' constants by measured chip family and engine.
    pub overheads: &'a str,
    /// What chips draw, by measured chip family.
    pub power: &'a str,
    /// Residuals against measurements, by kind of answer.
    pub errors: &'a str,
}

impl Texts<'static> {
    /// What is compiled in.
    pub const BUILTIN: Self = Self {
        accelerators: include_str!("../data/accelerators.toml"),
        systems: include_str!("../data/systems.toml"),
        models: include_str!("../data/models.toml"),
        traffic: include_str!("../data/traffic.toml"),
        efficiency: include_str!("../data/efficiency.toml"),
        surfaces: include_str!("../data/surfaces.toml"),
        overheads: include_str!("../data/overheads.toml"),
        power: include_str!("../data/power.toml"),
        errors: include_str!("../data/errors.toml"),
    };
}

/// Every published fact, by kind and name.
///
/// Names are looked up without regard to case, to separators (`-`, `_`, a blank or nothing, except
/// between digits) and to the `v` of a version.
///
/// ```
/// use wattmill_catalog::{Catalog, Kind};
///
/// let catalog = Catalog::builtin();
/// let rack = catalog.system("VR_NVL72").unwrap();
/// assert_eq!((rack.id.as_str(), rack.accelerators), ("vr-nvl72", 72));
/// let chip = catalog.accelerator(&rack.accelerator).unwrap();
/// assert_eq!(chip.memory_bandwidth.unwrap().as_tb_per_s(), 22.0);
/// assert_eq!(chip.provenance.field("memory_bandwidth").unwrap().value, "22 TB/s");
///
/// assert!(catalog.model("llama-3.1-71b").is_none());
/// assert_eq!(catalog.closest(Kind::Model, "llama-3.1-71b")[0], "llama-3.1-70b");
/// ```
#[derive(Clone, Debug)]
pub struct Catalog {
    accelerators: Shelf<Accelerator>,
    systems: Shelf<System>,
    models: Shelf<Model>,
    lengths: Shelf<LengthRow>,
    shapes: Shelf<ShapeRow>,
    efficiencies: Shelf<Efficiency>,
    error_bars: ErrorBars,
}

impl Catalog {
    /// The compiled-in rows, parsed once.
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Catalog> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            Self::from_texts(Texts::BUILTIN).expect("a test proves that the built-in rows parse")
        })
    }

    /// How far answers are from measurements.
    pub const fn error_bars(&self) -> &ErrorBars {
        &self.error_bars
    }

    /// A catalogue from its texts.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them: rows without `source`, `date` or `confidence`, values
    /// that do not read, names used twice, and references to rows that are not there.
    pub fn from_texts(texts: Texts<'_>) -> Result<Self, Vec<CatalogError>> {
        let mut errors = Vec::new();
        let accelerators = table(Kind::Accelerator, texts.accelerators, &mut errors);
        let systems = table(Kind::System, texts.systems, &mut errors);
        let models = table(Kind::Model, texts.models, &mut errors);
        let mut traffic = table(Kind::Lengths, texts.traffic, &mut errors);
        let mut part = |name| match traffic.remove(name) {
            Some(Value::Table(rows)) => rows,
            _ => Table::new(),
        };
        let (lengths, shapes) = (part("lengths"), part("shape"));
        for name in traffic.keys() {
            let message = "is not known here; known are `lengths` and `shape`".to_owned();
            let error = RowError { field: name.clone(), message };
            errors.push(CatalogError::Row { kind: Kind::Lengths, id: name.clone(), error });
        }
        let mut efficiencies = table(Kind::Efficiency, texts.efficiency, &mut errors);
        let power = table(Kind::Efficiency, texts.power, &mut errors);
        let strangers = add_power(&mut efficiencies, power);
        errors.extend(strangers);
        let residuals = table(Kind::Efficiency, texts.errors, &mut errors);
        let error_bars = parse_error_bars(&residuals).unwrap_or_else(|problems| {
            let id = "errors".to_owned();
            errors.extend(problems.into_iter().map(|error| CatalogError::Row {
                kind: Kind::Efficiency,
                id: id.clone(),
                error,
            }));
            ErrorBars::default()
        });
        let fitted = Fitted {
            surfaces: table(Kind::Efficiency, texts.surfaces, &mut errors),
            overheads: table(Kind::Efficiency, texts.overheads, &mut errors),
        };
        let catalog = Self {
            accelerators: Shelf::fill(
                Kind::Accelerator,
                &accelerators,
                parse_accelerator,
                &mut errors,
            ),
            systems: Shelf::fill(Kind::System, &systems, parse_system, &mut errors),
            models: Shelf::fill(Kind::Model, &models, parse_model, &mut errors),
            lengths: Shelf::fill(Kind::Lengths, &lengths, parse_lengths, &mut errors),
            shapes: Shelf::fill(Kind::Shape, &shapes, parse_shape, &mut errors),
            efficiencies: borrow_and_fill(&efficiencies, &fitted, &mut errors),
            error_bars,
        };
        // References are only worth checking once what they refer to has been read.
        if errors.is_empty() {
            catalog.check_references(&mut errors);
        }
        if errors.is_empty() { Ok(catalog) } else { Err(errors) }
    }

    /// The same catalogue with `constants` of engines, by chip family and name, in place of its own
    /// or beside them. A family that borrows from one of these keeps what it borrowed: it is another
    /// machine. Families that are not there are left out.
    #[must_use]
    pub fn with_overheads(&self, constants: &BTreeMap<(String, String), Overheads>) -> Self {
        let mut catalog = self.clone();
        for ((family, engine), overheads) in constants {
            if let Some(efficiency) = catalog.efficiencies.rows.get_mut(family) {
                efficiency.overheads.insert(engine.clone(), *overheads);
            }
        }
        catalog
    }

    fn check_references(&self, errors: &mut Vec<CatalogError>) {
        let mut dangling = |kind, id: &str, field: &str, of: Kind, name: &str| {
            let message = format!("there is no {of} `{name}`");
            let error = RowError { field: field.to_owned(), message };
            errors.push(CatalogError::Row { kind, id: id.to_owned(), error });
        };
        for row in self.accelerators() {
            if self.efficiency(&row.family).is_none() {
                dangling(Kind::Accelerator, &row.id, "family", Kind::Efficiency, &row.family);
            }
        }
        for row in self.systems().filter(|s| !s.accelerator.is_empty()) {
            if self.accelerator(&row.accelerator).is_none() {
                dangling(Kind::System, &row.id, "accelerator", Kind::Accelerator, &row.accelerator);
            }
        }
    }

    /// The accelerator of this id or alias.
    pub fn accelerator(&self, name: &str) -> Option<&Accelerator> {
        self.accelerators.get(name)
    }

    /// The system of this id or alias.
    pub fn system(&self, name: &str) -> Option<&System> {
        self.systems.get(name)
    }

    /// The model of this id or alias, or the one a checkpoint of this name is of: its owner, tuning,
    /// number format and date do not count.
    ///
    /// ```
    /// # let catalog = wattmill_catalog::Catalog::builtin();
    /// let checkpoint = "nvidia/Llama-3.1-8B-Instruct-FP8";
    /// assert_eq!(catalog.model(checkpoint).map(|m| m.id.as_str()), Some("llama-3.1-8b"));
    /// ```
    pub fn model(&self, name: &str) -> Option<&Model> {
        checkpoint_keys(name).iter().find_map(|key| self.models.at(key))
    }

    /// The request lengths of this id or alias.
    pub fn lengths(&self, name: &str) -> Option<&LengthRow> {
        self.lengths.get(name)
    }

    /// The daily shape of this id or alias.
    pub fn shape(&self, name: &str) -> Option<&ShapeRow> {
        self.shapes.get(name)
    }

    /// The efficiency of this chip family.
    pub fn efficiency(&self, family: &str) -> Option<&Efficiency> {
        self.efficiencies.get(family)
    }

    /// Accelerators in the order of their ids.
    pub fn accelerators(&self) -> impl Iterator<Item = &Accelerator> {
        self.accelerators.rows()
    }

    /// Systems in the order of their ids.
    pub fn systems(&self) -> impl Iterator<Item = &System> {
        self.systems.rows()
    }

    /// Models in the order of their ids.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.rows()
    }

    /// Request lengths in the order of their ids.
    pub fn all_lengths(&self) -> impl Iterator<Item = &LengthRow> {
        self.lengths.rows()
    }

    /// Daily shapes in the order of their ids.
    pub fn shapes(&self) -> impl Iterator<Item = &ShapeRow> {
        self.shapes.rows()
    }

    /// Efficiencies in the order of their families.
    pub fn efficiencies(&self) -> impl Iterator<Item = &Efficiency> {
        self.efficiencies.rows()
    }

    /// Ids of one kind, in order.
    pub fn ids(&self, kind: Kind) -> Vec<&str> {
        match kind {
            Kind::Accelerator => self.accelerators.ids(),
            Kind::System => self.systems.ids(),
            Kind::Model => self.models.ids(),
            Kind::Lengths => self.lengths.ids(),
            Kind::Shape => self.shapes.ids(),
            Kind::Efficiency => self.efficiencies.ids(),
        }
    }

    /// Other names the row of this id or alias answers to, as its data file spells them. Empty if
    /// there is no such row.
    pub fn aliases(&self, kind: Kind, name: &str) -> Vec<&str> {
        let names = self.names(kind);
        let Some(found) = names.get(&key(name)) else {
            return Vec::new();
        };
        names
            .values()
            .filter(|n| n.id == found.id && n.spelled != n.id)
            .map(|n| n.spelled.as_str())
            .collect()
    }

    /// Up to three ids, or aliases, that `wrong` may have meant, the nearest first.
    pub fn closest(&self, kind: Kind, wrong: &str) -> Vec<&str> {
        let (ids, aliases): (Vec<&Name>, Vec<&Name>) =
            self.names(kind).values().partition(|n| n.spelled == n.id);
        let names: Vec<&Name> = ids.into_iter().chain(aliases).collect();
        let mut shown: Vec<&str> = Vec::new();
        let near = closest(wrong, names.iter().map(|n| n.spelled.as_str()), usize::MAX);
        near.into_iter()
            .filter(|spelled| {
                let id = names.iter().find(|n| n.spelled == *spelled).map_or("", |n| &n.id);
                let first = !shown.contains(&id);
                shown.push(id);
                first
            })
            .take(3)
            .collect()
    }

    fn names(&self, kind: Kind) -> &BTreeMap<String, Name> {
        match kind {
            Kind::Accelerator => &self.accelerators.names,
            Kind::System => &self.systems.names,
            Kind::Model => &self.models.names,
            Kind::Lengths => &self.lengths.names,
            Kind::Shape => &self.shapes.names,
            Kind::Efficiency => &self.efficiencies.names,
        }
    }
}

/// Rows of one kind.
#[derive(Clone, Debug)]
struct Shelf<T> {
    rows: BTreeMap<String, T>,
    /// Ids and aliases, each under its [key].
    names: BTreeMap<String, Name>,
}

#[derive(Clone, Debug)]
struct Name {
    spelled: String,
    id: String,
}

impl<T> Shelf<T> {
    fn fill(
        kind: Kind,
        table: &Table,
        parse: impl Fn(&str, &Table) -> Result<T, Vec<RowError>>,
        errors: &mut Vec<CatalogError>,
    ) -> Self {
        let mut shelf = Self { rows: BTreeMap::new(), names: BTreeMap::new() };
        for (id, value) in table {
            let mut refuse = |field: &str, message: String| {
                let error = RowError { field: field.to_owned(), message };
                errors.push(CatalogError::Row { kind, id: id.clone(), error });
            };
            let Value::Table(row) = value else {
                refuse(id, "is not a row; write `[id]` and its values below it".to_owned());
                continue;
            };
            for field in PROVENANCE.into_iter().filter(|field| !row.contains_key(*field)) {
                refuse(
                    field,
                    "missing; a row says where it was read, when and how sure".to_owned(),
                );
            }
            let aliases = match row.get("aliases") {
                None => Vec::new(),
                Some(list) => strings(list).unwrap_or_else(|| {
                    refuse("aliases", format!("{list} is not a list of names"));
                    Vec::new()
                }),
            };
            match parse(id, row) {
                Ok(parsed) => {
                    shelf.rows.insert(id.clone(), parsed);
                }
                Err(wrong) => errors.extend(wrong.into_iter().map(|error| CatalogError::Row {
                    kind,
                    id: id.clone(),
                    error,
                })),
            }
            for name in std::iter::once(id.as_str()).chain(aliases) {
                shelf.name(kind, id, name, errors);
            }
        }
        shelf
    }

    fn name(&mut self, kind: Kind, id: &str, name: &str, errors: &mut Vec<CatalogError>) {
        let key = key(name);
        if let Some(old) = self.names.get(&key) {
            errors.push(CatalogError::Twice {
                kind,
                id: id.to_owned(),
                name: name.to_owned(),
                other: old.id.clone(),
            });
            return;
        }
        self.names.insert(key, Name { spelled: name.to_owned(), id: id.to_owned() });
    }

    fn get(&self, name: &str) -> Option<&T> {
        self.at(&key(name))
    }

    fn at(&self, key: &str) -> Option<&T> {
        self.rows.get(&self.names.get(key)?.id)
    }

    fn ids(&self) -> Vec<&str> {
        self.rows.keys().map(String::as_str).collect()
    }

    fn rows(&self) -> impl Iterator<Item = &T> {
        self.rows.values()
    }
}

fn strings(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

fn table(kind: Kind, text: &str, errors: &mut Vec<CatalogError>) -> Table {
    text.parse().unwrap_or_else(|e: toml::de::Error| {
        errors.push(CatalogError::Syntax { kind, message: e.to_string().trim_end().to_owned() });
        Table::new()
    })
}

/// What calibration wrote, by family.
struct Fitted {
    surfaces: Table,
    overheads: Table,
}

/// The family whose surfaces and engines others have where they have none of their own: most is
/// measured on it.
pub const MOST_MEASURED: &str = "hopper";

impl Fitted {
    /// Surfaces of a measured family, what it lacks from the most measured one, and the constants
    /// of its engines.
    fn family(&self, id: &str) -> Result<(Surfaces, BTreeMap<String, Overheads>), Vec<RowError>> {
        let surfaces = |id: &str| match self.surfaces.get(id) {
            Some(Value::Table(own)) => parse_surfaces(own),
            _ => Ok(Surfaces::default()),
        };
        let mut own = surfaces(id)?;
        let mut engines = self.engines(id)?;
        if id != MOST_MEASURED {
            own.borrow_missing(&surfaces(MOST_MEASURED)?);
            // How a campaign drove an engine says less of it than another chip does.
            for (name, lent) in self.engines(MOST_MEASURED)? {
                if Overheads::parts_of(&name).1.is_none() {
                    engines.entry(name).or_insert(lent);
                }
            }
        }
        Ok((own, engines))
    }

    /// Constants of the engines that were measured on a family.
    fn engines(&self, id: &str) -> Result<BTreeMap<String, Overheads>, Vec<RowError>> {
        let mut overheads = BTreeMap::new();
        if let Some(Value::Table(engines)) = self.overheads.get(id) {
            for (engine, table) in engines {
                let Value::Table(table) = table else { continue };
                overheads.insert(engine.clone(), parse_overheads(table)?);
            }
        }
        Ok(overheads)
    }
}

/// Adds what chips draw to the rows of their families, each value with the source of its table;
/// returns what is wrong: tables of families that are not there.
fn add_power(efficiencies: &mut Table, power: Table) -> Vec<CatalogError> {
    let mut errors = Vec::new();
    for (id, fitted) in power {
        let (Some(Value::Table(row)), Value::Table(fitted)) = (efficiencies.get_mut(&id), fitted)
        else {
            let message = "has no row among the efficiencies".to_owned();
            let error = RowError { field: "power".to_owned(), message };
            errors.push(CatalogError::Row { kind: Kind::Efficiency, id, error });
            continue;
        };
        let from = |name: &str| Some((name.to_owned(), fitted.get(name)?.clone()));
        for (name, value) in &fitted {
            if PROVENANCE.contains(&name.as_str()) {
                continue;
            }
            let own =
                [Some(("value".to_owned(), value.clone())), from("source"), from("confidence")];
            let own: Table = own.into_iter().flatten().collect();
            row.entry(name.clone()).or_insert(Value::Table(own));
        }
    }
    errors
}

/// Measured families first: the others borrow from them.
fn borrow_and_fill(
    table: &Table,
    fitted: &Fitted,
    errors: &mut Vec<CatalogError>,
) -> Shelf<Efficiency> {
    let borrows = |value: &Value| value.get("borrowed_from").is_some();
    let (borrowed, measured): (Table, Table) =
        table.clone().into_iter().partition(|(_, value)| borrows(value));
    let kind = Kind::Efficiency;
    let own = |id: &str, row: &Table| {
        let (surfaces, overheads) = fitted.family(id)?;
        parse_efficiency(id, row, Lender::Own(Arc::new(surfaces), overheads))
    };
    let mut shelf = Shelf::fill(kind, &measured, own, errors);
    let lend = |id: &str, row: &Table| {
        let name = row.get("borrowed_from").and_then(Value::as_str).unwrap_or_default();
        let lender = shelf.get(name).ok_or_else(|| {
            let message = format!("there is no measured family `{name}`");
            vec![RowError { field: "borrowed_from".to_owned(), message }]
        })?;
        let mut efficiency = parse_efficiency(id, row, Lender::Family(lender))?;
        efficiency.overheads.extend(fitted.engines(id)?);
        if let Some(name) = &efficiency.bf16_kernels_from {
            let nearest = shelf.get(name).ok_or_else(|| {
                let message = format!("there is no measured family `{name}`");
                vec![RowError { field: "bf16_kernels_from".to_owned(), message }]
            })?;
            Arc::make_mut(&mut efficiency.surfaces).take_bf16_kernels(&nearest.surfaces);
        }
        Ok(efficiency)
    };
    let others = Shelf::fill(kind, &borrowed, lend, errors);
    shelf.rows.extend(others.rows);
    shelf.names.extend(others.names);
    shelf
}
