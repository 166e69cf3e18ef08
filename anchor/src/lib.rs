//! Anchoring: roots on a chain, rewards computed from lineage, and claims.

pub mod bind;
pub mod claim;
pub mod reward;
