//! What a fleet did, as tables on a terminal.

use std::fmt::Write;

use wattmill_sim::Latency;
use wattmill_units::{Bytes, Money, Power, Seconds};

use super::{
    ServeReport, ServedFleet, ServedPool, ServedPoolRow, ServedProvider, ServedRow, ServedService,
};
use crate::bars::{ends, plain, with_bar};
use crate::format::{counted, grouped, ms, number, or_dash, percent, prefixed, usd};
use crate::replay::traffic_line;
use crate::table::Table;

/// Rows of the time series that are printed; of more, every few.
const ROWS: usize = 30;

/// What a fleet did, as text.
pub fn serve_text(report: &ServeReport) -> String {
    let ServeReport { served, .. } = report;
    let requests = served.books.requests;
    let mut out = String::new();
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    line(format!("{}: {}", report.fleet, counted(served.pools.len(), "pool")));
    let traffic = traffic_line(&report.traffic, requests.asked());
    line(match &report.shaping[..] {
        [] => traffic,
        shaping => format!("{traffic}; {}", shaping.join(", ")),
    });
    if served.interrupted {
        line("PARTIAL: interrupted before the last request; what was asked is answered".to_owned());
    }
    line(format!("\n{}", services(&served.services)));
    line(pools(&served.pools).to_string());
    line(work(&served.pools).to_string());
    if !served.providers.is_empty() {
        line(providers(&served.providers).to_string());
    }
    line(believed(served));
    line(series(&served.rows));
    for (name, value) in facts(report) {
        line(format!("{name:<16}{value}"));
    }
    line(format!("answer          {:016x}", served.answer_hash));
    out
}

pub(super) fn services(services: &[ServedService]) -> Table {
    let mut table = Table::new([
        "service", "asked", "in SLO", "goodput", "TTFT p50", "p90", "p99", "TPOT p50", "p90",
        "p99", "rejected", "shed", "lost",
    ])
    .units(["", "", "of asked", "1/s", "ms", "ms", "ms", "ms", "ms", "ms", "", "", ""]);
    for service in services {
        let [ttft, tpot] = [&service.ttft, &service.tpot].map(latencies);
        let mut row = vec![
            service.name.clone(),
            grouped(service.asked as f64),
            or_dash(service.attainment(), percent),
            number(service.goodput_per_s),
        ];
        row.extend(ttft.into_iter().chain(tpot));
        row.extend([service.rejected, service.shed, service.lost].map(|n| grouped(n as f64)));
        table.push(row);
    }
    table
}

/// Where 80 % of measurements of such engines lie.
fn believed(served: &ServedFleet) -> String {
    let headers = ["service, 80 % of measurements", "TTFT", "", "TPOT", "", "end to end", ""];
    let mut services =
        Table::new(headers).units(["", "mean ms", "ms", "mean ms", "ms", "mean ms", "ms"]);
    for service in &served.services {
        let (ttft, tpot, whole) = (service.ttft.mean, service.tpot.mean, service.end_to_end.mean);
        let whole_bar = service.bars.end_to_end(ttft, whole);
        let mut row = vec![service.name.clone()];
        for (mean, bar) in
            [(ttft, service.bars.ttft), (tpot, service.bars.tpot), (whole, whole_bar)]
        {
            let there = mean > Seconds::ZERO;
            row.push(or_dash(there.then_some(mean), ms));
            row.push(ends(mean.as_ms(), bar.as_ref().filter(|_| there), plain));
        }
        services.push(row);
    }
    let headers = ["pool, 80 % of measurements", "energy", "", "a million", "", "rows", "inside"];
    let mut pools = Table::new(headers).units(["", "J/token", "J/token", "USD", "USD", "", ""]);
    for pool in &served.pools {
        let (joules, cost) = (pool.joules_per_token(), pool.cost_per_million);
        let bar = pool.bars.energy.as_ref();
        let of_cost = pool.cost_interval.as_ref();
        pools.push([
            pool.name.clone(),
            or_dash(joules, number),
            joules.map_or_else(|| "-".to_owned(), |joules| ends(joules, bar, plain)),
            or_dash(cost, usd),
            cost.map_or_else(|| "-".to_owned(), |cost| ends(cost.as_usd(), of_cost, dollars)),
            bar.map_or_else(|| "-".to_owned(), |bar| grouped(bar.rows.into())),
            bar.map_or("-", |bar| if bar.inside { "yes" } else { "no" }).to_owned(),
        ]);
    }
    format!("{services}\n{pools}")
}

fn dollars(value: f64) -> String {
    usd(Money::from_usd(value))
}

fn latencies(latency: &Latency) -> [String; 3] {
    let there = latency.mean > Seconds::ZERO;
    [latency.p50, latency.p90, latency.p99].map(|at| or_dash(there.then_some(at), ms))
}

pub(super) fn pools(pools: &[ServedPool]) -> Table {
    let mut table = Table::new([
        "pool", "site", "engine", "role", "router", "replicas", "on", "busy", "batch", "power",
    ])
    .units(["", "", "", "", "", "most", "mean", "of on", "mean", "W, mean"])
    .left(&[0, 1, 2, 3, 4]);
    for pool in pools {
        table.push([
            pool.name.clone(),
            pool.site.clone(),
            pool.engine.clone(),
            pool.role.to_owned(),
            pool.router.to_owned(),
            grouped(pool.replicas.into()),
            number(pool.replicas_on),
            percent(pool.busy),
            number(pool.batch_mean),
            or_dash(pool.power, |power| grouped(power.as_watts())),
        ]);
    }
    table
}

pub(super) fn work(pools: &[ServedPool]) -> Table {
    let mut table = Table::new([
        "pool",
        "prompts",
        "found",
        "saved",
        "evicted",
        "made",
        "preempted",
        "KV peak",
    ])
    .units(["", "tokens", "in cache", "tokens", "blocks", "tokens", "", "of a replica"]);
    for pool in pools {
        let usage = &pool.usage;
        let cached = |count: u64| or_dash(pool.hit_rate, |_| prefixed(count as f64));
        table.push([
            pool.name.clone(),
            prefixed(usage.prefill_tokens as f64),
            or_dash(pool.hit_rate, percent),
            cached(usage.cached_tokens),
            cached(usage.evicted_blocks),
            prefixed(usage.output_tokens() as f64),
            grouped(pool.preemptions as f64),
            percent(usage.peak_blocks as f64 / pool.cache.0.max(1) as f64),
        ]);
    }
    table
}

fn providers(providers: &[ServedProvider]) -> Table {
    let mut table = Table::new([
        "provider",
        "pools",
        "accelerators",
        "made",
        "accelerators",
        "energy",
        "both",
        "a million",
    ])
    .units(["", "", "hours", "tokens", "USD", "USD", "USD", "USD"]);
    for provider in providers {
        let made = provider.output_tokens as f64;
        let each = provider.cost().filter(|_| made > 0.0).map(|cost| cost / (made / 1e6));
        table.push([
            provider.name.clone().unwrap_or_else(|| "(own)".to_owned()),
            grouped(provider.pools as f64),
            number(provider.accelerator_hours),
            prefixed(made),
            or_dash(provider.accelerators, usd),
            or_dash(provider.energy, usd),
            or_dash(provider.cost(), usd),
            or_dash(each, usd),
        ]);
    }
    table
}

/// The time series, all pools together.
fn series(rows: &[ServedRow]) -> String {
    let every = rows.len().div_ceil(ROWS).max(1);
    let mut table = Table::new([
        "from", "asked", "answered", "in SLO", "failed", "TTFT p90", "TPOT p90", "waiting",
        "running", "KV", "batch", "power", "tokens/s", "ready",
    ])
    .units([
        "",
        "",
        "",
        "of answered",
        "",
        "ms",
        "ms",
        "",
        "",
        "fullest",
        "mean",
        "W",
        "out",
        "",
    ]);
    for row in rows.iter().step_by(every) {
        let most = |of: fn(&ServedPoolRow) -> f64| row.pools.iter().map(of).fold(0.0, f64::max);
        let all = &row.all;
        let within = (all.finished > 0).then(|| all.within as f64 / all.finished as f64);
        let power: Power = row.pools.iter().filter_map(ServedPoolRow::power).sum();
        let total = row.of_all_pools();
        table.push([
            row.from.to_string(),
            grouped(all.asked as f64),
            grouped(all.finished as f64),
            or_dash(within, percent),
            grouped(all.failed() as f64),
            or_dash(all.ttft.map(|[_, p90, _]| p90), ms),
            or_dash(all.tpot.map(|[_, p90, _]| p90), ms),
            grouped(total.waiting as f64),
            grouped(total.running as f64),
            percent(most(|pool| pool.kv_used().unwrap_or(0.0))),
            number(most(ServedPoolRow::batch_mean)),
            grouped(power.as_watts()),
            prefixed(total.output_tokens_per_s()),
            grouped(total.ready.into()),
        ]);
    }
    match every {
        1 => table.to_string(),
        every => format!("{table}Every {every}. row of {}; --json has all.\n", rows.len()),
    }
}

/// Everything else, by name.
pub(super) fn facts(report: &ServeReport) -> Vec<(&'static str, String)> {
    let ServedFleet { books, transfers, .. } = &report.served;
    let served = &report.served;
    let (asked, shed) = (books.requests.asked(), books.requests.was_shed());
    let count = |n: u64| grouped(n as f64);
    let mut facts = vec![(
        "requests",
        format!(
            "{} asked = {} answered + {} rejected as too long + {} shed + {} lost + {} in hand",
            count(asked),
            count(books.requests.finished()),
            count(books.requests.rejected()),
            count(shed),
            count(books.requests.lost()),
            count(books.in_hand),
        ),
    )];
    if shed > 0 {
        facts.push((
            "shed",
            format!(
                "{} would have come too late, {} found a full queue: the load is beyond what the fleet \
                 serves",
                count(books.too_late),
                count(shed - books.too_late)
            ),
        ));
    }
    facts.push((
        "tokens",
        format!(
            "{} made = {} delivered + {} wasted on lost replicas + {} under way; {} requests sent again",
            count(books.tokens_made),
            count(books.tokens_delivered),
            count(books.tokens_wasted),
            count(books.tokens_under_way),
            count(books.resent),
        ),
    ));
    facts.push((
        "ledger",
        match &served.imbalance {
            None => "closes on both sides".to_owned(),
            Some(what) => format!("DOES NOT CLOSE: {what}"),
        },
    ));
    if transfers.count > 0 {
        facts.push((
            "hand-over",
            format!(
                "{} prompts, {}; first token to arrival p50 {}, p99 {}",
                count(transfers.count),
                Bytes::from_bytes(transfers.bytes),
                transfers.wait.p50,
                transfers.wait.p99
            ),
        ));
    }
    for pool in served.pools.iter().filter(|pool| !pool.caps.is_empty()) {
        let cap = |cap: &super::ServedCap| {
            let power = cap.accelerator.map_or_else(
                || "their limit".to_owned(),
                |power| format!("{} W", grouped(power.as_watts())),
            );
            format!("{power} from {}", cap.from)
        };
        let caps: Vec<String> = pool.caps.iter().map(cap).collect();
        facts.push(("power caps", format!("{}: {}", pool.name, caps.join(", "))));
    }
    for pool in &served.pools {
        facts.extend(pool.sustained.map(|rate| {
            ("autoscaler", format!("{}: {} requests/s a replica", pool.name, number(rate)))
        }));
    }
    facts.push(("span", served.span.to_string()));
    facts.push((
        "energy",
        match served.facility_energy {
            Some(energy) => format!("{energy} of the facility, PUE included"),
            None => "unknown: no published TDP of an accelerator".to_owned(),
        },
    ));
    facts.push((
        "cost",
        match (served.cost, served.cost_per_million_output) {
            (Some(cost), Some(each)) => {
                let shown = format!("{} USD a million output tokens", usd(each));
                let bar = served.cost_interval.as_ref();
                let each = with_bar(&shown, each.as_usd(), bar, dollars);
                format!("{} USD, {each}", usd(cost))
            }
            (Some(cost), None) => format!("{} USD, for no token", usd(cost)),
            (None, _) => {
                "unknown: state `price` of every site and `accelerator_hour` of every pool"
                    .to_owned()
            }
        },
    ));
    if let Some(grams) = served.carbon_g {
        facts.push(("carbon", format!("{} kg CO₂e", number(grams / 1e3))));
    }
    let rate = asked as f64 / report.wall.as_s().max(1e-9);
    facts.push(("simulated", format!("in {}: {} requests/s", report.wall, prefixed(rate))));
    facts
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::document::served;

    #[test]
    fn a_fleet_in_words() {
        expect![[r#"
            Small: 1 pool
            3 requests of t.csv; speed 2
            PARTIAL: interrupted before the last request; what was asked is answered

            service  asked    in SLO  goodput  TTFT p50  p90   p99  TPOT p50  p90  p99  rejected  shed  lost
                            of asked      1/s        ms   ms    ms        ms   ms   ms
            -------  -----  --------  -------  --------  ---  ----  --------  ---  ---  --------  ----  ----
            chat         3   33.33 %  0.01667       400  900  1100         -    -    -         0     1     1

            pool  site  engine                             role  router    replicas    on   busy  batch    power
                                                                               most  mean  of on   mean  W, mean
            ----  ----  ---------------------------------  ----  --------  --------  ----  -----  -----  -------
            all   hall  llama-3.1-8b on dgx-h100, TP1 fp8  both  kv-aware         2   1.5   30 %    1.1      900

            pool  prompts     found   saved  evicted    made  preempted       KV peak
                   tokens  in cache  tokens   blocks  tokens             of a replica
            ----  -------  --------  ------  -------  ------  ---------  ------------
            all       700      30 %     300        4     100          0           7 %

            provider  pools  accelerators    made  accelerators  energy  both  a million
                                    hours  tokens           USD     USD   USD        USD
            --------  -----  ------------  ------  ------------  ------  ----  ---------
            lender        1         0.025     100          0.50    0.00  0.50      5,000

            service, 80 % of measurements     TTFT                 TPOT      end to end
                                           mean ms          ms  mean ms  ms     mean ms          ms
            -----------------------------  -------  ----------  -------  --  ----------  ----------
            chat                               500  450 to 600        -   -         500  450 to 600

            pool, 80 % of measurements   energy              a million                  rows  inside
                                        J/token     J/token        USD             USD
            --------------------------  -------  ----------  ---------  --------------  ----  ------
            all                             540  486 to 648      5,000  4,500 to 6,000    40     yes

            from  asked  answered       in SLO  failed  TTFT p90  TPOT p90  waiting  running       KV  batch  power  tokens/s  ready
                                   of answered                ms        ms                    fullest   mean      W       out
            ----  -----  --------  -----------  ------  --------  --------  -------  -------  -------  -----  -----  --------  -----
            0 ns      3         1        100 %       2       900         -        1        3     25 %    1.1    900     1.667      2

            requests        3 asked = 1 answered + 0 rejected as too long + 1 shed + 1 lost + 0 in hand
            shed            1 would have come too late, 0 found a full queue: the load is beyond what the fleet serves
            tokens          100 made = 100 delivered + 0 wasted on lost replicas + 0 under way; 0 requests sent again
            ledger          closes on both sides
            hand-over       1 prompts, 2 GB; first token to arrival p50 400 ms, p99 1.1 s
            power caps      all: their limit from 0 ns, 500 W from 20 s
            autoscaler      all: 4.5 requests/s a replica
            span            1 min
            energy          60 kJ of the facility, PUE included
            cost            0.50 USD, 5,000 USD a million output tokens (4,500 to 6,000 in 80 % of measurements of this kind; 40 rows, median 5,000)
            simulated       in 250 ms: 12 requests/s
            answer          0000000000000007
        "#]].assert_eq(&serve_text(&served()));
    }
}
