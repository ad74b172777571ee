//! `wattmill gigawatt`.

use wattmill::catalog::{Catalog, Kind};
use wattmill::factory::Pue;
use wattmill::plan::holding;
use wattmill::report::{holding_document, holding_text};
use wattmill::units::Power;

use crate::args::Gigawatt;
use crate::exit::{Failure, Outcome};
use crate::files;
use crate::invalid::Invalid;

pub(crate) fn run(args: &Gigawatt) -> Outcome {
    let catalog = Catalog::builtin();
    if args.power <= Power::ZERO {
        return Err(Failure::Usage("`--power` must be more than nothing, such as 1 GW".to_owned()));
    }
    let sound =
        (1.0..=3.0).contains(&args.pue_year) && (args.pue_year..=3.0).contains(&args.pue_peak);
    if !sound {
        let message = "`--pue-year` must be from 1 to 3 and `--pue-peak` from that to 3";
        return Err(Failure::Usage(message.to_owned()));
    }
    let pue = Pue { design: args.pue_peak, annual: args.pue_year };
    let (mut holdings, mut unknown, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    for id in &args.systems {
        match holding(catalog, id, args.power, pue) {
            Some(holding) => holdings.push(holding),
            None if catalog.system(id).is_none() => {
                unknown.push(("", id.as_str(), catalog.closest(Kind::System, id)));
            }
            None => silent.push((
                format!("no source states the power limit of an accelerator of `{id}`"),
                Some(
                    "take another system; `wattmill catalog show ID` has what is known".to_owned(),
                ),
            )),
        }
    }
    if !unknown.is_empty() {
        return Err(super::not_in_catalogue(&unknown));
    }
    if !silent.is_empty() {
        return Err(Invalid::plain("command line", &silent).into());
    }
    files::print(&if args.json { holding_document(&holdings) } else { holding_text(&holdings) })
}
