//! What every picture must be, whatever it is drawn from.

use jiff::civil::Date;
use proptest::prelude::*;

use super::*;

/// Everything that can be read off a picture without looking at it.
fn check(svg: &Svg) -> Result<(), String> {
    let text = svg.as_str();
    let body = text.split_once("</style>").ok_or("no style")?.1;
    let number = |tag: &str, name: &str| -> Option<f64> {
        let from = tag.find(&format!(" {name}=\""))? + name.len() + 3;
        tag[from..].split('"').next()?.parse().ok()
    };
    let height = number(text, "height").ok_or("no height")?;
    let inside = |x: f64, y: f64, what: &str| {
        if (0.0..=960.0).contains(&x) && (0.0..=height).contains(&y) {
            Ok(())
        } else {
            Err(format!("{x},{y} is outside: {what}"))
        }
    };
    for tag in body.split('<').filter(|tag| !tag.is_empty()) {
        if let (Some(x), Some(y)) = (number(tag, "x"), number(tag, "y")) {
            inside(x, y, tag)?;
            if let (Some(wide), Some(high)) = (number(tag, "width"), number(tag, "height")) {
                inside(x + wide, y + high, tag)?;
            }
            if tag.starts_with("text") {
                let words = tag.split_once('>').map_or("", |t| t.1);
                let words = words
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&#39;", "'")
                    .replace("&quot;", "\"")
                    .replace("&amp;", "&");
                let size = match tag {
                    t if t.contains("wm-title") => 19.0,
                    t if t.contains("wm-sub") => 14.0,
                    _ => 13.0,
                };
                let wide = text::width(&words, size);
                let left = match tag {
                    t if t.contains("\"middle\"") => x - wide / 2.0,
                    t if t.contains("\"end\"") => x - wide,
                    _ => x,
                };
                inside(left.max(-0.5) + 0.5, y, tag)?;
                inside(left, y, tag)?;
                inside(left + wide, y, tag)?;
            }
        }
        for (a, b) in [("x1", "y1"), ("x2", "y2"), ("cx", "cy")] {
            if let (Some(x), Some(y)) = (number(tag, a), number(tag, b)) {
                inside(x, y, tag)?;
            }
        }
        if let Some(d) = tag.strip_prefix("path d=\"").and_then(|t| t.split('"').next()) {
            for point in d.split(['M', 'L', 'Z']).filter(|p| !p.is_empty()) {
                let (x, y) = point.split_once(',').ok_or("a point of one number")?;
                inside(x.parse().map_err(|_| d)?, y.parse().map_err(|_| d)?, tag)?;
            }
        }
    }
    // Names may spell anything; attributes hold numbers and names of ours.
    for tag in body.split('<').filter(|tag| !tag.is_empty()) {
        let attributes = tag.split('>').next().unwrap_or(tag);
        for wrong in ["NaN", "inf", "-0\""] {
            if attributes.contains(wrong) {
                return Err(format!("{wrong} in {tag}"));
            }
        }
    }
    Ok(())
}

fn quarters() -> Horizontal {
    let quarter = |i: i16| Date::constant(2026, 7, 1).year() + (i + 2) / 4;
    let days = (0..22)
        .map(|i| Horizontal::day(Date::new(quarter(i), ((i + 2) % 4) as i8 * 3 + 1, 1).unwrap()))
        .collect();
    Horizontal::Calendar { days }
}

fn ramp(to: f64) -> Vec<f64> {
    (0..22).map(|i| to * f64::from(i) / 21.0).collect()
}

fn area(x: Horizontal, series: Vec<Series>) -> AreaChart {
    AreaChart {
        heading: Heading::new("Power", "by site"),
        x,
        y_label: "facility power, MW".into(),
        series,
        over: Vec::new(),
        limits: vec![Limit::new("grid connections", 9_000.0)],
    }
}

fn line(x: Horizontal, series: Vec<Series>) -> LineChart {
    let AreaChart { heading, x, y_label, series, limits, .. } = area(x, series);
    LineChart { heading, x, y_label, spacing: Spacing::Even, series, limits }
}

#[test]
fn names_units_and_ticks_are_there() {
    let series = vec![Series::new("abilene", ramp(1_200.0)), Series::new("<other>", ramp(8_800.0))];
    for svg in [area(quarters(), series.clone()).to_svg(), line(quarters(), series).to_svg()] {
        check(&svg).unwrap();
        for told in [
            ">abilene<",
            ">&lt;other&gt;<",
            ">Power<",
            ">by site<",
            ">facility power, MW<",
            ">2029<",
            ">10,000<",
            ">grid connections<",
            "2027-01-01\nabilene: 114\n&lt;other&gt;: 838",
        ] {
            assert!(svg.as_str().contains(told), "{told} in {svg}");
        }
    }
}

#[test]
fn the_name_of_a_limit_stands_clear_of_curves() {
    let end = "text-anchor=\"end\">grid connections</text>";
    let stands_at_the_end = |series: Vec<Series>| {
        let svg = line(quarters(), series).to_svg();
        assert!(svg.as_str().contains(">grid connections</text>"));
        svg.as_str().contains(end)
    };
    assert!(stands_at_the_end(vec![Series::new("far below", ramp(5_000.0))]));
    // One that ends above the limit, and one that begins there.
    assert!(!stands_at_the_end(vec![Series::new("rising", ramp(9_200.0))]));
    let falling = ramp(9_200.0).into_iter().rev().collect();
    assert!(stands_at_the_end(vec![Series::new("falling", falling)]));
}

#[test]
fn orders_of_magnitude_have_a_place_each() {
    let values = vec![0.0, 1e3, 1e6, 1e9];
    let x = Horizontal::Numbers { label: "s".into(), values: vec![0.0, 1.0, 2.0, 3.0] };
    let chart = LineChart {
        spacing: Spacing::Logarithmic,
        limits: vec![Limit::new("none", 0.0)],
        ..line(x, vec![Series::new("a", values)])
    };
    let svg = chart.to_svg();
    check(&svg).unwrap();
    for tick in [">1,000<", ">1 M<", ">1 G<"] {
        assert!(svg.as_str().contains(tick), "{tick} in {svg}");
    }
    assert!(!svg.as_str().contains(">none<"), "what is not above zero has no place");
    assert!(svg.as_str().contains("a: 1,000\n"));
}

#[test]
fn lines_over_areas_are_not_stacked() {
    let chart = AreaChart {
        over: vec![Series::new("available", ramp(1_500.0))],
        limits: Vec::new(),
        ..area(quarters(), vec![Series::new("abilene", ramp(1_200.0))])
    };
    let svg = chart.to_svg();
    check(&svg).unwrap();
    assert!(svg.as_str().contains(">available<") && svg.as_str().contains("available: 71.4"));
    assert!(svg.as_str().contains(">1,500<") && !svg.as_str().contains(">2,000<"));
}

#[test]
fn states_and_dots_say_what_they_are() {
    let cell = |state, text: &str| Cell { state, text: text.into() };
    let states = StateChart {
        heading: Heading::new("What binds", ""),
        states: ["power", "demand", "never"]
            .iter()
            .enumerate()
            .map(|(color, name)| State { name: (*name).into(), color })
            .collect(),
        rows: vec!["abilene".into(), "milam".into()],
        columns: vec!["2026-Q3".into(), "2026-Q4".into()],
        cells: vec![vec![cell(0, "0"), cell(1, "200")], vec![cell(0, "0")]],
        text_label: "MW".into(),
    };
    let svg = states.to_svg();
    check(&svg).unwrap();
    assert!(svg.as_str().contains("abilene, 2026-Q4\ndemand\n200 MW"));
    assert!(!svg.as_str().contains(">never<"), "a state that nothing is in");
    let dots = DotChart {
        heading: Heading::new("Latency", ""),
        rows: vec!["chat".into()],
        x_label: "ms".into(),
        spacing: Spacing::Logarithmic,
        series: vec![Series::new("p50", vec![20.0]), Series::new("p99", vec![400.0])],
        limits: vec![Limit::new("SLO", 2_000.0)],
    };
    let svg = dots.to_svg();
    check(&svg).unwrap();
    assert!(svg.as_str().contains("chat\np99: 400\n(ms)") && svg.as_str().contains(">SLO<"));
}

#[test]
fn light_pictures_stay_light() {
    let svg = line(quarters(), vec![Series::new("a", ramp(1.0))]).to_svg();
    assert!(svg.as_str().contains("prefers-color-scheme"));
    let light = svg.light();
    assert!(!light.as_str().contains("@media") && light.as_str().contains("--wm-bg:#fff"));
}

#[test]
fn gaps_part_a_line() {
    let x = Horizontal::Numbers { label: "s".into(), values: (0..6).map(f64::from).collect() };
    let values = vec![1.0, 2.0, f64::NAN, 3.0, f64::INFINITY, 4.0];
    let svg = line(x, vec![Series::new("a", values)]).to_svg();
    check(&svg).unwrap();
    let paths = svg.as_str().split("<path d=\"").nth(2).unwrap();
    assert_eq!(paths.split('"').next().unwrap().matches('M').count(), 3);
}

#[test]
fn long_series_are_thinned_but_keep_their_peaks() {
    let days: Vec<f64> = (0..43_800).map(|h| 20_000.0 + f64::from(h) / 24.0).collect();
    let mut values = vec![1.0; days.len()];
    values[31_337] = 100.0;
    for svg in [
        area(Horizontal::Calendar { days: days.clone() }, vec![Series::new("a", values.clone())]),
        area(Horizontal::Calendar { days: days.clone() }, vec![Series::new("a", values.clone())]),
    ]
    .map(|chart| AreaChart { limits: Vec::new(), ..chart }.to_svg())
    {
        check(&svg).unwrap();
        assert!(svg.as_str().len() < 120_000, "{}", svg.as_str().len());
        let top = svg.as_str().split("<line x1=").nth(6).unwrap().split("y1=\"").nth(1).unwrap();
        let top = top.split('"').next().unwrap();
        assert!(svg.as_str().contains(&format!(",{top}L")), "the peak is drawn at {top}");
    }
}

#[test]
fn what_is_empty_says_so() {
    let nothing = || Horizontal::Numbers { label: "s".into(), values: vec![0.0, 1.0] };
    let heading = || Heading::new("Latency", "");
    let bars = |series| BarChart {
        heading: heading(),
        categories: vec!["a".into()],
        y_label: "s".into(),
        series,
        arrangement: Arrangement::Grouped,
    };
    let curves = |distributions| DistributionChart {
        heading: heading(),
        x_label: "s".into(),
        y_label: "share".into(),
        distributions,
        limits: Vec::new(),
    };
    let waterfall = |stages| WaterfallChart {
        heading: heading(),
        whole: "grid".into(),
        unit: "TWh".into(),
        stages,
    };
    for svg in [
        line(nothing(), vec![]).to_svg(),
        line(nothing(), vec![Series::new("a", vec![f64::NAN])]).to_svg(),
        area(nothing(), vec![Series::new("a", vec![])]).to_svg(),
        bars(vec![]).to_svg(),
        bars(vec![Series::new("a", vec![f64::NAN])]).to_svg(),
        curves(vec![]).to_svg(),
        curves(vec![Distribution::new("a", vec![(0.0, 1.0)])]).to_svg(),
        waterfall(vec![]).to_svg(),
        waterfall(vec![WaterfallStage::loss("a", "", f64::NAN)]).to_svg(),
    ] {
        check(&svg).unwrap();
        assert!(svg.as_str().contains(">no data<"));
        assert!(!svg.as_str().contains("wm-grid\""), "no empty frame");
    }
}

#[test]
fn a_waterfall_says_every_value_and_share() {
    let chart = WaterfallChart {
        heading: Heading::new("From watt to token", ""),
        whole: "grid".into(),
        unit: "TWh".into(),
        stages: vec![
            WaterfallStage::loss("cooling and conversion", "facility energy that is not IT", 2.0),
            WaterfallStage::loss("idle", "", 3.0),
            WaterfallStage::useful("tokens", "arithmetic", 5.0),
        ],
    };
    let svg = chart.to_svg();
    check(&svg).unwrap();
    for told in [">10 TWh · 100 %<", ">2 TWh · 20 %<", ">3 TWh · 30 %<", ">5 TWh · 50 %<"] {
        assert!(svg.as_str().contains(told), "{told}");
    }
    // The widest label has just the room it takes, to the last bit.
    for whole in (1..400).map(|tenth| f64::from(tenth) * 0.37) {
        let stages = vec![WaterfallStage::useful("tokens", "", whole)];
        let svg = WaterfallChart { stages, ..chart.clone() }.to_svg();
        assert!(!svg.as_str().contains('…'), "{whole}: {svg}");
    }
}

#[test]
fn a_distribution_tells_its_percentiles() {
    let points = (1..=100).map(|i| (f64::from(i) * 0.01, f64::from(i) / 100.0)).collect();
    let chart = DistributionChart {
        heading: Heading::new("Latency", ""),
        x_label: "time to first token, s".into(),
        y_label: "share of requests".into(),
        distributions: vec![Distribution::new("TTFT", points)],
        limits: vec![Limit::new("SLO 2 s", 2.0)],
    };
    let svg = chart.to_svg();
    check(&svg).unwrap();
    assert!(svg.as_str().contains(">TTFT: p50 0.5, p90 0.9, p99 0.99<"), "{svg}");
    assert!(svg.as_str().contains(">SLO 2 s<"));
}

/// Every value of an attribute in a picture.
fn all<'s>(svg: &'s Svg, attribute: &str) -> Vec<&'s str> {
    let body = svg.as_str().split_once("</defs>").map_or(svg.as_str(), |(_, body)| body);
    let parts = body.split(attribute).skip(1);
    parts.filter_map(|part| part.split('"').next()).collect()
}

#[test]
fn no_two_parts_of_a_stack_look_the_same() {
    for many in [20, 60] {
        let series: Vec<Series> =
            (1..=many).map(|i| Series::new(format!("site {i}"), ramp(f64::from(i)))).collect();
        let svg = AreaChart { limits: Vec::new(), ..area(quarters(), series.clone()) }.to_svg();
        check(&svg).unwrap();
        let fills: Vec<&str> = all(&svg, "style=\"fill:")
            .into_iter()
            .filter(|fill| fill.contains("stroke"))
            .map(|fill| fill.split(";stroke").next().unwrap())
            .collect();
        assert_eq!(fills.len(), many.min(24) as usize);
        let mut distinct = fills.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), fills.len(), "{fills:?}");
        for fill in fills.iter().filter_map(|fill| fill.strip_prefix("url(#")) {
            let name = fill.trim_end_matches(')');
            assert!(svg.as_str().contains(&format!("<pattern id=\"{name}\"")), "{name}");
        }
        assert_eq!(svg.as_str().contains(">37 others<"), many == 60);
        let bars = BarChart {
            heading: Heading::new("Capital", ""),
            categories: vec!["2027".into()],
            y_label: "GUSD".into(),
            series: series.iter().map(|s| Series::new(&*s.name, vec![1.0])).collect(),
            arrangement: Arrangement::Stacked,
        };
        let svg = bars.to_svg();
        check(&svg).unwrap();
        assert_eq!(svg.as_str().contains(">37 others<"), many == 60);
    }
    let lines = (1..=30).map(|i| Series::new(format!("{i}"), ramp(f64::from(i)))).collect();
    let svg = line(quarters(), lines).to_svg();
    let styles = all(&svg, "class=\"wm-line\" style=\"");
    // Each in the legend and in the plot.
    let mut distinct = styles.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!((styles.len(), distinct.len()), (60, 30));
}

#[test]
fn a_colour_goes_with_what_it_stands_for() {
    let series = vec![Series::new("debt", ramp(1.0)).colored(4), Series::new("b", ramp(2.0))];
    let svg = line(quarters(), series).to_svg();
    let styles = all(&svg, "class=\"wm-line\" style=\"");
    assert_eq!(styles.iter().filter(|style| style.contains("--wm-s4")).count(), 2, "{styles:?}");
    assert!(styles.iter().all(|style| !style.contains("--wm-s0")), "{styles:?}");
}

#[test]
fn lines_under_others_show_beside_them() {
    let widths = |series: Vec<Series>| -> Vec<bool> {
        let svg = line(quarters(), series).to_svg();
        let styles = all(&svg, "class=\"wm-line\" style=\"");
        let drawn = styles.len() / 2;
        styles[drawn..].iter().map(|style| style.contains("stroke-width")).collect()
    };
    let same = ["P10", "P50", "P90"].map(|name| Series::new(name, ramp(5.0))).to_vec();
    assert_eq!(widths(same), [true, true, false]);
    let apart = vec![Series::new("a", ramp(5.0)), Series::new("b", ramp(9.0))];
    assert_eq!(widths(apart), [false, false]);
}

#[test]
fn what_shows_nothing_knows_it() {
    let zeros = |name: &str| Series::new(name, vec![0.0; 22]);
    assert!(line(quarters(), vec![zeros("a"), zeros("b")]).to_svg().is_blank());
    assert!(area(quarters(), vec![zeros("a")]).to_svg().is_blank());
    assert!(!area(quarters(), vec![zeros("a"), Series::new("b", ramp(1.0))]).to_svg().is_blank());
    let over = vec![Series::new("available", ramp(1.0))];
    let chart = AreaChart { over, ..area(quarters(), vec![zeros("a")]) };
    assert!(!chart.to_svg().is_blank(), "what could be is something");
    assert_eq!(chart.to_svg().title(), "Power");
}

#[test]
fn a_tornado_of_days_has_a_calendar() {
    let day = |y, m, d| Horizontal::day(Date::constant(y, m, d));
    let swing = |name: &str, low, high| Swing { name: name.into(), low, high };
    let chart = TornadoChart {
        heading: Heading::new("What matters most", ""),
        along: Along::Days,
        middle: day(2029, 3, 15),
        rows: vec![
            swing("late", day(2029, 1, 10), f64::INFINITY),
            swing("slip", day(2029, 2, 1), day(2029, 5, 20)),
        ],
    };
    let svg = chart.to_svg();
    check(&svg).unwrap();
    for told in [">Mar 2029<", "<title>slip\n2029-05-20</title>", "<title>late\nnever</title>"] {
        assert!(svg.as_str().contains(told), "{told} in {svg}");
    }
    assert!(!svg.as_str().contains(">2,029"));
    let never = TornadoChart { middle: f64::INFINITY, ..chart };
    check(&never.to_svg()).unwrap();
    let missing = TornadoChart { middle: f64::NAN, ..never };
    assert!(missing.to_svg().as_str().contains(">no data<"));
}

#[test]
fn what_lies_outside_of_a_calendar_says_so() {
    let row = |name: &str, from: f64, to: f64| Lasting {
        name: name.into(),
        from,
        to,
        from_range: None,
        to_range: None,
        words: String::new(),
        outside: format!("{name} is elsewhere"),
    };
    let chart = SpanChart {
        heading: Heading::new("Phases", ""),
        bar: "first to last".into(),
        ranges: [String::new(), String::new()],
        rows: vec![
            row("early", 10.0, 50.0),
            row("inside", 150.0, 250.0),
            row("late", 900.0, 950.0),
            row("never", f64::INFINITY, 5.0),
        ],
        window: (100.0, 500.0),
    };
    let svg = chart.to_svg();
    check(&svg).unwrap();
    for (name, outside) in [("early", true), ("inside", false), ("late", true), ("never", true)] {
        let told = svg.as_str().contains(&format!(">{name} is elsewhere<"));
        assert_eq!(told, outside, "{name}");
    }
    // A mark at each end, and none for what never comes.
    assert_eq!(svg.as_str().matches("<path d=").count(), 2);
}

#[test]
fn names_of_places_stay_in_the_frame_and_clear_of_each_other() {
    let place = |i: i32| Place {
        name: format!("a rather long site name {i}"),
        north: 30.0 + 0.5 * f64::from(i % 5),
        east: -100.0 + 0.6 * f64::from(i / 5),
        size: 0.5,
    };
    for places in [
        (0..20).map(place).collect::<Vec<_>>(),
        vec![Place { north: 43.0, east: -88.0, ..place(1) }, Place { east: 54.0, ..place(2) }],
    ] {
        let many = places.len();
        let chart = PlaceMap { heading: Heading::new("Sites", ""), unit: "GW".into(), places };
        let svg = chart.to_svg();
        check(&svg).unwrap();
        let frame = |attribute: &str| -> Vec<f64> {
            let lines = svg.as_str().split("<line ").filter(|l| l.contains("wm-base"));
            let value = |l: &str| l.split(attribute).nth(1)?.split('"').next()?.parse().ok();
            lines.filter_map(value).collect()
        };
        let (left, right) = frame("x1=\"")
            .into_iter()
            .fold((1e9, 0.0), |(l, r): (f64, f64), x| (l.min(x), r.max(x)));
        let names: Vec<(f64, f64, f64)> = svg
            .as_str()
            .split("<text ")
            .map(|text| text.split("</text>").next().unwrap())
            .filter(|text| text.contains("a rather long"))
            .map(|text| {
                let at = |name: &str| -> f64 {
                    text.split(name).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
                };
                let words = text.split_once('>').unwrap().1.split('<').next().unwrap();
                (at("x=\""), at("y=\""), text::width(words, 13.0))
            })
            .collect();
        assert_eq!(names.len(), many);
        for (i, (x, y, wide)) in names.iter().enumerate() {
            assert!(*x >= left && x + wide <= right, "{x} to {} of {left} to {right}", x + wide);
            for (other_x, other_y, other_wide) in &names[i + 1..] {
                let apart = (y - other_y).abs() >= 13.0
                    || x + wide <= *other_x
                    || other_x + other_wide <= *x;
                assert!(apart, "two names on each other at {x},{y}");
            }
        }
    }
}

#[test]
fn negative_bars_hang_below_zero() {
    let chart = BarChart {
        heading: Heading::new("Cash", ""),
        categories: vec!["2027".into(), "2028".into()],
        y_label: "GUSD".into(),
        series: vec![Series::new("in", vec![3.0, 5.0]), Series::new("out", vec![-4.0, -2.0])],
        arrangement: Arrangement::Stacked,
    };
    for arrangement in [Arrangement::Stacked, Arrangement::Grouped] {
        let svg = BarChart { arrangement, ..chart.clone() }.to_svg();
        check(&svg).unwrap();
        assert!(svg.as_str().contains(">-4<"));
        assert!(svg.as_str().contains("<title>2027\nout: -4\n(GUSD)</title>"));
    }
}

/// Any number, the wild ones as likely as the tame.
fn wild() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), -1e6f64..1e6, 0.0f64..1.0, Just(0.0)]
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{0,12}", "[a-zA-Z <&]{0,400}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn nothing_is_cut_off_whatever_is_drawn(
        x in prop::collection::vec(wild(), 0..30),
        names in prop::collection::vec(words(), 12),
        rows in prop::collection::vec(prop::collection::vec(wild(), 0..30), 0..12),
        limit in wild(),
        calendar: bool,
        stacked: bool,
    ) {
        let heading = Heading::new(names[0].clone(), names[1].clone());
        let series: Vec<Series> = rows
            .iter()
            .zip(&names)
            .map(|(values, name)| Series::new(name.clone(), values.clone()))
            .collect();
        let x = if calendar {
            Horizontal::Calendar { days: x }
        } else {
            Horizontal::Numbers { label: names[2].clone(), values: x }
        };
        let limits = vec![Limit::new(names[3].clone(), limit), Limit::new(names[4].clone(), 1.0)];
        let y_label = names[5].clone();
        let over = series.iter().take(3).cloned().collect();
        let area = AreaChart { heading, x, y_label, series, over, limits };
        let AreaChart { heading, x, y_label, series, limits, .. } = area.clone();
        let spacing = if stacked { Spacing::Even } else { Spacing::Logarithmic };
        let line = LineChart { heading, x, y_label, spacing, series, limits };
        let dots = DotChart {
            heading: area.heading.clone(),
            rows: names.clone(),
            x_label: names[5].clone(),
            spacing,
            series: area.series.clone(),
            limits: area.limits.clone(),
        };
        let cells = rows
            .iter()
            .map(|row| {
                let cell = |v: &f64| Cell { state: *v as usize % 4, text: names[8].clone() };
                row.iter().map(cell).collect()
            })
            .collect();
        let states = StateChart {
            heading: area.heading.clone(),
            states: (0..3).map(|i| State { name: names[i].clone(), color: 3 * i }).collect(),
            rows: names.clone(),
            columns: names.clone(),
            cells,
            text_label: names[9].clone(),
        };
        let AreaChart { heading, y_label, series, limits, .. } = area.clone();
        let arrangement = if stacked { Arrangement::Stacked } else { Arrangement::Grouped };
        let bars =
            BarChart { heading, categories: names.clone(), y_label, series, arrangement };
        let stages = rows
            .iter()
            .flatten()
            .zip(names.iter().cycle())
            .map(|(value, name)| WaterfallStage::loss(name.clone(), name.clone(), *value))
            .collect();
        let waterfall = WaterfallChart {
            heading: bars.heading.clone(),
            whole: names[6].clone(),
            unit: names[7].chars().take(20).collect(),
            stages,
        };
        let curves = DistributionChart {
            heading: bars.heading.clone(),
            x_label: names[8].clone(),
            y_label: names[9].clone(),
            distributions: rows
                .iter()
                .zip(&names)
                .map(|(values, name)| {
                    let points = values.iter().map(|v| (*v, v.abs() / (1.0 + v.abs()))).collect();
                    Distribution::new(name.clone(), points)
                })
                .collect(),
            limits,
        };
        for svg in [
            area.to_svg(), line.to_svg(), bars.to_svg(), waterfall.to_svg(), curves.to_svg(),
            dots.to_svg(), states.to_svg(),
        ] {
            check(&svg).map_err(TestCaseError::fail)?;
        }
    }
}
