//! Drawing requests, of which a day of the world's chat takes 2.6 billion.

use anyhow::Result;
use wattmill::factory::Arrivals;
use wattmill::sim::{Mixture, Part, Rates, Request, Synthetic};
use wattmill::units::{AnswerHash, SimTime};

use super::{Figure, cpu, figures, floor};

const REQUESTS: usize = 1_000_000;
const NS: &str = "ns/request";

/// One service, and five in one stream.
pub(super) fn draw() -> Result<Vec<Figure>> {
    let lengths = floor::conversation();
    let one = measure("draw", || {
        let rates = Rates::constant(30_000.0);
        hash(Synthetic::new(1, rates, Arrivals::Poisson, &lengths))
    });
    let parts: Vec<Part<'_>> = (1..=5)
        .map(|i| Part { per_s: vec![f64::from(i) * 2_000.0; 24], lengths: &lengths })
        .collect();
    let hour = SimTime::from_ns(3_600_000_000_000);
    let five = measure("draw/services-5", || {
        hash(Mixture::new(1, hour, &parts).map(|(service, request)| Request {
            id: (request.id << 3) | u64::from(service),
            ..request
        }))
    });
    Ok(vec![one, five])
}

/// Every number of every request, added up: cheap, and no draw can be left out.
fn hash(requests: impl Iterator<Item = Request>) -> u64 {
    let sums = requests.take(REQUESTS).fold([0u64; 4], |sums, r| {
        let [ids, arrivals, inputs, outputs] = sums;
        [
            ids.wrapping_add(r.id),
            arrivals.wrapping_add(r.arrival.as_ns()),
            inputs + u64::from(r.input),
            outputs + u64::from(r.output),
        ]
    });
    let mut hash = AnswerHash::new();
    sums.into_iter().for_each(|sum| hash.add(sum));
    hash.finish()
}

fn measure(name: &str, draw: impl FnMut() -> u64) -> Figure {
    let (time, hash) = cpu::repeat(1.0, draw);
    let each = time / REQUESTS as f64;
    figures::figure(name, each * 1e9, NS, each / floor::per_request(), hash)
}
