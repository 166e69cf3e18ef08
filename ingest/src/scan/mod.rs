//! Secrets and personal data in text, found before they are published.
//!
//! [`Scanner`] goes over columns of text and counts, by [`Kind`], the values in which something of that kind stands:
//! keys and tokens of well-known services, private keys, passwords that are assigned, e-mail addresses, phone numbers,
//! payment cards, bank accounts, public IP addresses. Only counts leave it, never a value.
//!
//! What it finds is a question and not a verdict: whoever publishes looks, and says `--accept-findings`. What it does
//! not find may be there all the same: names, street addresses, keys of services that it does not know, anything in
//! bytes, numbers or compressed text. The README beside this file has its rate and how often it errs.
//!
//! The rules are the profile [`PROFILE`]; with other rules it gets another name, because counts stand in reports that
//! others make again (`FORMAT.md`, section 19).
//!
//! ```
//! use arrow_array::StringArray;
//! use mira_ingest::scan::{Findings, Kind, Scanner};
//!
//! let notes = StringArray::from(vec![Some("write to ada@mail.sample-site.org"), Some("nothing here"), None]);
//! let mut findings = Findings::default();
//! Scanner::new().scan(&notes, &mut findings);
//! assert_eq!(findings.iter().collect::<Vec<_>>(), [(Kind::Email, 1)]);
//! ```

use arrow_array::{Array, StringArray};

mod account;
mod address;
mod findings;
mod prefilter;
mod rules;
mod secret;

pub use findings::{Findings, Kind};
use prefilter::Prefilter;
use rules::Rules;

/// The name of the rules, as reports give it.
pub const PROFILE: &str = "scan-1";

/// Looks for secrets and personal data. One of them serves one thread.
#[derive(Debug, Clone)]
pub struct Scanner {
    prefilter: Prefilter,
    rules: Rules,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// Compiles the rules.
    pub fn new() -> Self {
        Self { prefilter: Prefilter::new(), rules: Rules::new() }
    }

    /// Adds what stands in the values of a column, nulls left out.
    pub fn scan(&mut self, column: &StringArray, findings: &mut Findings) {
        let suspects = self.prefilter.suspects(column);
        for (row, suspicion) in suspects {
            if column.is_valid(row) {
                self.rules.look(column.value(row).as_bytes(), suspicion, findings);
            }
        }
    }

    /// The same of one text, without looking first whether it can be worth it: what the tests compare with.
    pub fn scan_text(&self, text: &str, findings: &mut Findings) {
        self.rules.look(text.as_bytes(), prefilter::Suspicion::ALL, findings);
    }
}
