//! Anchoring: roots on a chain, rewards computed from lineage, and claims.
