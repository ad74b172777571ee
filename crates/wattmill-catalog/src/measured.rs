//! Published measurements that come with the catalogue.

/// Measured tables by name, as CSV text. `data/measured/README.md` says what they are, how their
/// rows were picked and what their columns mean.
///
/// ```
/// let (name, text) = wattmill_catalog::MEASURED[0];
/// assert_eq!(name, "serving");
/// assert!(text.lines().next().unwrap().contains("ttft_ms"));
/// ```
pub const MEASURED: &[(&str, &str)] = &[
    ("serving", include_str!("../data/measured/serving.csv")),
    ("long_prompt", include_str!("../data/measured/long_prompt.csv")),
    ("requests", include_str!("../data/measured/requests.csv")),
    ("mlperf", include_str!("../data/measured/mlperf.csv")),
    ("throughput", include_str!("../data/measured/throughput.csv")),
    ("energy", include_str!("../data/measured/energy.csv")),
    ("phases", include_str!("../data/measured/phases.csv")),
    ("power", include_str!("../data/measured/power.csv")),
    ("training_power", include_str!("../data/measured/training_power.csv")),
    ("training", include_str!("../data/measured/training.csv")),
    ("kernels", include_str!("../data/measured/kernels.csv")),
];
