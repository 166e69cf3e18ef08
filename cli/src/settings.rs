//! Settings from files: what neither a flag nor the environment says.
//!
//! ```text
//! # .mira/config.toml of a workspace, or config.toml in the user's directory
//! kubo = "http://127.0.0.1:5001"
//! ```
//!
//! A flag wins over the environment, that over the workspace, that over the user. A workspace comes from anybody, so its
//! file cannot name keys, trust or programs: there are no such settings. The files are a small part of TOML, one basic
//! string a line, and everything else in them is refused.

use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use mira_ingest::pin::Address;

use crate::error::{CliError, Kind, Result, ResultExt};
use crate::home::Home;
use crate::workspace::Workspace;
use crate::write_file;

/// Largest file that is read.
const MAX_FILE: u64 = 64 << 10;
const FILE: &str = "config.toml";

/// A setting that files may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// The RPC API of the user's IPFS node.
    Kubo,
}

/// Where a value comes from, the strongest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag of this command.
    Flag,
    /// This variable.
    Environment(&'static str),
    /// The workspace's file.
    Workspace(PathBuf),
    /// The user's file.
    User(PathBuf),
    /// Nobody said anything.
    Default,
}

/// The values that files have.
#[derive(Debug, Default)]
pub struct Settings {
    workspace: Option<ConfigFile>,
    user: Option<ConfigFile>,
}

/// One file: its settings, in order.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    values: Vec<(Setting, String)>,
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Kubo];

    /// The name in a file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kubo => "kubo",
        }
    }

    /// The variable that wins over the files.
    pub const fn variable(self) -> &'static str {
        match self {
            Self::Kubo => "MIRA_KUBO",
        }
    }

    /// Finds a setting by its name.
    pub fn named(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|setting| setting.name() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|setting| setting.name()).collect();
            CliError::new(Kind::Usage, format!("there is no setting {name:?}"))
                .hint(format!("settings of files: {}", names.join(", ")))
        })
    }

    /// Refuses a value that could not be used.
    fn check(self, value: &str) -> Result<()> {
        match self {
            Self::Kubo => {
                let address = value.parse::<Address>().kind(Kind::Config)?;
                match address.credentials() {
                    None => Ok(()),
                    Some(_) => {
                        Err(CliError::new(Kind::Config, format!("a password for {address} does not stand in a file"))
                            .hint("MIRA_KUBO may have one: it is sent, and never kept"))
                    }
                }
            }
        }
    }
}

impl Settings {
    /// Reads the user's file, and the workspace's if there is one.
    pub fn load(home: &Home, workspace: Option<&Workspace>) -> Result<Self> {
        let workspace = workspace.map(|workspace| ConfigFile::read(workspace.path(FILE))).transpose()?;
        Ok(Self { workspace, user: Some(ConfigFile::read(home.dir().join(FILE))?) })
    }

    /// The value and where it comes from, the environment first; nothing if nobody said anything.
    pub fn value(&self, setting: Setting) -> Option<(String, Origin)> {
        let variable = setting.variable();
        // An empty variable is one that is not set.
        if let Some(text) = std::env::var(variable).ok().filter(|text| !text.is_empty()) {
            return Some((text, Origin::Environment(variable)));
        }
        let from = |file: &Option<ConfigFile>, origin: fn(PathBuf) -> Origin| {
            let file = file.as_ref()?;
            Some((file.get(setting)?.to_owned(), origin(file.path.clone())))
        };
        from(&self.workspace, Origin::Workspace).or_else(|| from(&self.user, Origin::User))
    }
}

impl ConfigFile {
    /// The workspace's file, or the user's, to be changed.
    pub fn open(home: &Home, workspace: Option<&Workspace>) -> Result<Self> {
        Self::read(workspace.map_or_else(|| home.dir().join(FILE), |workspace| workspace.path(FILE)))
    }

    /// Gives a setting a value and writes the file. Comments are not kept.
    pub fn set(&mut self, setting: Setting, value: &str) -> Result<()> {
        setting.check(value).map_err(|error| error.of_kind(Kind::Usage))?;
        self.values.retain(|(known, _)| *known != setting);
        self.values.push((setting, value.to_owned()));
        self.values.sort();
        let lines = self.values.iter().map(|(setting, value)| format!("{} = {}\n", setting.name(), quoted(value)));
        let text: String = lines.collect();
        if let Some(dir) = self.path.parent() {
            fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
        }
        // Written beside and renamed, so that a crash leaves the old file or the new one.
        write_file::whole(&self.path, text.as_bytes(), true)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn get(&self, setting: Setting) -> Option<&str> {
        self.values.iter().find(|(known, _)| *known == setting).map(|(_, value)| value.as_str())
    }

    fn read(path: PathBuf) -> Result<Self> {
        let text = match fs::File::open(&path) {
            Ok(file) => {
                let mut text = String::new();
                let read = file.take(MAX_FILE + 1).read_to_string(&mut text);
                read.map_err(|error| failed(&path, &error))?;
                text
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(&path, &error)),
        };
        if text.len() as u64 > MAX_FILE {
            return Err(CliError::new(Kind::Config, "the file is larger than 64 KiB").at(path.display().to_string()));
        }
        let values = parse(&text).map_err(|(line, error)| error.at(format!("{}:{line}", path.display())))?;
        Ok(Self { path, values })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::Workspace(path) => write!(f, "workspace {}", path.display()),
            Self::User(path) => write!(f, "user {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

fn parse(text: &str) -> std::result::Result<Vec<(Setting, String)>, (usize, CliError)> {
    let mut values: Vec<(Setting, String)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |message: &str| (number, CliError::new(Kind::Config, message));
        let (name, value) = line.split_once('=').ok_or_else(|| wrong("expected `name = \"value\"`"))?;
        let setting = Setting::named(name.trim()).map_err(|error| (number, error.of_kind(Kind::Config)))?;
        let value = unquoted(value.trim()).ok_or_else(|| wrong("expected one string in double quotes"))?;
        setting.check(&value).map_err(|error| (number, error))?;
        if values.iter().any(|(known, _)| *known == setting) {
            return Err(wrong("the setting stands here twice"));
        }
        values.push((setting, value));
    }
    Ok(values)
}

/// A basic string of TOML with the escapes `\\` and `\"` only.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let (mut out, mut chars) = (String::new(), inner.chars());
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => chars.next().filter(|c| matches!(c, '\\' | '"'))?,
            '"' => return None,
            c if c.is_control() => return None,
            c => c,
        });
    }
    Some(out)
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    CliError::new(Kind::Config, error.to_string()).at(path.display().to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests state what they expect")]
mod tests {
    use super::*;

    #[test]
    fn a_small_part_of_toml() {
        let read = |text: &str| parse(text).map(|values| values.into_iter().next().map(|(_, value)| value));
        assert_eq!(read("# nothing\n\n").unwrap(), None);
        assert_eq!(read(" kubo = \"http://127.0.0.1:5001\" \n").unwrap().unwrap(), "http://127.0.0.1:5001");
        for (text, line) in [
            ("kubo", 1),
            ("kubo = http://127.0.0.1:5001", 1),
            ("\nkubo = \"http://127.0.0.1:5001\" # comment", 2),
            ("kubo = \"http://127.0.0.1:5001", 1),
            ("kubo = \"a\"b\"", 1),
            ("kubo = \"\\u0041\"", 1),
            ("kubo = \"nonsense\"", 1),
            ("key = \"main\"", 1),
            ("[table]", 1),
            ("kubo = \"http://127.0.0.1:1\"\nkubo = \"http://127.0.0.1:2\"", 2),
        ] {
            assert_eq!(parse(text).unwrap_err().0, line, "{text}");
        }
        let odd = "a\\b\"c";
        assert_eq!(unquoted(&quoted(odd)).unwrap(), odd);
    }
}
