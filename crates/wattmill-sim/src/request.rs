//! What goes into a replica and what comes out.

use wattmill_policy::Segment;
use wattmill_units::SimTime;

/// One request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Unique within a run; names the request in every result.
    pub id: u64,
    /// When it reaches the replica.
    pub arrival: SimTime,
    /// Prompt tokens, at least 1.
    pub input: u32,
    /// Tokens to generate, at least 1.
    pub output: u32,
}

/// A request with who asks and what its prompt consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The request.
    pub request: Request,
    /// Service it belongs to, by its place in the list of services.
    pub service: u16,
    /// Beginning of the prompt that other prompts may share, first token first, of at most
    /// `request.input` tokens; what is left is shared with nobody.
    pub prompt: Vec<Segment>,
    /// Name of prompt and answer together, for prompts that go on from there: in those it names the
    /// segment that follows `prompt`, up to the answer's last token. `None` if none will.
    pub answer: Option<u64>,
}

/// A sequence that comes to a replica with its cache, from the one that computed its prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// The request.
    pub request: Request,
    /// When its cache is there.
    pub ready: SimTime,
    /// Tokens that were produced elsewhere: at least 1, fewer than `request.output`.
    pub produced: u32,
    /// When its first token was there.
    pub first_token: SimTime,
}

impl Ask {
    /// Of the first service, with a prompt that shares nothing.
    pub const fn alone(request: Request) -> Self {
        Self { request, service: 0, prompt: Vec::new(), answer: None }
    }
}

/// A request that was answered in full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The request.
    pub request: Request,
    /// When its first token was there.
    pub first_token: SimTime,
    /// When its last token was there.
    pub finish: SimTime,
    /// How often it was preempted.
    pub preemptions: u32,
    /// Prompt tokens that were found in the prefix cache when it was first admitted.
    pub cached_tokens: u32,
}

impl Finished {
    /// Time to first token.
    #[inline]
    pub const fn ttft(&self) -> SimTime {
        self.first_token.since(self.request.arrival)
    }

    /// From arrival to last token.
    #[inline]
    pub const fn e2e(&self) -> SimTime {
        self.finish.since(self.request.arrival)
    }

    /// Mean time per output token after the first; `None` for a single token.
    #[inline]
    pub const fn tpot(&self) -> Option<SimTime> {
        let gaps = self.request.output as u64 - 1;
        if gaps == 0 {
            return None;
        }
        Some(SimTime::from_ns(self.finish.since(self.first_token).as_ns() / gaps))
    }
}
