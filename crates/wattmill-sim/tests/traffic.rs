//! Traffic: as much of it as asked, in order, of the same people whatever else there is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proptest::prelude::*;
use wattmill_config::{BUILTIN_SESSIONS, parse_sessions, read_client_lengths, read_clients};
use wattmill_factory::{
    Arrivals, Burst, Client, ClientLengths, ClientWindow, Clients, GapShape, LengthPdf,
    LengthTable, Lengths, Profile, Sessions,
};
use wattmill_sim::{
    AnswerTime, Ask, ClientTraffic, ClosedSessions, Finished, Merge, Mixture, OpenSessions, Part,
    Rates, Repeat, Request, Synthetic, Warp, session_of,
};
use wattmill_units::{Seconds, SimTime};

const SECOND: u64 = 1_000_000_000;

fn seconds(s: f64) -> SimTime {
    SimTime::from_seconds(Seconds::from_s(s))
}

fn fixed(name: &str, input: u32, output: u32) -> Lengths {
    let (input, output) = (LengthTable::fixed(input), LengthTable::fixed(output));
    Lengths { name: name.to_owned(), input, output }
}

/// Whether `count` is what `expected` events with gaps of variation `cv` may come to: the variance of
/// a renewal count is its mean times cv², and one seed in sixteen thousand lies beyond four deviations.
fn plausible(count: f64, expected: f64, cv: f64) -> bool {
    (count - expected).abs() < 4.0 * (expected * cv * cv).sqrt() + 1.0
}

/// Squared coefficient of variation of a Weibull.
fn weibull_cv(shape: f64) -> f64 {
    let (one, two) = (libm::tgamma(1.0 + 1.0 / shape), libm::tgamma(1.0 + 2.0 / shape));
    (two / (one * one) - 1.0).sqrt()
}

fn client(id: u64, windows: &[(u64, f64, GapShape)], tokens: Option<u32>) -> Client {
    let window = |&(start, per_s, gaps): &(u64, f64, GapShape)| ClientWindow {
        start: SimTime::from_ns(start * SECOND),
        per_s,
        gaps,
    };
    let lengths = |tokens| {
        let pdf = |n| LengthPdf::new(&[(n, 1.0)]).expect("one length is a distribution");
        (SimTime::ZERO, ClientLengths { input: pdf(tokens), output: pdf(tokens + 1) })
    };
    let windows = windows.iter().map(window).collect();
    Client { id, windows, lengths: tokens.map(lengths).into_iter().collect() }
}

fn clients(clients: Vec<Client>) -> Clients {
    Clients { window: SimTime::from_ns(600 * SECOND), clients }
}

#[test]
fn every_window_brings_its_rate_however_bunched() {
    let shapes = [
        (GapShape::Gamma(1.0), 1.0),
        (GapShape::Gamma(0.04), 5.0),
        (GapShape::Gamma(9.0), 1.0 / 3.0),
        (GapShape::Weibull(0.5), weibull_cv(0.5)),
        (GapShape::Weibull(2.0), weibull_cv(2.0)),
    ];
    for (gaps, cv) in shapes {
        // A silent window between two, as clients have them.
        let of = clients(vec![client(3, &[(0, 0.4, gaps), (1200, 2.0, gaps)], Some(5))]);
        let mut counts = [0.0; 4];
        let worlds = 200;
        for seed in 0..worlds {
            let traffic = ClientTraffic::new(seed, &of, None).expect("it has lengths");
            for ask in traffic {
                counts[(ask.request.arrival.as_ns() / (600 * SECOND)) as usize] += 1.0;
            }
        }
        let expected = [240.0, 0.0, 1200.0, 0.0].map(|n| n * worlds as f64);
        assert!(counts[1] == 0.0 && counts[3] == 0.0, "{gaps:?}: {counts:?}");
        // In a window shorter than a few gaps the variance is larger than in the long run.
        assert!(plausible(counts[0], expected[0], 1.5 * cv), "{gaps:?}: {counts:?}");
        assert!(plausible(counts[2], expected[2], 1.5 * cv), "{gaps:?}: {counts:?}");
        assert_eq!(of.expected(of.end()), 1440.0);
    }
}

#[test]
fn a_client_more_changes_nothing_about_the_others() {
    let shape = GapShape::Gamma(0.3);
    let two = vec![
        client(1, &[(0, 3.0, shape), (600, 1.0, shape)], Some(10)),
        client(8, &[(0, 2.0, GapShape::Weibull(0.7))], Some(20)),
    ];
    let mut three = two.clone();
    three.insert(1, client(4, &[(300, 5.0, shape)], Some(30)));
    let drawn = |of: &Clients| -> Vec<(u64, u32)> {
        let traffic = ClientTraffic::new(7, of, None).expect("they have lengths");
        traffic.map(|ask| (ask.request.arrival.as_ns(), ask.request.input)).collect()
    };
    let (two, three) = (drawn(&clients(two)), drawn(&clients(three)));
    let others: Vec<_> = three.iter().copied().filter(|(_, input)| *input != 30).collect();
    assert!(two.is_sorted_by_key(|ask| ask.0) && three.is_sorted_by_key(|ask| ask.0));
    assert_eq!(two, others);
    assert!(three.len() > two.len());
}

#[test]
fn clients_without_lengths_borrow_those_of_the_others_by_what_they_ask() {
    let even = GapShape::Gamma(1.0);
    let of = clients(vec![
        client(0, &[(0, 3.0, even)], Some(100)),
        client(1, &[(0, 1.0, even)], Some(200)),
        client(2, &[(0, 50.0, even)], None),
    ]);
    let traffic = ClientTraffic::new(3, &of, None).expect("some have lengths");
    let mut counts = BTreeMap::new();
    traffic.for_each(|ask| *counts.entry(ask.request.input).or_insert(0.0) += 1.0);
    let (most, least) = (counts[&100], counts[&200]);
    assert_eq!(counts.len(), 2);
    let all: f64 = most + least;
    assert!(plausible(all, 54.0 * 600.0, 1.0), "{counts:?}");
    let deviation = (all * 0.75 * 0.25).sqrt();
    assert!((most - 0.75 * all).abs() < 4.0 * deviation, "{counts:?}");
    let nobody = clients(vec![client(2, &[(0, 50.0, even)], None)]);
    assert!(ClientTraffic::new(3, &nobody, None).is_none());
    let all = fixed("all", 7, 9);
    let traffic = ClientTraffic::new(3, &nobody, Some(&all)).expect("lengths are given");
    assert!(traffic.take(100).all(|ask| (ask.request.input, ask.request.output) == (7, 9)));
}

#[test]
fn a_mixture_has_the_rates_of_its_services_in_every_slot() {
    let (a, b, c) = (fixed("a", 1, 1), fixed("b", 2, 2), fixed("c", 3, 3));
    let rates = [vec![900.0, 0.0], vec![100.0, 2000.0], vec![f64::NAN, 500.0]];
    let parts: Vec<Part<'_>> = [&a, &b, &c]
        .into_iter()
        .zip(&rates)
        .map(|(lengths, per_s)| Part { per_s: per_s.clone(), lengths })
        .collect();
    let mut counts = [[0.0; 2]; 3];
    for (service, request) in Mixture::new(5, SimTime::from_ns(SECOND), &parts) {
        assert_eq!(request.input, u32::from(service) + 1, "lengths are those of the service");
        if request.arrival.as_ns() >= 60 * SECOND {
            break;
        }
        counts[usize::from(service)][(request.arrival.as_ns() / SECOND % 2) as usize] += 1.0;
    }
    for (counts, rates) in counts.iter().zip(&rates) {
        for (count, rate) in counts.iter().zip(rates) {
            let expected = if rate.is_finite() { 30.0 * rate } else { 0.0 };
            assert!(plausible(*count, expected, 1.0), "{count} of {expected}");
            assert!(expected > 0.0 || *count == 0.0);
        }
    }
    assert_eq!(Mixture::new(5, SimTime::from_ns(SECOND), &[]).next(), None);
}

#[test]
fn shaping_moves_requests_and_loses_none() {
    let lengths = fixed("x", 10, 5);
    let plain = || Synthetic::new(2, Rates::constant(50.0), Arrivals::Poisson, &lengths);
    let mut profile = Profile { growth_per_year: 0.4, clock: seconds(5400.0), ..Profile::FLAT };
    profile.hourly = std::array::from_fn(|hour| 0.5 + hour as f64 / 24.0);
    profile.bursts = vec![Burst { at: seconds(600.0), length: seconds(60.0), factor: 10.0 }];
    let warped: Vec<Ask> = Warp::new(plain().map(Ask::alone), &profile).take(200_000).collect();
    assert!(warped.iter().zip(plain()).all(|(w, p)| Ask::alone(p)
        == Ask { request: Request { arrival: p.arrival, ..w.request }, ..w.clone() }));
    assert!(warped.is_sorted_by_key(|ask| ask.request.arrival));
    let count = |from: f64, to: f64| {
        let inside = |ask: &&Ask| (seconds(from)..seconds(to)).contains(&ask.request.arrival);
        warped.iter().filter(inside).count() as f64
    };
    for (from, to) in [(0.0, 600.0), (600.0, 660.0), (660.0, 1800.0), (1800.0, 3600.0)] {
        let passes = profile.integral(seconds(to)).as_s() - profile.integral(seconds(from)).as_s();
        assert!(plausible(count(from, to), 50.0 * passes, 1.0), "{from} to {to}");
    }
}

#[test]
fn rounds_of_a_trace_share_nothing() {
    let (_, text) = BUILTIN_SESSIONS[0];
    let sessions = parse_sessions(text).expect("it is built in");
    let trace: Vec<Ask> = open(3, 1.0, &sessions).take(200).collect();
    let period = Repeat::period(&trace);
    let all: Vec<Ask> = Repeat::new(&trace, 3, period).collect();
    assert_eq!(all.len(), 600);
    assert_eq!(all[..200], trace);
    assert!(all.is_sorted_by_key(|ask| ask.request.arrival));
    let ids: BTreeSet<u64> = all.iter().map(|ask| ask.request.id).collect();
    assert_eq!(ids.len(), 600);
    let names = |asks: &[Ask]| -> BTreeSet<u64> {
        let of = |ask: &Ask| ask.prompt.iter().map(|s| s.content).chain(ask.answer).collect();
        asks.iter().flat_map(|ask| -> Vec<u64> { of(ask) }).collect()
    };
    let rounds = [&all[..200], &all[200..400], &all[400..]].map(names);
    assert!(rounds[0].is_disjoint(&rounds[1]) && rounds[1].is_disjoint(&rounds[2]));
    assert_eq!(rounds[0].len(), rounds[2].len(), "within a round they share as before");
}

fn open(seed: u64, per_s: f64, sessions: &Sessions) -> OpenSessions<'_> {
    let answer = AnswerTime { first: Seconds::from_s(1.0), per_token: Seconds::from_ms(20.0) };
    OpenSessions::new(seed, Rates::constant(per_s), Arrivals::Poisson, sessions, answer)
}

#[test]
fn prompts_of_a_session_extend_each_other() {
    for (name, text) in BUILTIN_SESSIONS {
        let sessions = parse_sessions(text).expect("it is built in");
        let mut last: BTreeMap<u64, Ask> = BTreeMap::new();
        let mut systems = BTreeSet::new();
        let mut turns = 0;
        let mut before = SimTime::ZERO;
        for ask in open(11, 2.0, &sessions).take(20_000) {
            assert!(ask.request.arrival >= before);
            before = ask.request.arrival;
            let tokens: u64 = ask.prompt.iter().map(|s| u64::from(s.tokens)).sum();
            assert_eq!(tokens, u64::from(ask.request.input), "all of a prompt is told");
            assert!(ask.prompt.iter().all(|s| s.tokens > 0));
            let all = u64::from(ask.request.input) + u64::from(ask.request.output);
            assert!(all <= u64::from(sessions.context), "{name}: {all}");
            systems.insert(ask.prompt[0].content);
            let session = session_of(ask.request.id);
            if let Some(earlier) = last.insert(session, ask.clone()) {
                turns += 1;
                let (head, tail) = ask.prompt.split_at(earlier.prompt.len());
                assert_eq!(head, earlier.prompt);
                assert_eq!(tail.len(), 2, "the answer and a new text");
                assert_eq!(Some(tail[0].content), earlier.answer);
                assert_eq!(tail[0].tokens, earlier.request.output);
                assert_eq!(ask.request.id, earlier.request.id + 1);
            } else {
                assert_eq!((ask.request.id % 65_536, ask.prompt.len()), (0, 2));
            }
        }
        assert!(turns > 5_000, "{name}: {turns}");
        assert_eq!(systems.len(), sessions.system.count as usize, "{name}");
    }
}

#[test]
fn sessions_are_the_same_however_fast_they_are_answered() {
    let (_, text) = BUILTIN_SESSIONS[0];
    let sessions = parse_sessions(text).expect("it is built in");
    let begun = 300;
    let mut closed = ClosedSessions::new(5, Rates::constant(2.0), Arrivals::Poisson, &sessions);
    let mut asked: BTreeMap<u64, Ask> = BTreeMap::new();
    for _ in 0..begun {
        let mut ask = closed.start();
        while let Some(turn) = ask {
            let request = turn.request;
            // Whatever the engine needs: here a time that depends on the request.
            let finish = request.arrival + SimTime::from_ns(u64::from(request.input) * 1_000_000);
            let done =
                Finished { request, first_token: finish, finish, preemptions: 0, cached_tokens: 0 };
            ask = closed.next(&done);
            assert!(ask.as_ref().is_none_or(|next| next.request.arrival >= finish));
            asked.insert(request.id, turn);
        }
    }
    assert_eq!(closed.waiting(), 0);
    let timeless = |ask: &Ask| Ask {
        request: Request { arrival: SimTime::ZERO, ..ask.request },
        ..ask.clone()
    };
    let mut matched = 0;
    for ask in open(5, 2.0, &sessions).take(2_000) {
        if session_of(ask.request.id) < begun {
            assert_eq!(timeless(&ask), timeless(&asked[&ask.request.id]));
            matched += 1;
        }
    }
    assert!(matched > 500, "{matched}");
    let ask = closed.start().expect("more begin");
    assert_eq!(closed.waiting(), 1);
    closed.give_up(&ask.request);
    assert_eq!(closed.waiting(), 0);
}

#[test]
fn memory_is_that_of_the_sessions_under_way() {
    let (_, text) = BUILTIN_SESSIONS[0];
    let sessions = parse_sessions(text).expect("it is built in");
    let mut traffic = open(9, 1.0, &sessions);
    let mut most = 0;
    for _ in 0..200_000 {
        traffic.next().expect("it goes on");
        most = most.max(traffic.under_way());
    }
    // Little's law: as many as begin in the time that one takes, here a minute and a few seconds a
    // turn; those of many turns make it more than that of the mean.
    let mean = sessions.turns.mean() * 66.0;
    assert!((most as f64) < 4.0 * mean, "{most} of {mean}");
}

/// What the published clients are known to ask: the table's own rates, and 1,174.4 requests a second
/// over 14 days (`servegen_m_small_mean_rps` of the facts).
#[test]
fn published_clients_ask_what_their_table_says() {
    let traces = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/traces");
    let read = |name: &str| std::fs::read(traces.join(name)).ok();
    let (Some(windows), Some(pdfs)) = (
        read("servegen_m-small_client_windows.csv.gz"),
        read("servegen_m-small_length_pdfs_top8.jsonl.gz"),
    ) else {
        println!("skipped: ../shared absent");
        return;
    };
    let mut of = read_clients(windows.as_slice()).unwrap_or_else(|errors| panic!("{errors}"));
    let lengths = read_client_lengths(pdfs.as_slice()).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!((of.clients.len(), lengths.hand_out(&mut of)), (43, 8));
    let end = of.end();
    let mean = of.expected(end) / end.as_seconds().as_s();
    assert!((mean / 1174.4 - 1.0).abs() < 0.01, "{mean}");
    // An hour of the second day.
    let of = of.starting(seconds(108_000.0));
    let hour = seconds(3600.0);
    let traffic = ClientTraffic::new(1, &of, None).expect("some have lengths");
    let mut count = 0.0;
    let mut last = SimTime::ZERO;
    for ask in traffic.take_while(|ask| ask.request.arrival < hour) {
        assert!(ask.request.arrival >= last && ask.request.input > 0 && ask.request.output > 0);
        last = ask.request.arrival;
        count += 1.0;
    }
    let variance: f64 = of
        .clients
        .iter()
        .flat_map(|client| &client.windows)
        .filter(|window| window.start < hour)
        .map(|window| {
            let cv2 = match window.gaps {
                GapShape::Gamma(shape) => 1.0 / shape,
                GapShape::Weibull(shape) => weibull_cv(shape).powi(2),
            };
            window.per_s * 600.0 * cv2
        })
        .sum();
    let expected = of.expected(hour);
    assert!((count - expected).abs() < 4.0 * variance.sqrt(), "{count} of {expected}");
}

proptest! {
    #[test]
    fn merged_streams_stay_in_order(
        streams in prop::collection::vec(prop::collection::vec(0u64..50, 0..30), 1..6)
    ) {
        let asks = |times: &[u64]| -> Vec<Ask> {
            let mut times = times.to_vec();
            times.sort_unstable();
            (0..).zip(times).map(|(id, ns)| {
                Ask::alone(Request { id, arrival: SimTime::from_ns(ns), input: 1, output: 1 })
            }).collect()
        };
        let sorted: Vec<Vec<Ask>> = streams.iter().map(|times| asks(times)).collect();
        let named = (0u16..).zip(&sorted).map(|(s, asks)| (s + 10, asks.iter().cloned())).collect();
        let merged: Vec<Ask> = Merge::new(named).collect();
        let origin = |ask: &Ask| {
            Merge::<std::iter::Empty<Ask>>::origin(ask.request.id, sorted.len() as u64)
        };
        let keys: Vec<_> =
            merged.iter().map(|ask| (ask.request.arrival, origin(ask).0, origin(ask).1)).collect();
        prop_assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "{keys:?}");
        prop_assert_eq!(merged.len(), streams.iter().map(Vec::len).sum::<usize>());
        for ask in &merged {
            let (stream, id) = origin(ask);
            prop_assert_eq!(u64::from(ask.service), stream + 10);
            let of = &sorted[stream as usize][id as usize];
            prop_assert_eq!(of.request.arrival, ask.request.arrival);
        }
    }
}
