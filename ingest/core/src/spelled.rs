//! Enumerations whose members have one spelling each.

/// Declares enums of fixed words. Those whose words stand in ordered arrays are declared ascending by spelling, so that
/// the derived order is that of the arrays.
macro_rules! spelled_enums {
    ($(
        $(#[$doc:meta])*
        $name:ident, $what:literal { $($(#[$member_doc:meta])* $member:ident = $text:literal,)+ }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$member_doc])* $member,)+
        }

        impl $name {
            /// All members, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$member),+];

            /// The one spelling.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$member => $text,)+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::name::NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let rule = concat!("the words are", $(" ", $text),+);
                Self::ALL.iter().copied().find(|member| member.as_str() == text).ok_or_else(|| {
                    crate::name::NameError { what: $what, rule, found: text.chars().take(80).collect() }
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

pub(crate) use spelled_enums;
