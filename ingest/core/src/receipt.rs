//! Receipts: signed files beside a log that say where something of it went.
//!
//! An anchor receipt says which block of which chain put an epoch into a registry. It is a statement in an envelope
//! like those of the log, of a type that no log takes. Whoever reads it can compute the commitment again and ask the
//! chain; the signature says only who wrote it down.
//!
//! ```text
//! {"_type":"https://in-toto.io/Statement/v1","predicate":{"block":{"hash":"0x…","number":7},"chain":"local",
//! "chain_id":1835627105,"commitment":"0x…","contract":"0x…","epoch":1,"genesis":"0x…","origin":"example.com/log",
//! "origin_id":"0x…","previous":"0x…","root":"…","size":3,"tx":"0x…"},"predicateType":"urn:mira:anchor-receipt:v1",
//! "subject":[{"digest":{"sha256":"…"},"name":"checkpoint"}]}
//! ```

use crate::digest::Digest;
use crate::domain::{ANCHOR_RECEIPT_TYPE, STATEMENT_TYPE};
use crate::dsse::{Envelope, EnvelopeError, EnvelopeSignatureError};
use crate::field::{Members, ReadFields as _};
use crate::json::{FieldError, Fields, Json, Node};
use crate::key::{SigningKey, VerifyingKey};
use crate::log::vkey::KeyName;
use crate::statement::{EvmAddress, EvmHash, Natural, Positive};

/// Where an epoch was anchored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorReceipt {
    /// SHA-256 of the epoch's checkpoint note.
    pub checkpoint: Digest,
    /// The log.
    pub origin: KeyName,
    /// The epoch.
    pub epoch: Positive,
    /// The size of its tree.
    pub size: Positive,
    /// The root of its tree.
    pub root: Digest,
    /// Whether the chain is one that a single person keeps, in a file.
    pub local: bool,
    /// EIP-155 chain id.
    pub chain_id: Positive,
    /// Hash of the chain's block 0.
    pub genesis: EvmHash,
    /// The registry.
    pub contract: EvmAddress,
    /// The log's name in the registry.
    pub origin_id: EvmHash,
    /// The transaction.
    pub tx: EvmHash,
    /// The number of its block.
    pub block_number: Natural,
    /// The hash of its block.
    pub block_hash: EvmHash,
    /// What the registry holds for this epoch: C_e.
    pub commitment: EvmHash,
    /// What it holds for the epoch before: C_{e-1}.
    pub previous: EvmHash,
}

/// Why bytes are not an anchor receipt that verifies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not an envelope, or none can be made.
    #[error("not an envelope")]
    Envelope(#[from] EnvelopeError),
    /// The statement is another one.
    #[error("the statement is no anchor receipt")]
    Statement(#[from] FieldError),
    /// A receipt has one signature.
    #[error("expected 1 signature, found {found}")]
    Signers {
        /// How many there are.
        found: usize,
    },
    /// The signature is wrong.
    #[error("the receipt is not signed by the key it names")]
    Signature(#[from] EnvelopeSignatureError),
}

impl AnchorReceipt {
    /// Signs the receipt, and writes it.
    ///
    /// # Errors
    /// [`ReceiptError::Envelope`], if this crate contradicts itself.
    pub fn seal(&self, key: &SigningKey) -> Result<Vec<u8>, ReceiptError> {
        Ok(Envelope::seal(&self.to_json().to_canonical(), &[key])?.to_bytes())
    }

    /// Reads a receipt and checks its signature; returns who signed.
    ///
    /// # Errors
    /// [`ReceiptError`].
    pub fn open(bytes: &[u8]) -> Result<(Self, VerifyingKey), ReceiptError> {
        open(bytes, Self::read)
    }

    fn to_json(&self) -> Json {
        let block = Members::new().with("hash", &self.block_hash).with("number", &self.block_number).into_json();
        let predicate = Members::new()
            .with_json("block", block)
            .with_json("chain", chain(self.local))
            .with("chain_id", &self.chain_id)
            .with("commitment", &self.commitment)
            .with("contract", &self.contract)
            .with("epoch", &self.epoch)
            .with("genesis", &self.genesis)
            .with("origin", &self.origin)
            .with("origin_id", &self.origin_id)
            .with("previous", &self.previous)
            .with("root", &self.root)
            .with("size", &self.size)
            .with("tx", &self.tx)
            .into_json();
        FRAME.around(&self.checkpoint, predicate)
    }

    fn read(json: &Json) -> Result<Self, FieldError> {
        let Framed { sha256: checkpoint, mut predicate, .. } = FRAME.read(json)?;
        let kind = predicate.required("chain")?;
        let local = [true, false].into_iter().find(|local| kind.text() == Ok(chain(*local)));
        let mut block = predicate.required("block")?.fields()?;
        let (block_hash, block_number) = (block.read("hash")?, block.read("number")?);
        block.finish()?;
        let receipt = Self {
            checkpoint,
            origin: predicate.read("origin")?,
            epoch: predicate.read("epoch")?,
            size: predicate.read("size")?,
            root: predicate.read("root")?,
            local: local.ok_or_else(|| kind.unlike("`local` or `node`"))?,
            chain_id: predicate.read("chain_id")?,
            genesis: predicate.read("genesis")?,
            contract: predicate.read("contract")?,
            origin_id: predicate.read("origin_id")?,
            tx: predicate.read("tx")?,
            block_number,
            block_hash,
            commitment: predicate.read("commitment")?,
            previous: predicate.read("previous")?,
        };
        predicate.finish()?;
        Ok(receipt)
    }
}

/// What receipts have in common: a statement of one type about one file.
pub(crate) struct Frame {
    /// The type of the predicate.
    pub(crate) predicate_type: &'static str,
    /// What the file is called.
    pub(crate) subject: &'static str,
}

/// What stands in the frame.
pub(crate) struct Framed<'a> {
    /// The SHA-256 of the file.
    pub(crate) sha256: Digest,
    /// Where that stands.
    pub(crate) digest: Node<'a>,
    /// The predicate, of which nothing has been read yet.
    pub(crate) predicate: Fields<'a>,
}

const FRAME: Frame = Frame { predicate_type: ANCHOR_RECEIPT_TYPE, subject: "checkpoint" };

impl Frame {
    /// The statement.
    pub(crate) fn around(&self, sha256: &Digest, predicate: Json) -> Json {
        let digest = Members::new().with("sha256", sha256).into_json();
        let subject = Members::new().with_json("digest", digest).with_json("name", self.subject).into_json();
        Members::new()
            .with_json("_type", STATEMENT_TYPE)
            .with_json("predicate", predicate)
            .with_json("predicateType", self.predicate_type)
            .with_json("subject", vec![subject])
            .into_json()
    }

    /// Reads the frame of a statement.
    pub(crate) fn read<'a>(&self, json: &'a Json) -> Result<Framed<'a>, FieldError> {
        let mut fields = json.fields()?;
        fields.constant("_type", STATEMENT_TYPE)?;
        fields.constant("predicateType", self.predicate_type)?;
        let subjects = fields.required("subject")?;
        let subject = subjects.items()?.next().filter(|_| subjects.items().is_ok_and(|items| items.len() == 1));
        let mut subject = subject.ok_or_else(|| subjects.unlike("one subject"))?.fields()?;
        subject.constant("name", self.subject)?;
        let digest = subject.required("digest")?;
        let mut digests = digest.fields()?;
        let sha256 = digests.read("sha256")?;
        digests.finish()?;
        subject.finish()?;
        let predicate = fields.required("predicate")?;
        fields.finish()?;
        Ok(Framed { sha256, digest, predicate: predicate.fields()? })
    }
}

/// Reads a receipt of either kind and checks that it has one signature, which holds.
pub(crate) fn open<T>(
    bytes: &[u8],
    read: impl FnOnce(&Json) -> Result<T, FieldError>,
) -> Result<(T, VerifyingKey), ReceiptError> {
    let verified = Envelope::parse(bytes)?.verify_signatures()?;
    let receipt = read(verified.statement())?;
    let mut signers = verified.signers();
    match (signers.next(), signers.len()) {
        (Some(signer), 0) => Ok((receipt, signer)),
        (_, more) => Err(ReceiptError::Signers { found: more + 1 }),
    }
}

fn chain(local: bool) -> &'static str {
    if local { "local" } else { "node" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> AnchorReceipt {
        AnchorReceipt {
            checkpoint: Digest::of(b"note"),
            origin: "example.com/log".parse().unwrap(),
            epoch: Positive::new(1).unwrap(),
            size: Positive::new(3).unwrap(),
            root: Digest::of(b"root"),
            local: true,
            chain_id: Positive::new(1_835_627_105).unwrap(),
            genesis: EvmHash::new([1; 32]),
            contract: EvmAddress::new([2; 20]),
            origin_id: EvmHash::new([3; 32]),
            tx: EvmHash::new([4; 32]),
            block_number: Natural::new(7).unwrap(),
            block_hash: EvmHash::new([5; 32]),
            commitment: EvmHash::new([6; 32]),
            previous: EvmHash::new([7; 32]),
        }
    }

    #[test]
    fn seal_and_open() {
        let key = SigningKey::from_seed(&[1; 32]);
        for local in [true, false] {
            let receipt = AnchorReceipt { local, ..sample() };
            let bytes = receipt.seal(&key).unwrap();
            assert_eq!(AnchorReceipt::open(&bytes).unwrap(), (receipt, key.verifying_key()));
        }
    }

    #[test]
    fn other_statements_and_edits_are_refused() {
        let (one, two) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let payload = sample().to_json().to_canonical();
        let text = String::from_utf8(payload.clone()).unwrap();
        let sealed = |payload: &[u8], keys: &[&SigningKey]| Envelope::seal(payload, keys).unwrap().to_bytes();
        assert!(AnchorReceipt::open(&sealed(&payload, &[&one])).is_ok());
        assert!(matches!(
            AnchorReceipt::open(&sealed(&payload, &[&one, &two])),
            Err(ReceiptError::Signers { found: 2 })
        ));
        for (from, to) in [
            ("urn:mira:anchor-receipt:v1", "urn:mira:contribute:v1"),
            ("\"local\"", "\"remote\""),
            ("\"epoch\":1", "\"epoch\":0"),
            ("\"tx\"", "\"ty\""),
            ("\"number\":7", "\"number\":7,\"other\":1"),
            ("\"checkpoint\"", "\"tree\""),
        ] {
            let edited = sealed(text.replace(from, to).as_bytes(), &[&one]);
            assert!(matches!(AnchorReceipt::open(&edited), Err(ReceiptError::Statement(_))), "{from} → {to}");
        }
        let mut bytes = sealed(&payload, &[&one]);
        let signature = bytes.len() - 20;
        bytes[signature] = if bytes[signature] == b'A' { b'B' } else { b'A' };
        assert!(AnchorReceipt::open(&bytes).is_err());
    }
}
