//! A map from contents to a word, made for many lookups of which most miss the processor's caches.

/// Contents and a word for each, side by side in one table: a lookup touches one place of memory,
/// where the map of the standard library touches two.
///
/// Linear probing; what is removed is closed up behind, so that no gaps pile up.
#[derive(Clone, Debug)]
pub(crate) struct ContentMap {
    /// A power of two of places, of which at most three quarters are taken.
    places: Vec<(u64, u64)>,
    taken: usize,
}

impl ContentMap {
    /// No word of a content: marks a place that is free.
    pub(crate) const FREE: u64 = u64::MAX;
    const FEWEST: usize = 16;

    pub(crate) fn new() -> Self {
        Self { places: vec![(0, Self::FREE); Self::FEWEST], taken: 0 }
    }

    #[cfg(test)]
    pub(crate) const fn len(&self) -> usize {
        self.taken
    }

    /// Where looking for `content` begins: the high bits of a product with an odd number near the
    /// golden ratio, which spread both what was counted up and what was hashed.
    fn home(&self, content: u64) -> usize {
        let bits = self.places.len().trailing_zeros();
        // Folded first, or contents that differ in their high bits alone would share few homes.
        let folded = content ^ (content >> 32);
        (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - bits)) as usize
    }

    /// Place of `content`, or the free one where it belongs.
    fn place(&self, content: u64) -> usize {
        let mut place = self.home(content);
        loop {
            let (other, word) = self.places[place];
            if word == Self::FREE || other == content {
                return place;
            }
            place = (place + 1) & (self.places.len() - 1);
        }
    }

    pub(crate) fn get(&self, content: u64) -> Option<u64> {
        let (_, word) = self.places[self.place(content)];
        (word != Self::FREE).then_some(word)
    }

    /// The word of `content` becomes what `change` makes of the one it has.
    pub(crate) fn update(&mut self, content: u64, change: impl FnOnce(Option<u64>) -> Option<u64>) {
        if self.taken * 4 >= self.places.len() * 3 {
            self.rebuild(self.places.len() * 2, |_, word| Some(word));
        }
        let place = self.place(content);
        let (_, before) = self.places[place];
        match change((before != Self::FREE).then_some(before)) {
            Some(after) => {
                self.places[place] = (content, after);
                self.taken += usize::from(before == Self::FREE);
            }
            None if before == Self::FREE => {}
            None => self.free(place),
        }
    }

    /// Frees `place` and moves up what would not be found across the gap.
    fn free(&mut self, place: usize) {
        let last = self.places.len() - 1;
        let (mut gap, mut next) = (place, (place + 1) & last);
        while self.places[next].1 != Self::FREE {
            let home = self.home(self.places[next].0);
            // It may move up if the gap is not before its home, counted around the end.
            if next.wrapping_sub(home) & last >= next.wrapping_sub(gap) & last {
                self.places[gap] = self.places[next];
                gap = next;
            }
            next = (next + 1) & last;
        }
        self.places[gap].1 = Self::FREE;
        self.taken -= 1;
    }

    /// Every word becomes what `change` makes of it; without one a content is forgotten.
    pub(crate) fn retain(&mut self, change: impl FnMut(u64, u64) -> Option<u64>) {
        self.rebuild(self.places.len(), change);
    }

    fn rebuild(&mut self, places: usize, mut change: impl FnMut(u64, u64) -> Option<u64>) {
        let before = std::mem::replace(&mut self.places, vec![(0, Self::FREE); places]);
        self.taken = 0;
        for (content, word) in before.into_iter().filter(|(_, word)| *word != Self::FREE) {
            if let Some(word) = change(content, word) {
                let place = self.place(content);
                self.places[place] = (content, word);
                self.taken += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Contents that collide, wrap around the end and come and go.
        #[test]
        fn the_map_is_that_of_the_library(
            steps in prop::collection::vec((any::<u8>(), any::<bool>(), 0u64..100), 1..2000),
            spread in prop::sample::select(&[1u64, 1 << 32, 0x0123_4567_89AB_CDEF][..]),
        ) {
            let (mut map, mut twin) = (ContentMap::new(), BTreeMap::new());
            for (content, stays, word) in steps {
                let content = u64::from(content).wrapping_mul(spread);
                map.update(content, |before| {
                    assert_eq!(before, twin.get(&content).copied());
                    stays.then_some(word)
                });
                if stays { twin.insert(content, word); } else { twin.remove(&content); }
                prop_assert_eq!(map.len(), twin.len());
            }
            map.retain(|_, word| (word % 3 > 0).then_some(word + 1));
            twin.retain(|_, word| *word % 3 > 0);
            for content in (0..256).map(|content: u64| content.wrapping_mul(spread)) {
                prop_assert_eq!(map.get(content), twin.get(&content).map(|word| word + 1));
            }
        }
    }
}
