//! Many like pieces of work on every core.

use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::anyhow;

use crate::exit::Failure;
use crate::progress::Progress;

/// Does the pieces of a range, out of `count` in all, and gives their results in order. Which thread
/// does which changes nothing. Once `flow` breaks no other piece is begun: those that were are given.
pub(super) fn each<T: Send>(
    what: &'static str,
    range: Range<u64>,
    count: u64,
    flow: impl Fn() -> ControlFlow<()> + Sync,
    piece: impl Fn(u64) -> T + Sync,
) -> Result<Vec<(u64, T)>, Failure> {
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let (next, done) = (AtomicU64::new(range.start), AtomicU64::new(range.start));
    let take = |mut tell: Option<&mut Progress>| {
        let mut taken: Vec<(u64, T)> = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= range.end || flow().is_break() {
                return taken;
            }
            taken.push((index, piece(index)));
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(progress) = &mut tell {
                progress.at(done, count);
            }
        }
    };
    let mut all = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| take(None))).collect();
        let mut all = take(Some(&mut Progress::new(what)));
        for other in others {
            all.extend(other.join().map_err(|_| Failure::Other(anyhow!("a thread panicked")))?);
        }
        Ok::<_, Failure>(all)
    })?;
    all.sort_by_key(|(index, _)| *index);
    Ok(all)
}

/// As [`each`], to the end.
pub(super) fn all<T: Send>(
    what: &'static str,
    count: u64,
    piece: impl Fn(u64) -> T + Sync,
) -> Result<Vec<T>, Failure> {
    let all = each(what, 0..count, count, || ControlFlow::Continue(()), piece)?;
    Ok(all.into_iter().map(|(_, done)| done).collect())
}
