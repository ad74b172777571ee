//! Where an hour's power comes from: sun and wind first, then the battery by its rules, then whoever
//! sells cheapest; and what of it the grid gets.

use wattmill_units::{EnergyPrice, Power};

/// A grid connection or a generator that sells power in the hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seller {
    /// Most it carries.
    pub capacity: Power,
    /// Price of its energy in this hour.
    pub price: EnergyPrice,
    /// Whether it is the grid.
    pub grid: bool,
}

/// What is seen before an hour is dispatched. All powers are at the meter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnergyView<'a> {
    /// What the facility draws.
    pub draw: Power,
    /// What sun and wind bring.
    pub renewable: Power,
    /// Who sells, cheapest first.
    pub sellers: &'a [Seller],
    /// Most the battery can take.
    pub takes: Power,
    /// Most it can give without its reserve.
    pub gives: Power,
    /// What it can give beyond that, of its reserve.
    pub reserve: Power,
    /// What the grid would buy.
    pub buyer: Buyer,
}

/// What the grid would buy in the hour of what the site makes itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Buyer {
    /// Most it takes; nothing if it takes none.
    pub most: Power,
    /// What it pays. May be negative.
    pub pays: EnergyPrice,
    /// What energy of sun and wind costs that would else be curtailed.
    pub costs: EnergyPrice,
}

/// When a battery works. With none of them it gives all it can whenever sun and wind do not suffice.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BatteryRules {
    /// Below this price of the grid it is charged from it.
    pub charge_below: Option<EnergyPrice>,
    /// From this price of the grid on it gives.
    pub discharge_above: Option<EnergyPrice>,
    /// What is drawn beyond this it gives.
    pub shave_above: Option<Power>,
}

/// Why a battery gives power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatteryUse {
    /// Sun and wind do not suffice, and no rule says otherwise.
    OwnSupply,
    /// Energy is dear.
    Price,
    /// The draw is above what may be drawn.
    Peak,
    /// Nobody sells enough: the reserve may be used, too.
    Shortage,
}

impl BatteryUse {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::OwnSupply, Self::Price, Self::Peak, Self::Shortage];

    /// As shown in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OwnSupply => "own supply",
            Self::Price => "price",
            Self::Peak => "peak",
            Self::Shortage => "shortage",
        }
    }
}

/// What is done in an hour. What is bought of whom stands beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EnergyActions {
    /// Of sun and wind, what the facility uses.
    pub renewable_used: Power,
    /// Of sun and wind, what charges the battery.
    pub charged_of_surplus: Power,
    /// Of sun and wind, what is sold.
    pub sold_of_surplus: Power,
    /// Of sun and wind, what nobody takes.
    pub curtailed: Power,
    /// What is bought of the grid to charge the battery; counted in what is bought, too.
    pub charged_of_grid: Power,
    /// What the battery gives, by [`BatteryUse::ALL`].
    pub given: [Power; 4],
    /// Of that, what is sold.
    pub sold_of_battery: Power,
    /// What nobody sells.
    pub unmet: Power,
}

impl EnergyActions {
    /// What the battery takes.
    pub fn charged(&self) -> Power {
        self.charged_of_surplus + self.charged_of_grid
    }

    /// What the battery gives.
    pub fn discharged(&self) -> Power {
        self.given.iter().sum()
    }

    /// Of that, what the facility uses.
    pub fn discharged_for_use(&self) -> Power {
        self.discharged() - self.sold_of_battery
    }

    /// What is sold.
    pub fn sold(&self) -> Power {
        self.sold_of_surplus + self.sold_of_battery
    }
}

/// Dispatches an hour; `bought` gets what each seller carries.
///
/// Sun and wind carry the draw first; what they leave charges the battery, is sold if the grid pays more
/// than it costs, or else curtailed. What
/// is missing the battery gives as far as a rule says so, then the sellers carry it, cheapest first. When
/// they cannot, the battery gives its reserve. It is never charged from the grid in an hour in which it
/// gives. Where it gives because energy is dear, and the grid pays as much, it sells what is left.
///
/// ```
/// use wattmill_policy::{BatteryRules, Buyer, EnergyView, Seller, dispatch_energy};
/// use wattmill_units::{EnergyPrice, Power};
/// let mw = Power::from_mw;
/// let price = EnergyPrice::from_usd_per_mwh(120.0);
/// let sellers = [Seller { capacity: mw(50.0), price, grid: true }];
/// let (takes, gives, reserve) = (mw(10.0), mw(10.0), mw(0.0));
/// let (draw, renewable, buyer) = (mw(40.0), mw(5.0), Buyer::default());
/// let view = EnergyView { draw, renewable, sellers: &sellers, takes, gives, reserve, buyer };
/// let rules = BatteryRules {
///     discharge_above: Some(EnergyPrice::from_usd_per_mwh(100.0)),
///     ..BatteryRules::default()
/// };
/// let mut bought = [mw(0.0)];
/// let done = dispatch_energy(&view, &rules, &mut bought);
/// assert_eq!((done.renewable_used, done.discharged(), bought[0]), (mw(5.0), mw(10.0), mw(25.0)));
/// ```
pub fn dispatch_energy(
    view: &EnergyView<'_>,
    rules: &BatteryRules,
    bought: &mut [Power],
) -> EnergyActions {
    let mut done =
        EnergyActions { renewable_used: view.renewable.min(view.draw), ..EnergyActions::default() };
    let surplus = view.renewable - done.renewable_used;
    done.charged_of_surplus = surplus.min(view.takes);
    done.curtailed = surplus - done.charged_of_surplus;
    let buyer = &view.buyer;
    if buyer.pays > buyer.costs {
        done.sold_of_surplus = done.curtailed.min(buyer.most);
        done.curtailed -= done.sold_of_surplus;
    }
    let mut missing = view.draw - done.renewable_used;
    // Tariffs are the grid's; without one the cheapest seller's price is the price.
    let grid = view.sellers.iter().position(|seller| seller.grid);
    let price = grid.or(if view.sellers.is_empty() { None } else { Some(0) });
    let price = price.map(|seller| view.sellers[seller].price);

    let mut gives = view.gives;
    let mut give = |what: BatteryUse, wanted: Power, missing: &mut Power| {
        let given = wanted.min(gives).min(*missing).max(Power::ZERO);
        gives -= given;
        *missing -= given;
        done.given[what as usize] += given;
    };
    if *rules == BatteryRules::default() {
        give(BatteryUse::OwnSupply, missing, &mut missing);
    }
    let dear = price.zip(rules.discharge_above).filter(|(price, limit)| price >= limit);
    if dear.is_some() {
        give(BatteryUse::Price, missing, &mut missing);
    }
    if let Some(limit) = rules.shave_above {
        give(BatteryUse::Peak, missing - limit, &mut missing);
    }
    let carried: Power = view.sellers.iter().map(|seller| seller.capacity).sum();
    let short = missing - carried;
    if short > Power::ZERO {
        give(BatteryUse::Shortage, short, &mut missing);
        let of_reserve = (missing - carried).max(Power::ZERO).min(view.reserve);
        missing -= of_reserve;
        done.given[BatteryUse::Shortage as usize] += of_reserve;
    }
    // What nobody here can use any more.
    let left = view.gives - done.discharged();
    if let Some((_, limit)) = dear
        && buyer.pays >= limit
        && missing <= Power::ZERO
        && left > Power::ZERO
    {
        done.sold_of_battery = left.min(buyer.most - done.sold_of_surplus).max(Power::ZERO);
        done.given[BatteryUse::Price as usize] += done.sold_of_battery;
    }
    for (seller, bought) in view.sellers.iter().zip(bought.iter_mut()) {
        *bought = missing.min(seller.capacity);
        missing -= *bought;
    }
    done.unmet = missing;

    if let (Some(grid), Some(limit)) = (grid, rules.charge_below)
        && view.sellers[grid].price < limit
        && done.discharged() <= Power::ZERO
    {
        let most = rules.shave_above.unwrap_or(view.sellers[grid].capacity);
        let spare = view.sellers[grid].capacity.min(most) - bought[grid];
        done.charged_of_grid = (view.takes - done.charged_of_surplus).min(spare).max(Power::ZERO);
        bought[grid] += done.charged_of_grid;
    }
    done
}
