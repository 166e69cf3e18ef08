//! The contracts' code, as it is committed, and whether the code at an address is that code.
//!
//! A contract's runtime code holds values that its constructor chose (*immutables*), at places that the compiler names.
//! Two codes are compared with those places blanked.

use std::collections::BTreeMap;

use alloy::primitives::Bytes;
use serde::Deserialize;

/// A compiled contract.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Its name.
    pub name: &'static str,
    /// The code that makes it; what its constructor takes comes after.
    pub creation: Bytes,
    /// The code that it has then, immutables blank.
    pub runtime: Bytes,
    immutables: Vec<Place>,
}

/// Why an artifact cannot be used; it is compiled in, so a build of ours that has this is broken.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// Not the JSON that the build writes.
    #[error("the artifact of {name} is malformed")]
    Json {
        /// The contract.
        name: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// An immutable lies outside of the code.
    #[error("the artifact of {name} has an immutable beyond its code")]
    Immutable {
        /// The contract.
        name: &'static str,
    },
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Place {
    start: usize,
    length: usize,
}

impl Artifact {
    /// The registry of anchored roots.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub fn root_registry() -> Result<Self, ArtifactError> {
        Self::parse("RootRegistry", include_str!("../contracts/artifacts/RootRegistry.json"))
    }

    /// The distributor of rewards.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub fn rewards_distributor() -> Result<Self, ArtifactError> {
        Self::parse("RewardsDistributor", include_str!("../contracts/artifacts/RewardsDistributor.json"))
    }

    /// The token.
    ///
    /// # Errors
    /// [`ArtifactError`].
    pub fn mira_token() -> Result<Self, ArtifactError> {
        Self::parse("MiraToken", include_str!("../contracts/artifacts/MiraToken.json"))
    }

    /// Whether this is the contract's runtime code, whatever its immutables are.
    pub fn is_runtime(&self, code: &[u8]) -> bool {
        code.len() == self.runtime.len() && self.blanked(code) == self.blanked(&self.runtime)
    }

    fn parse(name: &'static str, text: &str) -> Result<Self, ArtifactError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            bytecode: Bytes,
            deployed_bytecode: Bytes,
            immutable_references: BTreeMap<String, Vec<Place>>,
        }
        let wire: Wire = serde_json::from_str(text).map_err(|source| ArtifactError::Json { name, source })?;
        let immutables: Vec<Place> = wire.immutable_references.into_values().flatten().collect();
        let runtime = wire.deployed_bytecode;
        let within = |place: &Place| place.start.checked_add(place.length).is_some_and(|end| end <= runtime.len());
        if !immutables.iter().all(within) {
            return Err(ArtifactError::Immutable { name });
        }
        Ok(Self { name, creation: wire.bytecode, runtime, immutables })
    }

    fn blanked(&self, code: &[u8]) -> Vec<u8> {
        let mut code = code.to_vec();
        for place in &self.immutables {
            if let Some(bytes) = code.get_mut(place.start..place.start + place.length) {
                bytes.fill(0);
            }
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn immutables_are_blanked_and_nothing_else() {
        let all = [Artifact::root_registry(), Artifact::rewards_distributor(), Artifact::mira_token()];
        for artifact in all.map(Result::unwrap) {
            assert!(artifact.is_runtime(&artifact.runtime), "{}", artifact.name);
            let mut code = artifact.runtime.to_vec();
            let place = artifact.immutables[0];
            code[place.start] ^= 1;
            assert!(artifact.is_runtime(&code), "{}: an immutable", artifact.name);
            code[place.start - 1] ^= 1;
            assert!(!artifact.is_runtime(&code), "{}: code beside an immutable", artifact.name);
            assert!(!artifact.is_runtime(&artifact.runtime[1..]), "{}: shorter", artifact.name);
        }
    }
}
