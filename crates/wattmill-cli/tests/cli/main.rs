//! The `wattmill` program as people and scripts meet it: what it prints, what it refuses and how,
//! and what it leaves behind.

mod bad_factory;
mod bad_flags;
mod bad_trace;
mod bench;
mod calibrate;
mod catalog;
mod compare;
mod explain;
mod gigawatt;
mod infeasible;
mod interrupt;
mod output;
mod perfetto;
mod plan;
mod replay;
mod samples;
mod serve;
mod support;
mod sweep;
mod traffic;
mod train;
mod validate;
mod zoom;
