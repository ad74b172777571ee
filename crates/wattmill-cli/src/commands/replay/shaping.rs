//! What becomes of the traffic of a replay.

use wattmill::catalog::{Catalog, Kind};
use wattmill::factory::Profile;
use wattmill::units::{Seconds, SimTime};

use crate::args::Shaping;
use crate::commands::not_in_catalogue;
use crate::exit::Failure;

/// How the rate moves.
pub(in crate::commands) fn profile(args: &Shaping) -> Result<Profile, Failure> {
    let catalog = Catalog::builtin();
    let shape = catalog.shape(&args.shape).ok_or_else(|| {
        not_in_catalogue(&[("--shape", &args.shape, catalog.closest(Kind::Shape, &args.shape))])
    })?;
    let speed = args.speed.unwrap_or(1.0);
    Ok(Profile {
        growth_per_year: args.growth.unwrap_or(0.0),
        hourly: shape.hourly.map(|factor| factor * speed),
        daily: args.week.unwrap_or([1.0; 7]),
        bursts: args.burst.clone(),
        clock: SimTime::from_seconds(args.clock.unwrap_or(Seconds::ZERO)),
    })
}

/// What was changed, in the words of the flags.
pub(in crate::commands) fn told(args: &Shaping) -> Vec<String> {
    let mut told = Vec::new();
    let mut tell = |flag: &str, value: Option<String>| {
        told.extend(value.map(|value| format!("{flag} {value}")));
    };
    tell("keep", args.keep.map(|keep| keep.to_string()));
    tell("repeat", args.repeat.map(|times| times.to_string()));
    tell("speed", args.speed.map(|speed| speed.to_string()));
    tell("shape", (args.shape != "flat").then(|| args.shape.clone()));
    tell("week", args.week.map(|week| week.map(|factor| factor.to_string()).join(",")));
    tell("growth", args.growth.map(|growth| growth.to_string()));
    for burst in &args.burst {
        tell("burst", Some(format!("{}@{}+{}", burst.factor, burst.at, burst.length)));
    }
    tell("clock", args.clock.map(|clock| clock.to_string()));
    told
}
