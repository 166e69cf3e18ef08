//! How long a source is waited for, and when it is asked again. Pure.

use std::time::Duration;

use super::Trouble;

/// What a source may take. Every wait has an end, so a fetch from sources that do nothing ends too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next bytes of an answer.
    pub idle: Duration,
    /// Bytes a second below which an answer is given up, so that one byte a minute does not pass for getting on.
    pub rate: u64,
    /// How often one source is asked for one thing.
    pub attempts: u32,
    /// Before the second attempt; it doubles with each.
    pub first_wait: Duration,
    /// Between two attempts, also where the source asks for longer.
    pub longest_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            rate: 16 << 10,
            attempts: 5,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
        }
    }
}

impl Patience {
    /// For an answer of so many bytes, from question to last byte.
    pub(super) fn whole(&self, bytes: u64) -> Duration {
        self.idle.saturating_add(Duration::from_secs(bytes / self.rate.max(1)))
    }

    /// How long to wait before the source is asked again after `attempt` attempts, or nothing if it is not.
    pub(super) fn again(&self, trouble: &Trouble, attempt: u32) -> Option<Duration> {
        let doubled = self.first_wait.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(self.longest_wait);
        match trouble {
            _ if attempt >= self.attempts => None,
            Trouble::Unreachable { .. } | Trouble::Broken { .. } => Some(doubled),
            // A node that looks for a block that nobody has is silent, and would be each time.
            Trouble::Timeout { .. } => (attempt < 2).then_some(doubled),
            Trouble::Status { status, retry_after } if is_passing(*status) => match retry_after {
                // Who asks for longer than we wait is not asked meanwhile either.
                Some(wanted) => (*wanted <= self.longest_wait).then_some((*wanted).max(doubled)),
                None => Some(doubled),
            },
            _ => None,
        }
    }
}

/// Whether a status may be another one the next time: timeouts, too many requests, and what servers say of themselves.
pub(super) const fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502..=599)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, retry_after: Option<u64>) -> Trouble {
        Trouble::Status { status, retry_after: retry_after.map(Duration::from_secs) }
    }

    #[test]
    fn waits_double_and_end() {
        let patience = Patience::default();
        let waits: Vec<Option<u128>> =
            (1..=5).map(|attempt| patience.again(&status(500, None), attempt).map(|wait| wait.as_millis())).collect();
        assert_eq!(waits, [Some(500), Some(1000), Some(2000), Some(4000), None]);
        let long = Patience { attempts: 100, ..patience };
        assert_eq!(long.again(&status(503, None), 99), Some(patience.longest_wait));
    }

    #[test]
    fn what_a_source_asks_for_is_respected_within_bounds() {
        let patience = Patience::default();
        assert_eq!(patience.again(&status(429, Some(7)), 1), Some(Duration::from_secs(7)));
        assert_eq!(patience.again(&status(429, Some(0)), 1), Some(patience.first_wait));
        assert_eq!(patience.again(&status(429, Some(31)), 1), None);
        assert_eq!(patience.again(&status(503, Some(u64::MAX)), 1), None);
    }

    #[test]
    fn what_stays_is_not_asked_again() {
        let patience = Patience::default();
        for stays in [400, 401, 403, 404, 410, 451, 501] {
            assert_eq!(patience.again(&status(stays, None), 1), None, "{stays}");
        }
        assert_eq!(patience.again(&Trouble::TooLong { limit: 1 }, 1), None);
        let silent = Trouble::Timeout { seconds: 60 };
        assert!(patience.again(&silent, 1).is_some() && patience.again(&silent, 2).is_none());
    }
}
