//! Every domain-separation tag and magic line, on one screen.
//!
//! Whatever is hashed or signed starts with one of these, or with a byte that none of them starts with: tree leaves
//! and nodes with 00 and 01, canonical rows with 81–9b. No tag is a prefix of another. `FORMAT.md` says what follows
//! each.

/// Leaf data of a chunk in a dataset's tree.
pub const CHUNK: &[u8] = b"mira/chunk/v1\0";
/// Preimage of a dataset_id.
pub const DATASET: &[u8] = b"mira/dataset/v1\0";
/// Preimage of a schema_id.
pub const SCHEMA: &[u8] = b"mira/schema/v1\0";
/// Preimage of a type_id.
pub const TYPE: &[u8] = b"mira/type/v1\0";
/// Preimage of a rowkey.
pub const ROWKEY: &[u8] = b"mira/rowkey/v1\0";
/// Preimage of a model id.
pub const MODEL: &[u8] = b"mira/model/v1\0";
/// A log entry.
pub const ENTRY: &[u8] = b"mira/entry/v1\0";
/// Preimage of the digest of payments.
pub const FUNDING: &[u8] = b"mira/funding/v1\0";

/// RFC 6962, section 2.1: the byte before leaf data.
pub const LEAF_PREFIX: u8 = 0x00;
/// RFC 6962, section 2.1: the byte before a pair of children.
pub const NODE_PREFIX: u8 = 0x01;

/// DSSE payload type of an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// in-toto Statement v1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// in-toto predicate type of an anchor receipt, which is a file beside a log and never an entry of one.
pub const ANCHOR_RECEIPT_TYPE: &str = "urn:mira:anchor-receipt:v1";
/// `predicateType` of pin receipts.
pub const PIN_RECEIPT_TYPE: &str = "urn:mira:pin-receipt:v1";
/// First line of a portable proof (C2SP tlog-proof).
pub const PROOF_MAGIC: &str = "c2sp.org/tlog-proof@v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tag_is_a_prefix_of_another_or_of_a_row() {
        let tags = [CHUNK, DATASET, SCHEMA, TYPE, ROWKEY, MODEL, ENTRY, FUNDING];
        for (i, a) in tags.iter().enumerate() {
            assert!(!(0x81..=0x9b).contains(&a[0]) && a[0] > NODE_PREFIX);
            assert_eq!(a.last(), Some(&0));
            for b in &tags[i + 1..] {
                assert!(!a.starts_with(b) && !b.starts_with(a));
            }
        }
    }
}
