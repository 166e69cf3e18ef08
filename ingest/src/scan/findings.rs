//! Kinds of findings, and counts of them.

use std::fmt;
use std::str::FromStr;

/// Declares the kinds, their spelling, and what a person is told.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $told:literal;)*) => {
        /// What may stand in a text that should not be published unseen.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// All kinds, ascending by their spelling.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The spelling in reports.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// What a person is told was found.
            pub const fn told(self) -> &'static str {
                match self {
                    $(Self::$name => $told,)*
                }
            }
        }
    };
}

kinds! {
    /// An API key of Anthropic.
    Anthropic = "anthropic-key", "Anthropic keys";
    /// A password, secret or token that is given a value.
    Assignment = "assignment", "assigned passwords or secrets";
    /// An access key id of AWS.
    Aws = "aws-key", "AWS access keys";
    /// The number of a payment card.
    Card = "card", "payment card numbers";
    /// An e-mail address.
    Email = "email", "e-mail addresses";
    /// A token of GitHub.
    GitHub = "github-token", "GitHub tokens";
    /// A personal access token of GitLab.
    GitLab = "gitlab-token", "GitLab tokens";
    /// An API key of Google.
    Google = "google-key", "Google keys";
    /// A token of Hugging Face.
    HuggingFace = "huggingface-token", "Hugging Face tokens";
    /// The number of a bank account.
    Iban = "iban", "IBANs";
    /// A public IP address.
    Ip = "ip", "public IP addresses";
    /// A JSON web token.
    Jwt = "jwt", "JSON web tokens";
    /// An API key of OpenAI.
    OpenAi = "openai-key", "OpenAI keys";
    /// A phone number in international form.
    Phone = "phone", "phone numbers";
    /// The head of a private key.
    PrivateKey = "private-key", "private keys";
    /// A token of Slack.
    Slack = "slack-token", "Slack tokens";
    /// A live key of Stripe.
    Stripe = "stripe-key", "Stripe keys";
    /// A social security number of the United States.
    UsSsn = "us-ssn", "US social security numbers";
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No kind is spelled so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no kind of finding is spelled so")]
pub struct UnknownKind;

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

/// How many values hold something of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Findings([u64; Kind::ALL.len()]);

impl Findings {
    /// Adds values of a kind.
    pub fn add(&mut self, kind: Kind, values: u64) {
        // A kind is its place in the list of all.
        if let Some(count) = self.0.get_mut(kind as usize) {
            *count = count.saturating_add(values);
        }
    }

    /// Adds all that another has.
    pub fn merge(&mut self, other: &Self) {
        other.iter().for_each(|(kind, values)| self.add(kind, values));
    }

    /// What was found, ascending by the kinds' spelling; nothing that was not.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, u64)> {
        Kind::ALL.iter().copied().zip(self.0).filter(|(_, values)| *values > 0)
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_ascend_and_read_back() {
        assert!(Kind::ALL.is_sorted_by(|a, b| a.as_str() < b.as_str()));
        for (place, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!((*kind as usize, kind.as_str().parse()), (place, Ok(*kind)));
        }
        assert_eq!("Email".parse::<Kind>(), Err(UnknownKind));
    }

    #[test]
    fn counts_add_up() {
        let (mut one, mut other) = (Findings::default(), Findings::default());
        assert!(one.is_empty());
        one.add(Kind::Email, 2);
        other.add(Kind::Email, 3);
        other.add(Kind::Card, 1);
        one.merge(&other);
        assert_eq!(one.iter().collect::<Vec<_>>(), [(Kind::Card, 1), (Kind::Email, 5)]);
        one.add(Kind::Card, u64::MAX);
        assert_eq!(one.iter().next(), Some((Kind::Card, u64::MAX)));
    }
}
