//! Factories side by side, as one page.

use wattmill_factory::Cause;
use wattmill_plan::{Comparison, Contrast, Figure, FigureName, FigureUnit, QuarterLabel};

use super::{Compared, tables};
use crate::risk::figure_scale;
use crate::svg::{Arrangement, BarChart, Heading, Horizontal, LineChart, Series, Svg, value_label};
use crate::{Page, Spacing};

/// Figures whose causes are drawn.
const DRAWN: [&str; 7] = [
    "energised at the end",
    "output tokens served",
    "energy",
    "carbon",
    "capital",
    "full cost of tokens",
    "net present value",
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
        (0, "Energised power", "at the end of each quarter, at design PUE"),
        (1, "Output tokens served", "in each quarter"),
        (2, "Capital", "spent in each quarter"),
    ];
    let mut same = Vec::new();
    for (part, title, subtitle) in drawn {
        match lines(compared, &names, part, (title, subtitle)) {
            Some(chart) => page = page.chart(&chart),
            None => same.push(title.to_lowercase()),
        }
    }
    page = told_same(page, &same, "in every quarter");
    page = page.table(&tables::side_by_side(compared)).section("Why they differ");
    page = page.text(&compared.method());
    for (index, (_, comparison)) in compared.others.iter().enumerate() {
        let against = format!("{} against A", Compared::letter(index + 1));
        page = page.section(against.clone());
        if let Some(words) = tables::unmatched(compared, index) {
            page = page.text(&words);
        }
        let mut same = Vec::new();
        for figure in DRAWN {
            let name = FigureName::Whole(figure);
            let found = comparison.figures.iter().find(|contrast| contrast.figure.name == name);
            match found {
                Some(contrast) if !differs(contrast) => same.push(figure.to_owned()),
                Some(contrast) if contrast.causes.is_some() => {
                    page = page.chart(&bridge(contrast, &against));
                }
                _ => {}
            }
        }
        page = told_same(page, &same, &format!("in A and {}", Compared::letter(index + 1)));
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

/// Says what is the same, and so in no picture.
fn told_same(page: Page, same: &[String], where_it_is: &str) -> Page {
    let (last, first) = match same {
        [] => return page,
        [only] => return page.text(&format!("The same {where_it_is}: {only}.")),
        [first @ .., last] => (last, first),
    };
    page.text(&format!("The same {where_it_is}: {} and {last}.", first.join(", ")))
}

/// Whether the two differ by more than rounding, in all or in what any cause does.
fn differs(contrast: &Contrast) -> bool {
    let (base, other) = (contrast.base, contrast.other);
    // What neither has, as a cost of tokens without tokens, does not differ.
    if !base.is_finite() || !other.is_finite() {
        return base.is_finite() != other.is_finite();
    }
    let least = base.abs().max(other.abs()) * 1e-9;
    let causes = contrast.causes.iter().flatten();
    causes.chain([&(other - base)]).any(|part| part.abs() > least)
}

/// What every cause adds or takes away, and the whole difference beside it.
fn bridge(contrast: &Contrast, against: &str) -> Svg {
    let causes = contrast.causes.unwrap_or_default();
    let most = causes.iter().chain([&contrast.base, &contrast.other]);
    let (unit, scale) =
        figure_scale(&contrast.figure, most.map(|value| value.abs()).fold(0.0, f64::max));
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

/// One quarterly figure of every factory; `None` where none of them differs from another.
fn lines(
    compared: &Compared<'_>,
    names: &[String],
    part: usize,
    (title, subtitle): (&str, &str),
) -> Option<Svg> {
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
            found.map_or(f64::NAN, |(_, sides)| sides[side][part])
        };
        labels.iter().map(value).collect()
    };
    let mut all = Vec::new();
    if let Some((_, first)) = compared.others.first() {
        all.push(of(first, 0));
    }
    all.extend(compared.others.iter().map(|(_, comparison)| of(comparison, 1)));
    let most = all.iter().flatten().filter(|value| value.is_finite()).map(|value| value.abs());
    let most = most.fold(0.0, f64::max);
    let same = |a: &f64, b: &f64| (a - b).abs() <= most * 1e-9 || (a.is_nan() && b.is_nan());
    let first = all.first()?;
    if all.iter().all(|values| values.iter().zip(first).all(|(a, b)| same(a, b))) {
        return None;
    }
    let figure = |name, unit| Figure { name: FigureName::Whole(name), unit };
    let figure = match part {
        0 => figure("energised", FigureUnit::Mw),
        1 => figure("output tokens served", FigureUnit::Count),
        _ => figure("capital", FigureUnit::Usd),
    };
    let (unit, scale) = figure_scale(&figure, most);
    let series = names.iter().zip(all).map(|(name, values)| {
        Series::new(name.clone(), values.into_iter().map(|value| value * scale).collect())
    });
    let chart = LineChart {
        heading: Heading::new(title, format!("{title} {subtitle}.")),
        x: Horizontal::Calendar {
            days: labels.iter().map(|l| Horizontal::day(l.last_day())).collect(),
        },
        y_label: unit,
        spacing: Spacing::Even,
        series: series.collect(),
        limits: Vec::new(),
    };
    Some(chart.to_svg())
}
