//! Keys of accounts on a chain.
//!
//! Two kinds. A *local* key pays on the workspace's own chain and nowhere else; it is made when it is first needed and
//! lies unencrypted in the user's own directory. Every other chain takes a *keystore*: the encrypted JSON file that
//! `cast wallet` makes. Neither is ever given on a command line.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use alloy::consensus::{SignableTransaction as _, TxEip1559, TxEnvelope};
use alloy::eips::eip2718::Encodable2718 as _;
use alloy::primitives::{Address, B256, Bytes, Signature};
use alloy::signers::local::PrivateKeySigner;
use alloy::signers::{Error as SignerError, SignerSync as _};

use crate::fees::Fees;
use crate::outbox::Signed;

/// Largest key file that is read.
const MAX_KEY_FILE: u64 = 16 << 10;
/// The extension of local keys.
const LOCAL: &str = "local-key";

/// The key of one account.
pub struct Wallet {
    signer: PrivateKeySigner,
    path: PathBuf,
    local_only: bool,
}

/// The right to send from an account; ends when it is dropped.
#[derive(Debug)]
pub struct SenderLock(#[expect(dead_code, reason = "the lock lives as long as the file")] File);

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// The name cannot be a file's.
    #[error("{name:?} cannot be the name of an account: use lower-case letters, digits and hyphens, at most 63")]
    Name {
        /// The name.
        name: String,
    },
    /// There is no such key.
    #[error("there is no account {name:?}")]
    Missing {
        /// The name.
        name: String,
    },
    /// A file cannot be used.
    #[error("{}: cannot use the key", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Others may read the key.
    #[error("{}: others may read this private key", path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no key, or the password does not open it.
    #[error("{}: not a key, or the password does not open it", path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// Another process sends from this account.
    #[error("another process is sending from {address}")]
    Busy {
        /// The account.
        address: Address,
    },
    /// The key does not sign.
    #[error("the key of {address} does not sign")]
    Sign {
        /// The account.
        address: Address,
        /// Why not.
        source: SignerError,
    },
}

/// A transaction before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The nonce.
    pub nonce: u64,
    /// The most gas it may take.
    pub gas_limit: u64,
    /// What it offers.
    pub fees: Fees,
    /// Whom it calls; none to make a contract.
    pub to: Option<Address>,
    /// How much ether goes with it.
    pub value: alloy::primitives::U256,
    /// The call's bytes.
    pub input: Bytes,
}

impl Wallet {
    /// A local key by its name in a directory, made if there is none.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn local(dir: &Path, name: &str) -> Result<Self, WalletError> {
        check_name(name)?;
        let path = dir.join(format!("{name}.{LOCAL}"));
        let failed = |source| WalletError::Io { path: path.clone(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        if !path.exists() {
            make(&path).map_err(failed)?;
        }
        let text = read_private(&path)?;
        let secret = text.trim().parse::<B256>().map_err(|_| WalletError::Key { path: path.clone() })?;
        let signer = PrivateKeySigner::from_bytes(&secret).map_err(|_| WalletError::Key { path: path.clone() })?;
        Ok(Self { signer, path, local_only: true })
    }

    /// Whether there is a local key of this name.
    pub fn has_local(dir: &Path, name: &str) -> bool {
        check_name(name).is_ok() && dir.join(format!("{name}.{LOCAL}")).exists()
    }

    /// A keystore file, as `cast wallet` makes them.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn keystore(path: &Path, password: &str) -> Result<Self, WalletError> {
        // The length is checked before it is read as JSON.
        read_private(path)?;
        let signer = PrivateKeySigner::decrypt_keystore(path, password)
            .map_err(|_| WalletError::Key { path: path.to_owned() })?;
        Ok(Self { signer, path: path.to_owned(), local_only: false })
    }

    /// Finds the keystore of this name in the first of these directories that has one.
    ///
    /// # Errors
    /// [`WalletError::Missing`].
    pub fn find_keystore(dirs: &[PathBuf], name: &str) -> Result<PathBuf, WalletError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(WalletError::Name { name: name.to_owned() });
        }
        let found = dirs.iter().map(|dir| dir.join(name)).find(|path| path.is_file());
        found.ok_or_else(|| WalletError::Missing { name: name.to_owned() })
    }

    /// The account.
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// Whether the key must not be used on any chain but the workspace's own.
    pub fn is_local_only(&self) -> bool {
        self.local_only
    }

    /// Signs a 32-byte digest; low s, and v is 27 or 28 in [`Signature::as_bytes`].
    ///
    /// # Errors
    /// [`WalletError::Sign`].
    pub fn sign_digest(&self, digest: &B256) -> Result<Signature, WalletError> {
        self.signer.sign_hash_sync(digest).map_err(|source| WalletError::Sign { address: self.address(), source })
    }

    /// Signs a transaction. The same transaction gives the same bytes.
    ///
    /// # Errors
    /// [`WalletError::Sign`].
    pub fn sign(&self, unsigned: &Unsigned) -> Result<Signed, WalletError> {
        let transaction = TxEip1559 {
            chain_id: unsigned.chain_id,
            nonce: unsigned.nonce,
            gas_limit: unsigned.gas_limit,
            max_fee_per_gas: unsigned.fees.cap,
            max_priority_fee_per_gas: unsigned.fees.tip,
            to: unsigned.to.into(),
            value: unsigned.value,
            access_list: Default::default(),
            input: unsigned.input.clone(),
        };
        let signature = self.sign_digest(&transaction.signature_hash())?;
        let envelope = TxEnvelope::Eip1559(transaction.into_signed(signature));
        Ok(Signed {
            raw: envelope.encoded_2718().into(),
            tx: *envelope.tx_hash(),
            gas: unsigned.gas_limit,
            fees: unsigned.fees,
        })
    }

    /// Keeps other processes from sending from this account, so that no nonce is taken twice.
    ///
    /// # Errors
    /// [`WalletError::Busy`].
    pub fn lock(&self) -> Result<SenderLock, WalletError> {
        // The key's own file is locked: another beside it would look like an account to `cast`.
        let failed = |source| WalletError::Io { path: self.path.clone(), source };
        let file = File::open(&self.path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(SenderLock(file)),
            Err(TryLockError::WouldBlock) => Err(WalletError::Busy { address: self.address() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

impl std::fmt::Debug for Wallet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wallet({})", self.address())
    }
}

/// Writes a new key, whole or not at all.
fn make(path: &Path) -> io::Result<()> {
    let temp = path.with_extension(format!("tmp-{}", std::process::id()));
    let secret = alloy::hex::encode(PrivateKeySigner::random().to_bytes());
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&temp)?;
    file.write_all(format!("{secret}\n").as_bytes())?;
    file.sync_all()?;
    // A link fails where a rename would replace: a key that another process has just made is kept.
    let linked = fs::hard_link(&temp, path);
    fs::remove_file(&temp)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

fn read_private(path: &Path) -> Result<String, WalletError> {
    let failed = |source| WalletError::Io { path: path.to_owned(), source };
    let meta = fs::metadata(path).map_err(failed)?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(WalletError::Open { path: path.to_owned() });
    }
    if meta.len() > MAX_KEY_FILE {
        return Err(WalletError::Key { path: path.to_owned() });
    }
    fs::read_to_string(path).map_err(failed)
}

fn check_name(name: &str) -> Result<(), WalletError> {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits =
        name.len() <= 63 && name.bytes().next().is_some_and(plain) && name.bytes().all(|c| plain(c) || c == b'-');
    if fits { Ok(()) } else { Err(WalletError::Name { name: name.to_owned() }) }
}
