//! Whatever an hour is like: what comes in goes out, nobody carries more than it can, and nothing is
//! charged and discharged at once.

use proptest::prelude::*;
use wattmill_policy::{BatteryRules, BatteryUse, Buyer, EnergyView, Seller, dispatch_energy};
use wattmill_units::{EnergyPrice, Power};

fn power() -> impl Strategy<Value = Power> {
    prop_oneof![Just(0.0), 0.0..1000.0f64].prop_map(Power::from_mw)
}

fn price() -> impl Strategy<Value = EnergyPrice> {
    (-100.0..300.0f64).prop_map(EnergyPrice::from_usd_per_mwh)
}

fn sellers() -> impl Strategy<Value = Vec<Seller>> {
    prop::collection::vec((power(), price()), 0..4).prop_map(|all| {
        let seller = |(index, (capacity, price))| Seller { capacity, price, grid: index == 0 };
        let mut sellers: Vec<Seller> = all.into_iter().enumerate().map(seller).collect();
        sellers.sort_by(|a, b| a.price.as_usd_per_mwh().total_cmp(&b.price.as_usd_per_mwh()));
        sellers
    })
}

fn rules() -> impl Strategy<Value = BatteryRules> {
    (prop::option::of(price()), prop::option::of(price()), prop::option::of(power())).prop_map(
        |(charge_below, discharge_above, shave_above)| BatteryRules {
            charge_below,
            discharge_above,
            shave_above,
        },
    )
}

fn buyer() -> impl Strategy<Value = Buyer> {
    (power(), price(), price()).prop_map(|(most, pays, costs)| Buyer { most, pays, costs })
}

/// The hour once more, in megawatts and as the rules are told: what goes into the battery, is curtailed,
/// comes out of it, is bought, and is sold.
fn twin(view: &EnergyView<'_>, rules: &BatteryRules) -> [f64; 5] {
    let mw = Power::as_mw;
    let used = mw(view.renewable).min(mw(view.draw));
    let over = mw(view.renewable) - used;
    let into = over.min(mw(view.takes));
    let missing = mw(view.draw) - used;
    let usual = match view.sellers.iter().find(|seller| seller.grid).or(view.sellers.first()) {
        Some(seller) => seller.price.as_usd_per_mwh(),
        None => f64::NAN,
    };
    let dear = rules.discharge_above.is_some_and(|limit| usual >= limit.as_usd_per_mwh());
    let shaved = rules.shave_above.map_or(0.0, |limit| (missing - mw(limit)).max(0.0));
    let all = dear || *rules == BatteryRules::default();
    let wished = if all { missing } else { shaved };
    let carried: f64 = view.sellers.iter().map(|seller| mw(seller.capacity)).sum();
    let by_rule = wished.min(mw(view.gives)).min(missing);
    let needed = (missing - by_rule - carried).max(0.0);
    let given = by_rule + needed.min(mw(view.gives) - by_rule + mw(view.reserve));
    let bought = (missing - given).min(carried);
    let buyer = &view.buyer;
    let wanted = if buyer.pays > buyer.costs { mw(buyer.most) } else { 0.0 };
    let of_surplus = (over - into).min(wanted);
    let worth_it = dear && rules.discharge_above.is_some_and(|limit| buyer.pays >= limit);
    let of_battery = match worth_it && missing - given <= 0.0 {
        true => (mw(view.gives) - given).min(mw(buyer.most) - of_surplus).max(0.0),
        false => 0.0,
    };
    [into, over - into - of_surplus, given + of_battery, bought, of_surplus + of_battery]
}

proptest! {
    #[test]
    fn an_hour_is_balanced(
        (draw, renewable, takes, gives, reserve) in (power(), power(), power(), power(), power()),
        sellers in sellers(),
        (rules, buyer) in (rules(), buyer()),
    ) {
        let view = EnergyView { draw, renewable, sellers: &sellers, takes, gives, reserve, buyer };
        let mut bought = vec![Power::ZERO; sellers.len()];
        let done = dispatch_energy(&view, &rules, &mut bought);
        let sum: Power = bought.iter().sum();
        let close = |a: Power, b: Power| (a - b).abs() <= Power::from_watts(1e-3);
        let of_weather = done.renewable_used + done.charged_of_surplus + done.curtailed;
        prop_assert!(close(renewable, of_weather + done.sold_of_surplus));
        prop_assert!(done.sold() <= buyer.most + Power::from_watts(1e-3));
        let carried = done.renewable_used + done.discharged_for_use() + sum - done.charged_of_grid + done.unmet;
        prop_assert!(close(draw, carried), "{:?} {:?}", done, bought);
        prop_assert!(done.charged() <= takes + Power::from_watts(1e-3));
        prop_assert!(done.discharged() <= gives + reserve + Power::from_watts(1e-3));
        prop_assert!(done.charged_of_grid <= Power::ZERO || done.discharged() <= Power::ZERO);
        let shortage = done.given[BatteryUse::Shortage as usize];
        prop_assert!(done.discharged() - shortage <= gives + Power::from_watts(1e-3), "the reserve stays");
        for (seller, bought) in sellers.iter().zip(&bought) {
            prop_assert!(*bought >= Power::ZERO && *bought <= seller.capacity);
        }
        let got = [
            done.charged_of_surplus,
            done.curtailed,
            done.discharged(),
            sum - done.charged_of_grid,
            done.sold(),
        ];
        for (got, expected) in got.into_iter().zip(twin(&view, &rules)) {
            prop_assert!((got.as_mw() - expected).abs() < 1e-6, "{} {expected}", got.as_mw());
        }
    }
}
