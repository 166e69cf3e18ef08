//! Private keys: PKCS#8 PEM files in the user's own directory, never in a workspace and never on a command line.
//!
//! `keys/NAME.pem` holds a key, encrypted if a passphrase was given when it was made; `keys/NAME.did` beside it holds its
//! `did:key`, so that keys can be listed without a passphrase. `keys/default` names the key that signs where no other is
//! chosen. Directories are 0700 and files 0600; a key that others may read is refused.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use mira_core::key::SigningKey;
use pkcs8::der::pem::LineEnding;
use pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use zeroize::Zeroizing;

use crate::error::{CliError, Kind, Result};
use crate::home::Home;
use crate::read_file;
use crate::temporary;

/// Largest key file that is read.
const MAX_KEY_FILE: usize = 16 << 10;
/// The file that names the default key.
const DEFAULT: &str = "default";

/// The user's keys.
#[derive(Debug)]
pub struct Keystore {
    dir: PathBuf,
}

/// What is known of a key without its passphrase.
#[derive(Debug, Clone)]
pub struct KeyInfo {
    /// Its name in this keystore.
    pub name: String,
    /// Its public half.
    pub did: String,
    /// Whether it signs where no other is chosen.
    pub is_default: bool,
}

impl Keystore {
    /// The keystore of this user; it need not exist yet.
    pub fn of(home: &Home) -> Self {
        Self { dir: home.dir().join("keys") }
    }

    /// Makes a key from fresh randomness; never replaces one.
    pub fn create(&self, name: &str, passphrase: Option<&str>) -> Result<SigningKey> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut())
            .map_err(|error| CliError::new(Kind::Failed, format!("no randomness from the system: {error}")))?;
        self.import(name, &seed, passphrase)
    }

    /// Stores a key with this seed; never replaces one.
    pub fn import(&self, name: &str, seed: &[u8; 32], passphrase: Option<&str>) -> Result<SigningKey> {
        check_name(name)?;
        let key = SigningKey::from_seed(seed);
        let pem = encode(seed, passphrase)?;
        self.make_dir()?;
        // The key itself goes last: a crash before leaves a name without a key, which counts for nothing, and which
        // create may take again.
        let did = key.verifying_key().to_did();
        let path = self.pem(name);
        temporary::sweep_of(&path).map_err(|error| failed(&path, &error))?;
        if path.exists() {
            return Err(CliError::new(Kind::Failed, format!("there is a key {name:?} already")).at(display(&path)));
        }
        write(&self.did(name), did.as_bytes(), true)?;
        if self.default_name()?.is_none() && !is_demo(name) {
            write(&self.dir.join(DEFAULT), name.as_bytes(), true)?;
        }
        write(&path, pem.as_bytes(), false)?;
        Ok(key)
    }

    /// Copies a private key to a file of its owner's, as it is kept.
    pub fn export(&self, name: &str, file: &Path) -> Result<()> {
        check_name(name)?;
        let pem = Zeroizing::new(read_private(&self.pem(name)).map_err(|error| self.unreadable(name, &error))?);
        write(file, pem.as_bytes(), false)
    }

    /// Keeps the private key that a PEM file holds; with a passphrase it opens the file, and is kept encrypted with it.
    pub fn import_pem(&self, name: &str, file: &Path, passphrase: Option<&str>) -> Result<SigningKey> {
        let pem = Zeroizing::new(read_bounded(file).map_err(|error| failed(file, &error))?);
        let given = || {
            passphrase.map(|text| Zeroizing::new(text.to_owned())).ok_or_else(|| {
                CliError::new(Kind::Config, "the key is encrypted")
                    .hint("MIRA_PASSPHRASE_FILE names a file with its passphrase")
            })
        };
        let seed = decode_seed(&pem, given).map_err(|error| error.at(display(file)))?;
        self.import(name, &seed, passphrase)
    }

    /// Keeps a key that signs for a log and never for a person, so it is never the default one and never listed.
    pub fn keep(&self, name: &str, seed: &[u8; 32]) -> Result<()> {
        check_name(name)?;
        self.make_dir()?;
        write(&self.pem(name), encode(seed, None)?.as_bytes(), false)
    }

    /// Reads a key; asks `passphrase` only if it is encrypted.
    pub fn load(&self, name: &str, passphrase: impl FnOnce() -> Result<Zeroizing<String>>) -> Result<SigningKey> {
        check_name(name)?;
        let path = self.pem(name);
        let pem = Zeroizing::new(read_private(&path).map_err(|error| self.unreadable(name, &error))?);
        let seed = decode_seed(&pem, passphrase).map_err(|error| error.at(display(&path)))?;
        Ok(SigningKey::from_seed(&seed))
    }

    fn unreadable(&self, name: &str, error: &io::Error) -> CliError {
        let path = self.pem(name);
        match error.kind() {
            io::ErrorKind::NotFound => CliError::new(Kind::NotFound, format!("there is no key {name:?}"))
                .hint("mira key list shows your keys, mira key new makes one"),
            io::ErrorKind::PermissionDenied => CliError::new(Kind::Config, error.to_string())
                .at(display(&path))
                .hint("a private key must be readable by you alone: chmod 600"),
            _ => failed(&path, error),
        }
    }

    /// All keys, by name.
    pub fn list(&self) -> Result<Vec<KeyInfo>> {
        let default = self.default_name()?;
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&self.dir, &error)),
        };
        let mut keys = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| failed(&self.dir, &error))?.path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if path.extension().is_none_or(|extension| extension != "pem") || check_name(name).is_err() {
                continue;
            }
            // The key of a log has no public half beside it: it signs for no person.
            let Ok(did) = read_bounded(&self.did(name)) else { continue };
            let did = did.trim().to_owned();
            keys.push(KeyInfo { name: name.to_owned(), did, is_default: default.as_deref() == Some(name) });
        }
        keys.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(keys)
    }

    /// The key that signs where no other is chosen.
    pub fn default_name(&self) -> Result<Option<String>> {
        let path = self.dir.join(DEFAULT);
        match read_bounded(&path) {
            Ok(name) => Ok(Some(name.trim().to_owned()).filter(|name| self.pem(name).exists())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, &error)),
        }
    }

    /// Chooses the key that signs where no other is chosen.
    pub fn set_default(&self, name: &str) -> Result<()> {
        check_name(name)?;
        if !self.pem(name).exists() {
            return Err(CliError::new(Kind::NotFound, format!("there is no key {name:?}")).hint("mira key list"));
        }
        write(&self.dir.join(DEFAULT), name.as_bytes(), true)
    }

    fn make_dir(&self) -> Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir).map_err(|error| failed(&self.dir, &error))?;
        self.sweep();
        Ok(())
    }

    /// Removes what dead processes left half done, of any key: that of a log has a name of its own, so whoever makes the
    /// next one writes another file.
    pub fn sweep(&self) {
        temporary::sweep_all(&self.dir);
    }

    fn pem(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.pem"))
    }

    fn did(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.did"))
    }
}

/// Whether a key was made by `mira demo`: it signs for nobody, so it is never chosen by default.
pub fn is_demo(name: &str) -> bool {
    name.starts_with("demo-")
}

/// Checks that a name can be a file name anywhere: `[a-z0-9][a-z0-9-]{0,62}`.
fn check_name(name: &str) -> Result<()> {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = name.len() <= 63
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|c| plain(c) || c == b'-')
        && name != DEFAULT;
    if fits {
        return Ok(());
    }
    Err(CliError::new(Kind::Usage, format!("{name:?} cannot be the name of a key"))
        .hint("use lower-case letters, digits and hyphens, at most 63"))
}

fn encode(seed: &[u8; 32], passphrase: Option<&str>) -> Result<Zeroizing<String>> {
    let key = ed25519_dalek::SigningKey::from_bytes(seed);
    match passphrase {
        Some(passphrase) => key.to_pkcs8_encrypted_pem(passphrase, LineEnding::LF),
        None => key.to_pkcs8_pem(LineEnding::LF),
    }
    .map_err(|error| CliError::new(Kind::Failed, format!("the key cannot be encoded: {error}")))
}

fn decode_seed(pem: &str, passphrase: impl FnOnce() -> Result<Zeroizing<String>>) -> Result<Zeroizing<[u8; 32]>> {
    let key = if pem.contains("ENCRYPTED PRIVATE KEY") {
        let passphrase = passphrase()?;
        ed25519_dalek::SigningKey::from_pkcs8_encrypted_pem(pem, passphrase.as_bytes())
            .map_err(|_| CliError::new(Kind::Failed, "the passphrase does not open this key"))?
    } else {
        ed25519_dalek::SigningKey::from_pkcs8_pem(pem)
            .map_err(|error| CliError::new(Kind::Failed, format!("not an ed25519 key in PKCS#8: {error}")))?
    };
    Ok(Zeroizing::new(key.to_bytes()))
}

fn read_private(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others may read this private key"));
    }
    read_bounded(path)
}

fn read_bounded(path: &Path) -> io::Result<String> {
    read_file::text(path, MAX_KEY_FILE)
}

/// Writes a file of its owner's, whole or not at all: half a key would be in the way of another of its name for ever.
fn write(path: &Path, bytes: &[u8], replace: bool) -> Result<()> {
    let write = || {
        let temp = temporary::beside(path)?;
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&temp)?;
        let written =
            file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| temporary::place(&temp, path, replace));
        if written.is_err() {
            // Nothing more can be done about a file that cannot be removed.
            let _ = fs::remove_file(&temp);
        }
        written
    };
    write().map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    CliError::new(Kind::Failed, error.to_string()).at(display(path))
}

fn display(path: &Path) -> String {
    path.display().to_string()
}
