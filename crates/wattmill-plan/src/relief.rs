//! Less work where power is short: in hours of curtailment, and where more machines are installed than
//! there is power for.

use wattmill_factory::{Answer, Factory, Site};
use wattmill_policy::answer_cut;
use wattmill_units::{Energy, Id, Power, Seconds};

use crate::build::Standing;
use crate::calendar::{Calendar, hours};
use crate::flows::EnergyFlows;
use crate::groups::Groups;
use crate::microgrid::{Microgrid, Outlook, Restraint};
use crate::plant::Overhead;
use crate::supply::Supply;
use crate::work::Work;

/// What gives way where machines may draw more than there is: what costs least first.
const OVERSUBSCRIBED: [Answer; 4] = [Answer::Batch, Answer::Training, Answer::Shift, Answer::Shed];

/// Steps in which the part of work to be taken away is found; each halves the error or better.
const STEPS: usize = 60;

/// One event of curtailment on the plan's clock.
#[derive(Clone, Debug)]
struct Event {
    site: usize,
    first: f64,
    last: f64,
    index: usize,
}

/// Every site's events, and whether it is oversubscribed.
#[derive(Clone, Debug)]
pub(crate) struct Reliefs {
    events: Vec<Event>,
    oversubscribed: Vec<bool>,
}

/// An hour as relief sees it.
pub(crate) struct Scene<'a> {
    pub(crate) factory: &'a Factory,
    pub(crate) groups: &'a Groups,
    pub(crate) standing: &'a Standing,
    /// Accelerators that run, by group.
    pub(crate) accelerators: &'a [f64],
    pub(crate) overheads: &'a [Overhead],
    pub(crate) supplies: &'a [Supply],
    pub(crate) at: f64,
}

impl Reliefs {
    pub(crate) fn new(factory: &Factory, calendar: Calendar) -> Self {
        let event = |(index, event): (usize, &wattmill_factory::Curtailment)| {
            let minutes = f64::from(event.at.hour()) + f64::from(event.at.minute()) / 60.0;
            let first = calendar.hour_of(event.at.date()) + minutes;
            Event {
                site: event.site.index(),
                first: first.floor(),
                last: (first + hours(event.length)).ceil(),
                index,
            }
        };
        let over = |id: Id<Site>| {
            factory.phases.iter().any(|phase| phase.site == id && phase.oversubscription > 1.0)
        };
        Self {
            events: factory.curtailments.iter().enumerate().map(event).collect(),
            oversubscribed: factory.sites.ids().map(over).collect(),
        }
    }

    /// Whether the grid asks a site for less in an hour of `[from, to)`.
    pub(crate) fn asked(&self, from: f64, to: f64) -> bool {
        self.events.iter().any(|event| event.first < to && event.last > from)
    }

    /// Whether machines of any site may draw more than there is.
    pub(crate) fn oversubscribed(&self) -> bool {
        self.oversubscribed.contains(&true)
    }

    /// Whether `draw`, the most of an hour, is more than firm sources of an oversubscribed site carry at
    /// `at`: then it has to be looked at what else there is.
    pub(crate) fn short(&self, site: usize, draw: Power, supply: &Supply, at: f64) -> bool {
        self.oversubscribed[site] && draw > supply.power(at)
    }

    /// The event of a site at an hour that asks for most.
    fn at(&self, factory: &Factory, site: usize, at: f64) -> Option<usize> {
        let here = self.events.iter().filter(|e| e.site == site && e.first <= at && at < e.last);
        here.map(|event| event.index).fold(None, |most: Option<usize>, index| {
            let cut = |index: usize| factory.curtailments[index].cut;
            match most {
                Some(other) if cut(other) >= cut(index) => Some(other),
                _ => Some(index),
            }
        })
    }

    /// Takes work away where it must give way, and says what each site is held to; `flows` by site get
    /// what that costs.
    pub(crate) fn relieve(
        &self,
        scene: &Scene<'_>,
        microgrids: &mut [Option<Microgrid>],
        work: &mut Work,
        flows: &mut [EnergyFlows],
    ) -> Vec<Option<Restraint>> {
        let mut restraints = vec![None; microgrids.len()];
        let events: Vec<Option<usize>> =
            (0..microgrids.len()).map(|site| self.at(scene.factory, site, scene.at)).collect();
        // Who has to give way itself takes no guests.
        let open: Vec<bool> = events
            .iter()
            .zip(&self.oversubscribed)
            .map(|(event, over)| event.is_none() && !over)
            .collect();
        for (site, microgrid) in microgrids.iter_mut().enumerate() {
            if events[site].is_none() && !self.oversubscribed[site] {
                continue;
            }
            let busy = scene.busy(site, work);
            if self.oversubscribed[site] {
                let draw = scene.facility(site, work);
                let short = match microgrid {
                    Some(microgrid) => microgrid.outlook(scene.at, draw).actions.unmet,
                    None => draw - scene.supplies[site].power(scene.at),
                };
                if short > Power::ZERO {
                    let target = draw - short;
                    for answer in OVERSUBSCRIBED {
                        take(scene, work, site, answer, target, &open);
                    }
                    let held = draw - scene.facility(site, work);
                    flows[site].held_back += held * Seconds::from_hours(1.0);
                }
            }
            // Whom the grid asks has a microgrid.
            if let (Some(index), Some(microgrid)) = (events[site], microgrid) {
                let event = &scene.factory.curtailments[index];
                let draw = scene.facility(site, work);
                let before = microgrid.outlook(scene.at, draw);
                let need = before.grid * event.cut;
                let given = answer(scene, work, site, (&event.answers, need), &before, &open);
                let mut of_work = given;
                let battery = std::mem::take(&mut of_work[Answer::Battery as usize]);
                let generation = std::mem::take(&mut of_work[Answer::Generation as usize]);
                restraints[site] = Some(Restraint {
                    grid: before.grid - need,
                    battery: before.actions.discharged_for_use() + battery,
                    generation: before.generators + generation,
                    before,
                    work: of_work,
                });
            }
            let stopped = busy - scene.busy(site, work);
            if stopped > 0.0 {
                flows[site].throttled_hours += stopped;
                flows[site].throttled_site_hours += 1.0;
            }
        }
        restraints
    }
}

/// Takes away what work answers to `need`, in the event's order; returns what each gave, and what
/// battery and generators are to give.
fn answer(
    scene: &Scene<'_>,
    work: &mut Work,
    site: usize,
    (order, need): (&[Answer], Power),
    before: &Outlook,
    open: &[bool],
) -> [Power; Answer::ALL.len()] {
    let of_work = |answer: &&Answer| !matches!(answer, Answer::Battery | Answer::Generation);
    let mut able = [Power::ZERO; Answer::ALL.len()];
    able[Answer::Battery as usize] = (before.battery - before.actions.discharged_for_use())
        .max(Power::ZERO)
        + before.actions.charged_of_grid;
    able[Answer::Generation as usize] = before.generation - before.generators;
    // What each can give when those before it have given all.
    let mut without = work.clone();
    for answer in order.iter().filter(of_work) {
        let draw = scene.facility(site, &without);
        take(scene, &mut without, site, *answer, Power::ZERO, open);
        able[*answer as usize] = draw - scene.facility(site, &without);
    }
    let mut given = answer_cut(need, order, &able);
    for answer in order.iter().filter(of_work) {
        let draw = scene.facility(site, work);
        take(scene, work, site, *answer, draw - given[*answer as usize], open);
        given[*answer as usize] = draw - scene.facility(site, work);
    }
    given
}

/// Takes away as much of one kind of work as brings a site's draw down to `target`, or all of it.
fn take(
    scene: &Scene<'_>,
    work: &mut Work,
    site: usize,
    answer: Answer,
    target: Power,
    open: &[bool],
) {
    let draw = scene.facility(site, work);
    if draw <= target {
        return;
    }
    // Requests may go anywhere; all else stays where it is.
    let groups = match answer {
        Answer::Shift => &work.order,
        _ => &scene.groups.of_site[site],
    };
    let mut less = work.clone();
    let mut over = |share: f64| {
        less.renew(work, groups);
        scene.without(&mut less, site, answer, share, open);
        (scene.facility(site, &less) - target).as_watts()
    };
    let all = over(1.0);
    let mut best = 1.0;
    if all < 0.0 {
        // The draw falls as more is taken; the share is bracketed, and halved where a line misleads.
        let (mut low, mut high) = ((0.0, (draw - target).as_watts()), (1.0, all));
        for step in 0..STEPS {
            let line = low.0 + (high.0 - low.0) * low.1 / (low.1 - high.1);
            let share = if step % 3 == 2 { 0.5 * (low.0 + high.0) } else { line };
            let over = over(share);
            if over > 0.0 {
                low = (share, over);
            } else {
                high = (share, over);
                best = share;
            }
            if high.1 > -1e-12 * draw.as_watts() || high.0 - low.0 < 1e-15 {
                break;
            }
        }
    }
    scene.without(work, site, answer, best, open);
}

impl Scene<'_> {
    /// What a site draws with all its groups at work.
    fn facility(&self, site: usize, work: &Work) -> Power {
        let mut it = Power::ZERO;
        for index in &self.groups.of_site[site] {
            let group = &self.groups.all[*index];
            let units = group.units(self.standing);
            it += work.power(*index, group, units, self.accelerators[*index]).it();
        }
        self.overheads[site].facility(it, self.standing.it[site], self.at as usize)
    }

    /// Accelerators of a site that work.
    fn busy(&self, site: usize, work: &Work) -> f64 {
        let busy = |index: &usize| {
            work.given[*index].iter().sum::<f64>() + work.trained[*index].iter().sum::<f64>()
        };
        self.groups.of_site[site].iter().map(busy).sum()
    }

    /// Takes a share of one kind of work away from a site.
    fn without(&self, work: &mut Work, site: usize, answer: Answer, share: f64, open: &[bool]) {
        for index in self.groups.of_site[site].iter().copied() {
            let group = &self.groups.all[index];
            if answer == Answer::Training {
                work.trained[index].iter_mut().for_each(|trained| *trained *= 1.0 - share);
                continue;
            }
            for (id, service) in self.factory.services.enumerate() {
                let wanted = match answer {
                    Answer::Batch => service.batch,
                    Answer::Shift | Answer::Shed => true,
                    _ => false,
                };
                let given = work.given[index][id.index()] * share;
                if !wanted || given <= 0.0 {
                    continue;
                }
                let requests = work.requests(index, group, id) * share;
                let left = match answer {
                    Answer::Shift => self.elsewhere(work, id.index(), requests, open),
                    _ => {
                        work.unserved[id.index()] += requests;
                        0.0
                    }
                };
                let moved = if requests > 0.0 { given * (1.0 - left / requests) } else { 0.0 };
                work.given[index][id.index()] -= moved;
            }
        }
    }

    /// Gives requests to machines of other sites that have nothing to do; returns what is left.
    fn elsewhere(&self, work: &mut Work, service: usize, requests: f64, open: &[bool]) -> f64 {
        let mut left = requests;
        for index in work.order.clone() {
            let group = &self.groups.all[index];
            let (Some(point), true) = (&group.points[service], open[group.site.index()]) else {
                continue;
            };
            let busy: f64 = work.given[index].iter().chain(&work.trained[index]).sum();
            let free = (self.accelerators[index] - busy).max(0.0);
            let taken = free.min(left / point.requests_per_accelerator_hour());
            work.given[index][service] += taken;
            left -= taken * point.requests_per_accelerator_hour();
        }
        left.max(0.0)
    }
}

/// Sums of what was asked and what came of it.
pub(crate) fn answers(flows: &EnergyFlows) -> Energy {
    flows.answered.iter().sum::<Energy>() + flows.unanswered
}
