//! The paper a picture is drawn on: heading, legend, axes, and the plot area they leave.

use std::fmt::Write;

use super::legend::{Key, Legend};
use super::scale::Scale;
use super::text::{self, escape, wrap};
use super::{Heading, Svg};

pub(super) const WIDTH: f64 = 960.0;
const MARGIN: f64 = 24.0;
/// Size of labels.
pub(super) const LABEL: f64 = 13.0;

/// Colours on light paper.
const LIGHT: &str = "\
.wm{--wm-bg:#fff;--wm-fg:#18212b;--wm-dim:#5a6775;--wm-grid:#e4e8ed;--wm-axis:#98a3af;\
--wm-s0:#0072b2;--wm-s1:#e69f00;--wm-s2:#009e73;--wm-s3:#d55e00;--wm-s4:#56b4e9;--wm-s5:#cc79a7;\
--wm-s6:#8a7d00;--wm-s7:#6b7480;--wm-loss:#9fb0c0}";

/// Colours for readers who like it dark; what is printed is light.
const DARK: &str = "@media screen and (prefers-color-scheme:dark){\
.wm{--wm-bg:#151a20;--wm-fg:#e8edf2;--wm-dim:#9daab8;\
--wm-grid:#2a323b;--wm-axis:#5d6975;--wm-s0:#4ba3dc;--wm-s1:#f0b63c;--wm-s2:#2fc29b;--wm-s3:#f5834a;\
--wm-s4:#9bd3f5;--wm-s5:#e5a3c8;--wm-s6:#d6c95a;--wm-s7:#a6b0bb;--wm-loss:#536373}}";

/// Everything else; every picture carries its style, so that it can stand alone.
const STYLE: &str = "\
.wm{max-width:100%;height:auto;font-variant-numeric:tabular-nums}\
.wm text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;\
font-size:13px;fill:var(--wm-fg)}\
.wm .wm-title{font-size:19px;font-weight:650}.wm .wm-sub{font-size:14px;fill:var(--wm-dim)}\
.wm .wm-tick,.wm .wm-axis{fill:var(--wm-dim)}.wm .wm-axis{font-weight:600;font-size:12px}\
.wm .wm-plain{font-weight:400}.wm .wm-none{font-size:16px;fill:var(--wm-dim)}.wm .wm-bold{font-weight:600}\
.wm .wm-cell{font-size:11px}\
.wm .wm-halo{paint-order:stroke;stroke:var(--wm-bg);stroke-width:4px;stroke-linejoin:round}\
.wm .wm-paper{fill:var(--wm-bg)}.wm .wm-grid{stroke:var(--wm-grid)}.wm .wm-base{stroke:var(--wm-axis)}\
.wm .wm-limit{stroke:var(--wm-fg);stroke-dasharray:6 4;stroke-width:1.5}\
.wm .wm-line{fill:none;stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}\
.wm .wm-over{fill:none;stroke:var(--wm-fg);stroke-width:1.8;stroke-linejoin:round}\
.wm .wm-link{stroke:var(--wm-axis);stroke-dasharray:2 3}.wm .wm-lead{stroke:var(--wm-fg);stroke-width:.7}.wm .wm-reach{stroke:var(--wm-axis);stroke-width:2}\
.wm .wm-coast{fill:none;stroke:var(--wm-axis);stroke-width:1.1;stroke-linejoin:round}\
.wm .wm-hit{fill:var(--wm-fg);fill-opacity:0}.wm .wm-hit:hover{fill-opacity:.08}";

/// The picture without its dark colours.
pub(super) fn light_only(svg: &str) -> String {
    svg.replace(DARK, "")
}

/// How many colours there are.
const COLORS: usize = 8;

/// In place of the index of a series: the colour of losses.
pub(super) const LOSS: usize = usize::MAX;

/// Colour of a series as a CSS value.
pub(super) fn color(series: usize) -> String {
    if series == LOSS {
        return "var(--wm-loss)".to_owned();
    }
    format!("var(--wm-s{})", series % COLORS)
}

/// How often the colours have been used up before this series: it needs another mark as well.
pub(super) const fn cycle(series: usize) -> usize {
    if series == LOSS { 0 } else { series / COLORS }
}

/// How many areas can be told apart: every colour plain, striped in that of the paper, and striped in
/// that of the ink.
pub(super) const MOST_FILLS: usize = 3 * COLORS;

/// What fills an area of a series, as a CSS value.
pub(super) fn fill(series: usize) -> String {
    match cycle(series) {
        0 => color(series),
        cycle => format!("url(#{})", stripes(cycle.min(2), series % COLORS)),
    }
}

/// Name of the stripes of a colour. They look the same in every picture of a page.
fn stripes(cycle: usize, color: usize) -> String {
    format!("wm-h{cycle}c{color}")
}

/// The stripes that a picture uses.
fn patterns(body: &str) -> String {
    let all = (1..=2).flat_map(|cycle| (0..COLORS).map(move |color| (cycle, color)));
    let used =
        all.filter(|(cycle, color)| body.contains(&format!("#{})", stripes(*cycle, *color))));
    let pattern = |(cycle, of): (usize, usize)| {
        let (turn, stripe) = match cycle {
            1 => (45, "var(--wm-bg);fill-opacity:.62"),
            _ => (-45, "var(--wm-fg);fill-opacity:.62"),
        };
        format!(
            "<pattern id=\"{}\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate({turn})\"><rect width=\"7\" height=\"7\" style=\"fill:{}\"/>\
             <rect width=\"2.5\" height=\"7\" style=\"fill:{stripe}\"/></pattern>",
            stripes(cycle, of),
            color(of)
        )
    };
    let patterns: String = used.map(pattern).collect();
    if patterns.is_empty() { patterns } else { format!("<defs>{patterns}</defs>") }
}

/// Where a picture's axes lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plot {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Plot {
    pub(super) fn x(&self, share: f64) -> f64 {
        self.left + share * (self.right - self.left)
    }

    pub(super) fn y(&self, share: f64) -> f64 {
        self.bottom - share * (self.bottom - self.top)
    }

    pub(super) fn width(&self) -> f64 {
        self.right - self.left
    }
}

/// Where a text stands to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A picture in the making.
pub(super) struct Sheet {
    body: String,
    title: String,
    /// How far down it is used.
    pub(super) used: f64,
    /// Whether all that it could show is nothing.
    pub(super) blank: bool,
}

impl Sheet {
    /// With its heading drawn.
    pub(super) fn new(heading: &Heading) -> Self {
        let mut sheet =
            Self { body: String::new(), title: heading.title.clone(), used: 14.0, blank: false };
        let room = WIDTH - 2.0 * MARGIN;
        for line in wrap(&heading.title, 20.0, room) {
            sheet.used += 24.0;
            sheet.text(MARGIN, sheet.used, "wm-title", Anchor::Start, &line);
        }
        for line in wrap(&heading.subtitle, 14.0, room) {
            sheet.used += 20.0;
            sheet.text(MARGIN, sheet.used, "wm-sub", Anchor::Start, &line);
        }
        sheet.used += 10.0;
        sheet
    }

    /// Draws the legend below what there is.
    pub(super) fn legend(&mut self, keys: &[Key]) {
        let legend = Legend::new(keys, MARGIN, WIDTH - MARGIN);
        self.used = legend.draw(self, self.used);
    }

    /// Draws the axes below what there is and returns the area they span.
    pub(super) fn axes(
        &mut self,
        height: f64,
        (x, x_label): (&mut Scale, &str),
        (y, y_label): (&Scale, &str),
    ) -> Plot {
        let plot = self.vertical_axis(height, y, y_label);
        self.horizontal_axis(plot, x, x_label);
        plot
    }

    /// Draws the horizontal axis of a plot whose place is known.
    pub(super) fn horizontal_axis(&mut self, plot: Plot, x: &mut Scale, x_label: &str) {
        x.thin(plot.width(), LABEL);
        for tick in &x.ticks {
            let at = plot.x(x.share(tick.at));
            self.line((at, plot.top), (at, plot.bottom), "wm-grid");
            let half = text::width(&tick.label, LABEL) / 2.0;
            let at = at.clamp(half + 2.0, WIDTH - half - 2.0);
            self.text(at, plot.bottom + 20.0, "wm-tick", Anchor::Middle, &tick.label);
        }
        self.line((plot.left, plot.bottom), (plot.right, plot.bottom), "wm-base");
        self.used = plot.bottom + 26.0;
        if !x_label.is_empty() {
            self.used += 18.0;
            let label = text::shorten(x_label, LABEL, plot.width());
            self.text(plot.x(0.5), self.used, "wm-axis", Anchor::Middle, &label);
        }
        self.used += 14.0;
    }

    /// Draws the vertical axis alone; the caller draws what is below the plot.
    pub(super) fn vertical_axis(&mut self, height: f64, y: &Scale, y_label: &str) -> Plot {
        for line in wrap(y_label, LABEL, WIDTH - 2.0 * MARGIN) {
            self.used += 18.0;
            self.text(MARGIN, self.used, "wm-axis", Anchor::Start, &line);
        }
        let plot = Plot {
            left: MARGIN + libm::ceil(y.widest_label(LABEL)) + 10.0,
            right: WIDTH - MARGIN - 10.0,
            top: self.used + 16.0,
            bottom: self.used + 16.0 + height,
        };
        for tick in &y.ticks {
            let at = plot.y(y.share(tick.at));
            self.line((plot.left, at), (plot.right, at), "wm-grid");
            self.text(plot.left - 8.0, at + 4.5, "wm-tick", Anchor::End, &tick.label);
        }
        self.used = plot.bottom;
        plot
    }

    /// Says that there is nothing to draw.
    pub(super) fn no_data(mut self) -> Svg {
        self.used += 60.0;
        self.text(WIDTH / 2.0, self.used, "wm-none", Anchor::Middle, "no data");
        self.used += 50.0;
        self.blank = true;
        self.finish()
    }

    pub(super) fn text(&mut self, x: f64, y: f64, class: &str, anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (x, y, text) = (place(x), place(y), escape(text));
        self.push(format_args!(
            "<text x=\"{x}\" y=\"{y}\" class=\"{class}\"{anchor}>{text}</text>"
        ));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let (x1, y1, x2, y2) = (place(from.0), place(from.1), place(to.0), place(to.1));
        self.push(format_args!(
            "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" class=\"{class}\"/>"
        ));
    }

    /// A rectangle with a colour as its fill and, if it is not empty, words on hovering.
    pub(super) fn bar(&mut self, plot: Plot, fill: &str, title: &str) {
        let Plot { left, right, top, bottom } = plot;
        let (x, y) = (place(left), place(top));
        let (width, height) = (place((right - left).max(0.0)), place((bottom - top).max(0.0)));
        self.push(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" style=\"fill:{fill}\">"
        ));
        self.title_and_end(title, "rect");
    }

    /// An area without colour that says something on hovering.
    pub(super) fn hit(&mut self, plot: Plot, title: &str) {
        let (x, y) = (place(plot.left), place(plot.top));
        let (width, height) = (place(plot.width().max(0.0)), place(plot.bottom - plot.top));
        self.push(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" class=\"wm-hit\">"
        ));
        self.title_and_end(title, "rect");
    }

    pub(super) fn dot(&mut self, at: (f64, f64), radius: f64, fill: &str, title: &str) {
        let (x, y) = (place(at.0), place(at.1));
        self.push(format_args!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" style=\"fill:{fill}\">"
        ));
        self.title_and_end(title, "circle");
    }

    /// A path of straight lines; `attributes` colour it. What lies on a level line between its ends
    /// is left out.
    pub(super) fn path(&mut self, runs: &[Vec<(f64, f64)>], closed: bool, attributes: &str) {
        let mut d = String::new();
        for run in runs {
            let points: Vec<(String, String)> =
                run.iter().map(|(x, y)| (place(*x), place(*y))).collect();
            for (index, (x, y)) in points.iter().enumerate() {
                let before = index.checked_sub(1).and_then(|i| points.get(i));
                let beside = [before, points.get(index + 1)];
                if beside.iter().all(|other| other.is_some_and(|(_, level)| level == y)) {
                    continue;
                }
                d.push(if index == 0 { 'M' } else { 'L' });
                d.extend([x, ",", y]);
            }
            if closed {
                d.push('Z');
            }
        }
        self.push(format_args!("<path d=\"{d}\" {attributes}/>"));
    }

    /// The dashed line of a limit.
    pub(super) fn limit(&mut self, from: (f64, f64), to: (f64, f64)) {
        self.line(from, to, "wm-limit");
    }

    fn title_and_end(&mut self, title: &str, element: &str) {
        if title.is_empty() {
            self.body.truncate(self.body.len() - 1);
            self.body.push_str("/>");
        } else {
            let title = escape(title);
            self.push(format_args!("<title>{title}</title></{element}>"));
        }
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(text);
    }

    pub(super) fn finish(self) -> Svg {
        let height = place(libm::ceil(self.used));
        let (label, body) = (escape(&self.title), self.body);
        let patterns = patterns(&body);
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"wm\" viewBox=\"0 0 {WIDTH} {height}\" \
             width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{label}\">\
             <style>{LIGHT}{DARK}{STYLE}</style>{patterns}<rect class=\"wm-paper\" x=\"0\" y=\"0\" width=\"{WIDTH}\" \
             height=\"{height}\"/>{body}</svg>"
        );
        Svg { text, title: self.title, blank: self.blank }
    }
}

/// A coordinate, in tenths.
fn place(at: f64) -> String {
    let text = format!("{at:.1}");
    let text = text.strip_suffix(".0").map_or(text.as_str(), |whole| whole);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
