//! A queue in which callers take turns.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Who waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// A caller, told by its connection.
    Caller(Arc<str>),
    /// All polling together.
    Polls,
}

/// Who waits, party by party. Each turn goes to the next party; within a party, first
/// come, first served.
#[derive(Debug)]
pub struct Queue<T> {
    waiting: HashMap<Party, VecDeque<(u64, T)>>,
    /// The parties that wait, in the order of their turns.
    turns: VecDeque<Party>,
    len: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            waiting: HashMap::new(),
            turns: VecDeque::new(),
            len: 0,
        }
    }
}

impl<T> Queue<T> {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Waits, under an id.
    pub fn push(&mut self, party: Party, id: u64, waiter: T) {
        let waiting = self.waiting.entry(party.clone()).or_default();
        if waiting.is_empty() {
            self.turns.push_back(party);
        }
        waiting.push_back((id, waiter));
        self.len += 1;
    }

    /// Whose turn it is.
    pub fn pop(&mut self) -> Option<T> {
        let party = self.turns.pop_front()?;
        let waiting = self.waiting.get_mut(&party)?;
        let (_, waiter) = waiting.pop_front()?;
        match waiting.is_empty() {
            true => drop(self.waiting.remove(&party)),
            false => self.turns.push_back(party),
        }
        self.len -= 1;
        Some(waiter)
    }

    /// Waits no longer.
    pub fn remove(&mut self, party: &Party, id: u64) -> Option<T> {
        let waiting = self.waiting.get_mut(party)?;
        let index = waiting.iter().position(|(known, _)| *known == id)?;
        let (_, waiter) = waiting.remove(index)?;
        if waiting.is_empty() {
            self.waiting.remove(party);
            self.turns.retain(|other| other != party);
        }
        self.len -= 1;
        Some(waiter)
    }

    /// Nobody waits any longer.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many would come before one more of this party.
    pub fn ahead_of(&self, party: &Party) -> usize {
        let waiting = |party| self.waiting.get(party).map_or(0, VecDeque::len);
        let own = waiting(party);
        // Those whose turn comes before the party's have one turn more until then.
        let mut turns = own + 1;
        let mut ahead = own;
        for other in &self.turns {
            match other == party {
                true => turns = own,
                false => ahead += waiting(other).min(turns),
            }
        }
        ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(name: &str) -> Party {
        Party::Caller(name.into())
    }

    fn drain(queue: &mut Queue<&'static str>) -> String {
        std::iter::from_fn(|| queue.pop())
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn queue(entries: &[(&str, &'static str)]) -> Queue<&'static str> {
        let mut queue = Queue::default();
        for (id, (name, item)) in entries.iter().enumerate() {
            queue.push(caller(name), id as u64, *item);
        }
        queue
    }

    #[test]
    fn parties_take_turns_and_keep_their_own_order() {
        let mut queue = queue(&[
            ("a", "a1"),
            ("a", "a2"),
            ("a", "a3"),
            ("b", "b1"),
            ("c", "c1"),
        ]);
        queue.push(caller("b"), 9, "b2");
        assert_eq!(drain(&mut queue), "a1 b1 c1 a2 b2 a3");
        assert!(queue.is_empty() && queue.waiting.is_empty());
    }

    #[test]
    fn who_leaves_takes_no_turn() {
        let mut queue = queue(&[("a", "a1"), ("b", "b1"), ("b", "b2"), ("c", "c1")]);
        assert_eq!(queue.remove(&caller("a"), 0), Some("a1"));
        assert_eq!(queue.remove(&caller("b"), 1), Some("b1"));
        assert_eq!(queue.remove(&caller("b"), 1), None);
        assert_eq!((queue.len(), drain(&mut queue)), (2, "b2 c1".to_owned()));
    }

    /// What is foreseen is what happens when nobody else comes.
    #[test]
    fn the_number_ahead_is_the_number_served_before() {
        let parties = ["a", "b", "c", "d"];
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..500 {
            let mut queue = Queue::default();
            for id in 0..random.u64(0..20) {
                queue.push(caller(random.choice(parties).unwrap()), id, id);
                if random.u8(0..4) == 0 {
                    queue.pop();
                }
            }
            let party = caller(random.choice(parties).unwrap());
            let ahead = queue.ahead_of(&party);
            queue.push(party, 99, 99);
            let served = std::iter::from_fn(|| queue.pop()).position(|id| id == 99);
            assert_eq!(served, Some(ahead));
        }
    }
}
