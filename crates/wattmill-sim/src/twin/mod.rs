//! The slow twin of [`Replica`](crate::Replica): every step, every sequence, nothing clever.
//!
//! It follows the rules of `wattmill_policy::BatchLimits` to the letter and prices each step with
//! [`StepModel::step`]. Times are equal to the engine's to the nanosecond: both add the same
//! integers ([`Ticks`]), one by one here, in closed form there.

mod cache;
mod group;

use std::collections::VecDeque;

use wattmill_perf::{StepModel, StepShape};
use wattmill_policy::{BatchLimits, emptiest};
use wattmill_units::{SimTime, Ticks};

use crate::{Ask, Finished, Request, Resident, Tally, Usage};
use group::{Group, Plan};

/// What arrives, and at what.
#[derive(Clone, Copy, Debug)]
pub struct Work<'a> {
    /// Limits of each attention group.
    pub limits: BatchLimits,
    /// Attention groups, at least 1.
    pub groups: u32,
    /// Requests, in order of arrival.
    pub asks: &'a [Ask],
    /// Sequences that come with their cache, in the order in which they are ready.
    pub residents: &'a [Resident],
    /// When which requests, of those that can run at all, are taken back unless their prompt has
    /// begun; in order of time, none before its request has come.
    pub withdrawn: &'a [(SimTime, u64)],
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
    on_finish: impl FnMut(&Finished) -> Option<Request>,
) -> (Vec<Finished>, Usage) {
    let plain =
        |request: &Request| Ask { request: *request, service: 0, prompt: Vec::new(), answer: None };
    let asks: Vec<Ask> = requests.iter().map(plain).collect();
    work(
        &Work { limits, groups: 1, asks: &asks, residents: &[], withdrawn: &[] },
        model,
        tally,
        on_finish,
    )
}

/// Does all of `work`.
pub fn work<M: StepModel>(
    work: &Work<'_>,
    model: &M,
    tally: &mut Tally,
    mut on_finish: impl FnMut(&Finished) -> Option<Request>,
) -> (Vec<Finished>, Usage) {
    let mut asks: VecDeque<Ask> = work.asks.iter().cloned().collect();
    let mut residents: VecDeque<Resident> = work.residents.iter().copied().collect();
    let mut withdrawn: VecDeque<(SimTime, u64)> = work.withdrawn.iter().copied().collect();
    let mut groups: Vec<Group> = (0..work.groups).map(|_| Group::new(work.limits)).collect();
    let mut finished = Vec::new();
    let mut usage = Usage::default();
    let (mut clock, mut group_nj) = (0u128, 0u128);
    loop {
        if groups.iter().all(Group::is_idle) {
            if groups.iter().all(Group::is_vacant) {
                let first = asks.front().map(|ask| ask.request.arrival);
                let other = residents.front().map(|resident| resident.ready);
                let Some(next) = first.into_iter().chain(other).min() else { break };
                clock = clock.max(ticks(next));
            }
            groups.iter_mut().for_each(|group| group.rest(clock));
        }
        while let Some((_, id)) = withdrawn.pop_front_if(|(at, _)| ticks(*at) <= clock) {
            asks.retain(|ask| ask.request.id != id);
            groups.iter_mut().for_each(|group| group.withdraw(id));
        }
        // Whoever has arrived goes to the group with the fewest requests; of those that come at the
        // same moment, requests go first.
        loop {
            let ask = asks.front().map(|ask| ask.request.arrival).filter(|at| ticks(*at) <= clock);
            let resident = residents.front().map(|r| r.ready).filter(|at| ticks(*at) <= clock);
            let with_cache = match (ask, resident) {
                (None, None) => break,
                (ask, resident) => resident.is_some_and(|at| ask.is_none_or(|ask| at < ask)),
            };
            let chosen = emptiest(groups.iter().map(Group::live));
            if with_cache {
                residents.pop_front().into_iter().for_each(|r| groups[chosen].welcome(r, tally));
            } else {
                asks.pop_front().into_iter().for_each(|ask| groups[chosen].queue(ask, tally));
            }
        }
        let plans: Vec<Option<Plan>> =
            groups.iter_mut().map(|group| group.plan(clock, &mut usage)).collect();
        if plans.iter().all(Option::is_none) {
            continue;
        }
        let held = groups.iter().map(Group::held).sum();
        usage.peak_blocks = usage.peak_blocks.max(held);
        let (mut slowest, mut toll, mut all) = (0, 0, StepShape::default());
        for (group, plan) in groups.iter_mut().zip(&plans) {
            let Some(plan) = plan else { continue };
            // What it does itself, as if it were the whole replica.
            let wide = plan.shape.of_groups(work.groups);
            let (cost, shared) = (model.step(&wide), model.together(&wide));
            slowest = slowest.max(cost.time.raw() - shared.time.raw());
            group_nj += u128::from(cost.dynamic_nj - shared.dynamic_nj);
            toll = toll.max(group.toll());
            all = all.and(&plan.shape);
        }
        let together = model.together(&all);
        group_nj += u128::from(together.dynamic_nj) * u128::from(work.groups);
        let begin = clock;
        clock += u128::from(slowest + together.time.raw()) + u128::from(toll);
        usage.steps += 1;
        usage.busy_ticks += clock - begin;
        for (group, plan) in groups.iter_mut().zip(plans) {
            match plan {
                None => group.rest(begin),
                Some(plan) => {
                    for done in group.finish_step(plan, begin, clock, tally, &mut usage) {
                        finished.push(done);
                        asks.extend(on_finish(&done).map(|request| Ask {
                            request,
                            service: 0,
                            prompt: Vec::new(),
                            answer: None,
                        }));
                    }
                }
            }
        }
    }
    usage.dynamic_nj = group_nj / u128::from(work.groups);
    (finished, usage)
}

fn ticks(at: SimTime) -> u128 {
    u128::from(at.as_ns()) << Ticks::FRACTION_BITS
}

fn whole(clock: u128) -> SimTime {
    SimTime::from_ns((clock >> Ticks::FRACTION_BITS) as u64)
}
