//! Which site or provider a request, or a share of the traffic, goes to.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use wattmill_units::{Money, SimTime};

/// What is best about the best site.
///
/// ```
/// use wattmill_policy::Preference;
/// assert_eq!("price".parse::<Preference>()?, Preference::Price);
/// assert_eq!(
///     "luck".parse::<Preference>().unwrap_err().to_string(),
///     "sites cannot be ranked by \"luck\"; name one of latency, capacity, price, carbon",
/// );
/// # Ok::<(), wattmill_policy::UnknownPreference>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Preference {
    /// The nearest.
    #[default]
    Latency,
    /// The one with the least of its capacity in use.
    Capacity,
    /// The cheapest.
    Price,
    /// The one that emits least.
    Carbon,
}

impl Preference {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Latency, Self::Capacity, Self::Price, Self::Carbon];

    /// As text names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Capacity => "capacity",
            Self::Price => "price",
            Self::Carbon => "carbon",
        }
    }
}

impl fmt::Display for Preference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Preference {
    type Err = UnknownPreference;
    fn from_str(text: &str) -> Result<Self, UnknownPreference> {
        let named = Self::ALL.into_iter().find(|preference| preference.name() == text);
        named.ok_or_else(|| UnknownPreference(text.to_owned()))
    }
}

/// There is no preference of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sites cannot be ranked by {0:?}; name one of latency, capacity, price, carbon")]
pub struct UnknownPreference(
    /// What was asked for.
    pub String,
);

/// How sites are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SiteRules {
    /// What is best about the best site.
    pub prefer: Preference,
    /// Sites farther than this are a last resort; `None` if none is too far.
    pub farthest: Option<SimTime>,
}

/// A site or provider, as seen from where the request is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SiteView {
    /// Whether requests may be sent there: it is neither lost nor closed.
    pub is_up: bool,
    /// From there to the site and back.
    pub latency: SimTime,
    /// Work it sustains, in any unit that all sites share.
    pub capacity: f64,
    /// Work it has, in that unit; more than its capacity if it has a queue.
    pub load: f64,
    /// What a million tokens cost there.
    pub price: Money,
    /// Grams of CO₂e emitted for a million tokens there.
    pub carbon_g: f64,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteChoice {
    /// Place of the site in the list.
    pub site: usize,
    /// Whether that is not the site it would go to if all had room, because that one is full.
    pub is_spilled: bool,
    /// Whether every site is full, so that it will have to wait.
    pub is_full: bool,
}

impl SiteView {
    /// Work it can take before it is full.
    fn room(&self) -> f64 {
        if self.is_up { (self.capacity - self.load).max(0.0) } else { 0.0 }
    }

    /// Share of its capacity in use; of none, all.
    fn use_of_capacity(&self, more: f64) -> f64 {
        if self.capacity > 0.0 { (self.load + more) / self.capacity } else { f64::INFINITY }
    }
}

impl SiteRules {
    fn is_far(&self, site: &SiteView) -> bool {
        self.farthest.is_some_and(|most| site.latency > most)
    }

    /// The better of two sites for `work` first, both being up: near enough, then by preference, then
    /// nearer.
    fn compare(&self, a: &SiteView, b: &SiteView, work: f64) -> Ordering {
        let rank = |site: &SiteView| match self.prefer {
            Preference::Latency => 0.0,
            Preference::Capacity => site.use_of_capacity(work),
            Preference::Price => site.price.as_usd(),
            Preference::Carbon => site.carbon_g,
        };
        let far = self.is_far(a).cmp(&self.is_far(b));
        far.then_with(|| rank(a).total_cmp(&rank(b))).then_with(|| a.latency.cmp(&b.latency))
    }

    /// Site of a request of `work`: the best that has room for it; if none has, the one that is
    /// fullest by least, so that the wait is shared; `None` if no site is up, and the request is
    /// lost.
    ///
    /// ```
    /// use wattmill_policy::{SiteChoice, SiteRules, SiteView};
    /// use wattmill_units::{Money, SimTime};
    /// let site = |ms: u64, load| SiteView {
    ///     is_up: true,
    ///     latency: SimTime::from_ns(ms * 1_000_000),
    ///     capacity: 10.0,
    ///     load,
    ///     price: Money::from_usd(1.0),
    ///     carbon_g: 50.0,
    /// };
    /// let rules = SiteRules::default();
    /// let mut sites = [site(20, 3.0), site(90, 3.0)];
    /// let choice = |sites: &[SiteView]| rules.choose(sites, 1.0).map(|choice| choice.site);
    /// assert_eq!(choice(&sites), Some(0), "the nearest");
    /// sites[0].load = 9.5;
    /// let spilled = SiteChoice { site: 1, is_spilled: true, is_full: false };
    /// assert_eq!(rules.choose(&sites, 1.0), Some(spilled), "it is full");
    /// sites[1].is_up = false;
    /// assert_eq!(choice(&sites), Some(0), "better full than lost");
    /// sites[0].is_up = false;
    /// assert_eq!(choice(&sites), None);
    /// ```
    pub fn choose(&self, sites: &[SiteView], work: f64) -> Option<SiteChoice> {
        let up = || sites.iter().enumerate().filter(|(_, site)| site.is_up);
        type Placed<'a> = (usize, &'a SiteView);
        let better = |a: &Placed<'_>, b: &Placed<'_>| self.compare(a.1, b.1, work);
        let emptier = |a: &Placed<'_>, b: &Placed<'_>| {
            a.1.use_of_capacity(work).total_cmp(&b.1.use_of_capacity(work))
        };
        // Of equals `min_by` takes the first.
        let (best, _) = up().min_by(better)?;
        let with_room = up().filter(|(_, site)| site.load + work <= site.capacity).min_by(better);
        let (site, _) = with_room.or_else(|| up().min_by(emptier))?;
        let is_full = with_room.is_none();
        Some(SiteChoice { site, is_spilled: site != best, is_full })
    }

    /// Spreads `work` over the sites, the best first, each up to its capacity, and gives what finds
    /// no room: all of it if no site is up. Sites of equal rank are filled in order.
    ///
    /// By [`Preference::Capacity`] the least used site is filled up to the next one, and so on: all
    /// that get any end at the same share of their capacity.
    ///
    /// ```
    /// use wattmill_policy::{Preference, SiteRules, SiteView};
    /// use wattmill_units::{Money, SimTime};
    /// let site = |ms: u64, capacity, usd| SiteView {
    ///     is_up: true,
    ///     latency: SimTime::from_ns(ms * 1_000_000),
    ///     capacity,
    ///     load: 0.0,
    ///     price: Money::from_usd(usd),
    ///     carbon_g: 50.0,
    /// };
    /// let sites = [site(20, 10.0, 2.0), site(50, 30.0, 1.0)];
    /// let mut given = [0.0; 2];
    /// let spread = |prefer, work, given: &mut [f64]| {
    ///     SiteRules { prefer, farthest: None }.spread(&sites, work, given)
    /// };
    /// assert_eq!((spread(Preference::Latency, 16.0, &mut given), given), (0.0, [10.0, 6.0]));
    /// assert_eq!((spread(Preference::Price, 16.0, &mut given), given), (0.0, [0.0, 16.0]));
    /// assert_eq!((spread(Preference::Capacity, 16.0, &mut given), given), (0.0, [4.0, 12.0]));
    /// assert_eq!((spread(Preference::Price, 50.0, &mut given), given), (10.0, [10.0, 30.0]));
    /// ```
    pub fn spread(&self, sites: &[SiteView], work: f64, given: &mut [f64]) -> f64 {
        given.fill(0.0);
        let mut order: Vec<usize> = (0..sites.len()).filter(|at| sites[*at].room() > 0.0).collect();
        // Stable, so that equals stay in order.
        order.sort_by(|a, b| self.compare(&sites[*a], &sites[*b], 0.0));
        let mut left = work.max(0.0);
        if self.prefer == Preference::Capacity {
            let far = order.partition_point(|at| !self.is_far(&sites[*at]));
            for group in [&order[..far], &order[far..]] {
                left -= level(sites, group, left, given);
            }
        } else {
            for at in order {
                given[at] = left.min(sites[at].room());
                left -= given[at];
            }
        }
        left.max(0.0)
    }
}

/// Brings `group`, the least used first, to one share of their capacity by `work`, or fills them;
/// how much they got.
fn level(sites: &[SiteView], group: &[usize], work: f64, given: &mut [f64]) -> f64 {
    let (mut load, mut capacity) = (0.0, 0.0);
    let mut share: f64 = 0.0;
    for (place, at) in group.iter().enumerate() {
        load += sites[*at].load;
        capacity += sites[*at].capacity;
        share = (load + work) / capacity;
        let next = group.get(place + 1).map(|at| sites[*at].use_of_capacity(0.0));
        if next.is_none_or(|next| share <= next) {
            break;
        }
    }
    let mut got = 0.0;
    for at in group {
        let site = &sites[*at];
        given[*at] = (share * site.capacity - site.load).clamp(0.0, site.room()).min(work - got);
        got += given[*at];
    }
    got
}
