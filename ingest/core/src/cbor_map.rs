//! Reading CBOR maps whose keys are known: all text, in one order, some optional, no others.

use crate::cbor::{CborError, Reader};

/// Walks the keys of a map in their canonical order.
///
/// ```
/// use mira_core::{cbor::Reader, cbor_map::MapKeys};
///
/// let bytes = [0xa1, 0x64, b'r', b'o', b'w', b's', 0x07]; // {"rows": 7}
/// let mut reader = Reader::new(&bytes);
/// let mut keys = MapKeys::open(&mut reader)?;
/// assert!(!keys.optional(&mut reader, "row")?);
/// keys.required(&mut reader, "rows")?;
/// assert_eq!(reader.uint()?, 7);
/// keys.close(&mut reader)?;
/// # Ok::<(), mira_core::cbor_map::MapError>(())
/// ```
#[derive(Debug)]
pub struct MapKeys<'a> {
    left: usize,
    pending: Option<(usize, &'a str)>,
}

/// Why a map does not have the keys that are expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// Not the CBOR that is expected here.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// A key that is unknown, out of order, or there twice.
    #[error("unexpected key {found:?} at offset {at}")]
    Unexpected {
        /// Offset of the key.
        at: usize,
        /// The key, cut to 80 characters.
        found: String,
    },
    /// A key that must be there is not.
    #[error("key {key:?} is missing at offset {at}")]
    Missing {
        /// Where it should stand.
        at: usize,
        /// The key.
        key: &'static str,
    },
}

impl<'a> MapKeys<'a> {
    /// Reads the map's head.
    pub fn open(reader: &mut Reader<'a>) -> Result<Self, CborError> {
        Ok(Self { left: reader.map()?, pending: None })
    }

    /// Moves past `key` if it comes next, and says whether it did; its value is then to be read.
    pub fn optional(&mut self, reader: &mut Reader<'a>, key: &str) -> Result<bool, MapError> {
        self.look(reader)?;
        let found = self.pending.is_some_and(|(_, pending)| pending == key);
        if found {
            self.pending = None;
        }
        Ok(found)
    }

    /// Moves past `key`, which must come next; its value is then to be read.
    pub fn required(&mut self, reader: &mut Reader<'a>, key: &'static str) -> Result<(), MapError> {
        if self.optional(reader, key)? {
            return Ok(());
        }
        Err(match self.pending {
            Some((at, found)) => unexpected(at, found),
            None => MapError::Missing { at: reader.offset(), key },
        })
    }

    /// Ends the map; a key left over is an error.
    pub fn close(mut self, reader: &mut Reader<'a>) -> Result<(), MapError> {
        self.look(reader)?;
        self.pending.map_or(Ok(()), |(at, found)| Err(unexpected(at, found)))
    }

    fn look(&mut self, reader: &mut Reader<'a>) -> Result<(), MapError> {
        if self.pending.is_none() && self.left > 0 {
            self.left -= 1;
            self.pending = Some((reader.offset(), reader.text()?));
        }
        Ok(())
    }
}

fn unexpected(at: usize, found: &str) -> MapError {
    MapError::Unexpected { at, found: found.chars().take(80).collect() }
}
