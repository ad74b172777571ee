//! What a fleet did, as one page.

use super::text::{facts, pools, services, work};
use super::{ServeReport, ServedFleet, ServedService};
use crate::format::{grouped, number, or_dash, percent, prefixed, usd};
use crate::over_time::{OverTime, ServiceOf};
use crate::replay::{milliseconds, traffic_line};
use crate::{Page, Svg, Table};
use wattmill_units::{Power, Seconds};

/// What a fleet did as one page of HTML: headline figures, what happened from minute to minute, and
/// every figure of the text.
pub fn serve_page(report: &ServeReport) -> String {
    let ServedFleet { services: all, pools: machines, books, .. } = &report.served;
    let served = &report.served;
    let asked = books.requests.asked();
    let traffic = traffic_line(&report.traffic, asked);
    let shaping = report.shaping.iter().fold(traffic, |told, more| format!("{told}; {more}"));
    let within: u64 = all.iter().map(|service| service.within).sum();
    let slowest = all.iter().map(|service| service.ttft.p99).fold(Seconds::ZERO, Seconds::max);
    let tokens: u64 = all.iter().map(|service| service.output_tokens).sum();
    let power: Option<Power> = machines.iter().map(|pool| pool.power).sum();
    let mut page = Page::new(&report.fleet)
        .lead(format!("{shaping}, every request simulated."))
        .figure(grouped(asked as f64), "requests asked")
        .figure(
            if asked > 0 { percent(within as f64 / asked as f64) } else { "-".to_owned() },
            "of them answered within both limits",
        )
        .figure(milliseconds(slowest), "time to first token, p99 of the slowest service")
        .figure(
            prefixed(tokens as f64 / served.span.as_s().max(1e-9)),
            "output tokens a second, delivered",
        )
        .figure(
            or_dash(power, |power| format!("{} kW", number(power.as_kw()))),
            "accelerator power, mean, idle included",
        );
    if let Some(cost) = served.cost_per_million_output {
        page = page.figure(format!("{} USD", usd(cost)), "a million output tokens");
    }
    if let Some(with) = &report.calibration {
        page = page.note(&with.to_string());
    }
    if served.interrupted {
        page =
            page.note("Partial: interrupted before the last request; what was asked is answered.");
    }
    for warning in &report.warnings {
        page = page.note(warning);
    }
    let of = |service: &ServedService| ServiceOf {
        name: service.name.clone(),
        slo: (service.slo.0, service.slo.1),
    };
    let pool_names = machines.iter().map(|pool| pool.name.clone()).collect();
    let (over_time, left_out) = OverTime::new(
        &served.rows,
        all.iter().map(of).collect(),
        pool_names,
        served.regions.clone(),
    );
    page = charts(page.section("Requests"), over_time.requests());
    if books.requests.finished() == asked {
        page = page.text("Every request was answered.");
    }
    if let Some(told) = left_out {
        page = page.text(&told);
    }
    page = page.table(&services(all));
    page = charts(page.section("Latency"), over_time.latencies());
    page = charts(page.section("Queues, batches and caches"), over_time.work());
    page = page.table(&work(machines));
    let bill = over_time.power_and_cost();
    if !bill.is_empty() {
        page = charts(page.section("Power and cost"), bill);
    }
    page = charts(page.section("Replicas"), over_time.states()).table(&pools(machines));
    let transfers = over_time.transfers();
    if !transfers.is_empty() {
        page = charts(page.section("Hand-over of prompts"), transfers);
    }
    let mut rest = Table::new(["", ""]).left(&[0, 1]);
    for (name, value) in facts(report) {
        rest.push([name.to_owned(), value]);
    }
    page.section("What became of everything")
        .table(&rest)
        .foot(format!("answer {:016x}", served.answer_hash))
        .foot(format!("wattmill {}", env!("CARGO_PKG_VERSION")))
        .render()
}

fn charts(page: Page, charts: Vec<Svg>) -> Page {
    charts.iter().fold(page, Page::chart)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::served;

    #[test]
    fn a_page_says_what_the_text_says() {
        let mut report = served();
        report.served.rows[0].services[0].tpot = Some([Seconds::from_ms(20.0); 3]);
        let page = serve_page(&report);
        for told in [
            "<h1>Small</h1>",
            "3 requests of t.csv; speed 2, every request simulated.",
            "Partial: interrupted",
            ">Requests that were not answered</text>",
            ">shed: a queue was full, or they would have come too late</text>",
            ">limit 2 s</text>",
            ">KV blocks in use, %</text>",
            ">accelerator power, kW</text>",
            ">USD a million output tokens</text>",
            ">Replicas that are not off, by state</text>",
            ">GB a second</text>",
            "closes on both sides",
            "answer 0000000000000007",
        ] {
            assert!(page.contains(told), "{told}");
        }
        assert!(!page.contains("no data"));
    }

    #[test]
    fn what_did_not_happen_has_no_picture() {
        let mut report = served();
        for row in &mut report.served.rows {
            (row.all.shed, row.all.lost) = (0, 0);
            (row.pools[0].cost, row.transfers.prompts) = (None, 0);
        }
        let page = serve_page(&report);
        for left_out in ["not answered", "USD a million output tokens</text>", "GB a second"] {
            assert!(!page.contains(left_out), "{left_out}");
        }
    }
}
