//! Which replica a request goes to.

/// Each replica in turn. Needs no report from any of them.
///
/// ```
/// use wattmill_policy::RoundRobin;
/// let mut router = RoundRobin::new(3);
/// assert_eq!([router.route(), router.route(), router.route(), router.route()], [0, 1, 2, 0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RoundRobin {
    next: u32,
    replicas: u32,
}

impl RoundRobin {
    /// Over `replicas` replicas (at least one is assumed).
    pub const fn new(replicas: u32) -> Self {
        Self { next: 0, replicas: if replicas == 0 { 1 } else { replicas } }
    }

    /// Replica of the next request.
    #[inline]
    pub const fn route(&mut self) -> u32 {
        let chosen = self.next;
        self.next = if chosen + 1 == self.replicas { 0 } else { chosen + 1 };
        chosen
    }
}
