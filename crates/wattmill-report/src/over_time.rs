//! What happened from minute to minute, in pictures.

use wattmill_units::Seconds;

use crate::serve::{ServedPoolRow, ServedRow, ServedServiceRow};
use crate::{AreaChart, Heading, Horizontal, Limit, LineChart, Series, Spacing, Svg};

/// As many of a kind as a picture tells apart.
const MOST: usize = 8;

/// A count of a service's row.
type Count = fn(&ServedServiceRow) -> u64;

/// A service of a time series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ServiceOf {
    pub(crate) name: String,
    /// Limits on TTFT and TPOT.
    pub(crate) slo: (Seconds, Seconds),
}

/// A time series with the names of what it is of.
#[derive(Clone, Debug)]
pub(crate) struct OverTime<'a> {
    pub(crate) rows: &'a [ServedRow],
    pub(crate) services: Vec<ServiceOf>,
    pub(crate) pools: Vec<String>,
    /// Empty where there is one only.
    pub(crate) regions: Vec<String>,
}

/// When a figure of a row is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Taken {
    /// Over all of it.
    Over,
    /// At its end.
    AtEnd,
}

impl<'a> OverTime<'a> {
    /// Of `rows`, but for a last one in which less than half as much time passed as in the others: how
    /// fast things end would look like a fall. What is to be said of it is second.
    pub(crate) fn new(
        rows: &'a [ServedRow],
        services: Vec<ServiceOf>,
        pools: Vec<String>,
        regions: Vec<String>,
    ) -> (Self, Option<String>) {
        let length = |row: &ServedRow| row.until - row.from;
        let (rows, left_out) = match rows {
            [first, .., last] if length(last) * 2.0 < length(first) => {
                let told = format!(
                    "Pictures leave out the last {}, in which what was under way came to its end.",
                    length(last)
                );
                (&rows[..rows.len() - 1], Some(told))
            }
            rows => (rows, None),
        };
        (Self { rows, services, pools, regions }, left_out)
    }

    /// The requests, as pictures.
    pub(crate) fn requests(&self) -> Vec<Svg> {
        let mut charts = vec![self.asked(), self.attainment()];
        charts.extend(self.unanswered());
        charts
    }

    /// Latencies, as pictures.
    pub(crate) fn latencies(&self) -> Vec<Svg> {
        let ttft = self.latency(
            ("From arrival to the first token", "time to first token, ms"),
            |row| row.ttft,
            |slo| slo.0,
        );
        let tpot = self.latency(
            ("From one token to the next", "time per output token, ms"),
            |row| row.tpot,
            |slo| slo.1,
        );
        vec![ttft, tpot]
    }

    /// What replicas hold, as pictures.
    pub(crate) fn work(&self) -> Vec<Svg> {
        let limited = self.rows.iter().flat_map(|row| &row.pools).any(|pool| pool.blocks.is_some());
        let mut charts = vec![
            self.stacked(
                ("Queue", "Requests that wait for a place in a batch, at the end of each row."),
                ("requests waiting", Taken::AtEnd),
                |pool| Some(pool.waiting as f64),
            ),
            self.lines(
                (
                    "Batch",
                    "Sequences decoding in a step of one replica, mean over the steps of each row.",
                ),
                ("sequences decoding", Taken::Over),
                |pool| (pool.steps > 0).then(|| pool.batch_mean()),
            ),
        ];
        if limited {
            charts.push(self.lines(
                ("KV cache", "Blocks in use, over those of the replicas that are on, at the end of each row."),
                ("KV blocks in use, %", Taken::AtEnd),
                |pool| Some(100.0 * pool.kv_used()?),
            ));
        }
        charts.push(self.stacked(
            ("Tokens", "Output tokens made, first tokens included."),
            ("output tokens made a second", Taken::Over),
            |pool| Some(pool.output_tokens_per_s()),
        ));
        charts
    }

    /// Watts and money, as pictures, as far as they are known.
    pub(crate) fn power_and_cost(&self) -> Vec<Svg> {
        let pools = || self.rows.iter().flat_map(|row| &row.pools);
        let mut charts = Vec::new();
        if pools().any(|pool| pool.energy.is_some()) {
            charts.push(self.stacked(
                ("Power", "Mean power of the accelerators in each row, idle included."),
                ("accelerator power, kW", Taken::Over),
                |pool| Some(pool.power()?.as_kw()),
            ));
        }
        if pools().any(|pool| pool.cost.is_some()) {
            let cost = |row: &ServedRow| {
                let all = row.of_all_pools();
                let tokens = all.made_tokens as f64 / 1e6;
                all.cost.filter(|_| tokens > 0.0).map(|cost| cost.as_usd() / tokens)
            };
            let heading = Heading::new(
                "Cost of a million output tokens",
                "Energy of the facility and accelerators that are on, over the tokens made in each row.",
            );
            let series = vec![Series::new("all pools", self.each(cost))];
            let per = ("USD a million output tokens", Taken::Over);
            charts.push(self.line_chart(heading, per, series));
        }
        charts
    }

    /// What replicas are doing as machines, as pictures.
    pub(crate) fn states(&self) -> Vec<Svg> {
        let mut series =
            vec![Series::new("ready", self.each(|row| Some(row.of_all_pools().ready.into())))];
        for (index, name) in
            ["starting", "draining", "in repair", "lost with their site"].into_iter().enumerate()
        {
            let values = self.each(|row| Some(row.of_all_pools().turning[index].into()));
            if values.iter().any(|count| *count > 0.0) {
                series.push(Series::new(name, values));
            }
        }
        let heading = Heading::new(
            "Replicas that are not off, by state",
            "Of all pools, at the end of each row.",
        );
        let mut charts =
            vec![self.area_chart(heading, ("replicas", Taken::AtEnd), series, Vec::new())];
        if self.pools.len() > 1 {
            charts.push(self.lines(
                ("Replicas that take requests, by pool", "At the end of each row."),
                ("replicas ready", Taken::AtEnd),
                |pool| Some(pool.ready.into()),
            ));
        }
        charts
    }

    /// Hand-overs, as pictures; none if there were none.
    pub(crate) fn transfers(&self) -> Vec<Svg> {
        if self.rows.iter().all(|row| row.transfers.prompts == 0) {
            return Vec::new();
        }
        let length = |row: &ServedRow| (row.until - row.from).as_s();
        let rate =
            self.each(|row| (length(row) > 0.0).then(|| row.transfers.bytes / 1e9 / length(row)));
        let heading = Heading::new(
            "Caches handed over",
            "From replicas that compute prompts to those that decode, mean of each row.",
        );
        let moved = vec![Series::new("all links", rate)];
        let moved = self.line_chart(heading, ("GB a second", Taken::Over), moved);
        let wait = |index: usize| move |row: &ServedRow| Some(row.transfers.wait?[index].as_ms());
        let series = ["p50", "p90", "p99"].into_iter().enumerate();
        let series = series.map(|(index, name)| Series::new(name, self.each(wait(index))));
        let heading = Heading::new(
            "From a first token to the arrival of its cache",
            "The wait for blocks at the decoding replica, for the end of its step, and for the link.",
        );
        let waits = self.line_chart(heading, ("ms", Taken::Over), series.collect());
        vec![moved, waits]
    }

    /// Requests that came, by region, and those answered.
    fn asked(&self) -> Svg {
        let per_minute = |row: &ServedRow, count: u64| {
            let minutes = (row.until - row.from).as_s() / 60.0;
            (minutes > 0.0).then(|| count as f64 / minutes)
        };
        let series = if self.regions.is_empty() {
            vec![Series::new("asked", self.each(|row| per_minute(row, row.all.asked)))]
        } else {
            let regions = self.regions.iter().enumerate();
            let of = |(index, name): (usize, &String)| {
                let asked = |row: &ServedRow| row.regions.get(index).copied().unwrap_or(0);
                Series::new(name, self.each(|row| per_minute(row, asked(row))))
            };
            regions.map(of).collect()
        };
        let title = if self.regions.is_empty() { "Requests" } else { "Requests, by region" };
        let answered = self.each(|row| per_minute(row, row.all.finished));
        self.area_chart(
            Heading::new(title, "Those that came, and those answered beside them."),
            ("requests a minute", Taken::Over),
            series,
            vec![Series::new("answered", answered)],
        )
    }

    /// Share of those that ended which kept both limits.
    fn attainment(&self) -> Svg {
        let services = self.shown_services();
        let of = |index: &usize| {
            let share = |row: &ServedRow| Some(100.0 * row.services.get(*index)?.attainment()?);
            Series::new(&self.services[*index].name, self.each(share))
        };
        let heading = Heading::new(
            "Answered within both limits",
            format!(
                "Share of the requests that ended in each row: answered, rejected, shed or lost.{}",
                told(self.services.len(), "services that were asked the most")
            ),
        );
        let within = ("requests within TTFT and TPOT, %", Taken::Over);
        self.line_chart(heading, within, services.iter().map(of).collect())
    }

    /// Requests that were not answered, by reason; `None` if all were.
    fn unanswered(&self) -> Option<Svg> {
        let minutes = |row: &ServedRow| (row.until - row.from).as_s() / 60.0;
        let reasons: [(&str, Count); 3] = [
            ("rejected: too long for any replica", |row| row.rejected),
            ("shed: a queue was full, or they would have come too late", |row| row.shed),
            ("lost: replica or site gone", |row| row.lost),
        ];
        let mut series = Vec::new();
        for (name, count) in reasons {
            if self.rows.iter().any(|row| count(&row.all) > 0) {
                let rate = |row: &ServedRow| {
                    (minutes(row) > 0.0).then(|| count(&row.all) as f64 / minutes(row))
                };
                series.push(Series::new(name, self.each(rate)));
            }
        }
        let heading = Heading::new("Requests that were not answered", "By what became of them.");
        let rate = ("requests a minute", Taken::Over);
        (!series.is_empty()).then(|| self.area_chart(heading, rate, series, Vec::new()))
    }

    /// Quantiles of a latency by service, against the limits.
    fn latency(
        &self,
        (title, y_label): (&str, &str),
        quantiles: fn(&ServedServiceRow) -> Option<[Seconds; 3]>,
        limit: fn(&(Seconds, Seconds)) -> Seconds,
    ) -> Svg {
        let services = self.shown_services();
        // All three of one service, two of a few, the last of many.
        let wanted: &[(usize, &str)] = match services.len() {
            1 => &[(0, "p50"), (1, "p90"), (2, "p99")],
            2..=4 => &[(0, "p50"), (2, "p99")],
            _ => &[(2, "p99")],
        };
        let (mut series, mut limits) = (Vec::new(), Vec::<Limit>::new());
        for index in &services {
            let ServiceOf { name, slo } = &self.services[*index];
            for (which, quantile) in wanted {
                let at =
                    |row: &ServedRow| Some(quantiles(row.services.get(*index)?)?[*which].as_ms());
                let name = match services.len() {
                    1 => (*quantile).to_owned(),
                    _ => format!("{name} {quantile}"),
                };
                series.push(Series::new(name, self.each(at)));
            }
            let at = limit(slo);
            let name = match services.len() {
                1 => format!("limit {at}"),
                _ => format!("{name} limit {at}"),
            };
            limits.push(Limit::new(name, at.as_ms()));
        }
        let heading = Heading::new(
            title,
            format!(
                "Of the requests answered in each row, within 3 %.{}",
                told(self.services.len(), "services that were asked the most")
            ),
        );
        let chart = LineChart {
            heading,
            x: self.x(Taken::Over),
            y_label: y_label.to_owned(),
            spacing: Spacing::Logarithmic,
            series,
            limits,
        };
        chart.to_svg()
    }

    /// A figure of pools that adds up.
    fn stacked(
        &self,
        (title, subtitle): (&str, &str),
        (y_label, taken): (&str, Taken),
        figure: fn(&ServedPoolRow) -> Option<f64>,
    ) -> Svg {
        let shown = self.shown_pools();
        let of = |index: usize| self.each(|row| figure(row.pools.get(index)?));
        let mut series: Vec<Series> =
            shown.iter().map(|index| Series::new(&self.pools[*index], of(*index))).collect();
        if shown.len() < self.pools.len() {
            let rest = (0..self.pools.len()).filter(|index| !shown.contains(index));
            let rest: Vec<usize> = rest.collect();
            let sum = |row: &ServedRow| {
                rest.iter().map(|index| figure(row.pools.get(*index)?)).sum::<Option<f64>>()
            };
            series.push(Series::new("the other pools", self.each(sum)));
        }
        self.area_chart(Heading::new(title, subtitle), (y_label, taken), series, Vec::new())
    }

    /// A figure of pools that does not.
    fn lines(
        &self,
        (title, subtitle): (&str, &str),
        (y_label, taken): (&str, Taken),
        figure: fn(&ServedPoolRow) -> Option<f64>,
    ) -> Svg {
        let of = |index: usize| {
            let values = self.each(|row| figure(row.pools.get(index)?));
            Series::new(&self.pools[index], values)
        };
        let heading = Heading::new(
            title,
            format!("{subtitle}{}", told(self.pools.len(), "pools that made the most tokens")),
        );
        let series = self.shown_pools().into_iter().map(of).collect();
        self.line_chart(heading, (y_label, taken), series)
    }

    fn line_chart(
        &self,
        heading: Heading,
        (y_label, taken): (&str, Taken),
        series: Vec<Series>,
    ) -> Svg {
        let (x, y_label, spacing) = (self.x(taken), y_label.to_owned(), Spacing::Even);
        LineChart { heading, x, y_label, spacing, series, limits: Vec::new() }.to_svg()
    }

    /// What adds up, with a line over it if there is one.
    fn area_chart(
        &self,
        heading: Heading,
        (y_label, taken): (&str, Taken),
        series: Vec<Series>,
        over: Vec<Series>,
    ) -> Svg {
        let (x, y_label) = (self.x(taken), y_label.to_owned());
        AreaChart { heading, x, y_label, series, over, limits: Vec::new() }.to_svg()
    }

    /// The pools that made the most tokens, as many as a picture tells apart, in their order.
    fn shown_pools(&self) -> Vec<usize> {
        let made = |index: usize| {
            let pools = self.rows.iter().filter_map(|row| row.pools.get(index));
            pools.map(|pool| pool.made_tokens).sum::<u64>()
        };
        most((0..self.pools.len()).map(made).collect())
    }

    /// The services that were asked the most likewise.
    fn shown_services(&self) -> Vec<usize> {
        let asked = |index: usize| {
            let services = self.rows.iter().filter_map(|row| row.services.get(index));
            services.map(|service| service.asked).sum::<u64>()
        };
        most((0..self.services.len()).map(asked).collect())
    }

    /// A figure of each row; what is not there is a gap.
    fn each(&self, figure: impl Fn(&ServedRow) -> Option<f64>) -> Vec<f64> {
        self.rows.iter().map(|row| figure(row).unwrap_or(f64::NAN)).collect()
    }

    /// Where figures of the rows are: in the middle of each, or at its end.
    fn x(&self, taken: Taken) -> Horizontal {
        let end = self.rows.last().map_or(0.0, |row| row.until.as_s());
        let (unit, name) = match end {
            short if short <= 600.0 => (1.0, "seconds"),
            hours if hours <= 4.0 * 3600.0 => (60.0, "minutes"),
            days if days <= 4.0 * 86_400.0 => (3_600.0, "hours"),
            _ => (86_400.0, "days"),
        };
        let place = |row: &ServedRow| {
            let at = match taken {
                Taken::Over => (row.from + row.until) * 0.5,
                Taken::AtEnd => row.until,
            };
            at.as_s() / unit
        };
        Horizontal::Numbers {
            label: format!("{name} from the start"),
            values: self.rows.iter().map(place).collect(),
        }
    }
}

/// Places of the largest, as many as a picture tells apart, in their order.
fn most(of: Vec<u64>) -> Vec<usize> {
    let mut places: Vec<usize> = (0..of.len()).collect();
    if places.len() > MOST {
        places.sort_by_key(|place| std::cmp::Reverse(of[*place]));
        // One colour is for the rest.
        places.truncate(MOST - 1);
        places.sort_unstable();
    }
    places
}

/// That only some of `all` are shown, if so.
fn told(all: usize, of: &str) -> String {
    if all > MOST { format!(" The {} of {all} {of}.", MOST - 1) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::served;

    #[test]
    fn of_many_the_largest_are_shown() {
        assert_eq!(most(vec![3, 1, 2]), [0, 1, 2]);
        assert_eq!(most(vec![5, 0, 7, 8, 9, 6, 4, 3, 2, 1]), [0, 2, 3, 4, 5, 6, 7]);
        let rows = served().served.rows;
        let pools = (0..12).map(|index| format!("pool {index}")).collect();
        let row = ServedRow { pools: vec![rows[0].pools[0]; 12], ..rows[0].clone() };
        let over_time = OverTime { rows: &[row], services: Vec::new(), pools, regions: Vec::new() };
        let charts: Vec<String> =
            over_time.work().iter().map(|svg| svg.as_str().to_owned()).collect();
        assert!(charts[0].contains("the other pools"), "{}", charts[0]);
        assert!(charts[1].contains("The 7 of 12 pools that"), "{}", charts[1]);
    }
}
