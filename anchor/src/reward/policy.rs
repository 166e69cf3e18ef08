//! The policy: the rules by which an epoch's budget becomes amounts, in one file with one hash.
//!
//! The file is canonical JSON (FORMAT.md, section 15); its SHA-256 is what a `policy` statement in the log and the
//! manifest of a proposal name. Shares are basis points, so a policy holds no fractions.
//!
//! ```
//! use mira_anchor::reward::Policy;
//!
//! let policy = Policy::standard("log.example.org".parse()?, mira_core::digest::Digest::of(b"sample").into());
//! assert_eq!(Policy::parse(&policy.to_bytes())?, policy);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use mira_core::digest::{ContributorId, Digest};
use mira_core::json::{FieldError, Fields, Json, JsonError, Node, SafeInt, parse_canonical};
use mira_core::log::vkey::KeyName;
use mira_core::statement::{InputRole, Unit};

/// Basis points of a whole.
pub const WHOLE: u32 = 10_000;
/// Longest policy file that is read.
pub const MAX_POLICY: usize = 64 << 10;

const TYPE: &str = "mira.policy/1";
/// Most that a weight may be: products with 2^53 rows and 2^32 passes stay far below 2^128.
const MAX_WEIGHT: u64 = 1_000_000;

/// For what somebody is paid: one member per share of a run's budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Training: the machines.
    Compute,
    /// Collection: rows that the run learned from, and what they were made from.
    Data,
    /// Deployment: serving the model.
    Deployer,
    /// Training: the program.
    Developer,
    /// Training: running it.
    Trainer,
    /// Validation: checking the result.
    Validator,
}

impl Role {
    /// All roles, ascending by spelling.
    pub const ALL: [Self; 6] =
        [Self::Compute, Self::Data, Self::Deployer, Self::Developer, Self::Trainer, Self::Validator];

    /// The one spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Data => "data",
            Self::Deployer => "deployer",
            Self::Developer => "developer",
            Self::Trainer => "trainer",
            Self::Validator => "validator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The one log whose statements count.
    pub origin: KeyName,
    /// Who gets what nobody has earned.
    pub reserve: ContributorId,
    /// Each role's share of a run's budget, in basis points that add up to [`WHOLE`].
    pub roles: BTreeMap<Role, u32>,
    /// How inputs are weighed.
    pub data: DataRules,
    /// How use that nobody paid for is weighed.
    pub declared: DeclaredRules,
    /// Which datasets hold a place, if they must have been fetchable.
    pub available: Option<AvailableRules>,
}

/// How the inputs of a run or a transform are weighed against each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataRules {
    /// The share that rows made by a transform pass on to what they were made from.
    pub derived_share: u32,
    /// The share that goes to the models among the inputs, if there are rows as well.
    pub model_share: u32,
    /// The weight of one row, or one model, by what it was used for.
    pub inputs: BTreeMap<InputRole, u32>,
    /// Most passes that count.
    pub passes_cap: u32,
    /// Shorter canonical rows weigh nothing, so that nobody claims `[0]`, `[1]`, ….
    pub min_row_bytes: u32,
}

/// How use that nobody paid for is weighed: it steers the common pool only, and only so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredRules {
    /// The share of the pool that follows declared use; the rest follows fees.
    pub share: u32,
    /// Most weight of one run in one epoch.
    pub cap: u64,
    /// The weight of one unit.
    pub units: BTreeMap<Unit, u32>,
}

/// Which datasets hold a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableRules {
    /// A dataset keeps its place if it was said to be fetchable this many epochs after its own, or before.
    pub within: u32,
    /// Whose word counts; anybody's if absent.
    pub by: Option<BTreeSet<ContributorId>>,
}

/// Why bytes are not a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Too long.
    #[error("a policy file has at most {MAX_POLICY} bytes, found {found}")]
    Length {
        /// How many bytes there are.
        found: usize,
    },
    /// Not canonical JSON.
    #[error("the policy is not canonical JSON")]
    Json(#[from] JsonError),
    /// A member is missing, unknown or out of range.
    #[error("the policy is malformed")]
    Field(#[from] FieldError),
    /// The roles' shares are not a whole.
    #[error("the shares of the roles add up to {found} basis points, not {WHOLE}")]
    Roles {
        /// Their sum.
        found: u64,
    },
}

impl Policy {
    /// Rules to start from.
    pub fn standard(origin: KeyName, reserve: ContributorId) -> Self {
        let learned_from = |role: &InputRole| u32::from(!matches!(role, InputRole::Test | InputRole::Validation));
        let unit = |unit: &Unit| match unit {
            Unit::Hours | Unit::Seats => 1000,
            Unit::Requests => 10,
            Unit::Tokens => 1,
        };
        Self {
            origin,
            reserve,
            roles: [
                (Role::Compute, 1000),
                (Role::Data, 5000),
                (Role::Deployer, 1000),
                (Role::Developer, 1000),
                (Role::Trainer, 1000),
                (Role::Validator, 1000),
            ]
            .into(),
            data: DataRules {
                derived_share: 5000,
                model_share: 3000,
                inputs: InputRole::ALL.iter().map(|role| (*role, learned_from(role))).collect(),
                passes_cap: 4,
                min_row_bytes: 16,
            },
            declared: DeclaredRules {
                share: 2000,
                cap: 1_000_000,
                units: Unit::ALL.iter().map(|name| (*name, unit(name))).collect(),
            },
            available: None,
        }
    }

    /// Reads a policy file; refuses every byte sequence that [`Policy::to_bytes`] does not write.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > MAX_POLICY {
            return Err(PolicyError::Length { found: bytes.len() });
        }
        let json = parse_canonical(bytes)?;
        let policy = Self::read(&json)?;
        let found = policy.roles.values().map(|share| u64::from(*share)).sum();
        if found == u64::from(WHOLE) { Ok(policy) } else { Err(PolicyError::Roles { found }) }
    }

    /// Writes the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut members = vec![
            ("type", TYPE.into()),
            ("origin", self.origin.to_string().into()),
            ("reserve", self.reserve.to_string().into()),
            ("roles", Json::object(self.roles.iter().map(|(role, share)| (role.as_str(), number(*share))))),
            ("data", self.data.to_json()),
            ("declared", self.declared.to_json()),
        ];
        members.extend(self.available.as_ref().map(|available| ("available", available.to_json())));
        Json::object(members).to_canonical()
    }

    /// The hash that statements and manifests name: SHA-256 of the file.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    fn read(json: &Json) -> Result<Self, FieldError> {
        let mut fields = json.fields()?;
        let ty = fields.required("type")?;
        if ty.text()? != TYPE {
            return Err(ty.unlike(TYPE));
        }
        let mut roles = fields.required("roles")?.fields()?;
        let policy = Self {
            origin: fields.required("origin")?.parse("the origin of a log")?,
            reserve: id(&fields.required("reserve")?)?,
            roles: Role::ALL
                .iter()
                .map(|role| Ok((*role, share(&mut roles, role.as_str())?)))
                .collect::<Result<_, FieldError>>()?,
            data: DataRules::read(&fields.required("data")?)?,
            declared: DeclaredRules::read(&fields.required("declared")?)?,
            available: fields.optional("available").map(|node| AvailableRules::read(&node)).transpose()?,
        };
        roles.finish()?;
        fields.finish()?;
        Ok(policy)
    }
}

impl DataRules {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        let mut fields = node.fields()?;
        let mut inputs = fields.required("inputs")?.fields()?;
        let weight = |role: &InputRole| Ok((*role, upto(&inputs.required(role.as_str())?, MAX_WEIGHT)?));
        let rules = Self {
            inputs: InputRole::ALL.iter().map(weight).collect::<Result<_, FieldError>>()?,
            derived_share: share(&mut fields, "derived_share")?,
            model_share: share(&mut fields, "model_share")?,
            passes_cap: positive(&fields.required("passes_cap")?)?,
            min_row_bytes: upto(&fields.required("min_row_bytes")?, u64::from(u32::MAX))?,
        };
        inputs.finish()?;
        fields.finish()?;
        Ok(rules)
    }

    fn to_json(&self) -> Json {
        Json::object([
            ("derived_share", number(self.derived_share)),
            ("model_share", number(self.model_share)),
            ("inputs", Json::object(self.inputs.iter().map(|(role, weight)| (role.as_str(), number(*weight))))),
            ("passes_cap", number(self.passes_cap)),
            ("min_row_bytes", number(self.min_row_bytes)),
        ])
    }
}

impl DeclaredRules {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        let mut fields = node.fields()?;
        let mut units = fields.required("units")?.fields()?;
        let weight = |unit: &Unit| Ok((*unit, upto(&units.required(unit.as_str())?, MAX_WEIGHT)?));
        let rules = Self {
            units: Unit::ALL.iter().map(weight).collect::<Result<_, FieldError>>()?,
            share: share(&mut fields, "share")?,
            cap: fields.required("cap")?.uint()?,
        };
        units.finish()?;
        fields.finish()?;
        Ok(rules)
    }

    fn to_json(&self) -> Json {
        Json::object([
            ("share", number(self.share)),
            ("cap", SafeInt::try_from(self.cap).unwrap_or(SafeInt::MAX).into()),
            ("units", Json::object(self.units.iter().map(|(unit, weight)| (unit.as_str(), number(*weight))))),
        ])
    }
}

impl AvailableRules {
    fn read(node: &Node<'_>) -> Result<Self, FieldError> {
        let mut fields = node.fields()?;
        let rules = Self {
            within: upto(&fields.required("within")?, u64::from(u32::MAX))?,
            by: fields.optional("by").map(|node| ids(&node)).transpose()?,
        };
        fields.finish()?;
        Ok(rules)
    }

    fn to_json(&self) -> Json {
        let mut members = vec![("within", number(self.within))];
        let text = |id: &ContributorId| id.to_string().into();
        members.extend(self.by.as_ref().map(|by| ("by", by.iter().map(text).collect::<Vec<Json>>().into())));
        Json::object(members)
    }
}

fn number(value: u32) -> Json {
    SafeInt::from(value).into()
}

fn upto(node: &Node<'_>, most: u64) -> Result<u32, FieldError> {
    let value = node.uint()?;
    let fits = u32::try_from(value).ok().filter(|_| value <= most);
    fits.ok_or_else(|| node.unlike("an integer in the range of this member"))
}

fn positive(node: &Node<'_>) -> Result<u32, FieldError> {
    let value = upto(node, u64::from(u32::MAX))?;
    if value > 0 { Ok(value) } else { Err(node.unlike("an integer from 1")) }
}

fn share(fields: &mut Fields<'_>, name: &'static str) -> Result<u32, FieldError> {
    let node = fields.required(name)?;
    upto(&node, u64::from(WHOLE)).map_err(|_| node.unlike("basis points, 0 to 10,000"))
}

fn id(node: &Node<'_>) -> Result<ContributorId, FieldError> {
    node.parse("a contributor_id of 64 lowercase hex digits")
}

/// At least one id, ascending.
fn ids(node: &Node<'_>) -> Result<BTreeSet<ContributorId>, FieldError> {
    let mut ids = BTreeSet::new();
    for item in node.items()? {
        let id = id(&item)?;
        if ids.last().is_some_and(|last| *last >= id) {
            return Err(item.unlike("greater than the item before"));
        }
        ids.insert(id);
    }
    if ids.is_empty() { Err(node.unlike("at least one contributor_id")) } else { Ok(ids) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standard() -> Policy {
        Policy::standard("log.example.org/test".parse().unwrap(), Digest::new([0xab; 32]).into())
    }

    #[test]
    fn one_spelling() {
        let mut policy = standard();
        assert_eq!(Policy::parse(&policy.to_bytes()).unwrap(), policy);
        policy.available = Some(AvailableRules { within: 1, by: None });
        assert_eq!(Policy::parse(&policy.to_bytes()).unwrap(), policy);
        policy.available = Some(AvailableRules { within: 0, by: Some([Digest::new([1; 32]).into()].into()) });
        assert_eq!(Policy::parse(&policy.to_bytes()).unwrap(), policy);
    }

    /// The file of FORMAT.md, section 15.
    #[test]
    fn the_standard_policy() {
        let expected = [
            r#"{"data":{"derived_share":5000,"inputs":{"base":1,"distill":1,"finetune":1,"pretrain":1,"retrieval":1,"#,
            r#""test":0,"train":1,"validation":0},"min_row_bytes":16,"model_share":3000,"passes_cap":4},"#,
            r#""declared":{"cap":1000000,"share":2000,"units":{"hours":1000,"requests":10,"seats":1000,"tokens":1}},"#,
            r#""origin":"log.example.org/test","reserve":"#,
            r#""abababababababababababababababababababababababababababababababab","#,
            r#""roles":{"compute":1000,"data":5000,"deployer":1000,"developer":1000,"trainer":1000,"validator":1000},"#,
            r#""type":"mira.policy/1"}"#,
        ];
        assert_eq!(String::from_utf8(standard().to_bytes()).unwrap(), expected.concat());
        assert_eq!(standard().digest(), Digest::of(expected.concat().as_bytes()));
    }

    #[test]
    fn refuses_what_is_no_policy() {
        let text = String::from_utf8(standard().to_bytes()).unwrap();
        for (why, from, to) in [
            ("more than a whole", r#""data":5000"#, r#""data":5001"#),
            ("less than a whole", r#""data":5000"#, r#""data":4999"#),
            ("a share above a whole", r#""model_share":3000"#, r#""model_share":10001"#),
            ("a negative share", r#""share":2000"#, r#""share":-1"#),
            ("a fraction", r#""share":2000"#, r#""share":0.2"#),
            ("no passes", r#""passes_cap":4"#, r#""passes_cap":0"#),
            ("a role that is not", r#""trainer":1000"#, r#""trainers":1000"#),
            ("a missing role", r#","trainer":1000"#, ""),
            ("an unknown member", r#","type""#, r#","sponsor":1,"type""#),
            ("a weight that may overflow", r#""tokens":1}"#, r#""tokens":1000001}"#),
            ("another version", "mira.policy/1", "mira.policy/2"),
            ("white space", r#"{"data""#, r#"{ "data""#),
            ("another order", r#""base":1,"distill":1"#, r#""distill":1,"base":1"#),
            ("an id in capitals", "abab", "ABAB"),
        ] {
            assert!(text.contains(from), "{why}");
            assert!(Policy::parse(text.replacen(from, to, 1).as_bytes()).is_err(), "{why}");
        }
        let long = vec![b' '; MAX_POLICY + 1];
        assert_eq!(Policy::parse(&long), Err(PolicyError::Length { found: MAX_POLICY + 1 }));
    }
}
