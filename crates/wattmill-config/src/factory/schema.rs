//! What a key is. The reader, the written reference and the editor schema all follow these.

use super::text::Measure;

/// A kind of table in a factory file.
#[derive(Debug)]
pub(super) struct Table {
    /// As messages and headings call it: `phase`.
    pub name: &'static str,
    /// What it describes, in sentences.
    pub doc: &'static str,
    /// Whether the catalogue reads it, which knows more keys that are only shown.
    pub catalogue_row: bool,
    /// Why no number in it may be a distribution, empty if any may.
    pub certain: &'static str,
    /// What may stand in it, in the order of the reference.
    pub keys: &'static [Key],
}

impl Table {
    /// The key of that name.
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|k| k.name == name)
    }
}

/// One key of a table.
#[derive(Debug)]
pub(super) struct Key {
    /// As written.
    pub name: &'static str,
    /// What its value must be.
    pub kind: Kind,
    /// Whether it may be left out.
    pub need: Need,
    /// What it means, in sentences.
    pub doc: &'static str,
    /// A value that would do, as TOML.
    pub example: &'static str,
}

/// Whether a key may be left out.
#[derive(Debug)]
pub(super) enum Need {
    /// It may not.
    Required,
    /// It may; then there is none, or what the key's sentences say.
    Optional,
    /// It may; then this text stands for it, for this reason or from this source.
    Default(&'static str, &'static str),
}

/// What a value must be.
#[derive(Debug)]
pub(super) enum Kind {
    /// Any text that is not empty.
    Text,
    /// Text that names another table of the file or a row of the catalogue.
    Reference(&'static str),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// True or false.
    Flag,
    /// A day.
    Date,
    /// A day and a time of it.
    Moment,
    /// The path of a CSV file with these columns.
    File(&'static str),
    /// An array of whole numbers.
    Wholes(Limits),
    /// An array of these words.
    Words(&'static [&'static str]),
    /// A whole number, written bare.
    Whole(Limits),
    /// A number without a unit, bare or as a percentage.
    Number(Limits),
    /// How many, bare or as text with a suffix k, M, G or T.
    Count(Limits),
    /// A number and a unit, as text.
    Quantity(Measure, Limits),
    /// A percentile such as `p99`.
    Percentile,
    /// An array of names.
    Names,
    /// An array of so many numbers.
    Numbers(usize),
    /// An array of `[probability, tokens]` pairs.
    Quantiles,
    /// A table.
    Table(&'static Table),
    /// An array of tables.
    Tables(&'static Table),
    /// A table of tables, each under a name of its own.
    Named(&'static Table),
    /// Any of these.
    Either(&'static [Kind]),
    /// Whatever the key wants that the distribution stands for.
    Same,
    /// An array of that.
    AllSame,
    /// An array of numbers, as many as there are values.
    Weights,
    /// An array of the paths of two keys.
    Pair,
}

/// Ends of a range, as one would write them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Lower end.
    pub low: End,
    /// Upper end.
    pub high: End,
}

/// One end of a range.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// This value is still allowed.
    Allowed(&'static str),
    /// This value is not.
    Excluded(&'static str),
}

impl Limits {
    /// From `low` to `high`, both allowed.
    pub(super) const fn within(low: &'static str, high: &'static str) -> Self {
        Self { low: End::Allowed(low), high: End::Allowed(high) }
    }

    /// More than `low` and at most `high`.
    pub(super) const fn above(low: &'static str, high: &'static str) -> Self {
        Self { low: End::Excluded(low), high: End::Allowed(high) }
    }

    /// In words: `more than 0 W and at most 1000 GW`.
    pub(super) fn words(&self) -> String {
        let low = match self.low {
            End::Allowed(text) => format!("at least {text}"),
            End::Excluded(text) => format!("more than {text}"),
        };
        let high = match self.high {
            End::Allowed(text) => format!("at most {text}"),
            End::Excluded(text) => format!("less than {text}"),
        };
        format!("{low} and {high}")
    }

    /// Whether `value` is inside, where `read` turns an end's text into a number of the same unit.
    pub(super) fn hold(&self, value: f64, read: impl Fn(&str) -> Option<f64>) -> bool {
        let low = match self.low {
            End::Allowed(text) => read(text).is_none_or(|end| value >= end),
            End::Excluded(text) => read(text).is_none_or(|end| value > end),
        };
        let high = match self.high {
            End::Allowed(text) => read(text).is_none_or(|end| value <= end),
            End::Excluded(text) => read(text).is_none_or(|end| value < end),
        };
        low && high
    }
}

impl Kind {
    /// Whether a distribution may stand for it where its table allows one.
    pub(super) const fn may_be_uncertain(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Count(_) | Self::Quantity(..) | Self::Date)
    }

    /// What is wanted, in words that follow "must be".
    pub(super) fn wanted(&self) -> String {
        let limited = |what: &str, limits: &Limits| format!("{what}, {}", limits.words());
        match self {
            Self::Text => "text".to_owned(),
            Self::Reference(of) => format!("the name of {of}"),
            Self::Choice(words) => match words {
                [one] => format!("`\"{one}\"`"),
                words => {
                    let quoted: Vec<_> = words.iter().map(|w| format!("`\"{w}\"`")).collect();
                    format!("one of {}", quoted.join(", "))
                }
            },
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Date => "a day".to_owned(),
            Self::Moment => "a day and a time".to_owned(),
            Self::File(columns) => format!("the path of a CSV file with {columns}"),
            Self::Wholes(limits) => limited("an array of whole numbers", limits),
            Self::Words(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
                format!("an array of {}", quoted.join(", "))
            }
            Self::Whole(limits) => limited("a whole number", limits),
            Self::Number(limits) => limited("a number", limits),
            Self::Count(limits) => limited("a count", limits),
            Self::Quantity(measure, limits) => {
                limited(&format!("{} as text", measure.what), limits)
            }
            Self::Percentile => "a percentile between p50 and p100, both excluded".to_owned(),
            Self::Names => "an array of names".to_owned(),
            Self::Numbers(n) => format!("an array of {n} numbers"),
            Self::Quantiles => "an array of `[probability, tokens]` pairs".to_owned(),
            Self::Table(_) => "a table".to_owned(),
            Self::Tables(table) if table.name.contains('.') => "an array of tables".to_owned(),
            Self::Tables(table) => format!("tables, `[[{}]]` each", table.name),
            Self::Named(table) => format!("tables, `[{}.NAME]` each", table.name),
            Self::Same => "what its key wants".to_owned(),
            Self::AllSame => "an array of what its key wants".to_owned(),
            Self::Weights => "an array of numbers of at least 0, one for each value".to_owned(),
            Self::Pair => "an array of the paths of two keys that are distributions".to_owned(),
            Self::Either(kinds) => kinds.iter().map(Self::wanted).collect::<Vec<_>>().join(", or "),
        }
    }
}
