//! One file per command: its arguments, its help, and what it does.

pub mod help;
pub mod key;
pub mod trust;
pub mod verify;
pub mod version;
