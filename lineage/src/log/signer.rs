//! The key of a log, and what it refuses to sign.

use mira_core::digest::{Digest, LogRoot};
use mira_core::id::TreeSize;
use mira_core::key::SigningKey;
use mira_core::log::checkpoint::{
    Checkpoint, CheckpointError, CheckpointVerifyError, SignedCheckpoint, VerifiedCheckpoint,
};
use mira_core::log::vkey::{KeyName, VerifierKey};
use mira_core::merkle::{ConsistencyError, TreeHead, empty_root, verify_consistency};

use super::head_of;

/// A signing key under the name of its log, the origin.
///
/// Whoever holds two checkpoints of one log that contradict each other can prove that it forked, so this signs only
/// what is shown to extend the checkpoint before it.
#[derive(Debug)]
pub struct LogSigner {
    verifier: VerifierKey,
    key: SigningKey,
}

/// Why a checkpoint was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The checkpoint before is another log's.
    #[error("the log's key is {expected}, found the key {found}")]
    Key {
        /// The verifier key of the log.
        expected: String,
        /// That of the signer.
        found: String,
    },
    /// The tree is smaller than the one before, or does not contain it.
    #[error("refused to sign a checkpoint that does not extend the log")]
    Inconsistent(#[from] ConsistencyError),
    /// The checkpoint cannot be written.
    #[error("the checkpoint cannot be written")]
    Checkpoint(#[from] CheckpointError),
    /// The signature just made does not verify.
    #[error("the new checkpoint does not verify")]
    Verify(#[from] CheckpointVerifyError),
}

impl LogSigner {
    /// Gives a key to the log of this origin.
    pub fn new(origin: KeyName, key: SigningKey) -> Self {
        Self { verifier: VerifierKey::note(origin, key.verifying_key()), key }
    }

    /// The key that verifies, with the log's origin as its name.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs the checkpoint of a log without entries.
    ///
    /// # Errors
    /// [`SignError::Checkpoint`] and [`SignError::Verify`], if mira-core contradicts itself.
    pub fn sign_empty(&self) -> Result<VerifiedCheckpoint, SignError> {
        self.sign_head(TreeHead { size: TreeSize::new(0), root: empty_root() })
    }

    /// Signs a checkpoint that extends `last`, as the consistency path between them shows. Every tree extends the empty
    /// one, and then the path is empty.
    ///
    /// # Errors
    /// [`SignError::Key`] if `last` is of another log or key, [`SignError::Inconsistent`] if `next` is smaller or the
    /// path does not show it.
    pub fn sign(
        &self,
        last: &VerifiedCheckpoint,
        next: TreeHead,
        path: &[Digest],
    ) -> Result<VerifiedCheckpoint, SignError> {
        if *last.log_key() != self.verifier {
            return Err(SignError::Key { expected: last.log_key().to_string(), found: self.verifier.to_string() });
        }
        let last = head_of(last.signed());
        // The empty tree proves nothing, so core refuses to compare with it; here there is nothing to protect yet.
        if last.size.value() > 0 {
            verify_consistency(last, next, path)?;
        }
        self.sign_head(next)
    }

    fn sign_head(&self, head: TreeHead) -> Result<VerifiedCheckpoint, SignError> {
        let checkpoint = Checkpoint::new(self.verifier.name().clone(), head.size, LogRoot::new(head.root));
        let signed = SignedCheckpoint::sign(&checkpoint, &self.key)?;
        Ok(signed.verify_log(&self.verifier)?)
    }
}

#[cfg(test)]
mod tests {
    use mira_core::id::TreeSize;
    use mira_core::merkle::{leaf_hash, naive, root_of};

    use super::*;

    fn leaves(range: std::ops::Range<u8>) -> Vec<Digest> {
        range.map(|leaf| leaf_hash(&[leaf])).collect()
    }

    fn head(leaves: &[Digest]) -> TreeHead {
        TreeHead { size: TreeSize::new(leaves.len() as u64), root: root_of(leaves.iter().copied()) }
    }

    fn signer(seed: u8) -> LogSigner {
        LogSigner::new("example.com/log".parse().unwrap(), SigningKey::from_seed(&[seed; 32]))
    }

    fn signed(signer: &LogSigner, leaves: &[Digest]) -> VerifiedCheckpoint {
        signer.sign(&signer.sign_empty().unwrap(), head(leaves), &[]).unwrap()
    }

    #[test]
    fn what_extends_the_log_is_signed() {
        let (signer, all) = (signer(1), leaves(0..7));
        let last = signed(&signer, &all[..5]);
        let next = signer.sign(&last, head(&all), &naive::consistency(5, &all)).unwrap();
        assert_eq!(head_of(next.signed()), head(&all));
        // The same size with the same root is the same checkpoint again.
        assert_eq!(signer.sign(&last, head(&all[..5]), &[]).unwrap().signed(), last.signed());
    }

    #[test]
    fn what_does_not_extend_it_is_refused() {
        let (signer, all) = (signer(1), leaves(0..7));
        let last = signed(&signer, &all[..5]);
        let path = naive::consistency(5, &all);
        let other = leaves(100..107);
        for (next, path, why) in [
            (head(&all[..4]), &path[..], "smaller"),
            (head(&[]), &[], "empty"),
            (head(&other[..5]), &[], "the same size with another root"),
            (head(&other), &path, "larger, with another history"),
            (head(&other), &naive::consistency(5, &other), "the path of another history"),
            (head(&all), &path[1..], "a hash missing from the path"),
            (head(&all), &[], "no path"),
        ] {
            assert!(matches!(signer.sign(&last, next, path), Err(SignError::Inconsistent(_))), "{why}");
        }
    }

    #[test]
    fn another_log_is_refused() {
        let all = leaves(0..3);
        let last = signed(&signer(1), &all);
        assert!(matches!(signer(2).sign(&last, head(&all), &[]), Err(SignError::Key { .. })));
        let renamed = LogSigner::new("example.com/other".parse().unwrap(), SigningKey::from_seed(&[1; 32]));
        assert!(matches!(renamed.sign(&last, head(&all), &[]), Err(SignError::Key { .. })));
    }
}
