//! Pages of built-in factories: everything is there, nothing is broken, nothing else is needed.

use std::ops::ControlFlow;

use jiff::civil::date;
use wattmill_catalog::{Catalog, Interval};
use wattmill_config::{builtin_factory, parse_factory};
use wattmill_factory::{Factory, Goal, Target};
use wattmill_plan::{Plan, Window, Zoom, offers, run, zoom};
use wattmill_policy::BatchLimits;
use wattmill_report::{
    PlanBars, ReplayHeading, ServingBars, plan_page, plan_picture, replay_page, value_label,
    zoom_page,
};
use wattmill_sim::{Finished, Limits, Request, Setup, Summary, Tally, Usage};
use wattmill_units::{Power, Seconds, SimTime};

fn factory(name: &str) -> Factory {
    let text = builtin_factory(name).expect("it is built in");
    parse_factory(text, Catalog::builtin()).factory.expect("it is sound")
}

fn planned(factory: &Factory) -> Plan {
    run(factory, Catalog::builtin(), offers(factory, Catalog::builtin(), |_, _| {}))
}

fn zoomed(factory: &Factory) -> Zoom {
    let window = Window {
        at: factory.start.at(18, 0, 0, 0),
        length: Seconds::from_s(20.0),
        site: None,
        service: None,
    };
    let offers = offers(factory, Catalog::builtin(), |_, _| {});
    zoom(factory, Catalog::builtin(), &offers, &window, |_| ControlFlow::Continue(()))
        .expect("the window is within the plan")
}

/// What holds of every page, whatever it shows.
#[track_caller]
fn sound(page: &str) {
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    // Stripes of a picture are in it.
    let outside = page.replace("http://www.w3.org/2000/svg", "").replace("url(#wm-", "");
    for wrong in ["http:", "src=", "@import", "url(", "<script", "NaN", ">inf", "-inf", "no data"] {
        // Sources of a factory may be addresses; they are text.
        let found = outside.match_indices(wrong).next();
        let context = found.map(|(at, _)| outside[at.saturating_sub(80)..].chars().take(160));
        assert!(found.is_none(), "{wrong}: {:?}", context.map(Iterator::collect::<String>));
    }
    for element in ["svg", "figure", "table", "tr", "section", "div", "dl", "nav"] {
        let opened = page.matches(&format!("<{element}>")).count()
            + page.matches(&format!("<{element} ")).count();
        assert_eq!(opened, page.matches(&format!("</{element}>")).count(), "{element}");
    }
}

#[track_caller]
fn says(page: &str, all: &[&str]) {
    for told in all {
        assert!(page.contains(told), "{told}");
    }
}

#[test]
fn a_plan_has_every_picture_and_table() {
    let factory = factory("nvl72-rack");
    let plan = planned(&factory);
    let page = plan_page(&factory, &plan, &PlanBars::default(), None, None);
    sound(&page);
    for heading in [
        "Power",
        "Machines",
        "Tokens",
        "Latency",
        "Money",
        "Energy",
        "Every quarter",
        "Sources",
        "Books",
    ] {
        says(&page, &[&format!(">{heading}</h2>")]);
    }
    for picture in [
        "Phases",
        "Cash by quarter",
        "Who pays whom",
        "Power energised, by site",
        "Power energised, by phase",
        "Power drawn against power energised",
        "What kept each site from serving more",
        "Accelerators that run, by system",
        "What accelerators do",
        "Output tokens asked, served, and what could be served",
        "Served inside the SLO, of what was asked",
        "Latency at the operating point, against the SLO",
        "Capital, by site",
        "Cost of running it",
        "Full cost of a million output tokens",
        "From the watt to the token",
        "The last of it: accelerators that serve",
    ] {
        says(&page, &[&format!(">{picture}</text>")]);
    }
    says(
        &page,
        &[
            "<dd>268.8 kW</dd>",
            "<dd>72</dd>",
            "facility power at design PUE, kW",
            "p99 in 2 s",
            &format!("answer {:016x}", plan.answer_hash),
            &format!("seed {}", plan.seed),
        ],
    );
    assert_eq!(page, plan_page(&factory, &plan, &PlanBars::default(), None, None));
}

#[test]
fn a_programme_fits_on_its_page() {
    let factory = factory("ten-gigawatt");
    let plan = planned(&factory);
    let page = plan_page(&factory, &plan, &PlanBars::default(), None, None);
    sound(&page);
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    says(&page, &["Capital spent against investments received", "Training runs", ">Sites</text>"]);
    for site in &factory.sites {
        says(&page, &[&format!("<td>{}</td>", site.name)]);
    }
    for (phase, outcome) in factory.phases.iter().zip(&plan.phases) {
        says(&page, &[&phase.name, &outcome.last_rack.to_string()]);
    }
}

/// What a picture says on hovering over its last strip: every series and its value.
#[track_caller]
fn last_values(page: &str, picture: &str) -> Vec<(String, String)> {
    let from = page.find(&format!(">{picture}</text>")).expect("the picture is there");
    let svg = &page[from..];
    let svg = &svg[..svg.find("</svg>").expect("it ends")];
    let words = svg.rsplit("<title>").next().and_then(|rest| rest.split("</title>").next());
    let lines = words.expect("it says something").lines();
    lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.into(), v.into())).collect()
}

#[test]
fn accelerators_drawn_are_those_that_run_oversubscribed_ones_too() {
    let mut factory = factory("nvl72-rack");
    for phase in factory.phases.ids().collect::<Vec<_>>() {
        let phase = &mut factory.phases[phase];
        (phase.power, phase.oversubscription) = (phase.power * 10.0, 1.1);
    }
    for site in factory.sites.ids().collect::<Vec<_>>() {
        let grid = factory.sites[site].grid.as_mut().expect("there is a connection");
        grid.connection = grid.connection * 20.0;
    }
    let plan = planned(&factory);
    let run = plan.days.last().expect("there are days").accelerators;
    assert!((run - 11.0 * 72.0).abs() < 1e-6, "{run}");
    let page = plan_page(&factory, &plan, &PlanBars::default(), None, None);
    let drawn = last_values(&page, "Accelerators that run, by system");
    assert_eq!(drawn, [("gb200-nvl72".to_owned(), value_label(run))]);
}

/// A plan that ends before its first rack is an answer: what there is nothing of is named, not drawn, and
/// targets say that they are not met.
#[test]
fn a_plan_in_which_nothing_runs_has_no_empty_pictures() {
    let mut factory = factory("nvl72-rack");
    for phase in factory.phases.ids().collect::<Vec<_>>() {
        factory.phases[phase].first_rack = date(2029, 1, 1);
    }
    let target =
        |name: &str, by| Target { name: name.to_owned(), goal: Goal::Accelerators(72.0), by };
    factory.targets = vec![target("soon", date(2026, 12, 31)), target("later", date(2029, 12, 31))];
    let plan = planned(&factory);
    let page = plan_page(&factory, &plan, &PlanBars::default(), None, None);
    sound(&page);
    says(
        &page,
        &[
            "Not drawn, as there is nothing of it: “Accelerators that run, by system”",
            "after the plan: 2029-01-01 to 2029-01-01",
            "<td>not within the plan</td><td>no</td>",
            "<td>not by 2027-06-30; its day is after the plan</td>",
            "<dd>0 MWh</dd>",
        ],
    );
    assert!(!page.contains(">Accelerators that run, by system</text>"));
}

#[test]
fn names_are_text_and_warnings_are_told() {
    let mut factory = factory("nvl72-rack");
    factory.name = "<script>alert(1)</script>".to_owned();
    let hall = factory.sites.ids().next().expect("there is a site");
    let site = &mut factory.sites[hall];
    site.name = "<b>hall</b>".to_owned();
    site.source = Some("a \"source\" & more".to_owned());
    let mut plan = planned(&factory);
    plan.warnings.push("half of <it> is assumed".to_owned());
    let page = plan_page(&factory, &plan, &PlanBars::default(), None, None);
    sound(&page);
    says(
        &page,
        &[
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "<td>&lt;b&gt;hall&lt;/b&gt;</td>",
            "a &quot;source&quot; &amp; more",
            "<p class=\"note\">half of &lt;it&gt; is assumed</p>",
        ],
    );
}

#[test]
fn the_picture_stands_alone() {
    let factory = factory("nvl72-rack");
    let svg = plan_picture(&factory, &planned(&factory));
    assert!(
        svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.ends_with("</svg>\n")
    );
    assert!(!svg.contains("@media"), "light wherever it is shown");
    says(&svg, &["100 %", "One GB200 NVL72 rack", "at the meter"]);
}

#[test]
fn a_zoom_holds_the_plan_against_the_window() {
    let factory = factory("nvl72-rack");
    let zoom = zoomed(&factory);
    let ttft = Interval { low: 0.5, median: 1.0, high: 2.0, rows: 7, inside: false };
    let bars = [ServingBars { ttft: Some(ttft), ..ServingBars::default() }];
    let page = zoom_page(&factory, &zoom, &bars, None);
    sound(&page);
    let latency = zoom.pools[0].summary.ttft.p50.as_ms();
    let [low, high] = [0.5, 2.0].map(|factor| latency * factor);
    let cells = page.split("<td").filter_map(|cell| cell.split_once(" to "));
    let told = cells.filter_map(|(from, to)| {
        let from = from.split_once('>')?.1.replace(',', "").parse::<f64>().ok()?;
        let to = to.split_once('<')?.0.replace(',', "").parse::<f64>().ok()?;
        Some((from, to))
    });
    let near = |told: f64, value: f64| (told / value - 1.0).abs() < 0.01;
    assert!(told.clone().any(|(from, to)| near(from, low) && near(to, high)), "{low} to {high}");
    says(
        &page,
        &[
            ">How far the window is from the plan</text>",
            ">Latency in the window, against the SLO</text>",
            "chat at hall on gb200-nvl72",
            "Where 80 % of measurements of such engines lie",
            &format!("answer {:016x}", zoom.answer_hash),
        ],
    );
    let nothing = Zoom { pools: Vec::new(), unserved: vec![12.0], interrupted: true, ..zoom };
    let page = zoom_page(&factory, &nothing, &bars, None);
    sound(&page);
    says(&page, &["Nothing serves in this window", "12 requests to chat", "Partial"]);
}

#[test]
fn a_replay_draws_its_latencies_against_the_limits() {
    let slo = (Seconds::from_s(2.0), Seconds::from_ms(50.0));
    let limits = Limits { ttft: SimTime::from_seconds(slo.0), tpot: SimTime::from_seconds(slo.1) };
    let mut tally = Tally::new(Some(limits));
    for id in 0..200u64 {
        let at = |ms: f64| SimTime::from_seconds(Seconds::from_ms(ms));
        let (arrival, first) = (10.0 * id as f64, 10.0 * id as f64 + 80.0 + id as f64);
        tally.finish(&Finished {
            request: Request { id, arrival: at(arrival), input: 1000, output: 101 },
            first_token: at(first),
            finish: at(first + 2000.0 + 5.0 * id as f64),
            preemptions: 0,
            cached_tokens: 0,
        });
        tally.decode_steps(1, 20_000_000, 0, 100);
    }
    let setup = Setup {
        replicas: 2,
        limits: BatchLimits { watermark_blocks: 0, ..BatchLimits::new(256, 8192, 16, 1000) },
        idle_power: Some(Power::from_kw(2.0)),
    };
    let summary = Summary::new(&tally, &Usage::default(), &setup, tally.last_finish);
    let heading = ReplayHeading {
        requests: "200 requests of <trace>.csv".to_owned(),
        engine: "llama-3.1-70b on dgx-h100, TP8 fp8".to_owned(),
        without_watts: "a step-time table says nothing of watts",
        replicas: 2,
        router: "round-robin",
        shed: 0,
        prefix: None,
        cache: Some((1000, 16)),
        slo,
        wall: Seconds::from_ms(3.0),
        interrupted: false,
        bars: Ok(ServingBars::default()),
        calibration: None,
    };
    let page = replay_page(&heading, &summary, &tally, &[]);
    sound(&page);
    let [p50, p90, p99] = [summary.ttft.p50, summary.ttft.p90, summary.ttft.p99]
        .map(|latency| value_label(latency.as_ms()));
    says(
        &page,
        &[
            "200 requests of &lt;trace&gt;.csv",
            "On 2 replicas of llama-3.1-70b on dgx-h100, TP8 fp8",
            ">From arrival to the first token, and to the last</text>",
            ">From one token to the next</text>",
            ">TTFT limit 2 s</text>",
            ">TPOT limit 50 ms</text>",
            &format!("time to first token (TTFT): p50 {p50}, p90 {p90}, p99 {p99}"),
            "<dd>100 %</dd>",
            &format!("answer {:016x}", summary.answer_hash),
        ],
    );
    let stopped =
        replay_page(&ReplayHeading { interrupted: true, ..heading }, &summary, &tally, &[]);
    says(&stopped, &["Partial"]);
}
