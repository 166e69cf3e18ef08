//! The account's half of a `bind`: an EIP-712 signature that says who may be paid to it.
//!
//! A `bind` statement joins a contributor and an account on a chain, and needs the word of both. The contributor's is
//! the ed25519 signature of the statement, which the fold checks; the account's is checked here. Neither is enough alone:
//! without the first anybody could claim another's rewards, without the second send them where nobody can fetch them.
//!
//! ```text
//! domain  EIP712Domain(string name,string version,uint256 chainId,address verifyingContract) of ("mira bind", "1", …)
//! type    Bind(bytes32 contributorId,address payout,uint64 nonce,string logOrigin,uint64 expiresEpoch)
//! ```
//!
//! The signature is r ‖ s ‖ v with v 27 or 28 and the lower of the two s, so it has one form.

use alloy::primitives::{Address, B256, Signature};
use alloy::sol_types::{Eip712Domain, SolStruct as _, eip712_domain};
use mira_core::digest::ContributorId;
use mira_core::log::vkey::KeyName;
use mira_core::statement::{Bind, EvmAddress, EvmSignature, Natural};

const NAME: &str = "mira bind";
const VERSION: &str = "1";

mod typed {
    #![allow(missing_docs, reason = "the macro's own items")]
    alloy::sol! {
        struct Bind {
            bytes32 contributorId;
            address payout;
            uint64 nonce;
            string logOrigin;
            uint64 expiresEpoch;
        }
    }
}

/// What an account agrees to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Who is paid.
    pub contributor: ContributorId,
    /// Greater than in every earlier bind of that contributor.
    pub nonce: Natural,
    /// The only log in which this counts.
    pub log_origin: KeyName,
    /// The last epoch for which it counts.
    pub expires_epoch: Natural,
    /// The chain.
    pub chain_id: Natural,
    /// The contract that pays.
    pub contract: EvmAddress,
}

/// Why the account's half of a bind does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// `v` is neither 27 nor 28.
    #[error("the last byte of the signature is {found}, not 27 or 28")]
    Parity {
        /// The byte.
        found: u8,
    },
    /// The upper half of the order: a second form of the same signature.
    #[error("the signature's s is in the upper half of the order")]
    HighS,
    /// r or s belongs to no signature.
    #[error("no account makes this signature")]
    Recover,
    /// Another account signed.
    #[error("the signature is by {found}, not by the payout account {expected}")]
    Signer {
        /// The payout account.
        expected: Address,
        /// Who signed.
        found: Address,
    },
}

impl Binding {
    /// What a bind of this contributor says that its account agreed to.
    pub fn of(contributor: ContributorId, bind: &Bind) -> Self {
        Self {
            contributor,
            nonce: bind.bind_nonce,
            log_origin: bind.log_origin.clone(),
            expires_epoch: bind.expires_epoch,
            chain_id: bind.chain_id,
            contract: bind.contract,
        }
    }

    /// Has the account that is to be paid sign, and makes the statement's predicate.
    pub fn sign<E>(&self, payout: Address, sign: impl FnOnce(&B256) -> Result<Signature, E>) -> Result<Bind, E> {
        let signature = sign(&self.digest(payout))?;
        Ok(self.with(payout, &EvmSignature::new(signature.normalized_s().as_bytes())))
    }

    /// The statement's predicate, with a signature that was made elsewhere: check it with [`verify`].
    pub fn with(&self, payout: Address, signature: &EvmSignature) -> Bind {
        Bind {
            payout: EvmAddress::new(payout.into_array()),
            bind_nonce: self.nonce,
            log_origin: self.log_origin.clone(),
            expires_epoch: self.expires_epoch,
            chain_id: self.chain_id,
            contract: self.contract,
            signature: *signature,
        }
    }

    /// The hash that the account signs.
    pub fn digest(&self, payout: Address) -> B256 {
        self.typed(payout).eip712_signing_hash(&self.domain())
    }

    /// The same as the JSON that wallets take (`eth_signTypedData_v4`).
    pub fn to_typed_data(&self, payout: Address) -> serde_json::Value {
        let member = |name: &str, ty: &str| serde_json::json!({ "name": name, "type": ty });
        serde_json::json!({
            "types": {
                "EIP712Domain": [
                    member("name", "string"),
                    member("version", "string"),
                    member("chainId", "uint256"),
                    member("verifyingContract", "address"),
                ],
                "Bind": [
                    member("contributorId", "bytes32"),
                    member("payout", "address"),
                    member("nonce", "uint64"),
                    member("logOrigin", "string"),
                    member("expiresEpoch", "uint64"),
                ],
            },
            "primaryType": "Bind",
            "domain": {
                "name": NAME,
                "version": VERSION,
                "chainId": self.chain_id.value(),
                "verifyingContract": self.contract.to_string(),
            },
            "message": {
                "contributorId": format!("0x{}", self.contributor),
                "payout": EvmAddress::new(payout.into_array()).to_string(),
                "nonce": self.nonce.value(),
                "logOrigin": self.log_origin.as_str(),
                "expiresEpoch": self.expires_epoch.value(),
            },
        })
    }

    fn typed(&self, payout: Address) -> typed::Bind {
        typed::Bind {
            contributorId: B256::from(*self.contributor.as_bytes()),
            payout,
            nonce: self.nonce.value(),
            logOrigin: self.log_origin.to_string(),
            expiresEpoch: self.expires_epoch.value(),
        }
    }

    fn domain(&self) -> Eip712Domain {
        eip712_domain! {
            name: NAME,
            version: VERSION,
            chain_id: self.chain_id.value(),
            verifying_contract: Address::from(*self.contract.as_bytes()),
        }
    }
}

/// Checks the account's half of a bind that this contributor signed.
pub fn verify(contributor: ContributorId, bind: &Bind) -> Result<(), BindError> {
    let expected = Address::from(*bind.payout.as_bytes());
    let signature = parse(&bind.signature)?;
    let digest = Binding::of(contributor, bind).digest(expected);
    let found = signature.recover_address_from_prehash(&digest).map_err(|_| BindError::Recover)?;
    if found == expected { Ok(()) } else { Err(BindError::Signer { expected, found }) }
}

/// Reads the one form of a signature.
fn parse(signature: &EvmSignature) -> Result<Signature, BindError> {
    let [numbers @ .., v] = signature.as_bytes();
    let parity = match v {
        27 => false,
        28 => true,
        found => return Err(BindError::Parity { found: *found }),
    };
    let signature = Signature::from_bytes_and_parity(numbers, parity);
    if signature.normalize_s().is_some() { Err(BindError::HighS) } else { Ok(signature) }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{U256, keccak256, uint};
    use alloy::signers::SignerSync as _;
    use alloy::signers::local::PrivateKeySigner;
    use mira_core::digest::Digest;

    use super::*;

    /// The order of secp256k1.
    const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

    fn sample() -> (ContributorId, Binding, PrivateKeySigner) {
        let contributor = Digest::of(b"sample").into();
        let binding = Binding {
            contributor,
            nonce: Natural::new(1).unwrap(),
            log_origin: "log.example.org/test".parse().unwrap(),
            expires_epoch: Natural::new(100).unwrap(),
            chain_id: Natural::new(31337).unwrap(),
            contract: EvmAddress::new([0xcc; 20]),
        };
        (contributor, binding, PrivateKeySigner::from_bytes(&B256::repeat_byte(1)).unwrap())
    }

    #[test]
    fn signed_by_the_account_and_for_one_thing_only() {
        let (contributor, binding, account) = sample();
        let bind = binding.sign(account.address(), |digest| account.sign_hash_sync(digest)).unwrap();
        assert_eq!(verify(contributor, &bind), Ok(()));

        let refused = |bind: &Bind| assert!(matches!(verify(contributor, bind), Err(BindError::Signer { .. })));
        refused(&Bind { bind_nonce: Natural::new(2).unwrap(), ..bind.clone() });
        refused(&Bind { log_origin: "log.example.org/other".parse().unwrap(), ..bind.clone() });
        refused(&Bind { expires_epoch: Natural::new(101).unwrap(), ..bind.clone() });
        refused(&Bind { chain_id: Natural::new(1).unwrap(), ..bind.clone() });
        refused(&Bind { contract: EvmAddress::new([0xcd; 20]), ..bind.clone() });
        refused(&Bind { payout: EvmAddress::new([1; 20]), ..bind.clone() });
        assert!(verify(Digest::of(b"another").into(), &bind).is_err(), "a stranger's contributor");
    }

    #[test]
    fn a_signature_has_one_form() {
        let (contributor, binding, account) = sample();
        let bind = binding.sign(account.address(), |digest| account.sign_hash_sync(digest)).unwrap();
        let bytes = *bind.signature.as_bytes();
        let edited = |edit: &dyn Fn(&mut [u8; 65])| {
            let mut bytes = bytes;
            edit(&mut bytes);
            verify(contributor, &Bind { signature: EvmSignature::new(bytes), ..bind.clone() })
        };
        let twin = |bytes: &mut [u8; 65]| {
            let s = U256::from_be_slice(&bytes[32..64]);
            bytes[32..64].copy_from_slice(&(ORDER - s).to_be_bytes::<32>());
            bytes[64] = 27 + 28 - bytes[64];
        };
        assert_eq!(edited(&twin), Err(BindError::HighS));
        assert_eq!(edited(&|bytes| bytes[64] -= 27), Err(BindError::Parity { found: bytes[64] - 27 }));
        assert_eq!(edited(&|bytes| bytes[64] = 37), Err(BindError::Parity { found: 37 }));
        assert!(matches!(edited(&|bytes| bytes[64] ^= 7), Err(BindError::Signer { .. })), "27 is 28's twin");
        assert_eq!(edited(&|bytes| bytes[..32].fill(0)), Err(BindError::Recover));
        assert_eq!(edited(&|bytes| bytes[32..64].fill(0)), Err(BindError::Recover));
    }

    /// The hash as any EIP-712 library makes it from the JSON.
    #[test]
    fn the_hash_is_that_of_the_typed_data() {
        let (_, binding, account) = sample();
        let type_hash =
            keccak256("Bind(bytes32 contributorId,address payout,uint64 nonce,string logOrigin,uint64 expiresEpoch)");
        let domain_hash =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        let word = |number: u64| B256::from(U256::from(number));
        let hash = |words: &[B256]| keccak256(words.concat());
        let domain = hash(&[
            domain_hash,
            keccak256("mira bind"),
            keccak256("1"),
            word(31337),
            Address::repeat_byte(0xcc).into_word(),
        ]);
        let message = hash(&[
            type_hash,
            B256::from(*binding.contributor.as_bytes()),
            account.address().into_word(),
            word(1),
            keccak256("log.example.org/test"),
            word(100),
        ]);
        let expected = keccak256([&b"\x19\x01"[..], domain.as_slice(), message.as_slice()].concat());
        assert_eq!(binding.digest(account.address()), expected);
        let typed = binding.to_typed_data(account.address());
        assert_eq!(typed["message"]["nonce"].as_u64(), Some(1));
    }
}
