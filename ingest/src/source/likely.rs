//! What a file that stopped being UTF-8 is likely in, for whoever has to say.
//!
//! Files are told by their start. One that is UTF-8 there and something else further on is an error, and what is around the
//! error tells more than the start: only lines that are not UTF-8 count.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::encoding::Encoding;
use super::error::{Problem, SourceError, Spot};
use super::packing::{MAGIC_BYTES, Packing};

/// Bytes that are looked at before and after the place of the error.
const BEFORE: u64 = 4 << 10;
const AFTER: u64 = 64 << 10;

impl Encoding {
    /// For an error of bytes that are not UTF-8: the encoding that those around it are likely in, if one is. Reads the file
    /// again, as far as it is a plain one.
    pub fn likely(error: &SourceError) -> Option<Self> {
        let (Some(Problem::Utf8), Some(place)) = (error.problem(), error.place()) else { return None };
        let Spot::Text { byte, .. } = place.spot else { return None };
        let text = around(&place.file, byte)?;
        let other = text.split(|byte| *byte == b'\n').filter(|line| std::str::from_utf8(line).is_err());
        Self::guess(&other.collect::<Vec<_>>().join(&b'\n'), true)
    }
}

/// Whole lines around a byte; nothing of what is compressed, where the byte counts in something else.
fn around(path: &Path, byte: u64) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|file| file.is_file()))?;
    let mut head = Vec::new();
    (&mut file).take(MAGIC_BYTES as u64).read_to_end(&mut head).ok()?;
    if Packing::of(&head) != Packing::Plain {
        return None;
    }
    let start = byte.saturating_sub(BEFORE);
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut text = Vec::new();
    (&mut file).take(BEFORE + AFTER).read_to_end(&mut text).ok()?;
    if start > 0 {
        let end = text.iter().position(|byte| *byte == b'\n')?;
        text.drain(..=end);
    }
    if text.len() as u64 >= BEFORE + AFTER {
        let end = text.iter().rposition(|byte| *byte == b'\n')?;
        text.truncate(end);
    }
    Some(text)
}
