//! Sites that are lost, full, far, dear or dirty.

use proptest::prelude::*;
use wattmill_policy::{Preference, SiteRules, SiteView};
use wattmill_units::{Money, SimTime};

fn sites() -> impl Strategy<Value = Vec<SiteView>> {
    let site = (any::<bool>(), 0u64..5, 0u32..8, 0u32..12, 0u32..4, 0u32..4);
    let site = site.prop_map(|(is_up, latency, capacity, load, usd, carbon)| SiteView {
        is_up,
        latency: SimTime::from_ns(latency),
        capacity: f64::from(capacity),
        load: f64::from(load),
        price: Money::from_usd(f64::from(usd)),
        carbon_g: f64::from(carbon),
    });
    prop::collection::vec(site, 0..10)
}

fn rules() -> impl Strategy<Value = SiteRules> {
    let farthest = prop::option::of((0u64..5).prop_map(SimTime::from_ns));
    (prop::sample::select(&Preference::ALL), farthest)
        .prop_map(|(prefer, farthest)| SiteRules { prefer, farthest })
}

/// The lower the better, with the place to tell equals apart.
fn rank(rules: SiteRules, sites: &[SiteView], at: usize, work: f64) -> (bool, f64, SimTime, usize) {
    let site = &sites[at];
    let rank = match rules.prefer {
        Preference::Latency => 0.0,
        Preference::Capacity if site.capacity == 0.0 => f64::INFINITY,
        Preference::Capacity => (site.load + work) / site.capacity,
        Preference::Price => site.price.as_usd(),
        Preference::Carbon => site.carbon_g,
    };
    (rules.farthest.is_some_and(|most| site.latency > most), rank, site.latency, at)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_request_goes_to_the_best_live_site_with_room(
        rules in rules(), sites in sites(), work in 0u32..4,
    ) {
        let work = f64::from(work);
        let up: Vec<usize> = (0..sites.len()).filter(|at| sites[*at].is_up).collect();
        let room: Vec<usize> =
            up.iter().copied().filter(|at| sites[*at].load + work <= sites[*at].capacity).collect();
        let best = |of: &[usize]| {
            let ranks = of.iter().map(|at| rank(rules, &sites, *at, work));
            ranks.min_by(|a, b| a.partial_cmp(b).expect("no rank is NaN")).map(|rank| rank.3)
        };
        let Some(choice) = rules.choose(&sites, work) else {
            prop_assert!(up.is_empty(), "lost although a site is up");
            return Ok(());
        };
        prop_assert!(sites[choice.site].is_up, "sent to a dead site");
        prop_assert_eq!(choice.is_full, room.is_empty());
        prop_assert_eq!(choice.is_spilled, Some(choice.site) != best(&up));
        if !room.is_empty() {
            prop_assert_eq!(Some(choice.site), best(&room));
        }
    }

    #[test]
    fn a_share_is_spread_over_what_there_is_and_the_rest_is_said(
        rules in rules(), sites in sites(), work in 0u32..60,
    ) {
        let work = f64::from(work);
        let mut given = vec![9.0; sites.len()];
        let left = rules.spread(&sites, work, &mut given);
        let room = |site: &SiteView| {
            if site.is_up { (site.capacity - site.load).max(0.0) } else { 0.0 }
        };
        let placed: f64 = given.iter().sum();
        prop_assert!((placed + left - work).abs() < 1e-9, "nothing is lost or made");
        for (site, given) in sites.iter().zip(&given) {
            prop_assert!(*given >= 0.0 && *given <= room(site), "{site:?} got {given}");
        }
        let all: f64 = sites.iter().map(room).sum();
        prop_assert!((left - (work - all).max(0.0)).abs() < 1e-9, "{left} left, {all} of room");

        let far = |at: usize| rules.farthest.is_some_and(|most| sites[at].latency > most);
        for (a, b) in (0..sites.len()).flat_map(|a| (0..sites.len()).map(move |b| (a, b))) {
            let has_room = given[a] < room(&sites[a]) - 1e-9;
            if a == b || !has_room || given[b] <= 1e-9 {
                continue;
            }
            // `b` got some although `a` could take more: then `a` is no better.
            if rules.prefer == Preference::Capacity && far(a) == far(b) {
                let share = |at: usize| (sites[at].load + given[at]) / sites[at].capacity;
                prop_assert!(share(b) <= share(a) + 1e-9, "{} is fuller than {}", b, a);
            } else {
                let (a, b) = (rank(rules, &sites, a, 0.0), rank(rules, &sites, b, 0.0));
                prop_assert!(b < a, "{b:?} before {a:?}");
            }
        }
    }

    /// A site that is lost changes nothing for requests that would not have gone there, and takes
    /// none; when all are lost, all is.
    #[test]
    fn losing_sites_one_after_the_other(rules in rules(), mut sites in sites(), work in 0u32..4) {
        let work = f64::from(work);
        while let Some(choice) = rules.choose(&sites, work) {
            let before = choice.site;
            let other = (0..sites.len()).find(|at| *at != before && sites[*at].is_up);
            if let Some(other) = other {
                let mut fewer = sites.clone();
                fewer[other].is_up = false;
                let after = rules.choose(&fewer, work).map(|choice| choice.site);
                prop_assert_eq!(after, Some(before));
            }
            sites[before].is_up = false;
        }
        prop_assert!(sites.iter().all(|site| !site.is_up));
        let mut given = vec![1.0; sites.len()];
        prop_assert_eq!(rules.spread(&sites, work, &mut given), work, "everything is lost");
        prop_assert!(given.iter().all(|given| *given == 0.0));
    }
}
