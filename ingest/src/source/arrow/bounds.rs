//! What a record batch says of its buffers, compared with what there is, before a decoder believes it.
//!
//! The decoder checks what it makes, offsets, texts, counts of nulls; but it takes memory for lengths as they are
//! declared, and LZ4 as far as the stream goes.

use arrow_ipc::{CompressionType, RecordBatch as Batch};

use super::ArrowProblem;
use super::message::{MAX_BODY, bounded};

/// What a batch will be once it is decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) rows: u64,
    /// Bytes of all buffers.
    pub(super) bytes: u64,
}

/// Most values of one array: what 32 bits of offsets count.
const MAX_LENGTH: u64 = i32::MAX as u64;

/// Checks every length of a batch against the body.
pub(super) fn check(batch: Batch<'_>, body: &[u8]) -> Result<Size, ArrowProblem> {
    let rows = bounded("a record batch", batch.length(), MAX_LENGTH)?;
    for node in batch.nodes().into_iter().flatten() {
        let length = bounded("an array", node.length(), MAX_LENGTH)?;
        bounded("an array's nulls", node.null_count(), length)?;
    }
    let views = batch.variadicBufferCounts().into_iter().flatten();
    let buffers = batch.buffers().map_or(0, |buffers| buffers.len()) as u64;
    for count in views {
        bounded("an array's buffers", count, buffers)?;
    }
    let codec = batch.compression().map(|compression| compression.codec());
    let mut bytes = 0_u64;
    for buffer in batch.buffers().into_iter().flatten() {
        let there = body.len() as u64;
        let offset = bounded("a buffer's offset", buffer.offset(), there)?;
        let length = bounded("a buffer", buffer.length(), there - offset)?;
        // Both are within the body, which is in memory.
        let (from, to) = (usize::try_from(offset).unwrap_or(0), usize::try_from(offset + length).unwrap_or(0));
        let content = body.get(from..to).unwrap_or_default();
        bytes = bytes.saturating_add(match codec {
            Some(codec) if !content.is_empty() => decompressed(content, codec)?,
            _ => length,
        });
        if bytes > MAX_BODY {
            let declared = i64::try_from(bytes).unwrap_or(i64::MAX);
            return Err(ArrowProblem::Length { what: "a record batch's buffers", declared, limit: MAX_BODY });
        }
    }
    Ok(Size { rows, bytes })
}

/// The length that a compressed buffer declares: eight bytes before it, or -1 if it is not compressed after all.
fn decompressed(content: &[u8], codec: CompressionType) -> Result<u64, ArrowProblem> {
    let Some((prefix, frame)) = content.split_first_chunk() else {
        return Err(ArrowProblem::Short { what: "a compressed buffer", declared: 8, found: content.len() as u64 });
    };
    let declared = i64::from_le_bytes(*prefix);
    if declared == -1 {
        return Ok(frame.len() as u64);
    }
    let declared = bounded("a compressed buffer", declared, MAX_BODY)?;
    if codec == CompressionType::LZ4_FRAME {
        let most = lz4_most(frame).unwrap_or(u64::MAX);
        bounded("a compressed buffer", i64::try_from(most).unwrap_or(i64::MAX), MAX_BODY)?;
    }
    Ok(declared)
}

/// Most bytes that an LZ4 frame can become, by the headers of its blocks; nothing if it is no frame.
///
/// A block becomes at most the frame's largest block, and at most 255 times its length, which is what a run of one byte
/// can reach.
fn lz4_most(frame: &[u8]) -> Option<u64> {
    let (magic, rest) = frame.split_first_chunk()?;
    if u32::from_le_bytes(*magic) != 0x184d_2204 {
        return None;
    }
    let (&[flags, block], _) = rest.split_first_chunk()?;
    // Sizes 4 to 7 are 64 KiB to 4 MiB; two bytes of flags, content size, dictionary id, a byte of checksum.
    let largest = 1_u64 << (8 + 2 * u64::from(block >> 4 & 7));
    let head = 2 + if flags & 8 != 0 { 8 } else { 0 } + if flags & 1 != 0 { 4 } else { 0 } + 1;
    let checksum = if flags & 16 != 0 { 4 } else { 0 };
    let mut rest = rest.get(head..)?;
    let mut most = 0_u64;
    loop {
        let (word, after) = rest.split_first_chunk()?;
        let word = u32::from_le_bytes(*word);
        if word == 0 {
            return Some(most);
        }
        let length = (word & 0x7fff_ffff) as usize;
        most = most.saturating_add(largest.min((length as u64).saturating_mul(255)));
        rest = after.get(length.checked_add(checksum)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lz4_blocks_bound_what_they_become() {
        let head = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
        let frame = |blocks: &[&[u8]]| [&head[..], &blocks.concat(), &[0; 4]].concat();
        assert_eq!(lz4_most(&frame(&[])), Some(0));
        assert_eq!(lz4_most(&frame(&[&[2, 0, 0, 0x80, 1, 2]])), Some(510));
        let long = [&[0xe8, 3, 0, 0][..], &[7; 1000]].concat();
        assert_eq!(lz4_most(&frame(&[&long, &long])), Some(2 << 16));
        assert_eq!(lz4_most(&frame(&[&[9, 0, 0, 0, 1]])), None, "a block that is not there");
        assert_eq!(lz4_most(&head), None, "no end");
        assert_eq!(lz4_most(&[0x28, 0xb5, 0x2f, 0xfd, 0, 0]), None);
    }
}
