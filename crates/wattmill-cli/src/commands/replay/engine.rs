//! What a replica of a replay is.

use std::path::Path;

use wattmill::Pricing;
use wattmill::catalog::{Catalog, Model};
use wattmill::factory::{EngineSpec, Hardware};
use wattmill::perf::StepTable;
use wattmill::plan::Engine;
use wattmill::policy::BatchLimits;
use wattmill::report::ReplayEngine;

use crate::args::{Replay, Swap};
use crate::commands::engine::{candidates, catalogue, refused};
use crate::exit::Failure;
use crate::files;
use crate::invalid::Invalid;

/// Limits of a step-time table's engine where none are given: those the peers' tables were made with.
const TABLE_SEQS: u32 = 512;
const TABLE_TOKENS: u32 = 512;
const TABLE_BLOCK_TOKENS: u32 = 16;

/// What the flags name.
pub(super) enum Named<'a> {
    /// A model and a system of the catalogue.
    Catalogue(&'a Model, Box<Hardware>, &'a Catalog),
    /// A step-time table.
    Table(&'a Path),
}

impl<'a> Named<'a> {
    /// Looks up what the flags name; everything unknown is told at once.
    pub(super) fn find(args: &'a Replay, catalog: &'a Catalog) -> Result<Self, Failure> {
        if let (Some(seqs), Some(tokens)) = (args.max_seqs, args.max_tokens)
            && tokens < seqs
        {
            return Err(Failure::Usage(format!(
                "--max-tokens {tokens} leaves no token for each of --max-seqs {seqs}; raise the one or \
                 lower the other"
            )));
        }
        if let Some(path) = &args.step_table {
            return Ok(Self::Table(path));
        }
        let (model, hardware) = catalogue(&args.engine, ", or --step-table FILE", catalog)?;
        Ok(Self::Catalogue(model, Box::new(hardware), catalog))
    }

    /// What prices the steps, and how to describe it.
    pub(super) fn pricing(&'a self, args: &Replay) -> Result<(Pricing<'a>, ReplayEngine), Failure> {
        match self {
            Self::Catalogue(model, hardware, catalog) => engine(args, model, hardware, catalog),
            Self::Table(path) => table(args, path),
        }
    }
}

/// The layout of the flags, or the smallest usual one that fits.
fn engine<'a>(
    args: &Replay,
    model: &'a Model,
    hardware: &'a Hardware,
    catalog: &'a Catalog,
) -> Result<(Pricing<'a>, ReplayEngine), Failure> {
    let mut refusal = Vec::new();
    let fits = candidates(&args.engine, model, hardware).into_iter().find_map(|spec| {
        let engine = Engine::new(model, hardware, catalog, with_flags(args, spec));
        engine.map_err(|why| refusal = why).ok()
    });
    let Some(engine) = fits else {
        return Err(refused(model, hardware, &refusal));
    };
    let described = ReplayEngine::Model {
        model: model.id.clone(),
        system: hardware.system.id.clone(),
        accelerator: hardware.accelerator.id.clone(),
        spec: engine.deployment.spec,
    };
    Ok((Pricing::Engine(Box::new(engine)), described))
}

fn with_flags(args: &Replay, spec: EngineSpec) -> EngineSpec {
    EngineSpec {
        max_seqs: max_seqs(args, spec.max_seqs),
        max_tokens: args.max_tokens.unwrap_or(spec.max_tokens),
        block_tokens: args.block_tokens.unwrap_or(spec.block_tokens),
        swap: match args.preemption {
            Swap::Never => spec.swap,
            Swap::Over(link) => Some(link),
        },
        ..spec
    }
}

/// The batch limit: as stated, or the usual one as far as a step has tokens for it.
fn max_seqs(args: &Replay, usual: u32) -> u32 {
    args.max_seqs.unwrap_or_else(|| usual.min(args.max_tokens.unwrap_or(usual)))
}

fn table<'a>(args: &Replay, path: &Path) -> Result<(Pricing<'a>, ReplayEngine), Failure> {
    let named = files::text(path)?;
    let table = StepTable::from_json(&named.text).map_err(|error| {
        let problems: Vec<_> =
            error.to_string().lines().map(|line| (line.to_owned(), None)).collect();
        Failure::from(Invalid::plain(&named.name, &problems))
    })?;
    let max_seqs = max_seqs(args, TABLE_SEQS);
    let max_tokens = args.max_tokens.unwrap_or(TABLE_TOKENS);
    let block_tokens = args.block_tokens.unwrap_or(TABLE_BLOCK_TOKENS);
    let blocks = args.kv_blocks.unwrap_or(BatchLimits::UNLIMITED_BLOCKS);
    let limits = BatchLimits::new(max_seqs, max_tokens, block_tokens, blocks);
    let described = ReplayEngine::StepTable { file: named.name, max_seqs, max_tokens };
    Ok((Pricing::Table(table, limits), described))
}
