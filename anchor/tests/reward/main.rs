//! Rewards from logs of sample people: against an oracle, and property by property.

#![allow(unreachable_pub, reason = "a test is nobody's library")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests state what they expect")]

mod audit;
mod by_hand;
mod golden;
mod oracle;
mod properties;
mod time;
mod world;
