//! Signed notes: C2SP signed-note.
//!
//! ```text
//! This is an example message.
//!
//! — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
//! ```
//!
//! A text, an empty line, and lines of an em dash (U+2014), a key's name, and base64 of its id and its signature. A
//! [`Note`] keeps its bytes verbatim and is unverified; [`Note::verify`] checks it against the keys a reader knows,
//! and ignores the others.

use super::cut;
use super::vkey::{KeyId, KeyName, PublicKey, VerifierKey};
use crate::base64;
use crate::key::{SIGNATURE_LEN, SigningKey};

/// Longest note in bytes: room for [`MAX_SIGNATURES`] lines of the longest (post-quantum) signatures in use.
pub const MAX_NOTE: usize = 512 << 10;
/// Most signature lines of a note; the specification asks for at least 16.
pub const MAX_SIGNATURES: usize = 128;

/// What a signature line starts with.
const DASH: &str = "\u{2014} ";

/// A well-formed note. Nobody has checked who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    bytes: String,
    text_len: usize,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    id: KeyId,
    signature: Vec<u8>,
}

/// A note that at least one known key signed, and no known key signed wrongly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedNote<'n, 'k> {
    note: &'n Note,
    signers: Vec<Signer<'k>>,
}

/// A known key that signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signer<'k> {
    /// The key.
    pub key: &'k VerifierKey,
    /// When it says it signed, for cosignatures.
    pub time: Option<PosixSeconds>,
}

/// Seconds since 1970-01-01T00:00:00Z, at most 2^63 - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PosixSeconds(u64);

/// Why bytes are not a signed note. `line` counts from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The note is longer than [`MAX_NOTE`].
    #[error("the note has {found} bytes, more than {MAX_NOTE}")]
    TooLong {
        /// Its length.
        found: usize,
    },
    /// The note is not UTF-8.
    #[error("the note is not UTF-8 at byte {at}")]
    Utf8 {
        /// Where the first bad sequence starts.
        at: usize,
    },
    /// The note has an ASCII control character other than newline.
    #[error("the note has a control character at byte {at}")]
    Control {
        /// Where.
        at: usize,
    },
    /// No empty line separates text from signatures, or the text is empty.
    #[error("no empty line separates a text from its signatures")]
    NoSeparator,
    /// There are no signatures, or more than [`MAX_SIGNATURES`].
    #[error("expected 1 to {MAX_SIGNATURES} signatures, found {found}")]
    Count {
        /// How many lines follow the separator.
        found: usize,
    },
    /// The last line does not end.
    #[error("the last line has no newline")]
    NoNewline,
    /// A line after the separator is not a signature.
    #[error("expected an em dash, a key name and base64 of id and signature on signature line {line}, found {found:?}")]
    Line {
        /// Which signature line.
        line: usize,
        /// The line, cut to 80 characters.
        found: String,
    },
}

/// Why a note is not to be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteVerifyError {
    /// A signature of a known key fails, so the whole note is refused.
    #[error("the signature of {name} ({id}) does not verify")]
    Signature {
        /// The key's name.
        name: KeyName,
        /// The key's id.
        id: KeyId,
    },
    /// No known key signed.
    #[error("signed by none of the {known} known keys")]
    NoKnownKey {
        /// How many keys are known.
        known: usize,
    },
}

impl Note {
    /// Reads a note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE {
            return Err(NoteError::TooLong { found: bytes.len() });
        }
        let note = std::str::from_utf8(bytes).map_err(|error| NoteError::Utf8 { at: error.valid_up_to() })?;
        if let Some(at) = note.bytes().position(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteError::Control { at });
        }
        // The last empty line: the newline that ends the text, and the one that is the empty line.
        let text_len = note.rfind("\n\n").ok_or(NoteError::NoSeparator)? + 1;
        let lines = note.get(text_len + 1..).unwrap_or_default();
        let signatures = parse_lines(lines)?;
        Ok(Self { bytes: note.to_owned(), text_len, signatures })
    }

    /// Puts a text and its signatures together. The text ends in a newline.
    pub fn new(text: &str, signatures: &[NoteSignature]) -> Result<Self, NoteError> {
        let lines: String = signatures.iter().map(NoteSignature::line).collect();
        Self::parse(format!("{text}\n{lines}").as_bytes())
    }

    /// The note with one more signature line at its end.
    pub fn with_signature(&self, signature: &NoteSignature) -> Result<Self, NoteError> {
        Self::parse(format!("{}{}", self.bytes, signature.line()).as_bytes())
    }

    /// The note as it was read.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_bytes()
    }

    /// The text with its final newline, which nobody is yet shown to have signed.
    pub fn unverified_text(&self) -> &str {
        self.bytes.get(..self.text_len).unwrap_or_default()
    }

    /// The signature lines.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Checks the signatures of known keys.
    ///
    /// Lines of other keys are ignored, even if they share a name or an id with a known one. Every line of a known key
    /// must verify; a key with several lines counts once, with the time of its first.
    pub fn verify<'n, 'k>(
        &'n self,
        known: impl IntoIterator<Item = &'k VerifierKey>,
    ) -> Result<VerifiedNote<'n, 'k>, NoteVerifyError> {
        let mut signers = Vec::new();
        let mut count = 0;
        for key in known {
            count += 1;
            signers.extend(self.verify_key(key)?);
        }
        if signers.is_empty() {
            return Err(NoteVerifyError::NoKnownKey { known: count });
        }
        Ok(VerifiedNote { note: self, signers })
    }

    /// Checks every line of one key.
    fn verify_key<'k>(&self, key: &'k VerifierKey) -> Result<Option<Signer<'k>>, NoteVerifyError> {
        let mut signer = None;
        if matches!(key.public(), PublicKey::Unknown { .. }) {
            return Ok(signer);
        }
        for line in self.signatures.iter().filter(|line| line.name == *key.name() && line.id == key.id()) {
            let time = verify_line(self.unverified_text(), key, &line.signature)
                .ok_or_else(|| NoteVerifyError::Signature { name: line.name.clone(), id: line.id })?;
            signer.get_or_insert(Signer { key, time });
        }
        Ok(signer)
    }
}

impl<'n, 'k> VerifiedNote<'n, 'k> {
    /// The note.
    pub fn note(&self) -> &'n Note {
        self.note
    }

    /// The text with its final newline.
    pub fn text(&self) -> &'n str {
        self.note.unverified_text()
    }

    /// The known keys that signed, in the order in which they were given.
    pub fn signers(&self) -> &[Signer<'k>] {
        &self.signers
    }
}

impl NoteSignature {
    /// Signs a note's text (type 01). The text ends in a newline.
    pub fn sign(text: &str, name: &KeyName, key: &SigningKey) -> Self {
        let id = VerifierKey::note(name.clone(), key.verifying_key()).id();
        Self { name: name.clone(), id, signature: key.sign(text.as_bytes()).to_vec() }
    }

    /// Cosigns a checkpoint's text at a time (type 04). Only a checkpoint whose consistency was checked is cosigned.
    pub fn cosign(text: &str, name: &KeyName, key: &SigningKey, time: PosixSeconds) -> Self {
        let id = VerifierKey::cosignature(name.clone(), key.verifying_key()).id();
        let signature = key.sign(&cosigned_message(text, time));
        Self { name: name.clone(), id, signature: [&time.0.to_be_bytes()[..], &signature].concat() }
    }

    /// Who is said to have signed.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id of the key that is said to have signed.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The line with its newline.
    fn line(&self) -> String {
        let blob = [self.id.as_bytes(), self.signature.as_slice()].concat();
        format!("{DASH}{} {}\n", self.name, data_encoding::BASE64.encode(&blob))
    }

    /// Reads a line without its newline.
    fn parse(line: &str) -> Option<Self> {
        let (name, blob) = line.strip_prefix(DASH)?.split_once(' ')?;
        let blob = base64::decode(blob)?;
        let (id, signature) = blob.split_first_chunk()?;
        let name = name.parse().ok()?;
        // An id without a signature signs nothing.
        (!signature.is_empty()).then(|| Self { name, id: KeyId::new(*id), signature: signature.to_vec() })
    }
}

impl PosixSeconds {
    /// Takes a number of seconds if it is below 2^63.
    pub const fn new(seconds: u64) -> Option<Self> {
        if seconds <= i64::MAX.cast_unsigned() { Some(Self(seconds)) } else { None }
    }

    /// The number.
    pub const fn value(self) -> u64 {
        self.0
    }
}

fn parse_lines(lines: &str) -> Result<Vec<NoteSignature>, NoteError> {
    let found = lines.split_terminator('\n').count();
    if found == 0 || found > MAX_SIGNATURES {
        return Err(NoteError::Count { found });
    }
    if !lines.ends_with('\n') {
        return Err(NoteError::NoNewline);
    }
    let parse = |(i, line)| NoteSignature::parse(line).ok_or_else(|| NoteError::Line { line: i + 1, found: cut(line) });
    lines.split_terminator('\n').enumerate().map(parse).collect()
}

/// Checks one signature; a cosignature yields its time.
fn verify_line(text: &str, key: &VerifierKey, signature: &[u8]) -> Option<Option<PosixSeconds>> {
    match key.public() {
        PublicKey::Note(key) => {
            let signature: &[u8; SIGNATURE_LEN] = signature.try_into().ok()?;
            key.verify(text.as_bytes(), signature).ok()?;
            Some(None)
        }
        PublicKey::Cosignature(key) => {
            let (time, signature) = signature.split_first_chunk()?;
            let time = PosixSeconds::new(u64::from_be_bytes(*time))?;
            key.verify(&cosigned_message(text, time), signature.try_into().ok()?).ok()?;
            Some(Some(time))
        }
        PublicKey::Unknown { .. } => None,
    }
}

/// C2SP tlog-cosignature, "Ed25519 signed message".
fn cosigned_message(text: &str, time: PosixSeconds) -> Vec<u8> {
    format!("cosignature/v1\ntime {}\n{text}", time.0).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ends_at_the_last_empty_line() {
        for text in ["a\n", "a\n\nb\n", "a\n\n", "\n", "\u{2014} a AAAAAAA=\n"] {
            let note = Note::parse(format!("{text}\n\u{2014} a AAAAAAA=\n").as_bytes()).unwrap();
            assert_eq!(note.unverified_text(), text);
            assert_eq!(note.signatures().len(), 1);
        }
    }

    #[test]
    fn counts_and_sizes_are_bounded() {
        let note = |lines| format!("a\n\n{}", "\u{2014} a AAAAAAA=\n".repeat(lines));
        assert!(Note::parse(note(MAX_SIGNATURES).as_bytes()).is_ok());
        let found = MAX_SIGNATURES + 1;
        assert_eq!(Note::parse(note(found).as_bytes()), Err(NoteError::Count { found }));
        let found = MAX_NOTE + 1;
        assert_eq!(Note::parse(&vec![b'a'; found]), Err(NoteError::TooLong { found }));
    }
}
