//! What became of every request and token, from both sides.

use thiserror::Error;
use wattmill_policy::{Ledger, Unbalanced};

/// Requests and tokens of a run, each side of a balance counted where it happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Requests asked, and how they ended.
    pub requests: Ledger,
    /// Requests that are there, counted where they are: at replicas, under way to them, waiting for
    /// one.
    pub in_hand: u64,
    /// Of the requests shed, those that were so because their first token would have come too late.
    pub too_late: u64,
    /// Times a request was sent again because its replica or site was lost.
    pub resent: u64,
    /// Output tokens that replicas made.
    pub tokens_made: u64,
    /// Output tokens of finished requests.
    pub tokens_delivered: u64,
    /// Output tokens made for requests that were lost or had to start again.
    pub tokens_wasted: u64,
    /// Output tokens made so far for the requests still there.
    pub tokens_under_way: u64,
}

/// A balance that does not hold: a fault of the simulator, never of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Imbalance {
    /// Of requests.
    #[error(transparent)]
    Requests(#[from] Unbalanced),
    /// Of tokens.
    #[error(
        "replicas made {made} tokens, but {accounted} were delivered, wasted or are under way; this \
         is a fault of the simulator: report it with the seed"
    )]
    Tokens {
        /// Made by replicas.
        made: u64,
        /// Delivered, wasted or under way.
        accounted: u64,
    },
}

impl Books {
    /// Holds both sides of every balance against each other.
    ///
    /// # Errors
    /// The first balance that does not hold.
    ///
    /// ```
    /// use wattmill_sim::{Books, Imbalance};
    /// let books = Books { tokens_made: 5, tokens_delivered: 3, ..Books::default() };
    /// assert_eq!(books.check(), Err(Imbalance::Tokens { made: 5, accounted: 3 }));
    /// assert_eq!(Books { tokens_wasted: 2, ..books }.check(), Ok(()));
    /// ```
    pub fn check(&self) -> Result<(), Imbalance> {
        self.requests.check(self.in_hand)?;
        let accounted = self.tokens_delivered + self.tokens_wasted + self.tokens_under_way;
        if self.tokens_made != accounted {
            return Err(Imbalance::Tokens { made: self.tokens_made, accounted });
        }
        Ok(())
    }
}
