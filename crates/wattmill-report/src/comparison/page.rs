//! Factories side by side, as one page.

use wattmill_factory::Cause;
use wattmill_plan::{Comparison, Contrast, FigureName, QuarterLabel};

use super::{Compared, tables};
use crate::svg::{Arrangement, BarChart, Heading, Horizontal, LineChart, Series, Svg, value_label};
use crate::{Page, Spacing};

/// Figures whose causes are drawn, each with a unit that is large enough and how many of it one of
/// the figure's own units is.
const DRAWN: [(&str, &str, f64); 6] = [
    ("energised at the end", "GW", 1e-3),
    ("output tokens served", "P tokens", 1e-15),
    ("energy", "TWh", 1e-6),
    ("capital", "GUSD", 1e-9),
    ("full cost of tokens", "USD/M tokens", 1.0),
    ("net present value", "GUSD", 1e-9),
];

/// Every factory's figures, and why the others differ from the first, as one page of HTML.
pub fn comparison_page(compared: &Compared<'_>) -> String {
    let all = std::iter::once(compared.base).chain(compared.others.iter().map(|(f, _)| *f));
    let names: Vec<String> = all
        .enumerate()
        .map(|(index, factory)| format!("{}: {}", Compared::letter(index), factory.name))
        .collect();
    let mut page = Page::new("Factories side by side").lead(format!("{}.", names.join("; ")));
    for warning in compared.warnings() {
        page = page.note(&warning);
    }
    page = page.section("Side by side");
    let drawn = [
        (0, "Energised power", "at the end of each quarter, at design PUE", "GW", 1e-3),
        (1, "Output tokens served", "in each quarter", "T tokens", 1e-12),
        (2, "Capital", "spent in each quarter", "GUSD", 1e-9),
    ];
    for (part, title, subtitle, unit, scale) in drawn {
        page = page.chart(&lines(compared, &names, part, scale, (title, subtitle, unit)));
    }
    page = page.table(&tables::side_by_side(compared)).section("Why they differ");
    page = page.text(&compared.method());
    for (index, (_, comparison)) in compared.others.iter().enumerate() {
        let against = format!("{} against A", Compared::letter(index + 1));
        page = page.section(against.clone());
        if let Some(words) = tables::unmatched(compared, index) {
            page = page.text(&words);
        }
        for (figure, unit, scale) in DRAWN {
            let name = FigureName::Whole(figure);
            let found = comparison.figures.iter().find(|contrast| contrast.figure.name == name);
            if let Some(contrast) = found.filter(|c| c.causes.is_some()) {
                page = page.chart(&bridge(contrast, (unit, scale), &against));
            }
        }
        page = page.table(&tables::causes(comparison));
        if !comparison.gaps.is_empty() {
            page = page
                .text(&format!(
                    "The difference over {} samples: quantiles, the share in which {} is higher, \
                     the mean and its causes.",
                    compared.samples,
                    Compared::letter(index + 1)
                ))
                .table(&tables::gaps(comparison));
        }
    }
    page.foot(format!("seed {}, answer {:016x}", compared.base.seed, compared.answer_hash()))
        .foot(format!("wattmill {}", env!("CARGO_PKG_VERSION")))
        .render()
}

/// What every cause adds or takes away, and the whole difference beside it.
fn bridge(contrast: &Contrast, (unit, scale): (&str, f64), against: &str) -> Svg {
    let causes = contrast.causes.unwrap_or_default();
    let mut categories = Cause::ALL.map(|cause| cause.name().to_owned()).to_vec();
    categories.push("in all".to_owned());
    let part = |keep: &dyn Fn(f64) -> bool| {
        let parts = causes.iter().map(|part| if keep(*part) { part * scale } else { f64::NAN });
        parts.chain([f64::NAN]).collect::<Vec<f64>>()
    };
    let mut whole = vec![f64::NAN; causes.len()];
    whole.push((contrast.other - contrast.base) * scale);
    let (base, other) = (contrast.base * scale, contrast.other * scale);
    BarChart {
        heading: Heading::new(
            format!("{}: {against}", contrast.figure.name),
            format!(
                "What each cause adds to A's {} {unit} or takes from it on the way to {} {unit}.",
                value_label(base),
                value_label(other)
            ),
        ),
        categories,
        y_label: format!("difference, {unit}"),
        series: vec![
            Series::new("adds", part(&|part| part > 0.0)),
            Series::new("takes away", part(&|part| part < 0.0)),
            Series::new("difference", whole),
        ],
        arrangement: Arrangement::Stacked,
    }
    .to_svg()
}

/// One quarterly figure of every factory.
fn lines(
    compared: &Compared<'_>,
    names: &[String],
    part: usize,
    scale: f64,
    (title, subtitle, unit): (&str, &str, &str),
) -> Svg {
    let mut labels: Vec<QuarterLabel> = compared
        .others
        .iter()
        .flat_map(|(_, comparison)| comparison.quarters.iter().map(|(label, _)| *label))
        .collect();
    labels.sort();
    labels.dedup();
    let of = |comparison: &Comparison, side: usize| -> Vec<f64> {
        let value = |label: &QuarterLabel| {
            let found = comparison.quarters.iter().find(|(known, _)| known == label);
            found.map_or(f64::NAN, |(_, sides)| sides[side][part] * scale)
        };
        labels.iter().map(value).collect()
    };
    let mut series = Vec::new();
    if let Some((_, first)) = compared.others.first() {
        series.push(Series::new(names[0].clone(), of(first, 0)));
    }
    for ((_, comparison), name) in compared.others.iter().zip(&names[1..]) {
        series.push(Series::new(name.clone(), of(comparison, 1)));
    }
    LineChart {
        heading: Heading::new(title, format!("{title} {subtitle}.")),
        x: Horizontal::Calendar {
            days: labels.iter().map(|l| Horizontal::day(l.last_day())).collect(),
        },
        y_label: unit.to_owned(),
        spacing: Spacing::Even,
        series,
        limits: Vec::new(),
    }
    .to_svg()
}
