//! What became of every request, from both sides.

use thiserror::Error;

/// Requests and tokens of a run, each side of a balance counted where it happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Requests that came.
    pub asked: u64,
    /// Requests answered in full.
    pub finished: u64,
    /// Requests longer than a whole replica's cache.
    pub rejected: u64,
    /// Requests turned away because too many were waiting.
    pub shed: u64,
    /// Requests that nobody was there to answer, or whose replica died once too often.
    pub lost: u64,
    /// Requests still there when the run ended.
    pub in_flight: u64,
    /// The same, counted where they are: at replicas, under way to them, waiting for one.
    pub in_places: u64,
    /// Output tokens that replicas made.
    pub tokens_made: u64,
    /// Output tokens of finished requests.
    pub tokens_delivered: u64,
    /// Output tokens made for requests that were lost or had to start again.
    pub tokens_wasted: u64,
    /// Output tokens made so far for the requests still there.
    pub tokens_under_way: u64,
    /// Times a request was sent again because its replica or site was lost.
    pub resent: u64,
}

/// A balance that does not hold: a fault of the simulator, never of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Imbalance {
    /// Requests.
    #[error(
        "{asked} requests came, but {accounted} are accounted for; this is a fault of Wattmill: \
         please report it with the seed"
    )]
    Requests {
        /// Came.
        asked: u64,
        /// Finished, rejected, shed, lost or in flight.
        accounted: u64,
    },
    /// Requests in flight.
    #[error(
        "{in_flight} requests are in flight, but {in_places} are somewhere; this is a fault of \
         Wattmill: please report it with the seed"
    )]
    Places {
        /// Not yet ended.
        in_flight: u64,
        /// Found at replicas, under way or waiting.
        in_places: u64,
    },
    /// Tokens.
    #[error(
        "{made} tokens were made, but {accounted} are accounted for; this is a fault of Wattmill: \
         please report it with the seed"
    )]
    Tokens {
        /// Made by replicas.
        made: u64,
        /// Delivered, wasted or under way.
        accounted: u64,
    },
}

impl Ledger {
    /// Holds both sides of every balance against each other.
    ///
    /// # Errors
    /// The first balance that does not hold.
    ///
    /// ```
    /// use wattmill_sim::{Imbalance, Ledger};
    /// let mut ledger = Ledger { asked: 5, finished: 3, lost: 2, ..Ledger::default() };
    /// assert_eq!(ledger.check(), Ok(()));
    /// ledger.lost = 1;
    /// assert_eq!(ledger.check(), Err(Imbalance::Requests { asked: 5, accounted: 4 }));
    /// ```
    pub const fn check(&self) -> Result<(), Imbalance> {
        let accounted = self.finished + self.rejected + self.shed + self.lost + self.in_flight;
        if self.asked != accounted {
            return Err(Imbalance::Requests { asked: self.asked, accounted });
        }
        if self.in_flight != self.in_places {
            let (in_flight, in_places) = (self.in_flight, self.in_places);
            return Err(Imbalance::Places { in_flight, in_places });
        }
        let accounted = self.tokens_delivered + self.tokens_wasted + self.tokens_under_way;
        if self.tokens_made != accounted {
            return Err(Imbalance::Tokens { made: self.tokens_made, accounted });
        }
        Ok(())
    }
}
