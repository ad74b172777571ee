//! `wattmill compare`.

use wattmill::catalog::Catalog;
use wattmill::factory::Causes;
use wattmill::plan::Comparison;
use wattmill::report::{Compared, comparison_document, comparison_page, comparison_text};
use wattmill::{Compared as Side, Comparing};

use super::cores;
use super::factory::{Loaded, load};
use super::samples::possible;
use crate::args::Compare;
use crate::exit::{Failure, Outcome};
use crate::files;
use crate::known::Known;
use crate::progress::Progress;

pub(crate) fn run(args: &Compare) -> Outcome {
    let known = Known::open(&args.calibration)?;
    let catalog = known.catalog();
    let base = load(Some(&args.base), catalog)?;
    let others: Vec<Loaded> =
        args.others.iter().map(|other| load(Some(other), catalog)).collect::<Result<_, _>>()?;
    let samples = args.samples.unwrap_or(0);
    if samples > 0 && others.iter().all(|other| other.factory.is_certain()) {
        possible(&base)?;
    }
    let mut compared = Compared { base: &base.factory, others: Vec::new(), samples };
    for other in &others {
        let comparison = compare(&base, other, catalog, samples)?;
        compared.others.push((&other.factory, comparison));
    }
    if let Some(path) = &args.output.html {
        files::write(path, &comparison_page(&compared))?;
    }
    if args.output.json {
        let all = std::iter::once(&base).chain(&others);
        let warnings: Vec<String> = all.flat_map(|loaded| loaded.warnings.clone()).collect();
        return files::print(&comparison_document(&compared, &warnings, known.calibration()));
    }
    files::print(&known.told(&comparison_text(&compared)))
}

fn side(loaded: &Loaded) -> Side<'_> {
    Side { text: &loaded.named.text, files: &loaded.files, factory: &loaded.factory }
}

fn compare(
    base: &Loaded,
    other: &Loaded,
    catalog: &Catalog,
    samples: u64,
) -> Result<Comparison, Failure> {
    let mut progress = Progress::new("probing");
    let comparing = Comparing::open(side(base), side(other), catalog, |done, all| {
        progress.at(done as u64, all as u64)
    });
    drop(progress);
    let every: Vec<Causes> = Causes::every().collect();
    let steps =
        cores::all("swapping", every.len() as u64, |index| comparing.step(every[index as usize]))?;
    let samples = cores::all("sampling", samples, |index| comparing.sample(index))?;
    Ok(comparing.compare(&steps, &samples))
}
