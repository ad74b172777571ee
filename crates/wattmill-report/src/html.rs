//! One page of HTML that needs nothing else: it opens offline and prints.

use std::fmt::Write;

use crate::Table;
use crate::svg::{Svg, escape};

/// A page in the making, filled from top to bottom.
///
/// All text is escaped; the only markup that gets in is that of pictures made here. The page loads
/// nothing: styles are in it, fonts are the reader's own, and a content policy says so.
///
/// ```
/// use wattmill_report::{Page, Table};
/// let page = Page::new("Ten gigawatts, as announced")
///     .lead("From the grid connection to the token, 2026 to 2031.")
///     .figure("10 GW", "energised by 2030")
///     .section("What binds")
///     .text("Racks < grid until 2028.")
///     .table(&Table::new(["site", "MW"]).row(["abilene", "1200"]));
/// let html = page.render();
/// assert!(html.starts_with("<!doctype html>"));
/// assert!(html.contains("Racks &lt; grid"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    title: String,
    lead: String,
    figures: Vec<(String, String)>,
    body: String,
    sections: Vec<String>,
    footer: Vec<String>,
}

impl Page {
    /// An empty page with this title.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            lead: String::new(),
            figures: Vec::new(),
            body: String::new(),
            sections: Vec::new(),
            footer: Vec::new(),
        }
    }

    /// The sentence below the title.
    #[must_use]
    pub fn lead(mut self, text: impl Into<String>) -> Self {
        self.lead = text.into();
        self
    }

    /// A figure that stands large at the top, with its unit, and what it is.
    #[must_use]
    pub fn figure(mut self, value: impl Into<String>, meaning: impl Into<String>) -> Self {
        self.figures.push((value.into(), meaning.into()));
        self
    }

    /// Begins a section; what is added next belongs to it.
    #[must_use]
    pub fn section(mut self, heading: impl Into<String>) -> Self {
        let heading = heading.into();
        let number = self.sections.len() + 1;
        self.put(format_args!("<h2 id=\"s{number}\">{}</h2>\n", escape(&heading)));
        self.sections.push(heading);
        self
    }

    /// A paragraph.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.put(format_args!("<p>{}</p>\n", escape(text)));
        self
    }

    /// A paragraph that stands out: a warning, or what the numbers leave out.
    #[must_use]
    pub fn note(mut self, text: &str) -> Self {
        self.put(format_args!("<p class=\"note\">{}</p>\n", escape(text)));
        self
    }

    /// A picture.
    #[must_use]
    pub fn chart(mut self, svg: &Svg) -> Self {
        self.put(format_args!("<figure>{svg}</figure>\n"));
        self
    }

    /// Pictures; those that could only show nothing are named in a sentence instead.
    #[must_use]
    pub fn charts<'a>(mut self, all: impl IntoIterator<Item = &'a Svg>) -> Self {
        let mut blank = Vec::new();
        for svg in all {
            match svg.is_blank() {
                true => blank.push(format!("“{}”", svg.title())),
                false => self = self.chart(svg),
            }
        }
        match blank.as_slice() {
            [] => self,
            blank => {
                self.text(&format!("Not drawn, as there is nothing of it: {}.", blank.join(", ")))
            }
        }
    }

    /// A table; one whose columns have no names has no head.
    #[must_use]
    pub fn table(mut self, table: &Table) -> Self {
        let class = if table.headers().len() > DENSE { " class=\"d\"" } else { "" };
        self.put(format_args!("<div class=\"scroll\"><table{class}>\n"));
        if table.headers().iter().any(|header| !header.is_empty()) {
            self.put(format_args!("<thead>\n"));
            self.cells(table, "th", table.headers());
            if !table.unit_row().is_empty() {
                self.cells(table, "td", table.unit_row());
            }
            self.put(format_args!("</thead>\n"));
        }
        self.put(format_args!("<tbody>\n"));
        for row in table.rows() {
            self.cells(table, "td", row);
        }
        self.put(format_args!("</tbody>\n</table></div>\n"));
        self
    }

    /// Text as it was typed or printed, such as a factory file or a command.
    #[must_use]
    pub fn verbatim(mut self, text: &str) -> Self {
        self.put(format_args!("<pre class=\"scroll\">{}</pre>\n", escape(text)));
        self
    }

    /// A line at the foot: seed, answer hash, sources.
    #[must_use]
    pub fn foot(mut self, text: impl Into<String>) -> Self {
        self.footer.push(text.into());
        self
    }

    /// The page.
    pub fn render(&self) -> String {
        let title = escape(&self.title);
        let mut page = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" \
             content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <header>\n<h1>{title}</h1>\n"
        );
        if !self.lead.is_empty() {
            page.extend(["<p class=\"lead\">", &escape(&self.lead), "</p>\n"]);
        }
        if !self.figures.is_empty() {
            page.push_str("<dl class=\"figures\">\n");
            for (value, meaning) in &self.figures {
                let (value, meaning) = (escape(value), escape(meaning));
                page.extend(["<div><dt>", &meaning, "</dt><dd>", &value, "</dd></div>\n"]);
            }
            page.push_str("</dl>\n");
        }
        if self.sections.len() > 2 {
            page.push_str("<nav>\n");
            for (index, heading) in self.sections.iter().enumerate() {
                let link = format!("<a href=\"#s{}\">{}</a>\n", index + 1, escape(heading));
                page.push_str(&link);
            }
            page.push_str("</nav>\n");
        }
        page.extend(["</header>\n", &self.body, "</main>\n"]);
        if !self.footer.is_empty() {
            page.push_str("<footer>\n");
            for line in &self.footer {
                page.extend(["<p>", &escape(line), "</p>\n"]);
            }
            page.push_str("</footer>\n");
        }
        page.push_str("</body>\n</html>\n");
        page
    }

    fn cells(&mut self, table: &Table, element: &str, row: &[String]) {
        self.put(format_args!("<tr>"));
        for column in 0..table.headers().len() {
            let cell = row.get(column).map_or("", String::as_str);
            let class = match (table.is_right(column), cell.chars().count() > WRAPPED) {
                (true, _) => " class=\"n\"",
                (false, true) => " class=\"w\"",
                (false, false) => "",
            };
            let cell = escape(cell);
            self.put(format_args!("<{element}{class}>{cell}</{element}>"));
        }
        self.put(format_args!("</tr>\n"));
    }

    fn put(&mut self, markup: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.body.write_fmt(markup);
    }
}

/// Tables of more columns than this are set small.
const DENSE: usize = 8;

/// Cells of more characters than this take several lines.
const WRAPPED: usize = 48;

const STYLE: &str = "
:root{color-scheme:light dark;--bg:#f5f7f9;--card:#fff;--fg:#18212b;--dim:#5a6775;--edge:#dfe4ea;\
--note:#fff6e0;--mark:#0072b2}
@media (prefers-color-scheme:dark){:root{--bg:#0e1216;--card:#151a20;--fg:#e8edf2;--dim:#9daab8;\
--edge:#2a323b;--note:#2b2413;--mark:#4ba3dc}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);line-height:1.5;font-size:16px;\
font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}
main,footer{max-width:1120px;margin:0 auto;padding:0 20px}
header{padding-top:36px}
h1{font-size:32px;overflow-wrap:anywhere;line-height:1.2;margin:0 0 8px;letter-spacing:-.01em}
h2{font-size:22px;margin:44px 0 10px;padding-top:14px;border-top:1px solid var(--edge)}
p{margin:10px 0;max-width:74ch}
.lead{font-size:18px;color:var(--dim);margin:0}
.note{background:var(--note);border-left:4px solid #e69f00;padding:8px 14px;border-radius:4px}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(184px,1fr));gap:12px;margin:24px 0 8px}
.figures div{background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:12px 16px;\
display:flex;flex-direction:column-reverse;justify-content:flex-end}
.figures dd{margin:0;font-size:23px;white-space:nowrap;font-weight:650;letter-spacing:-.01em;\
font-variant-numeric:tabular-nums}
.figures dt{font-size:13.5px;color:var(--dim)}
nav{display:flex;flex-wrap:wrap;gap:4px 18px;margin:18px 0 0;font-size:14.5px}
a{color:var(--mark)}
figure{margin:18px 0;background:var(--card);border:1px solid var(--edge);border-radius:10px;\
padding:6px;overflow-x:auto}
figure svg{display:block;margin:0 auto;width:100%;min-width:560px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:14.5px;font-variant-numeric:tabular-nums;margin:14px 0;\
background:var(--card);border:1px solid var(--edge)}
th,td{text-align:left;padding:6px 14px;white-space:nowrap;vertical-align:top}
.d{font-size:12px}
.d th,.d td{padding:4px 5px}
.d thead td{font-size:11px}
th{font-weight:650}
thead td{color:var(--dim);font-size:13px;padding-top:0}
tbody tr{border-top:1px solid var(--edge)}
.n{text-align:right}
td.w{white-space:normal;min-width:26ch}
pre{background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:12px 16px;\
font-size:13.5px;line-height:1.45}
footer{margin-top:44px;padding-top:12px;padding-bottom:40px;color:var(--dim);font-size:13.5px}
footer p{margin:3px 0;max-width:none;overflow-wrap:anywhere}
@media print{:root{color-scheme:light;--bg:#fff;--card:#fff;--fg:#18212b;--dim:#5a6775;\
--edge:#dfe4ea;--note:#fff6e0}
body{font-size:11pt}
nav{display:none}
h2{break-after:avoid}
figure,.figures div,tr{break-inside:avoid}
figure,.scroll{overflow:visible}
figure svg{min-width:0}
thead{display:table-header-group}
main,footer{max-width:none;padding:0}}
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Arrangement, BarChart, Heading, Series};

    fn page() -> String {
        let chart = BarChart {
            heading: Heading::new("Power <by> site", ""),
            categories: vec!["a&b".into()],
            y_label: "MW".into(),
            series: vec![Series::new("now", vec![1.0])],
            arrangement: Arrangement::Grouped,
        };
        Page::new("<script>alert(1)</script>")
            .lead("a & b")
            .figure("<10 GW>", "energised \"soon\"")
            .section("<One>")
            .text("1 < 2")
            .note("'careful'")
            .chart(&chart.to_svg())
            .section("Two")
            .table(&Table::new(["<site>", "MW"]).units(["", "<u>"]).row(["<b>"]))
            .verbatim("a < b")
            .section("Three")
            .foot("seed <7>")
            .render()
    }

    #[test]
    fn no_text_becomes_markup() {
        let html = page();
        for told in ["<script", "<One>", "<10 GW>", "<site>", "<b>", "<u>", "<7>", "<by>", "a&b"] {
            assert!(!html.contains(told), "{told}");
        }
        for told in ["1 &lt; 2", "a &amp; b", "&lt;One&gt;", "&#39;careful&#39;", "a &lt; b"] {
            assert!(html.contains(told), "{told}");
        }
    }

    #[test]
    fn it_needs_nothing_else() {
        let html = page().replace("http://www.w3.org/2000/svg", "");
        for outside in ["http:", "https:", "//", "src=", "@import", "url("] {
            assert!(!html.contains(outside), "{outside}");
        }
        assert!(html.contains("default-src 'none'"));
    }

    #[test]
    fn pictures_of_nothing_are_a_sentence() {
        let chart = |title: &str, value: f64| {
            BarChart {
                heading: Heading::new(title, ""),
                categories: vec!["a".into(), "b".into()],
                y_label: "MW".into(),
                series: vec![Series::new("now", vec![value, f64::NAN])],
                arrangement: Arrangement::Stacked,
            }
            .to_svg()
        };
        let (some, none, missing) =
            (chart("Some", -1.0), chart("<None>", 0.0), chart("Missing", f64::NAN));
        let html = Page::new("a").charts([&some, &none, &missing]).render();
        assert_eq!(html.matches("<figure>").count(), 1);
        assert!(
            html.contains(
                "<p>Not drawn, as there is nothing of it: “&lt;None&gt;”, “Missing”.</p>"
            )
        );
        assert!(!Page::new("a").charts([&some]).render().contains("Not drawn"));
    }

    #[test]
    fn every_element_that_opens_closes() {
        let html = page();
        for element in ["div", "table", "thead", "tbody", "tr", "figure", "svg", "nav", "dl", "h2"]
        {
            let opened = html.matches(&format!("<{element}>")).count()
                + html.matches(&format!("<{element} ")).count();
            assert_eq!(opened, html.matches(&format!("</{element}>")).count(), "{element}");
        }
        assert_eq!(html.matches("href=\"#s").count(), 3);
    }
}
