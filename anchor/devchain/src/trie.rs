//! A Merkle Patricia trie in memory. Versions share what did not change, and every node remembers its own hash, so that
//! a change costs the path to it and an older version costs nothing.
//!
//! Keys are hashes, all of one length: no key is a prefix of another, and no branch holds a value. It is no database:
//! nothing here is read from disk, and proofs are not made.

use std::sync::{Arc, OnceLock};

use alloy::primitives::{B256, keccak256};
use alloy::trie::nodes::{BranchNodeRef, ExtensionNodeRef, LeafNodeRef, RlpNode};
use alloy::trie::{EMPTY_ROOT_HASH, Nibbles, TrieMask};

/// A version of a trie; a copy of it shares all nodes.
#[derive(Debug)]
pub(crate) struct Trie<V> {
    root: Option<Arc<Node<V>>>,
}

/// What a trie may hold.
pub(crate) trait Value {
    /// Appends the value as it stands in a leaf.
    fn encode(&self, out: &mut Vec<u8>);
}

#[derive(Debug)]
struct Node<V> {
    kind: Kind<V>,
    /// How the parent names this node: its RLP, or the hash of that. Computed when first asked for.
    reference: OnceLock<RlpNode>,
}

#[derive(Debug)]
enum Kind<V> {
    Leaf {
        path: Nibbles,
        value: V,
    },
    /// Its child is a branch, and its path is not empty.
    Extension {
        path: Nibbles,
        child: Arc<Node<V>>,
    },
    /// At least two of its children are there.
    Branch {
        children: [Option<Arc<Node<V>>>; 16],
    },
}

impl<V> Clone for Trie<V> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone() }
    }
}

impl<V> Default for Trie<V> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<V> Trie<V> {
    /// The value of a key.
    pub(crate) fn find(&self, key: &B256) -> Option<&V> {
        let mut node = self.root.as_deref()?;
        let mut rest = Nibbles::unpack(key);
        loop {
            match &node.kind {
                Kind::Leaf { path, value } => return (*path == rest).then_some(value),
                Kind::Extension { path, child } => {
                    if !rest.starts_with(path) {
                        return None;
                    }
                    rest = rest.slice(path.len()..);
                    node = child;
                }
                Kind::Branch { children } => {
                    let first = rest.first()?;
                    rest = rest.slice(1..);
                    node = children.get(usize::from(first))?.as_deref()?;
                }
            }
        }
    }
}

impl<V: Value + Clone> Trie<V> {
    /// Sets the value of a key.
    pub(crate) fn insert(&mut self, key: &B256, value: V) {
        self.root = Some(inserted(self.root.as_ref(), Nibbles::unpack(key), value));
    }

    /// Removes a key; one that is not there changes nothing.
    pub(crate) fn remove(&mut self, key: &B256) {
        self.root = self.root.as_ref().and_then(|root| removed(root, Nibbles::unpack(key)));
    }

    /// The hash of all keys and values.
    pub(crate) fn root(&self) -> B256 {
        let Some(root) = &self.root else { return EMPTY_ROOT_HASH };
        let reference = root.reference();
        // The root is named by its hash even where it is short enough to stand for itself.
        reference.as_hash().unwrap_or_else(|| keccak256(reference))
    }
}

impl<V> Node<V> {
    fn leaf(path: Nibbles, value: V) -> Arc<Self> {
        Self::new(Kind::Leaf { path, value })
    }

    fn branch(children: [Option<Arc<Self>>; 16]) -> Arc<Self> {
        Self::new(Kind::Branch { children })
    }

    /// A branch under the nibbles that all its keys share, of which there may be none.
    fn under(path: Nibbles, branch: Arc<Self>) -> Arc<Self> {
        if path.is_empty() { branch } else { Self::new(Kind::Extension { path, child: branch }) }
    }

    fn new(kind: Kind<V>) -> Arc<Self> {
        Arc::new(Self { kind, reference: OnceLock::new() })
    }
}

impl<V: Value> Node<V> {
    fn reference(&self) -> &RlpNode {
        self.reference.get_or_init(|| {
            let mut rlp = Vec::new();
            match &self.kind {
                Kind::Leaf { path, value } => {
                    let mut bytes = Vec::new();
                    value.encode(&mut bytes);
                    LeafNodeRef::new(path, &bytes).rlp(&mut rlp)
                }
                Kind::Extension { path, child } => ExtensionNodeRef::new(path, child.reference()).rlp(&mut rlp),
                Kind::Branch { children } => {
                    let mut mask = 0;
                    let mut names = Vec::with_capacity(16);
                    for (nibble, child) in children.iter().enumerate() {
                        let Some(child) = child else { continue };
                        mask |= 1 << nibble;
                        names.push(child.reference().clone());
                    }
                    BranchNodeRef::new(&names, TrieMask::new(mask)).rlp(&mut rlp)
                }
            }
        })
    }
}

fn inserted<V: Clone>(node: Option<&Arc<Node<V>>>, rest: Nibbles, value: V) -> Arc<Node<V>> {
    let Some(node) = node else { return Node::leaf(rest, value) };
    match &node.kind {
        Kind::Leaf { path, .. } if *path == rest => Node::leaf(rest, value),
        Kind::Leaf { path, value: old } => {
            let shared = path.common_prefix_length(&rest);
            let mut children = no_children();
            put(&mut children, *path, shared, |path| Node::leaf(path, old.clone()));
            put(&mut children, rest, shared, |rest| Node::leaf(rest, value));
            Node::under(rest.slice(..shared), Node::branch(children))
        }
        Kind::Extension { path, child } => {
            let shared = path.common_prefix_length(&rest);
            if shared == path.len() {
                return Node::under(*path, inserted(Some(child), rest.slice(shared..), value));
            }
            let mut children = no_children();
            put(&mut children, *path, shared, |path| Node::under(path, Arc::clone(child)));
            put(&mut children, rest, shared, |rest| Node::leaf(rest, value));
            Node::under(rest.slice(..shared), Node::branch(children))
        }
        Kind::Branch { children } => {
            let mut children = children.clone();
            if let Some(child) = rest.first().and_then(|first| children.get_mut(usize::from(first))) {
                *child = Some(inserted(child.as_ref(), rest.slice(1..), value));
            }
            Node::branch(children)
        }
    }
}

fn removed<V: Clone>(node: &Arc<Node<V>>, rest: Nibbles) -> Option<Arc<Node<V>>> {
    match &node.kind {
        Kind::Leaf { path, .. } => (*path != rest).then(|| Arc::clone(node)),
        Kind::Extension { path, child } => {
            if !rest.starts_with(path) {
                return Some(Arc::clone(node));
            }
            Some(joined(*path, &removed(child, rest.slice(path.len()..))?))
        }
        Kind::Branch { children } => {
            let mut children = children.clone();
            let child = children.get_mut(usize::from(rest.first()?))?;
            *child = child.as_ref().and_then(|child| removed(child, rest.slice(1..)));
            let mut left = (0u8..).zip(&children).filter_map(|(nibble, child)| Some((nibble, child.as_ref()?)));
            match (left.next(), left.next()) {
                (Some((nibble, only)), None) => Some(joined(Nibbles::from_nibbles([nibble]), only)),
                _ => Some(Node::branch(children)),
            }
        }
    }
}

/// A node moved under more nibbles.
fn joined<V: Clone>(path: Nibbles, node: &Arc<Node<V>>) -> Arc<Node<V>> {
    match &node.kind {
        Kind::Leaf { path: rest, value } => Node::leaf(path.join(rest), value.clone()),
        Kind::Extension { path: rest, child } => Node::under(path.join(rest), Arc::clone(child)),
        Kind::Branch { .. } => Node::under(path, Arc::clone(node)),
    }
}

/// Puts a node where its path leads after `shared` nibbles.
fn put<V>(
    children: &mut [Option<Arc<Node<V>>>; 16],
    path: Nibbles,
    shared: usize,
    node: impl FnOnce(Nibbles) -> Arc<Node<V>>,
) {
    if let Some(child) = path.get(shared).and_then(|nibble| children.get_mut(usize::from(nibble))) {
        *child = Some(node(path.slice(shared + 1..)));
    }
}

fn no_children<V>() -> [Option<Arc<Node<V>>>; 16] {
    [const { None }; 16]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use alloy::primitives::U256;
    use alloy::trie::root::storage_root;
    use proptest::prelude::*;

    use super::*;

    /// Few different nibbles and long equal runs, so that keys meet in every way.
    fn key() -> impl Strategy<Value = B256> {
        (prop::collection::vec(0u8..3, 0..4), 0u8..4, 0u8..3).prop_map(|(head, fill, last)| {
            let mut key = [fill; 32];
            key[..head.len()].copy_from_slice(&head);
            key[31] = last;
            B256::from(key)
        })
    }

    proptest! {
        #[test]
        fn equals_the_trie_built_at_once(
            steps in prop::collection::vec((key(), prop::option::of(1u64..300)), 0..60),
        ) {
            let mut model = BTreeMap::new();
            let mut trie = Trie::<U256>::default();
            for (key, value) in steps {
                let before = (trie.clone(), trie.root());
                match value.map(U256::from) {
                    Some(value) => {
                        trie.insert(&key, value);
                        model.insert(key, value);
                    }
                    None => {
                        trie.remove(&key);
                        model.remove(&key);
                    }
                }
                prop_assert_eq!(trie.root(), storage_root(model.clone()));
                prop_assert_eq!(trie.find(&key), model.get(&key));
                prop_assert_eq!(before.0.root(), before.1, "an older version has changed");
            }
            for (key, value) in &model {
                prop_assert_eq!(trie.find(key), Some(value));
            }
        }
    }

    #[test]
    fn many_random_keys_equal_the_trie_built_at_once() {
        let entries: BTreeMap<_, _> = (0u32..2000)
            .map(|index| (keccak256(index.to_be_bytes()), U256::from(u64::from(index) * 1_000_003 + 1)))
            .collect();
        let mut trie = Trie::default();
        for (key, value) in &entries {
            trie.insert(key, *value);
        }
        assert_eq!(trie.root(), storage_root(entries.clone()));
        for key in entries.keys().skip(1) {
            trie.remove(key);
        }
        assert_eq!(trie.root(), storage_root(entries.into_iter().take(1)));
    }
}
