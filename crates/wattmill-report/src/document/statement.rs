//! Who owes whom, in a plan's document.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_factory::Factory;
use wattmill_plan as plan;

/// A part of what was bought.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CapitalPart {
    /// What it is.
    part: &'static str,
    /// Spent over the plan.
    capital_usd: f64,
    /// Lost in value over the plan.
    depreciation_usd: f64,
}

impl From<&plan::CapitalPart> for CapitalPart {
    fn from(part: &plan::CapitalPart) -> Self {
        Self {
            part: part.name,
            capital_usd: part.capital.as_usd(),
            depreciation_usd: part.depreciation.as_usd(),
        }
    }
}

/// Contracts, counterparties and circles of money over the whole plan.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Statement {
    /// Every contract that pays over time.
    contracts: Vec<Deal>,
    /// Everyone who pays us or whom we pay, the largest first, then those who only pay one another.
    parties: Vec<Party>,
    /// Circles that money goes in, the largest first.
    circles: Vec<Circle>,
    /// What each default does that happens, against the same plan without it.
    defaults: Vec<Default>,
    /// Sum of the squares of the parties' shares of what comes in; null if nothing does.
    concentration_fraction: Option<f64>,
}

/// A contract that pays over time.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ContractOutcome")]
struct Deal {
    /// Its name, or its place in the file.
    contract: String,
    /// What is paid for.
    #[schemars(extend("enum" = ["loan", "lease", "capacity", "revenue share"]))]
    kind: &'static str,
    /// Who pays, or lends; `us` is the programme.
    from: String,
    /// Who is paid, or borrows.
    to: String,
    /// First day without regard to what it comes after; null if its event does not happen.
    #[schemars(extend("format" = "date"))]
    begins: Option<String>,
    /// Day from which an event ends it.
    #[schemars(extend("format" = "date"))]
    ends: Option<String>,
    /// Paid over the plan, or lent.
    paid_usd: f64,
    /// Paid back of what was lent.
    repaid_usd: f64,
    /// Interest.
    interest_usd: f64,
    /// Lent and not paid back, at most.
    most_owed_usd: f64,
    /// The same at the end.
    owed_usd: f64,
}

/// Someone who pays us or whom we pay, or whom a contract has pay another.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Counterparty")]
struct Party {
    /// Who.
    party: String,
    /// What comes from it.
    received_usd: f64,
    /// What goes to it.
    paid_usd: f64,
    /// What comes from it and goes back to it.
    round_trip_usd: f64,
    /// What goes to it from others than us.
    from_others_usd: f64,
    /// What goes from it to others than us.
    to_others_usd: f64,
    /// What we owe it at most.
    most_owed_usd: f64,
    /// Its share of all that comes in.
    income_fraction: f64,
    /// More to finance if it defaults at the start; null without contracts.
    default_to_finance_usd: Option<f64>,
    /// The same over what all others are paid, at most all of it.
    default_of_others_fraction: Option<f64>,
    /// More to finance if it is a year late.
    late_to_finance_usd: Option<f64>,
}

/// What one default does.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CounterpartyDefault")]
struct Default {
    /// Name of the event.
    event: String,
    /// Who defaults.
    party: String,
    /// When.
    #[schemars(extend("format" = "date"))]
    on: String,
    /// What we get less of it.
    missing_usd: f64,
    /// What we need not pay it.
    spared_usd: f64,
    /// What it has lent us and is owed at the end.
    owed_usd: f64,
    /// More to finance from elsewhere.
    to_finance_usd: f64,
    /// What others go without if nobody else steps in, the most first.
    others: Vec<Loss>,
}

/// What one of the others goes without.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LossOfAnother")]
struct Loss {
    /// Who.
    party: String,
    /// How much.
    less_usd: f64,
}

/// A circle of payments.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "MoneyCircle")]
struct Circle {
    /// Each pays the next, the last one the first.
    parties: Vec<String>,
    /// What goes all the way round.
    around_usd: f64,
}

impl Statement {
    pub(super) fn of(factory: &Factory, statement: &plan::Statement) -> Self {
        let deal = |outcome: &plan::DealOutcome| {
            let deal = &factory.deals[outcome.deal];
            Deal {
                contract: deal.name.clone(),
                kind: deal.kind.name(),
                from: deal.from.clone(),
                to: deal.to.clone(),
                begins: deal.begins.map(|day| day.to_string()),
                ends: deal.ends.map(|day| day.to_string()),
                paid_usd: outcome.paid.as_usd(),
                repaid_usd: outcome.repaid.as_usd(),
                interest_usd: outcome.interest.as_usd(),
                most_owed_usd: outcome.most_owed.as_usd(),
                owed_usd: outcome.owed.as_usd(),
            }
        };
        let party = |party: &plan::Party| Party {
            party: party.name.clone(),
            received_usd: party.received.as_usd(),
            paid_usd: party.paid.as_usd(),
            round_trip_usd: party.round_trip().as_usd(),
            from_others_usd: party.from_others.as_usd(),
            to_others_usd: party.to_others.as_usd(),
            most_owed_usd: party.most_owed.as_usd(),
            income_fraction: party.share,
            default_to_finance_usd: party.stress.map(|s| s.default_to_finance.as_usd()),
            default_of_others_fraction: party.stress.map(|s| s.default_of_others),
            late_to_finance_usd: party.stress.map(|s| s.late_to_finance.as_usd()),
        };
        let default = |default: &plan::DefaultOutcome| Default {
            event: default.event.clone(),
            party: default.party.clone(),
            on: default.on.to_string(),
            missing_usd: default.missing.as_usd(),
            spared_usd: default.spared.as_usd(),
            owed_usd: default.owed.as_usd(),
            to_finance_usd: default.to_finance.as_usd(),
            others: default
                .others
                .iter()
                .map(|(party, less)| Loss { party: party.clone(), less_usd: less.as_usd() })
                .collect(),
        };
        let circle = |circle: &plan::Circle| Circle {
            parties: circle.parties.clone(),
            around_usd: circle.around.as_usd(),
        };
        Self {
            contracts: statement.deals.iter().map(deal).collect(),
            parties: statement.parties.iter().map(party).collect(),
            circles: statement.circles.iter().map(circle).collect(),
            defaults: statement.defaults.iter().map(default).collect(),
            concentration_fraction: statement.concentration,
        }
    }
}
