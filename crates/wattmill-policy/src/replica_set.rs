//! A set of replicas, a bit each.

/// Bits of a word.
const WORD: usize = 64;

/// Which of the replicas `0..n` belong.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplicaSet {
    words: Vec<u64>,
    members: u32,
}

impl ReplicaSet {
    /// Nobody of `replicas`.
    pub(crate) fn none_of(replicas: u32) -> Self {
        let mut set = Self::default();
        set.clear(replicas);
        set
    }

    pub(crate) const fn len(&self) -> u32 {
        self.members
    }

    pub(crate) fn contains(&self, replica: u32) -> bool {
        let word = self.words.get(replica as usize / WORD).copied().unwrap_or_default();
        word >> (replica as usize % WORD) & 1 == 1
    }

    /// Whether it was not there.
    pub(crate) fn insert(&mut self, replica: u32) -> bool {
        let is_new = !self.contains(replica);
        self.words[replica as usize / WORD] |= 1 << (replica as usize % WORD);
        self.members += u32::from(is_new);
        is_new
    }

    /// Whether it was there.
    pub(crate) fn remove(&mut self, replica: u32) -> bool {
        let was_there = self.contains(replica);
        self.words[replica as usize / WORD] &= !(1 << (replica as usize % WORD));
        self.members -= u32::from(was_there);
        was_there
    }

    /// Becomes what `a` and `b`, which are of the same replicas, have in common.
    pub(crate) fn assign_common(&mut self, a: &Self, b: &Self) {
        self.words.clear();
        self.words.extend(a.words.iter().zip(&b.words).map(|(a, b)| a & b));
        self.members = self.words.iter().map(|word| word.count_ones()).sum();
    }

    /// Becomes nobody of `replicas`.
    pub(crate) fn clear(&mut self, replicas: u32) {
        self.words.clear();
        self.words.resize((replicas as usize).div_ceil(WORD), 0);
        self.members = 0;
    }

    /// The first member from `replica` on.
    pub(crate) fn first_from(&self, replica: u32) -> Option<u32> {
        let start = replica as usize / WORD;
        let mut mask = u64::MAX << (replica as usize % WORD);
        for (index, word) in self.words.iter().enumerate().skip(start) {
            let word = word & mask;
            if word != 0 {
                return Some((index * WORD) as u32 + word.trailing_zeros());
            }
            mask = u64::MAX;
        }
        None
    }

    /// Whether surely none of the `width` replicas from `first` on belongs. `width` is a power of
    /// two and `first` a multiple of it; ranges of more than a word are not looked into.
    pub(crate) fn is_disjoint(&self, first: usize, width: usize) -> bool {
        if width > WORD {
            return false;
        }
        let word = self.words.get(first / WORD).copied().unwrap_or_default();
        let mask = if width == WORD { u64::MAX } else { (1 << width) - 1 };
        word >> (first % WORD) & mask == 0
    }
}
