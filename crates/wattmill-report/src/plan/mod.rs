//! The programme over years, for people and programs.

mod counterparties;
mod counting;
mod energy;
mod page;
mod power;
mod schedule;
mod tables;
mod text;
mod yield_and_cost;

pub use page::{plan_page, plan_page_of_week, plan_picture};
pub use text::{Detail, plan_text};
