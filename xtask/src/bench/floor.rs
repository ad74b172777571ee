//! The least that any request-level simulator must do.

use wattmill::catalog::Catalog;
use wattmill::factory::{Arrivals, LengthTable, Lengths};
use wattmill::sim::{Finished, Rates, Synthetic, Tally};
use wattmill::units::SimTime;

use super::cpu;

/// CPU-seconds per request of drawing its arrival and lengths and filling the histograms.
pub(crate) fn per_request() -> f64 {
    const REQUESTS: usize = 100_000;
    let lengths = conversation();
    let mut tally = Tally::new(None);
    let (time, _) = cpu::repeat(0.3, || {
        let traffic = Synthetic::new(1, Rates::constant(10.0), Arrivals::Poisson, &lengths);
        for request in traffic.take(REQUESTS) {
            let (input, output) = (u64::from(request.input), u64::from(request.output));
            let first_token = request.arrival + SimTime::from_ns(input * 50_000);
            let finish = first_token + SimTime::from_ns(output * 20_000_000);
            tally.decode_steps(1, output << 24, 0, output);
            tally.finish(&Finished {
                request,
                first_token,
                finish,
                preemptions: 0,
                cached_tokens: 0,
            });
        }
        tally.fingerprint()
    });
    time / REQUESTS as f64
}

/// Lengths of the Azure 2023 conversation trace.
pub(crate) fn conversation() -> Lengths {
    let row = Catalog::builtin().lengths("azure-conv-2023").expect("it is built in");
    let table = |points: &[(f64, f64)]| LengthTable::from_quantiles(points).expect("it is sound");
    Lengths { name: row.id.clone(), input: table(&row.input), output: table(&row.output) }
}
