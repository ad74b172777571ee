//! Who owes whom: counterparties, the circles that money goes in, and what one default or delay does.

use std::collections::BTreeMap;

use jiff::civil::Date;
use wattmill_factory::{Deal, DealKind, Event, Factory, US};
use wattmill_units::{Id, Money};

use crate::cash::Cash;
use crate::deals::{Moved, Period, moved, moved_late};
use crate::result::Receipt;

/// What contracts come to over the whole plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statement {
    /// Every contract that pays over time.
    pub deals: Vec<DealOutcome>,
    /// Everyone who pays us or whom we pay, the largest first, then those who by our contracts only pay
    /// one another.
    pub parties: Vec<Party>,
    /// Circles that money goes in, the largest first.
    pub circles: Vec<Circle>,
    /// What each default that happens does.
    pub defaults: Vec<DefaultOutcome>,
    /// Sum of the squares of the parties' shares of what comes in: 1 if all of it is one's.
    pub concentration: Option<f64>,
}

/// A contract over the plan.
#[derive(Clone, Debug, PartialEq)]
pub struct DealOutcome {
    /// Which.
    pub deal: Id<Deal>,
    /// Paid by who pays, or lent.
    pub paid: Money,
    /// Paid back.
    pub repaid: Money,
    /// Interest.
    pub interest: Money,
    /// Lent and not paid back, at most.
    pub most_owed: Money,
    /// The same at the end of the plan.
    pub owed: Money,
}

/// Someone who pays us or whom we pay, or who by our contracts pays or is paid by others.
#[derive(Clone, Debug, PartialEq)]
pub struct Party {
    /// Who.
    pub name: String,
    /// What comes from it: payments, investments, loans.
    pub received: Money,
    /// What goes to it: purchases, payments, interest, repayment.
    pub paid: Money,
    /// What goes to it from others than us, by contracts of the file.
    pub from_others: Money,
    /// What goes from it to others than us.
    pub to_others: Money,
    /// What we owe it at most.
    pub most_owed: Money,
    /// Its share of all that comes in.
    pub share: f64,
    /// What contracts with it do when it defaults at the start, and when it is a year late; `None`
    /// without contracts.
    pub stress: Option<Stress>,
}

impl Party {
    /// What comes from it and goes back to it.
    pub fn round_trip(&self) -> Money {
        self.received.min(self.paid)
    }

    /// What goes to it from others than us, and from it to them.
    pub fn among_others(&self) -> Money {
        self.from_others + self.to_others
    }
}

/// What a default and a delay of a year do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stress {
    /// More to be financed from elsewhere when it defaults.
    pub default_to_finance: Money,
    /// The same as a share of what all others are paid: what they go without if nobody else steps in. At
    /// most all of it: nobody goes without more than they are paid.
    pub default_of_others: f64,
    /// More to be financed from elsewhere when it is a year late.
    pub late_to_finance: Money,
}

/// What one default does, against the same plan without it.
#[derive(Clone, Debug, PartialEq)]
pub struct DefaultOutcome {
    /// Name of the event.
    pub event: String,
    /// Who defaults.
    pub party: String,
    /// When.
    pub on: Date,
    /// What we get less of it.
    pub missing: Money,
    /// What we need not pay it.
    pub spared: Money,
    /// What we owe it on that is not called in, at the end.
    pub owed: Money,
    /// More to be financed from elsewhere.
    pub to_finance: Money,
    /// What others go without, the most first: what it would have paid or lent them itself, and what we
    /// would pay them if nobody else steps in for it, each as it is paid.
    pub others: Vec<(String, Money)>,
}

/// A circle of payments.
#[derive(Clone, Debug, PartialEq)]
pub struct Circle {
    /// Each pays the next, the last one the first.
    pub parties: Vec<String>,
    /// What goes all the way round: the smallest of its payments.
    pub around: Money,
}

/// Payments from one to another.
pub(crate) type Edges = BTreeMap<(String, String), Money>;

/// Cash with what contracts move, and with these receipts.
pub(crate) type CashOf<'a> = dyn Fn(&[Vec<Moved>], &[Receipt]) -> Cash + 'a;

/// What a statement is made of.
pub(crate) struct Accounts<'a> {
    pub(crate) factory: &'a Factory,
    pub(crate) periods: &'a [Period],
    pub(crate) receipts: &'a [Receipt],
    /// Purchases outside of contracts, by supplier.
    pub(crate) purchases: &'a [(String, Money)],
    /// What every contract moves, by contract, then quarter.
    pub(crate) moved: &'a [Vec<Moved>],
    /// What is to be financed from elsewhere.
    pub(crate) to_finance: Money,
    /// Cash if contracts and investors did otherwise.
    pub(crate) cash: &'a CashOf<'a>,
    /// Receipts of a factory in which others default.
    pub(crate) received: &'a dyn Fn(&Factory) -> Vec<Receipt>,
}

/// Name of those who pay for services.
const CUSTOMERS: &str = "customers";
/// Longest circle that is looked for.
const LONGEST: usize = 5;
/// Days of the delay that is tried.
const YEAR: f64 = 365.0;

impl Accounts<'_> {
    pub(crate) fn statement(&self) -> Statement {
        let factory = self.factory;
        let moved = self.moved;
        let deals: Vec<DealOutcome> = factory
            .deals
            .ids()
            .zip(moved)
            .map(|(deal, moved)| DealOutcome {
                deal,
                paid: moved.iter().map(|m| m.paid).sum(),
                repaid: moved.iter().map(|m| m.repaid).sum(),
                interest: moved.iter().map(|m| m.interest).sum(),
                most_owed: moved.iter().map(|m| m.owed).fold(Money::ZERO, Money::max),
                owed: moved.last().map_or(Money::ZERO, |m| m.owed),
            })
            .collect();
        let edges = self.edges(&deals);
        let circles = circles(&edges);
        let mut parties = self.parties(&edges, &deals);
        parties.sort_by(|a, b| {
            let ours = |party: &Party| (party.received + party.paid).as_usd();
            let theirs = |party: &Party| party.among_others().as_usd();
            ours(b)
                .total_cmp(&ours(a))
                .then(theirs(b).total_cmp(&theirs(a)))
                .then(a.name.cmp(&b.name))
        });
        let concentration = (parties.iter().any(|party| party.received > Money::ZERO))
            .then(|| parties.iter().map(|party| party.share * party.share).sum());
        let defaults = self.defaults(&parties);
        Statement { deals, parties, circles, defaults, concentration }
    }

    fn edges(&self, deals: &[DealOutcome]) -> Edges {
        let mut edges = Edges::new();
        let mut pay = |from: &str, to: &str, amount: Money| {
            // Who is paid a negative price pays.
            let (from, to) = if amount < Money::ZERO { (to, from) } else { (from, to) };
            if amount != Money::ZERO {
                *edges.entry((from.to_owned(), to.to_owned())).or_insert(Money::ZERO) +=
                    amount.max(-amount);
            }
        };
        for (deal, outcome) in self.factory.deals.iter().zip(deals) {
            pay(&deal.from, &deal.to, outcome.paid);
            pay(&deal.to, &deal.from, outcome.repaid + outcome.interest);
        }
        for receipt in self.receipts {
            pay(&receipt.from, &receipt.to, receipt.amount);
        }
        for (supplier, amount) in self.purchases {
            pay(US, &self.called(supplier), *amount);
        }
        let revenue: Money = self.periods.iter().flat_map(|period| &period.revenue).sum();
        pay(CUSTOMERS, US, revenue);
        edges
    }

    /// A supplier as contracts call it, whatever letters they write large.
    fn called(&self, supplier: &str) -> String {
        let deals = self.factory.deals.iter().flat_map(|deal| [&deal.from, &deal.to]);
        let receipts = self.receipts.iter().flat_map(|receipt| [&receipt.from, &receipt.to]);
        let mut names = deals.chain(receipts);
        let found = names.find(|name| name.eq_ignore_ascii_case(supplier));
        found.cloned().unwrap_or_else(|| supplier.to_owned())
    }

    fn parties(&self, edges: &Edges, deals: &[DealOutcome]) -> Vec<Party> {
        let both = edges.keys().flat_map(|(from, to)| [from, to]);
        let mut names: Vec<String> = both.filter(|name| *name != US).cloned().collect();
        names.sort();
        names.dedup();
        let flow = |from: &str, to: &str| {
            edges.get(&(from.to_owned(), to.to_owned())).copied().unwrap_or(Money::ZERO)
        };
        let all_in: Money = names.iter().map(|name| flow(name, US)).sum();
        let all_out: Money = names.iter().map(|name| flow(US, name)).sum();
        let party = |name: String| {
            let (received, paid) = (flow(&name, US), flow(US, &name));
            let owed = |(deal, outcome): (&Deal, &DealOutcome)| {
                (deal.from == name && deal.to == US).then_some(outcome.most_owed)
            };
            let among = |keep: &dyn Fn(&str, &str) -> bool| -> Money {
                let ours = |from: &str, to: &str| from == US || to == US;
                let kept = edges.iter().filter(|((f, t), _)| !ours(f, t) && keep(f, t));
                kept.map(|(_, amount)| *amount).sum()
            };
            let from_others = among(&|_, to| to == name);
            let to_others = among(&|from, _| from == name);
            let share = if all_in > Money::ZERO { received / all_in } else { 0.0 };
            let stress = self.has_contracts(&name).then(|| {
                let default = self.more(&self.without(&name));
                let rest = all_out - paid;
                Stress {
                    default_to_finance: default,
                    default_of_others: match rest > Money::ZERO {
                        true => (default.max(Money::ZERO) / rest).min(1.0),
                        false => 0.0,
                    },
                    late_to_finance: self.more(&self.late(&name)),
                }
            });
            let most_owed = self.factory.deals.iter().zip(deals).filter_map(owed).sum();
            Party { received, paid, from_others, to_others, most_owed, share, stress, name }
        };
        names.into_iter().map(party).collect()
    }

    /// What each default does that happens within the plan.
    fn defaults(&self, parties: &[Party]) -> Vec<DefaultOutcome> {
        let happens = |event: &&Event| event.on.is_some_and(|day| day <= self.factory.end);
        let all = self.factory.events.iter().filter(happens);
        all.filter_map(|event| self.default(event, parties)).collect()
    }

    fn default(&self, event: &Event, parties: &[Party]) -> Option<DefaultOutcome> {
        let (party, on) = (event.defaults.clone()?, event.on?);
        let mut factory = self.factory.clone();
        let same = factory.events.iter_mut().find(|other| other.name == event.name)?;
        same.defaults = None;
        let without = moved(&factory, self.periods);
        let receipts = (self.received)(&factory);
        let cash = (self.cash)(&without, &receipts);
        let to_finance = -self.more(&cash);
        let paid = |moved: &[Moved]| -> Money { moved.iter().map(|m| m.paid).sum() };
        let back = |moved: &[Moved]| -> Money { moved.iter().map(|m| m.repaid + m.interest).sum() };
        let mut others: BTreeMap<String, Money> = BTreeMap::new();
        let (mut missing, mut spared, mut owed) = (Money::ZERO, Money::ZERO, Money::ZERO);
        for (receipts, sign) in [(&receipts[..], 1.0), (self.receipts, -1.0)] {
            for receipt in receipts {
                let amount = receipt.amount * sign;
                match (receipt.from == party, receipt.to == party) {
                    (true, _) if receipt.to == US => missing += amount,
                    (_, true) if receipt.from == US => spared += amount,
                    (true, _) => *others.entry(receipt.to.clone()).or_insert(Money::ZERO) += amount,
                    _ => {}
                }
            }
        }
        for ((deal, with), without) in self.factory.deals.iter().zip(self.moved).zip(&without) {
            let less = paid(without) - paid(with);
            let less_back = back(without) - back(with);
            match (deal.from == party, deal.to == party) {
                (true, _) if deal.to == US => {
                    missing += less;
                    spared += less_back;
                    owed += with.last().map_or(Money::ZERO, |m| m.owed);
                }
                (_, true) if deal.from == US => {
                    spared += less;
                    missing += less_back;
                }
                (true, _) => *others.entry(deal.to.clone()).or_insert(Money::ZERO) += less,
                (_, true) => *others.entry(deal.from.clone()).or_insert(Money::ZERO) += less_back,
                _ => {}
            }
        }
        let rest: Money = parties.iter().filter(|p| p.name != party).map(|p| p.paid).sum();
        if to_finance > Money::ZERO && rest > Money::ZERO {
            let share = (to_finance / rest).min(1.0);
            for other in parties.iter().filter(|other| other.name != party) {
                *others.entry(other.name.clone()).or_insert(Money::ZERO) += other.paid * share;
            }
        }
        let mut others: Vec<(String, Money)> =
            others.into_iter().filter(|(_, less)| *less > Money::ZERO).collect();
        others.sort_by(|a, b| b.1.as_usd().total_cmp(&a.1.as_usd()).then(a.0.cmp(&b.0)));
        let event = event.name.clone();
        Some(DefaultOutcome { event, party, on, missing, spared, owed, to_finance, others })
    }

    fn has_contracts(&self, name: &str) -> bool {
        let deal = |deal: &Deal| deal.from == name || deal.to == name;
        self.factory.deals.iter().any(deal) || self.receipts.iter().any(|r| self.to_come(r, name))
    }

    /// Whether `name` has to pay or get this after the start: what is paid, no default takes back, nor what
    /// was released by the power that stood then.
    fn to_come(&self, receipt: &Receipt, name: &str) -> bool {
        let start = self.factory.start;
        let later = receipt.date > start || receipt.date == start && receipt.released_at.is_none();
        later && (receipt.from == name || receipt.to == name)
    }

    /// What is to be financed more with this cash; rounding is nothing.
    fn more(&self, cash: &Cash) -> Money {
        let more = cash.to_finance - self.to_finance;
        let size = self.to_finance.max(cash.to_finance);
        if more.max(-more) <= size * 1e-12 { Money::ZERO } else { more }
    }

    /// Cash if nothing came from `name`: no money, and no capacity or building that would be paid for.
    /// A share of revenue is still owed, to whoever has its claims then.
    fn without(&self, name: &str) -> Cash {
        let mut moved = self.moved.to_vec();
        for (deal, moved) in self.factory.deals.iter().zip(&mut moved) {
            let delivers = matches!(deal.kind, DealKind::Lease { .. } | DealKind::Capacity { .. });
            if deal.from == name || (deal.to == name && delivers) {
                moved.iter_mut().for_each(|moved| *moved = Moved::default());
            }
        }
        let receipts: Vec<Receipt> =
            self.receipts.iter().filter(|receipt| !self.to_come(receipt, name)).cloned().collect();
        (self.cash)(&moved, &receipts)
    }

    /// Cash if everything that `name` pays came a year later.
    fn late(&self, name: &str) -> Cash {
        let late = |deal: &Deal| if deal.from == name { YEAR } else { 0.0 };
        let moved = moved_late(self.factory, self.periods, late);
        let mut receipts = self.receipts.to_vec();
        let of_its = |receipt: &&mut Receipt| receipt.from == name && self.to_come(receipt, name);
        for receipt in receipts.iter_mut().filter(of_its) {
            receipt.date = receipt.date.saturating_add(jiff::Span::new().days(YEAR as i64));
        }
        (self.cash)(&moved, &receipts)
    }
}

/// Every circle of at most [`LONGEST`] payments, each told once, from its first name on.
pub(crate) fn circles(edges: &Edges) -> Vec<Circle> {
    let mut found = Vec::new();
    let mut starts: Vec<&str> = edges.keys().map(|(from, _)| from.as_str()).collect();
    starts.dedup();
    for start in starts {
        let mut path = vec![start];
        search(edges, &mut path, Money::from_usd(f64::INFINITY), &mut found);
    }
    found.sort_by(|a, b| {
        b.around.as_usd().total_cmp(&a.around.as_usd()).then(a.parties.cmp(&b.parties))
    });
    found
}

fn search<'e>(edges: &'e Edges, path: &mut Vec<&'e str>, least: Money, found: &mut Vec<Circle>) {
    let last = path[path.len() - 1];
    for ((from, to), amount) in edges {
        if from != last {
            continue;
        }
        let least = least.min(*amount);
        if to == path[0] {
            let mut parties: Vec<String> = path.iter().map(|name| (*name).to_owned()).collect();
            // Told from ourselves on where we are part of it.
            if let Some(us) = parties.iter().position(|name| name == US) {
                parties.rotate_left(us);
            }
            found.push(Circle { parties, around: least });
        } else if path.len() < LONGEST && to.as_str() > path[0] && !path.contains(&to.as_str()) {
            path.push(to);
            search(edges, path, least, found);
            path.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_once_and_carry_their_smallest_payment() {
        let pay = [
            ("us", "nvidia", 100.0),
            ("nvidia", "us", 30.0),
            ("nvidia", "cloud", 6.0),
            ("cloud", "nvidia", 9.0),
            ("us", "cloud", 300.0),
            ("builders", "steel", 4.0),
        ];
        let edges: Edges = pay
            .iter()
            .map(|(from, to, usd)| (((*from).into(), (*to).into()), Money::from_usd(*usd)))
            .collect();
        let found: Vec<(String, f64)> =
            circles(&edges).iter().map(|c| (c.parties.join(" "), c.around.as_usd())).collect();
        let expected = [("us nvidia", 30.0), ("us cloud nvidia", 9.0), ("cloud nvidia", 6.0)];
        assert_eq!(found, expected.map(|(names, usd)| (names.to_owned(), usd)));
    }
}
