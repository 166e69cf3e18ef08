//! Pin receipts: signed files beside a log that say which node or service was seen to keep a dataset, or to let it go.
//!
//! Like an [anchor receipt](crate::receipt), a statement in an envelope, of a type that no log takes. It is a note of
//! who saw what and when; whether a node still keeps a dataset, only the node can show.
//!
//! ```text
//! {"_type":"https://in-toto.io/Statement/v1","predicate":{"at":"2026-11-28T12:00:00Z","cid":"bafy…","name":"penguins@1",
//! "node":"kubo 0.43.1","read_back":{"length":65536,"offset":1048576,"path":"chunks/000/000000.parquet"},
//! "service":"http://127.0.0.1:5001","state":"pinned","statement":"…"},"predicateType":"urn:mira:pin-receipt:v1",
//! "subject":[{"digest":{"sha256":"…"},"name":"directory"}]}
//! ```

use crate::cid::Cid;
use crate::digest::StatementId;
use crate::domain::PIN_RECEIPT_TYPE;
use crate::dsse::Envelope;
use crate::field::{Members, ReadFields as _};
use crate::json::{FieldError, Fields, Json, Node};
use crate::key::{SigningKey, VerifyingKey};
use crate::receipt::{Frame, Framed, ReceiptError, open};
use crate::statement::Natural;
use crate::time::UtcTime;

/// Most bytes of a text in a receipt.
pub const MAX_TEXT: usize = 255;

/// What was seen of a pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinReceipt {
    /// The dataset's directory.
    pub cid: Cid,
    /// The statement by which the dataset was contributed.
    pub statement: StatementId,
    /// The name of the pin.
    pub name: String,
    /// The node or service: scheme, host and port, with the service's name before it if it has one.
    pub service: String,
    /// The software that answered, with its version.
    pub node: String,
    /// Whether the pin was there, or gone.
    pub state: PinState,
    /// What was read back; nothing where a service gives nothing back, or the pin is gone.
    pub read_back: Option<PinnedPiece>,
    /// When.
    pub at: UtcTime,
}

/// Whether a pin is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinState {
    /// The node listed it.
    Pinned,
    /// The node no longer listed it.
    Unpinned,
}

/// A piece of a file that a node gave back as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedPiece {
    /// The file, in the dataset.
    pub path: String,
    /// Where the piece starts.
    pub offset: Natural,
    /// Its length.
    pub length: Natural,
}

const FRAME: Frame = Frame { predicate_type: PIN_RECEIPT_TYPE, subject: "directory" };

impl PinState {
    /// The state's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pinned => "pinned",
            Self::Unpinned => "unpinned",
        }
    }
}

impl PinReceipt {
    /// Signs the receipt, and writes it.
    ///
    /// # Errors
    /// [`ReceiptError::Envelope`], if this crate contradicts itself; [`ReceiptError::Statement`] for texts that no reader
    /// would take.
    pub fn seal(&self, key: &SigningKey) -> Result<Vec<u8>, ReceiptError> {
        let json = self.to_json();
        Self::read(&json)?;
        Ok(Envelope::seal(&json.to_canonical(), &[key])?.to_bytes())
    }

    /// Reads a receipt and checks its signature; returns who signed.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn open(bytes: &[u8]) -> Result<(Self, VerifyingKey), ReceiptError> {
        open(bytes, Self::read)
    }

    fn to_json(&self) -> Json {
        let piece = self.read_back.as_ref().map(|piece| {
            Members::new()
                .with("length", &piece.length)
                .with("offset", &piece.offset)
                .with_json("path", piece.path.clone())
                .into_json()
        });
        let predicate = Members::new()
            .with("at", &self.at)
            .with("cid", &self.cid)
            .with_json("name", self.name.clone())
            .with_json("node", self.node.clone());
        let predicate = match piece {
            Some(piece) => predicate.with_json("read_back", piece),
            None => predicate,
        };
        let predicate = predicate
            .with_json("service", self.service.clone())
            .with_json("state", self.state.as_str())
            .with("statement", &self.statement)
            .into_json();
        FRAME.around(self.cid.digest(), predicate)
    }

    fn read(json: &Json) -> Result<Self, FieldError> {
        let Framed { sha256, digest, mut predicate } = FRAME.read(json)?;
        let state = predicate.required("state")?;
        let known = [PinState::Pinned, PinState::Unpinned].into_iter().find(|it| state.text() == Ok(it.as_str()));
        let receipt = Self {
            cid: predicate.read("cid")?,
            statement: predicate.read("statement")?,
            name: text(&mut predicate, "name")?,
            service: text(&mut predicate, "service")?,
            node: text(&mut predicate, "node")?,
            state: known.ok_or_else(|| state.unlike("`pinned` or `unpinned`"))?,
            read_back: predicate.optional("read_back").map(|node| piece(&node)).transpose()?,
            at: predicate.read("at")?,
        };
        predicate.finish()?;
        if sha256 != *receipt.cid.digest() {
            return Err(digest.unlike("the digest of the CID"));
        }
        Ok(receipt)
    }
}

fn text(fields: &mut Fields<'_>, name: &'static str) -> Result<String, FieldError> {
    let node = fields.required(name)?;
    let text = node.text()?;
    let is_plain = !text.is_empty() && text.len() <= MAX_TEXT && !text.chars().any(char::is_control);
    if is_plain { Ok(text.to_owned()) } else { Err(node.unlike("1 to 255 bytes without control characters")) }
}

fn piece(node: &Node<'_>) -> Result<PinnedPiece, FieldError> {
    let mut fields = node.fields()?;
    let piece = PinnedPiece {
        path: text(&mut fields, "path")?,
        offset: fields.read("offset")?,
        length: fields.read("length")?,
    };
    fields.finish()?;
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cid::Codec;
    use crate::digest::Digest;

    fn sample() -> PinReceipt {
        PinReceipt {
            cid: Cid::of(Codec::DagPb, b"directory"),
            statement: StatementId::new(Digest::of(b"statement")),
            name: "penguins@1".into(),
            service: "http://127.0.0.1:5001".into(),
            node: "kubo 0.43.1".into(),
            state: PinState::Pinned,
            read_back: Some(PinnedPiece {
                path: "chunks/000/000000.parquet".into(),
                offset: Natural::new(7).unwrap(),
                length: Natural::new(65536).unwrap(),
            }),
            at: UtcTime::from_unix_seconds(1_800_000_000).unwrap(),
        }
    }

    #[test]
    fn seal_and_open() {
        let key = SigningKey::from_seed(&[1; 32]);
        let gone = PinReceipt { state: PinState::Unpinned, read_back: None, ..sample() };
        for receipt in [sample(), gone] {
            let bytes = receipt.seal(&key).unwrap();
            assert_eq!(PinReceipt::open(&bytes).unwrap(), (receipt, key.verifying_key()));
        }
    }

    #[test]
    fn other_statements_and_edits_are_refused() {
        let key = SigningKey::from_seed(&[1; 32]);
        let payload = sample().to_json().to_canonical();
        let text = String::from_utf8(payload.clone()).unwrap();
        let sealed = |payload: &[u8]| Envelope::seal(payload, &[&key]).unwrap().to_bytes();
        assert!(PinReceipt::open(&sealed(&payload)).is_ok());
        let other = Cid::of(Codec::DagPb, b"other").to_string();
        for (from, to) in [
            ("urn:mira:pin-receipt:v1", "urn:mira:anchor-receipt:v1"),
            ("\"state\":\"pinned\"", "\"state\":\"queued\""),
            ("\"offset\":7", "\"offset\":-7"),
            ("\"directory\"", "\"checkpoint\""),
            ("\"node\":", "\"nodf\":"),
            ("\"penguins@1\"", "\"\""),
            (sample().cid.to_string().as_str(), other.as_str()),
        ] {
            let edited = sealed(text.replace(from, to).as_bytes());
            assert!(matches!(PinReceipt::open(&edited), Err(ReceiptError::Statement(_))), "{from} → {to}");
        }
        assert!(PinReceipt { name: "a\u{1b}".into(), ..sample() }.seal(&key).is_err());
    }
}
