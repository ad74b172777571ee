//! The lowest score of many replicas, kept up to date change by change.

use crate::replica_set::ReplicaSet;

/// Scores of replicas as the leaves of a tree, every inner node the lowest of its two children: a
/// change costs the way up, the lowest the way down.
#[derive(Clone, Debug)]
pub(crate) struct ScoreTree {
    /// Leaves, a power of two.
    leaves: usize,
    /// The root at 1, children of `i` at `2i` and `2i + 1`, replica `r` at `leaves + r`.
    nodes: Vec<u64>,
}

impl ScoreTree {
    /// The score of who is not to be found.
    pub(crate) const ABSENT: u64 = u64::MAX;

    /// Room for `replicas`, none of them to be found.
    pub(crate) fn new(replicas: u32) -> Self {
        let leaves = (replicas as usize).next_power_of_two();
        Self { leaves, nodes: vec![Self::ABSENT; 2 * leaves] }
    }

    pub(crate) fn get(&self, replica: u32) -> u64 {
        self.nodes[self.leaves + replica as usize]
    }

    pub(crate) fn set(&mut self, replica: u32, score: u64) {
        let mut node = self.leaves + replica as usize;
        self.nodes[node] = score;
        while node > 1 {
            let lowest = self.nodes[node].min(self.nodes[node ^ 1]);
            node /= 2;
            if self.nodes[node] == lowest {
                return;
            }
            self.nodes[node] = lowest;
        }
    }

    /// The lowest score and its replica, the first of equals.
    pub(crate) fn lowest(&self) -> Option<(u64, u32)> {
        let score = self.nodes[1];
        if score == Self::ABSENT {
            return None;
        }
        let mut node = 1;
        while node < self.leaves {
            node *= 2;
            node += usize::from(self.nodes[node] != score);
        }
        Some((score, (node - self.leaves) as u32))
    }

    /// The lowest score of a member of `set`, and the first of equals, if it is below `below`: a
    /// score, and a replica among equals.
    pub(crate) fn lowest_in(&self, set: &ReplicaSet, below: (u64, u32)) -> Option<(u64, u32)> {
        let mut best = below;
        self.search(1, 0, self.leaves, set, &mut best);
        (best != below).then_some(best)
    }

    /// Looks under `node`, which covers `width` replicas from `first` on, for better than `best`.
    fn search(
        &self,
        node: usize,
        first: usize,
        width: usize,
        set: &ReplicaSet,
        best: &mut (u64, u32),
    ) {
        if (self.nodes[node], first as u32) >= *best || set.is_disjoint(first, width) {
            return;
        }
        if width == 1 {
            *best = (self.nodes[node], first as u32);
            return;
        }
        let (half, left) = (width / 2, 2 * node);
        // The better half first: what it holds mostly rules the other out.
        if self.nodes[left] <= self.nodes[left + 1] {
            self.search(left, first, half, set, best);
            self.search(left + 1, first + half, half, set, best);
        } else {
            self.search(left + 1, first + half, half, set, best);
            self.search(left, first, half, set, best);
        }
    }
}
