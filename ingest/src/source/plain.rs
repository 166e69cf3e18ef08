//! Bytes that lie in a file as they are and can be read anywhere: a file, a part of one, or a copy in a temporary file.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

use super::meter::Meter;

/// A window on an open file. Readers of it do not disturb each other.
#[derive(Debug, Clone)]
pub(crate) struct Plain {
    file: Arc<File>,
    start: u64,
    len: u64,
    meter: Meter,
}

/// Reads a window from its start, or from anywhere.
#[derive(Debug)]
pub(crate) struct Cursor {
    plain: Plain,
    at: u64,
}

impl Plain {
    /// The first `len` bytes of a file. What is read of them is added to `meter`.
    pub(crate) fn new(file: File, len: u64, meter: Meter) -> Self {
        Self { file: Arc::new(file), start: 0, len, meter }
    }

    /// A part of the window, if it lies in it.
    pub(crate) fn part(&self, start: u64, len: u64) -> Option<Self> {
        let end = start.checked_add(len)?;
        (end <= self.len).then(|| Self { start: self.start + start, len, ..self.clone() })
    }

    /// The same bytes, counted by another meter.
    pub(crate) fn metered(&self, meter: &Meter) -> Self {
        Self { meter: meter.clone(), ..self.clone() }
    }

    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The first `most` bytes, or all if there are fewer. They do not count as read.
    pub(crate) fn head(&self, most: usize) -> io::Result<Vec<u8>> {
        let mut head = vec![0; usize::try_from(self.len).unwrap_or(most).min(most)];
        let mut filled = 0;
        while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read_at(rest, filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        head.truncate(filled);
        Ok(head)
    }

    pub(crate) fn cursor(&self) -> Cursor {
        self.cursor_at(0)
    }

    fn cursor_at(&self, at: u64) -> Cursor {
        Cursor { plain: self.clone(), at }
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let room = usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..room).unwrap_or_default();
        read_at(&self.file, buffer, self.start + at)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.plain.read_at(buffer, self.at)?;
        self.at += read as u64;
        self.plain.meter.add(read);
        Ok(read)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.plain.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl Length for Plain {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Plain {
    type T = BufReader<Cursor>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(BufReader::new(self.cursor_at(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        // Lengths come from the file's footer, so they are compared with the file before memory is taken.
        let part = self.part(start, length as u64).ok_or_else(|| {
            ParquetError::EOF(format!("{length} bytes at {start} reach beyond the {} bytes of the file", self.len))
        })?;
        let bytes = part.head(length)?;
        self.meter.add(bytes.len());
        if bytes.len() == length { Ok(bytes.into()) } else { Err(ParquetError::EOF("the file ends early".to_owned())) }
    }
}
