//! The `mira` binary.

fn main() {}
