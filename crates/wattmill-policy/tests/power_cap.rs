//! Caps that hold whatever is claimed.

use proptest::prelude::*;
use wattmill_policy::{CapOrder, PowerClaim, cap_power};
use wattmill_units::Power;

fn claims() -> impl Strategy<Value = Vec<PowerClaim>> {
    let claim = (0.0..2000.0f64, 0.0..800.0f64, 0u8..3).prop_map(|(wanted, least, priority)| {
        PowerClaim { wanted: Power::from_watts(wanted), least: Power::from_watts(least), priority }
    });
    prop::collection::vec(claim, 0..40)
}

fn caps(budget: f64, order: CapOrder, claims: &[PowerClaim]) -> Vec<f64> {
    let mut caps = vec![Power::from_watts(77.0); claims.len()];
    cap_power(Power::from_watts(budget), order, claims, &mut caps);
    caps.iter().map(|cap| cap.as_watts()).collect()
}

const ORDERS: [CapOrder; 2] = [CapOrder::Proportional, CapOrder::Priority];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn never_above_budget_and_never_uselessly_low(claims in claims(), budget in 0.0..30_000.0f64) {
        for order in ORDERS {
            let caps = caps(budget, order, &claims);
            let total: f64 = caps.iter().sum();
            prop_assert!(total <= budget, "{total} of {budget}");
            for (claim, cap) in claims.iter().zip(&caps) {
                prop_assert!(*cap <= claim.wanted.as_watts());
                let wanted = claim.wanted.as_watts().floor();
                prop_assert!(*cap == 0.0 || *cap >= claim.least.as_watts().min(wanted));
            }
            // Nothing is held back: what is left does not switch on the next, nor raise anybody.
            let left = (budget - total).floor();
            for (claim, cap) in claims.iter().zip(&caps) {
                let wanted = claim.wanted.as_watts().floor();
                if *cap > 0.0 {
                    prop_assert!(left < 1.0 || *cap == wanted, "{left} W left, {cap} of {wanted}");
                } else if wanted > 0.0 {
                    let least = claim.least.as_watts().ceil().min(wanted).max(1.0);
                    prop_assert!(left < least, "{} W left and one of {} W is off", left, least);
                }
            }
        }
    }

    #[test]
    fn nobody_is_off_for_somebody_less_important(claims in claims(), budget in 0.0..30_000.0f64) {
        // With equal leasts, so that "the smaller one still fitted" is no reason.
        let least = Power::from_watts(200.0);
        let claims: Vec<_> = claims
            .into_iter()
            .map(|claim| PowerClaim { wanted: claim.wanted.max(least), least, ..claim })
            .collect();
        for order in ORDERS {
            let caps = caps(budget, order, &claims);
            for (off, _) in caps.iter().enumerate().filter(|(_, cap)| **cap == 0.0) {
                for (on, _) in caps.iter().enumerate().filter(|(_, cap)| **cap > 0.0) {
                    let (off, on) = ((claims[off].priority, on), (claims[on].priority, off));
                    prop_assert!(off < on, "{off:?} is off and {on:?} is on");
                }
            }
        }
    }

    #[test]
    fn more_budget_is_never_less_power_and_all_of_it_returns(
        claims in claims(), budget in 0.0..30_000.0f64, more in 0.0..30_000.0f64,
    ) {
        for order in ORDERS {
            let total = |budget| caps(budget, order, &claims).iter().sum::<f64>();
            let (less, much) = (total(budget), total(budget + more));
            prop_assert!(less <= much, "{less} of {budget}, {much} of {}", budget + more);
            let wanted: Vec<f64> = claims.iter().map(|c| c.wanted.as_watts().floor()).collect();
            let enough = claims.len() as f64 * 2000.0;
            prop_assert_eq!(caps(enough, order, &claims), wanted);
        }
    }

    #[test]
    fn shares_are_proportional(claims in claims(), budget in 0.0..30_000.0f64) {
        let caps = caps(budget, CapOrder::Proportional, &claims);
        let parts = claims.iter().zip(&caps).filter(|(_, cap)| **cap > 0.0).map(|(claim, cap)| {
            let wanted = claim.wanted.as_watts().floor();
            let least = claim.least.as_watts().ceil().min(wanted);
            (cap - least, wanted - least)
        });
        let parts: Vec<(f64, f64)> = parts.collect();
        let (got, asked) = parts.iter().fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        for (part, more) in parts {
            prop_assert!((part - more * got / asked.max(1.0)).abs() <= 1.0, "{part} of {more}");
        }
    }
}

#[test]
fn odd_numbers_are_nothing() {
    let claim = |wanted, least| PowerClaim {
        wanted: Power::from_watts(wanted),
        least: Power::from_watts(least),
        priority: 0,
    };
    let odd = [claim(f64::NAN, 5.0), claim(-4.0, 0.0), claim(10.0, -3.0), claim(10.0, f64::NAN)];
    for order in ORDERS {
        assert_eq!(caps(100.0, order, &odd), [0.0, 0.0, 10.0, 10.0]);
        assert_eq!(caps(f64::NAN, order, &odd), [0.0; 4]);
    }
}
