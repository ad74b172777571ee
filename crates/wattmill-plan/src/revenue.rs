//! What services bring in a quarter.

use wattmill_factory::Service;

use crate::result::ServiceQuarter;

const DAYS_PER_MONTH: f64 = 365.25 / 12.0;

/// Settles what a service brought in a quarter of `days` days from the plan's day `first` on: its tokens
/// at their price, and what subscribers pay. Of that as large a part as of their requests was served:
/// who gets no answers does not pay for them.
pub(crate) fn settle(service: &Service, (first, days): (u32, u32), tally: &mut ServiceQuarter) {
    if let Some(price) = service.price_per_million_output {
        tally.revenue = price * (tally.served_output_tokens / 1e6);
    }
    let (Some(subscription), Some(users)) = (service.subscription, service.traffic.weekly_users)
    else {
        return;
    };
    let growth = 1.0 + service.traffic.growth_per_year;
    let user_days: f64 = (first..first.saturating_add(days))
        .map(|day| users * libm::pow(growth, f64::from(day) / 365.25))
        .sum();
    let served = match tally.asked_requests > 0.0 {
        true => tally.served_requests / tally.asked_requests,
        false => 0.0,
    };
    let months = user_days * subscription.paying / DAYS_PER_MONTH;
    tally.subscriptions = subscription.monthly * (months * served);
    tally.revenue += tally.subscriptions;
}
