//! The keys of objects: which index a key has, and whether it came already in the object at hand.

use std::collections::HashMap;

/// Known keys in order, and which of them the current object has shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Members {
    names: Vec<String>,
    index: HashMap<String, usize>,
    /// The number of the object in which each key was seen last.
    seen: Vec<u64>,
    object: u64,
    /// The index expected next, because objects mostly repeat the order of their keys.
    next: usize,
}

impl Members {
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut members = Self::default();
        for name in names {
            members.add(name);
        }
        members
    }

    /// The keys in order.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Begins an object: no key has been seen in it.
    pub(crate) fn begin(&mut self) {
        self.object += 1;
        self.next = 0;
    }

    /// The index of `key`, if it is known.
    #[inline]
    pub(crate) fn find(&mut self, key: &str) -> Option<usize> {
        let guess = self.next;
        let found = match self.names.get(guess) {
            Some(name) if name == key => guess,
            _ => *self.index.get(key)?,
        };
        self.next = found + 1;
        Some(found)
    }

    /// The index of `key` whatever is expected, if it is known.
    pub(crate) fn index_of(&self, key: &str) -> Option<usize> {
        self.index.get(key).copied()
    }

    /// Appends a key that [`Members::find`] does not know, and returns its index.
    pub(crate) fn add(&mut self, key: &str) -> usize {
        let index = self.names.len();
        self.names.push(key.to_owned());
        self.index.insert(key.to_owned(), index);
        self.seen.push(0);
        self.next = index + 1;
        index
    }

    /// Marks a key as seen in this object; false if it was already.
    #[inline]
    pub(crate) fn mark(&mut self, index: usize) -> bool {
        let object = self.object;
        self.seen.get_mut(index).is_some_and(|seen| std::mem::replace(seen, object) != object)
    }

    /// Whether the current object has shown a key.
    #[inline]
    pub(crate) fn has(&self, index: usize) -> bool {
        self.seen.get(index) == Some(&self.object)
    }
}
