//! What became of every request.

/// Counts every request once when it is asked and once when it ends.
///
/// A request is a [`Ticket`] for as long as nobody has counted its end. Tickets cannot be copied and
/// counting takes them, so none can be counted twice; one that was dropped is missed by
/// [`Self::check`]. A replica that drains or dies hands its tickets on, to be sent elsewhere or to
/// be counted as lost.
///
/// ```
/// use wattmill_policy::Ledger;
/// let mut ledger = Ledger::default();
/// let (a, b, c) = (ledger.ask(), ledger.ask(), ledger.ask());
/// ledger.finish(a);
/// ledger.lose(b);
/// assert!(ledger.check(1).is_ok());
/// assert_eq!(ledger.open(), 1);
/// drop(c);
/// assert_eq!(
///     ledger.check(0).unwrap_err().to_string(),
///     "of 3 requests 1 finished, 0 were rejected, 0 shed and 1 lost, which leaves 1 in hand, and \
///      0 are there; look for whoever drops a ticket or counts without one",
/// );
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    asked: u64,
    finished: u64,
    rejected: u64,
    shed: u64,
    lost: u64,
}

/// A request whose end nobody has counted. Takes no room.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a request that is dropped is lost without being counted"]
pub struct Ticket(());

impl Ledger {
    /// A request is asked.
    pub const fn ask(&mut self) -> Ticket {
        self.asked += 1;
        Ticket(())
    }

    /// It was answered in full.
    pub fn finish(&mut self, _: Ticket) {
        self.finished += 1;
    }

    /// It can never run.
    pub fn reject(&mut self, _: Ticket) {
        self.rejected += 1;
    }

    /// It was dropped because too much waits or because it would come too late.
    pub fn shed(&mut self, _: Ticket) {
        self.shed += 1;
    }

    /// Who had it is gone, or nobody is there to have it.
    pub fn lose(&mut self, _: Ticket) {
        self.lost += 1;
    }

    /// Requests asked.
    pub const fn asked(&self) -> u64 {
        self.asked
    }

    /// Requests answered in full.
    pub const fn finished(&self) -> u64 {
        self.finished
    }

    /// Requests that can never run.
    pub const fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Requests dropped by choice.
    pub const fn was_shed(&self) -> u64 {
        self.shed
    }

    /// Requests lost.
    pub const fn lost(&self) -> u64 {
        self.lost
    }

    const fn ended(&self) -> u64 {
        self.finished + self.rejected + self.shed + self.lost
    }

    /// Requests asked whose end nobody has counted.
    pub const fn open(&self) -> u64 {
        self.asked.saturating_sub(self.ended())
    }

    /// Holds the books against `in_hand` requests counted where they are: waiting, running or under
    /// way.
    pub const fn check(&self, in_hand: u64) -> Result<(), Unbalanced> {
        if self.asked == self.ended() + in_hand {
            Ok(())
        } else {
            Err(Unbalanced { ledger: *self, in_hand })
        }
    }

    /// Adds what another part of the fleet counted.
    pub const fn merge(&mut self, other: &Self) {
        self.asked += other.asked;
        self.finished += other.finished;
        self.rejected += other.rejected;
        self.shed += other.shed;
        self.lost += other.lost;
    }
}

/// Requests that were asked and those that ended or are there differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "of {} requests {} finished, {} were rejected, {} shed and {} lost, which leaves {} in hand, \
     and {in_hand} are there; look for whoever drops a ticket or counts without one",
    .ledger.asked, .ledger.finished, .ledger.rejected, .ledger.shed, .ledger.lost, .ledger.open()
)]
pub struct Unbalanced {
    /// What was counted.
    pub ledger: Ledger,
    /// Requests that are there.
    pub in_hand: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_fleet_balance_together_though_a_request_moved() {
        let (mut here, mut there) = (Ledger::default(), Ledger::default());
        let moved = here.ask();
        there.finish(moved);
        assert!(there.check(0).is_err(), "it was asked elsewhere");
        here.merge(&there);
        assert!(here.check(0).is_ok());
        assert_eq!((here.asked(), here.finished(), here.open()), (1, 1, 0));
    }
}
