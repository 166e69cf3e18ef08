//! Numbers that must not be mixed up: sizes, indices, epochs.

use std::fmt;

/// Declares `u64` newtypes.
macro_rules! number_types {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(u64);

        impl $name {
            /// Wraps a number.
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// The number.
            pub const fn value(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    )*};
}

number_types! {
    /// How many leaves a tree has.
    TreeSize;
    /// Which leaf of a tree, counted from 0.
    LeafIndex;
    /// Which sealed epoch of a log, counted from 1.
    EpochNumber;
}
