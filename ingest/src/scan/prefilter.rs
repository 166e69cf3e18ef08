//! Which values are worth a closer look: cheap passes over a whole column's bytes, of which most columns show nothing.
//!
//! A column's values lie one after another in memory, so the searches below run over all of them at once, at the speed of
//! memory: two vectorised searches for bytes and words that every secret and every address has, and a count of digits. Only
//! values in which something lights up are looked at one by one. What is passed over cannot match any rule; a test holds
//! this against random texts.

use arrow_array::{Array, StringArray};
use memchr::memchr3_iter;
use regex::bytes::Regex;

use super::rules::{ASSIGNED, compiled};

/// Why a value is worth a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Suspicion(u8);

impl Suspicion {
    const NONE: Self = Self(0);
    /// It may hold a token, an assignment or an e-mail address.
    pub(super) const WORDS: Self = Self(1);
    /// It may hold a number: phone, card, account, address.
    pub(super) const NUMBERS: Self = Self(2);
    /// Every rule is to be tried.
    pub(super) const ALL: Self = Self(3);

    pub(super) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What every token begins with, or has inside.
const MARKS: &str = "(?-u)AKIA|ASIA|ABIA|ACCA|gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|[rs]k_live_|AIza|T3BlbkFJ\
    |sk-ant-|hf_|-----BEGIN|eyJ";
/// Fewest digits of a number that any rule counts.
pub(super) const MIN_DIGITS: usize = 6;
/// Bytes that are looked at for digits in one go.
const SLAB: usize = 4096;

#[derive(Debug, Clone)]
pub(super) struct Prefilter {
    marks: Regex,
    suspicions: Vec<Suspicion>,
}

impl Prefilter {
    pub(super) fn new() -> Self {
        Self { marks: compiled(MARKS), suspicions: Vec::new() }
    }

    /// The rows whose values may match a rule, and which rules those are.
    pub(super) fn suspects(&mut self, column: &StringArray) -> impl Iterator<Item = (usize, Suspicion)> {
        self.suspicions.clear();
        self.suspicions.resize(column.len(), Suspicion::NONE);
        let block = Block::of(column);
        let mut at = 0;
        while let Some(mark) = self.marks.find_at(block.bytes, at) {
            let row = block.row_at(mark.start());
            suspect(&mut self.suspicions, row, Suspicion::WORDS);
            // What two values make together is none, and must not hide one that the second begins with.
            at = block.offset(row + 1).map_or(mark.end(), |end| end.min(mark.end()));
        }
        self.separators(&block);
        self.numbers(&block);
        let suspicions = self.suspicions.iter().copied().enumerate();
        suspicions.filter(|(_, suspicion)| *suspicion != Suspicion::NONE)
    }

    /// `@` stands in every e-mail address, `=` or `:` in every assignment, and `:` in every address of version 6: the first one
    /// there between hex digits, or before another one.
    fn separators(&mut self, block: &Block<'_>) {
        for at in memchr3_iter(b'@', b'=', b':', block.bytes) {
            let (before, after) = (block.bytes.get(..at).unwrap_or_default(), block.bytes.get(at + 1..));
            let next = after.and_then(|after| after.first());
            let is_word = match block.bytes.get(at) {
                Some(b'@') => next.is_some_and(u8::is_ascii_alphanumeric),
                _ => ends_with_assigned(before),
            };
            let is_hex = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit() || *byte == b':');
            if is_word {
                suspect(&mut self.suspicions, block.row_at(at), Suspicion::WORDS);
            } else if block.bytes.get(at) == Some(&b':') && is_hex(next) && is_hex(before.last()) {
                suspect(&mut self.suspicions, block.row_at(at), Suspicion::NUMBERS);
            }
        }
    }

    /// Rows with enough digits. Stretches without any are passed over as a whole.
    fn numbers(&mut self, block: &Block<'_>) {
        let mut row = 0;
        for (number, slab) in block.bytes.chunks(SLAB).enumerate() {
            if digits(slab) == 0 {
                continue;
            }
            row = row.max(block.row_at(number * SLAB));
            // A value that ends in a later slab is counted here, with all its digits.
            while let Some((start, bytes)) = block.value(row).filter(|(start, _)| *start < (number + 1) * SLAB) {
                if start + bytes.len() > number * SLAB && digits(bytes) >= MIN_DIGITS {
                    suspect(&mut self.suspicions, row, Suspicion::NUMBERS);
                }
                row += 1;
            }
        }
    }
}

fn suspect(suspicions: &mut [Suspicion], row: usize, why: Suspicion) {
    if let Some(suspicion) = suspicions.get_mut(row) {
        suspicion.0 |= why.0;
    }
}

/// The bytes of a column and where its values end.
struct Block<'a> {
    bytes: &'a [u8],
    offsets: &'a [i32],
    base: usize,
}

impl<'a> Block<'a> {
    fn of(column: &'a StringArray) -> Self {
        let offsets: &[i32] = column.value_offsets();
        let place = |offset: Option<&i32>| offset.and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(0);
        let (base, end) = (place(offsets.first()), place(offsets.last()));
        Self { bytes: column.value_data().get(base..end).unwrap_or_default(), offsets, base }
    }

    fn offset(&self, row: usize) -> Option<usize> {
        usize::try_from(*self.offsets.get(row)?).ok()?.checked_sub(self.base)
    }

    /// The row whose value the byte is in.
    fn row_at(&self, at: usize) -> usize {
        let at = i32::try_from(at + self.base).unwrap_or(i32::MAX);
        // Empty values before it end where it begins.
        self.offsets.partition_point(|offset| *offset <= at).saturating_sub(1)
    }

    /// Where a value begins, and its bytes.
    fn value(&self, row: usize) -> Option<(usize, &'a [u8])> {
        let (start, end) = (self.offset(row)?, self.offset(row + 1)?);
        Some((start, self.bytes.get(start..end)?))
    }
}

/// Simple enough for the compiler to take many bytes at a time.
fn digits(bytes: &[u8]) -> usize {
    let mut sum = 0;
    // At most 255 a piece, so that a byte counts them.
    for piece in bytes.chunks(255) {
        sum += usize::from(piece.iter().fold(0_u8, |sum, byte| sum + u8::from(byte.wrapping_sub(b'0') < 10)));
    }
    sum
}

/// Whether a text ends with a word that names a secret, and at most a quote and two spaces after it.
fn ends_with_assigned(text: &[u8]) -> bool {
    let mut rest = text;
    for _ in 0..2 {
        rest = rest.strip_suffix(b" ").unwrap_or(rest);
    }
    let rest = rest.strip_suffix(b"\"").or_else(|| rest.strip_suffix(b"'")).unwrap_or(rest);
    let Some(last) = rest.last() else { return false };
    let ends = |word: &&str| {
        let from = rest.len().checked_sub(word.len());
        from.and_then(|from| rest.get(from..)).is_some_and(|end| end.eq_ignore_ascii_case(word.as_bytes()))
    };
    matches!(last | 0x20, b'd' | b't' | b'y' | b'n') && ASSIGNED.iter().any(ends)
}
