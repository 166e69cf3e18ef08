//! Reading a policy file, line by line.

use super::{Group, MAX_ITEMS, MAX_POLICY, Member, Names, Policy, PolicyError, Quorum};
use crate::log::decimal;
use crate::log::vkey::{PublicKey, VerifierKey};

const LOG: &str = "log <vkey> [<url>]";
const WITNESS: &str = "witness <name> <vkey> [<url>]";
const GROUP: &str = "group <name> all|any|<k> <name>...";
const QUORUM: &str = "quorum <name>";
const LINE: &str = "log, witness, group or quorum";

/// The predefined name of the quorum that asks for nobody.
const NONE: &[u8] = b"none";

pub(super) fn policy(bytes: &[u8]) -> Result<Policy, PolicyError> {
    if bytes.len() > MAX_POLICY {
        return Err(PolicyError::TooLong { found: bytes.len() });
    }
    let mut parser = Parser::default();
    for (i, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        parser.line = i + 1;
        let line = line.strip_suffix(b"\n").ok_or(PolicyError::NoNewline { line: parser.line })?;
        parser.read(line)?;
    }
    let Parser { logs, witnesses, groups, quorum, .. } = parser;
    let (quorum, quorum_name) = quorum.ok_or(PolicyError::NoQuorum)?;
    Ok(Policy { logs, witnesses, groups, quorum, quorum_name })
}

/// What the lines so far have defined.
#[derive(Default)]
struct Parser {
    line: usize,
    names: Names,
    logs: Vec<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    groups: Vec<Group>,
    quorum: Option<(Quorum, String)>,
}

impl Parser {
    fn read(&mut self, line: &[u8]) -> Result<(), PolicyError> {
        if let Some(found) = line.iter().copied().find(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f) {
            return Err(PolicyError::Control { line: self.line, found });
        }
        let items: Vec<&[u8]> =
            line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|item| !item.is_empty()).collect();
        match items.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", arguments @ ..] => self.log(arguments),
            [b"witness", arguments @ ..] => self.witness(arguments),
            [b"group", arguments @ ..] => self.group(arguments),
            [b"quorum", arguments @ ..] => self.quorum(arguments),
            _ => Err(self.form(LINE)),
        }
    }

    fn log(&mut self, arguments: &[&[u8]]) -> Result<(), PolicyError> {
        let ([vkey] | [vkey, _]) = arguments else { return Err(self.form(LOG)) };
        let key = self.key(vkey)?;
        if matches!(key.public(), PublicKey::Cosignature(_)) {
            return Err(PolicyError::KeyType { line: self.line, expected: "a log" });
        }
        self.check_new(&key, &self.logs)?;
        self.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, arguments: &[&[u8]]) -> Result<(), PolicyError> {
        let ([name, vkey] | [name, vkey, _]) = arguments else { return Err(self.form(WITNESS)) };
        let key = self.key(vkey)?;
        if matches!(key.public(), PublicKey::Note(_)) {
            return Err(PolicyError::KeyType { line: self.line, expected: "a witness" });
        }
        self.check_new(&key, &self.witnesses)?;
        self.define(name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push(key);
        Ok(())
    }

    fn group(&mut self, arguments: &[&[u8]]) -> Result<(), PolicyError> {
        let [name, threshold, members @ ..] = arguments else { return Err(self.form(GROUP)) };
        if members.is_empty() {
            return Err(self.form(GROUP));
        }
        self.check_room(self.groups.len())?;
        let threshold = self.threshold(threshold, members.len())?;
        let members = members.iter().map(|name| self.join(name)).collect::<Result<_, _>>()?;
        // Defined after its members were looked up, so that it cannot be one of them.
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { threshold, members });
        Ok(())
    }

    fn quorum(&mut self, arguments: &[&[u8]]) -> Result<(), PolicyError> {
        let [name] = arguments else { return Err(self.form(QUORUM)) };
        if self.quorum.is_some() {
            return Err(PolicyError::SecondQuorum { line: self.line });
        }
        let quorum = match self.names.get(*name) {
            Some((member, _)) => Quorum::Of(*member),
            None if *name == NONE => Quorum::None,
            None => return Err(PolicyError::Undefined { line: self.line, name: shown(name) }),
        };
        self.quorum = Some((quorum, shown(name)));
        Ok(())
    }

    fn threshold(&self, text: &[u8], members: usize) -> Result<usize, PolicyError> {
        let k = match text {
            b"any" => Some(1),
            b"all" => Some(members),
            digits => std::str::from_utf8(digits).ok().and_then(decimal).and_then(|k| usize::try_from(k).ok()),
        };
        k.filter(|k| (1..=members).contains(k)).ok_or_else(|| PolicyError::Threshold {
            line: self.line,
            found: shown(text),
            members,
        })
    }

    /// Makes a defined name a member of a group, which it can be once.
    fn join(&mut self, name: &[u8]) -> Result<Member, PolicyError> {
        let line = self.line;
        let Some((member, joined)) = self.names.get_mut(name) else {
            return Err(PolicyError::Undefined { line, name: shown(name) });
        };
        if std::mem::replace(joined, true) {
            return Err(PolicyError::MemberTwice { line, name: shown(name) });
        }
        Ok(*member)
    }

    fn define(&mut self, name: &[u8], member: Member) -> Result<(), PolicyError> {
        if name == NONE || self.names.contains_key(name) {
            return Err(PolicyError::NameTaken { line: self.line, name: shown(name) });
        }
        self.names.insert(name.to_vec(), (member, false));
        Ok(())
    }

    fn key(&self, vkey: &[u8]) -> Result<VerifierKey, PolicyError> {
        let text = std::str::from_utf8(vkey).map_err(|_| self.form("a vkey in UTF-8"))?;
        text.parse().map_err(|source| PolicyError::Key { line: self.line, source })
    }

    /// Refuses a key whose public half is listed already, under whatever name and type, and one key too many.
    fn check_new(&self, key: &VerifierKey, others: &[VerifierKey]) -> Result<(), PolicyError> {
        self.check_room(others.len())?;
        if others.iter().any(|other| other.material() == key.material()) {
            return Err(PolicyError::DuplicateKey { line: self.line });
        }
        Ok(())
    }

    fn check_room(&self, count: usize) -> Result<(), PolicyError> {
        if count < MAX_ITEMS { Ok(()) } else { Err(PolicyError::TooMany { line: self.line }) }
    }

    fn form(&self, expected: &'static str) -> PolicyError {
        PolicyError::Form { line: self.line, expected }
    }
}

/// Octets as they may stand in an error.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().take(80).collect()
}
