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
use crate::plant::Plant;
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
    pub(crate) plants: &'a [Option<Plant>],
    /// IT watts of the machines that run, by site.
    pub(crate) it_standing: &'a [f64],
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

    /// Whether any hour of `[from, to)` may need relief.
    pub(crate) fn any(&self, from: f64, to: f64) -> bool {
        self.oversubscribed.contains(&true)
            || self.events.iter().any(|event| event.first < to && event.last > from)
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
            let Some(microgrid) = microgrid else { continue };
            let busy = scene.busy(site, work);
            if self.oversubscribed[site] {
                let draw = scene.facility(site, work);
                let short = microgrid.outlook(scene.at, draw).actions.unmet;
                if short > Power::ZERO {
                    let target = draw - short;
                    for answer in OVERSUBSCRIBED {
                        take(scene, work, site, answer, target, &open);
                    }
                    let held = draw - scene.facility(site, work);
                    flows[site].held_back += held * Seconds::from_hours(1.0);
                }
            }
            if let Some(index) = events[site] {
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
    let part = |share: f64| {
        let mut less = work.clone();
        scene.without(&mut less, site, answer, share, open);
        let over = (scene.facility(site, &less) - target).as_watts();
        (less, over)
    };
    let (all, over) = part(1.0);
    if over >= 0.0 {
        *work = all;
        return;
    }
    // The draw falls as more is taken; the share is bracketed, and halved where a line misleads.
    let (mut low, mut high) = ((0.0, (draw - target).as_watts()), (1.0, over));
    let mut best = all;
    for step in 0..STEPS {
        let line = low.0 + (high.0 - low.0) * low.1 / (low.1 - high.1);
        let share = if step % 3 == 2 { 0.5 * (low.0 + high.0) } else { line };
        let (less, over) = part(share);
        if over > 0.0 {
            low = (share, over);
        } else {
            high = (share, over);
            best = less;
        }
        if high.1 > -1e-12 * draw.as_watts() || high.0 - low.0 < 1e-15 {
            break;
        }
    }
    *work = best;
}

impl Scene<'_> {
    /// What a site draws with all its groups at work.
    fn facility(&self, site: usize, work: &Work) -> Power {
        let mut it = Power::ZERO;
        for (index, group) in self.groups.all.iter().enumerate() {
            if group.site.index() == site {
                let units = group.units(self.standing);
                it += work.power(index, group, units, self.accelerators[index]).it();
            }
        }
        facility(self.factory, self.plants, site, it, self.it_standing[site], self.at)
    }

    /// Accelerators of a site that work.
    fn busy(&self, site: usize, work: &Work) -> f64 {
        let here = self.groups.all.iter().enumerate().filter(|(_, g)| g.site.index() == site);
        here.map(|(index, _)| {
            work.given[index].iter().sum::<f64>() + work.trained[index].iter().sum::<f64>()
        })
        .sum()
    }

    /// Takes a share of one kind of work away from a site.
    fn without(&self, work: &mut Work, site: usize, answer: Answer, share: f64, open: &[bool]) {
        for (index, group) in self.groups.all.iter().enumerate() {
            if group.site.index() != site {
                continue;
            }
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

/// Facility power of a site whose machines draw `it`.
pub(crate) fn facility(
    factory: &Factory,
    plants: &[Option<Plant>],
    site: usize,
    it: Power,
    standing: f64,
    at: f64,
) -> Power {
    match &plants[site] {
        Some(plant) => it + Power::from_watts(plant.overhead(it.as_watts(), standing, at as usize)),
        None => it * factory.sites[Id::from_index(site)].pue.annual,
    }
}

/// IT watts of the machines that run, by site.
pub(crate) fn it_standing(
    factory: &Factory,
    deliveries: &[crate::build::Delivery],
    standing: &Standing,
) -> Vec<f64> {
    let mut it = vec![0.0; factory.sites.len()];
    for (delivery, running) in deliveries.iter().zip(&standing.running) {
        it[delivery.site.index()] += factory.phases[delivery.phase].unit_power.as_watts() * running;
    }
    it
}

/// Sums of what was asked and what came of it.
pub(crate) fn answers(flows: &EnergyFlows) -> Energy {
    flows.answered.iter().sum::<Energy>() + flows.unanswered
}
