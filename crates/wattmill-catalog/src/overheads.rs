//! What an engine adds to its kernels, fitted to measured serving.

use toml::Table;

use crate::row::RowError;

/// Constants of one engine's software on one chip family.
///
/// Kernels timed alone say what an operator takes at best; an engine launches them from captured
/// graphs or one by one, runs many small ones between them, and does work of its own. Times are in
/// seconds, everything else is a factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overheads {
    /// Each step: scheduling, preparing inputs, handing out tokens.
    pub step: f64,
    /// Each running sequence in each step: sampling and bookkeeping.
    pub sequence: f64,
    /// Each step that holds prefill, which runs outside captured graphs.
    pub mixed: f64,
    /// Each small kernel: norms, positions, activations, quantisation, routing.
    pub kernel: f64,
    /// Share of a kernel's own fixed time that is left inside a captured graph.
    pub launch: f64,
    /// Matrix multiplications bound by memory, against kernels timed alone.
    pub reading: f64,
    /// Matrix multiplications bound by arithmetic, against kernels timed alone.
    pub multiplying: f64,
    /// Decode attention, against kernels timed alone.
    pub decode_attention: f64,
    /// Prefill attention, against kernels timed alone.
    pub prefill_attention: f64,
    /// Routed experts, against kernels timed alone with skewed routing.
    pub experts: f64,
    /// Share of tensor parallel messages that nothing hides.
    pub exposed: f64,
    /// Expert dispatch and combine, against kernels timed alone.
    pub exchange: f64,
    /// Each request before it reaches the engine, one after the other: tokenising, template.
    pub request: f64,
    /// Each prompt token before it reaches the engine, one request after the other.
    pub prompt_token: f64,
    /// Each request on its way to the engine and its first token on the way back, which delays
    /// nobody else.
    pub latency: f64,
    /// Decode steps that a first token waits for others to be sent with it, or a request for the
    /// engine to look, where a server is told to gather them to save host work.
    pub gathered_steps: f64,
}

impl Overheads {
    /// Engine and campaign of a name of constants: `vllm-splitwise` is `vllm` as Splitwise's authors
    /// ran it.
    ///
    /// ```
    /// use wattmill_catalog::Overheads;
    /// assert_eq!(Overheads::parts_of("vllm"), ("vllm", None));
    /// assert_eq!(Overheads::parts_of("vllm-long-prompts"), ("vllm", Some("long-prompts")));
    /// ```
    pub fn parts_of(name: &str) -> (&str, Option<&str>) {
        name.split_once('-').map_or((name, None), |(engine, campaign)| (engine, Some(campaign)))
    }

    /// Nothing added, nothing hidden: kernels as they are timed alone.
    pub const NONE: Self = Self {
        step: 0.0,
        sequence: 0.0,
        mixed: 0.0,
        kernel: 0.0,
        launch: 1.0,
        reading: 1.0,
        multiplying: 1.0,
        decode_attention: 1.0,
        prefill_attention: 1.0,
        experts: 1.0,
        exposed: 1.0,
        exchange: 1.0,
        request: 0.0,
        prompt_token: 0.0,
        latency: 0.0,
        gathered_steps: 0.0,
    };

    /// Names of the constants, in the order of [`Self::values`].
    pub const NAMES: [&str; 16] = [
        "step",
        "sequence",
        "mixed",
        "kernel",
        "launch",
        "reading",
        "multiplying",
        "decode_attention",
        "prefill_attention",
        "experts",
        "exposed",
        "exchange",
        "request",
        "prompt_token",
        "latency",
        "gathered_steps",
    ];

    /// The constants in the order of [`Self::NAMES`].
    pub const fn values(&self) -> [f64; 16] {
        [
            self.step,
            self.sequence,
            self.mixed,
            self.kernel,
            self.launch,
            self.reading,
            self.multiplying,
            self.decode_attention,
            self.prefill_attention,
            self.experts,
            self.exposed,
            self.exchange,
            self.request,
            self.prompt_token,
            self.latency,
            self.gathered_steps,
        ]
    }

    /// From constants in the order of [`Self::NAMES`].
    ///
    /// ```
    /// use wattmill_catalog::Overheads;
    /// let none = Overheads::NONE;
    /// assert_eq!(Overheads::from_values(none.values()), none);
    /// ```
    pub const fn from_values(v: [f64; 16]) -> Self {
        Self {
            step: v[0],
            sequence: v[1],
            mixed: v[2],
            kernel: v[3],
            launch: v[4],
            reading: v[5],
            multiplying: v[6],
            decode_attention: v[7],
            prefill_attention: v[8],
            experts: v[9],
            exposed: v[10],
            exchange: v[11],
            request: v[12],
            prompt_token: v[13],
            latency: v[14],
            gathered_steps: v[15],
        }
    }

    /// As the lines of its table.
    pub fn to_toml(&self) -> String {
        Self::NAMES.iter().zip(self.values()).map(|(name, v)| format!("{name} = {v:?}\n")).collect()
    }
}

/// One engine's constants from its table.
pub(crate) fn parse_overheads(table: &Table) -> Result<Overheads, Vec<RowError>> {
    let mut values = [0.0; 16];
    let mut errors = Vec::new();
    for (name, value) in Overheads::NAMES.iter().zip(&mut values) {
        let stated = table.get(*name).and_then(|v| v.as_float());
        match stated.filter(|v| v.is_finite() && *v >= 0.0) {
            Some(number) => *value = number,
            None => errors.push(RowError {
                field: (*name).to_owned(),
                message: "missing; write seconds or a factor, 0 or more".to_owned(),
            }),
        }
    }
    for name in table.keys() {
        let known = ["source", "rows", "error"].contains(&name.as_str());
        if !known && !Overheads::NAMES.contains(&name.as_str()) {
            let message = "is not known here".to_owned();
            errors.push(RowError { field: name.clone(), message });
        }
    }
    if errors.is_empty() { Ok(Overheads::from_values(values)) } else { Err(errors) }
}
