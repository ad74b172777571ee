//! The slow twin of [`Replica`](crate::Replica): every step, every sequence, nothing clever.
//!
//! It follows the rules of `wattmill_policy::BatchLimits` to the letter and prices each step with
//! [`StepModel::step`]. Times are equal to the engine's to the nanosecond: both add the same
//! integers ([`Ticks`]), one by one here, in closed form there.

use std::collections::VecDeque;

use wattmill_perf::{Prefill, StepModel, StepShape};
use wattmill_policy::{BatchLimits, PrefillOrder};
use wattmill_units::{SimTime, Ticks};

use crate::{Finished, Request, Tally, Usage};

/// A sequence with everything about it spelled out.
#[derive(Clone, Debug)]
struct Sequence {
    request: Request,
    /// Tokens in the cache.
    cached: u64,
    /// Tokens that must be in the cache before it decodes.
    prompt: u64,
    produced: u32,
    blocks: u64,
    preemptions: u32,
    first_token: SimTime,
    last_token: u128,
}

impl Sequence {
    const fn decodes(&self) -> bool {
        self.cached >= self.prompt
    }
}

/// Runs `requests`, in order of arrival, on one replica to the end.
pub fn run<M: StepModel>(
    limits: BatchLimits,
    model: &M,
    requests: &[Request],
    tally: &mut Tally,
) -> (Vec<Finished>, Usage) {
    run_answering(limits, model, requests, tally, |_| None)
}

/// As [`run`]; what `on_finish` gives back arrives after what there is, as in
/// [`Replica::run_answering`](crate::Replica::run_answering).
pub fn run_answering<M: StepModel>(
    limits: BatchLimits,
    model: &M,
    requests: &[Request],
    tally: &mut Tally,
    mut on_finish: impl FnMut(&Finished) -> Option<Request>,
) -> (Vec<Finished>, Usage) {
    let mut inbox: VecDeque<Request> = requests.iter().copied().collect();
    let mut preempted: Vec<Sequence> = Vec::new();
    let mut running: Vec<Sequence> = Vec::new();
    let mut finished = Vec::new();
    let mut usage = Usage::default();
    let mut free = limits.blocks;
    let mut clock: u128 = 0;
    let now = |clock: u128| SimTime::from_ns((clock >> Ticks::FRACTION_BITS) as u64);

    loop {
        inbox.retain(|request| {
            let possible = limits.can_ever_run(request.input, request.output);
            tally.rejected += u64::from(!possible);
            possible
        });
        if running.is_empty() && preempted.is_empty() {
            let Some(next) = inbox.front() else { break };
            clock = clock.max(u128::from(next.arrival.as_ns()) << Ticks::FRACTION_BITS);
        }

        // Every decoding sequence gets room for one token more.
        let opens = |s: &Sequence| s.decodes() && limits.blocks_for(s.cached + 1) > s.blocks;
        let mut preempting = false;
        while running.iter().filter(|s| opens(s)).count() as u64 > free {
            let Some(mut victim) = running.pop() else {
                break;
            };
            free += victim.blocks;
            victim.blocks = 0;
            victim.cached = 0;
            victim.prompt = u64::from(victim.request.input + victim.produced);
            victim.preemptions += 1;
            preempted.push(victim);
            preempting = true;
        }
        // Where prompts go first, they have the step to themselves.
        let head = match preempted.last() {
            Some(sequence) => Some(sequence.prompt),
            None => inbox.front().filter(|r| r.arrival <= now(clock)).map(|r| r.input.into()),
        };
        let starts = head.is_some_and(|prompt| {
            limits.admits(running.len() as u32, limits.max_tokens, free, prompt)
        });
        let prompts = running.iter().any(|s| !s.decodes()) || !preempting && starts;
        let alone = limits.order == PrefillOrder::First && prompts;
        let mut shape = StepShape::default();
        for sequence in running.iter_mut().filter(|s| s.decodes() && !alone) {
            let needed = limits.blocks_for(sequence.cached + 1);
            free -= needed - sequence.blocks;
            sequence.blocks = needed;
            shape.decodes += 1;
            shape.decode_context += sequence.cached + 1;
        }

        // What is left of the budget goes to prompts.
        let mut room = limits.max_tokens - shape.decodes;
        let mut prefill = Prefill::default();
        let mut chunks = vec![0u32; running.len()];
        for (sequence, given) in running.iter().zip(&mut chunks) {
            if !sequence.decodes() {
                *given = chunk(sequence, &mut room, &mut prefill);
            }
        }
        if !preempting {
            while let Some(mut sequence) =
                next(&limits, &running, room, free, now(clock), &mut preempted, &mut inbox)
            {
                sequence.blocks = limits.blocks_for(sequence.prompt);
                free -= sequence.blocks;
                chunks.push(chunk(&sequence, &mut room, &mut prefill));
                running.push(sequence);
            }
        }
        shape.prefill = prefill;

        let cost = model.step(&shape);
        usage.steps += 1;
        usage.busy_ticks += u128::from(cost.time.raw());
        usage.dynamic_nj += u128::from(cost.dynamic_nj);
        usage.prefill_tokens += u64::from(prefill.tokens);
        usage.decode_tokens += u64::from(shape.decodes);
        usage.context_steps += u128::from(shape.decode_context);
        usage.peak_blocks = usage.peak_blocks.max(limits.blocks - free);
        clock += u128::from(cost.time.raw());

        for (sequence, given) in running.iter_mut().zip(chunks) {
            if sequence.decodes() {
                if alone {
                    continue;
                }
                sequence.cached += 1;
                sequence.produced += 1;
                tally.gaps(clock - sequence.last_token, 1);
                sequence.last_token = clock;
            } else {
                sequence.cached += u64::from(given);
                if !sequence.decodes() {
                    continue;
                }
                usage.prompt_completions += 1;
                if sequence.produced == 0 {
                    sequence.first_token = now(clock);
                } else {
                    tally.gaps(clock - sequence.last_token, 1);
                }
                sequence.last_token = clock;
                sequence.produced += 1;
            }
        }
        running.retain(|sequence| {
            if sequence.produced < sequence.request.output {
                return true;
            }
            free += sequence.blocks;
            let done = Finished {
                request: sequence.request,
                first_token: sequence.first_token,
                finish: now(clock),
                preemptions: sequence.preemptions,
            };
            tally.finish(&done);
            finished.push(done);
            inbox.extend(on_finish(&done));
            false
        });
    }
    (finished, usage)
}

fn chunk(sequence: &Sequence, room: &mut u32, prefill: &mut Prefill) -> u32 {
    let missing = (sequence.prompt - sequence.cached) as u32;
    let tokens = missing.min(*room);
    if tokens > 0 {
        *room -= tokens;
        prefill.add(tokens, sequence.cached as u32, tokens == missing);
    }
    tokens
}

/// The head of the queue, if it may start.
fn next(
    limits: &BatchLimits,
    running: &[Sequence],
    room: u32,
    free: u64,
    now: SimTime,
    preempted: &mut Vec<Sequence>,
    inbox: &mut VecDeque<Request>,
) -> Option<Sequence> {
    let admits = |prompt| limits.admits(running.len() as u32, room, free, prompt);
    if let Some(head) = preempted.last() {
        return if admits(head.prompt) { preempted.pop() } else { None };
    }
    let head = inbox.front()?;
    if head.arrival > now || !admits(u64::from(head.input)) {
        return None;
    }
    let request = inbox.pop_front()?;
    Some(Sequence {
        request,
        cached: 0,
        prompt: u64::from(request.input),
        produced: 0,
        blocks: 0,
        preemptions: 0,
        first_token: SimTime::ZERO,
        last_token: 0,
    })
}
