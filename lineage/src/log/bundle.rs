//! Entry bundles: entries one after the other, each after its length as a big-endian u16 (tlog-tiles, "Log entries").

use super::MAX_ENTRY;

/// Most bytes that an entry takes in a bundle.
pub(super) const MAX_FRAMED: usize = LENGTH + MAX_ENTRY;

/// Bytes of a length.
const LENGTH: usize = 2;

/// Why bytes are not the bundle that they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The bytes end within an entry, or before one.
    #[error("entry {slot} of the bundle ends past its {len} bytes")]
    Cut {
        /// Which entry of the bundle, from 0.
        slot: usize,
        /// How many bytes there are.
        len: usize,
    },
    /// Bytes follow the last entry.
    #[error("{extra} bytes follow entry {width} of the bundle, its last")]
    Trailing {
        /// How many entries there should be.
        width: usize,
        /// How many bytes too many.
        extra: usize,
    },
}

/// Appends an entry to a bundle; false if it is longer than [`MAX_ENTRY`].
pub(super) fn push(bundle: &mut Vec<u8>, entry: &[u8]) -> bool {
    let Ok(length) = u16::try_from(entry.len()) else { return false };
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    true
}

/// Reads a bundle of exactly `width` entries.
pub(super) fn parse(bundle: &[u8], width: usize) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::with_capacity(width);
    let mut rest = bundle;
    for slot in 0..width {
        let (entry, after) = split_first(rest).ok_or(BundleError::Cut { slot, len: bundle.len() })?;
        entries.push(entry);
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err(BundleError::Trailing { width, extra: rest.len() }) }
}

fn split_first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_the_specification() {
        let mut bundle = Vec::new();
        assert!(push(&mut bundle, b"ab") && push(&mut bundle, b"") && push(&mut bundle, &[7; 258]));
        assert_eq!(bundle[..8], [0, 2, b'a', b'b', 0, 0, 1, 2]);
        assert_eq!(parse(&bundle, 3), Ok(vec![&b"ab"[..], b"", &[7; 258]]));
    }

    #[test]
    fn entries_have_a_longest() {
        let mut bundle = Vec::new();
        assert!(push(&mut bundle, &[0; MAX_ENTRY]));
        assert!(!push(&mut bundle, &[0; MAX_ENTRY + 1]));
        assert_eq!(bundle.len(), MAX_FRAMED);
    }

    #[test]
    fn other_widths_are_refused() {
        let bundle = [0, 1, b'a', 0, 0];
        assert_eq!(parse(&bundle, 1), Err(BundleError::Trailing { width: 1, extra: 2 }));
        assert_eq!(parse(&bundle, 3), Err(BundleError::Cut { slot: 2, len: 5 }));
        assert_eq!(parse(&bundle[..4], 2), Err(BundleError::Cut { slot: 1, len: 4 }));
        assert_eq!(parse(&[0, 2, b'a'], 1), Err(BundleError::Cut { slot: 0, len: 3 }));
    }
}
