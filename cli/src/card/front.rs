//! The YAML at the head of a card, as the Hugging Face Hub reads it: what of it is used here, and how it is completed.
//!
//! ```text
//! ---
//! license: cc-by-4.0
//! pretty_name: Penguins
//! ---
//! ```
//!
//! Cards come from anybody, so what a parser may be made to do is bounded before it starts: 64 KiB, a few thousand
//! nodes, few anchors, no key twice, nothing merged in.

use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Longest front matter in bytes.
const MAX_FRONT: usize = 64 << 10;

/// How the Hub and `datasets` find the rows among the files of a dataset directory.
pub const CONFIGS: &str = "configs:\n- config_name: default\n  data_files: chunks/*/*.parquet\n";

/// What is read of front matter; the rest of it is the author's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Front {
    /// The licences, by the Hub's ids or as SPDX expressions.
    pub license: Words,
    /// What `license: other` is called.
    pub license_name: Option<String>,
    /// Where its text is.
    pub license_link: Option<String>,
    /// The title.
    pub pretty_name: Option<String>,
    /// Languages.
    pub language: Words,
    /// Words to find it by.
    pub tags: Words,
    /// What it is good for.
    pub task_categories: Words,
    /// How large it says that it is.
    pub size_categories: Words,
}

/// One word or several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

/// What is wrong with front matter, and in which line of the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontError {
    /// What is wrong.
    pub message: String,
    /// The line, from 1.
    pub line: Option<u64>,
}

/// A card's front matter without the lines that enclose it, and the rest; nothing if it has none.
pub fn split(card: &str) -> Result<Option<(&str, &str)>, FrontError> {
    let Some(rest) = card.strip_prefix("---").and_then(end_of_line) else { return Ok(None) };
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            let (front, body) = rest.split_at(at);
            return Ok(Some((front, body.get(line.len()..).unwrap_or_default())));
        }
        at += line.len();
        if at > MAX_FRONT {
            let message = format!("the front matter has more than {MAX_FRONT} bytes, or no line --- that ends it");
            return Err(FrontError { message, line: Some(1) });
        }
    }
    Err(FrontError { message: "no line --- ends the front matter".to_owned(), line: Some(1) })
}

impl Front {
    /// Reads front matter.
    pub fn parse(yaml: &str) -> Result<Self, FrontError> {
        if yaml.trim().is_empty() {
            return Ok(Self::default());
        }
        read(yaml)
    }
}

/// Front matter that has [`CONFIGS`] and this licence, with everything else as it was. Nothing if it has them already.
///
/// What the author said of other files is left out: `configs`, and `dataset_info` with the sizes and types of them.
pub fn complete(yaml: &str, license: Option<&str>) -> Result<Option<String>, FrontError> {
    let before: Map<String, Value> = if yaml.trim().is_empty() { Map::new() } else { read(yaml)? };
    let wanted: Map<String, Value> = read(CONFIGS)?;
    let license = license.filter(|_| before.get("license").is_none_or(Value::is_null));
    let has_configs = wanted.iter().all(|(key, value)| before.get(key) == Some(value));
    if has_configs && license.is_none() {
        return Ok(None);
    }
    let mut dropped = if has_configs { vec![] } else { vec!["configs", "dataset_info"] };
    dropped.extend(license.map(|_| "license"));
    let mut out = without(yaml, &dropped);
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    out.push_str(license.unwrap_or_default());
    if !has_configs {
        out.push_str(CONFIGS);
    }
    // YAML can be written in ways in which its keys are no lines of their own. Whatever came of that is not handed on.
    let mut expected = before;
    dropped.iter().for_each(|key| drop(expected.remove(*key)));
    expected.extend(read::<Map<String, Value>>(license.unwrap_or("{}"))?);
    if !has_configs {
        expected.extend(wanted);
    }
    if read::<Map<String, Value>>(&out).ok().as_ref() != Some(&expected) {
        let message = "the front matter cannot be completed: its keys are not lines of their own".to_owned();
        return Err(FrontError { message, line: Some(1) });
    }
    Ok(Some(out))
}

/// The text without the lines of these keys and of what belongs to them.
fn without(yaml: &str, keys: &[&str]) -> String {
    let names = |line: &str| {
        let (key, _) = line.split_once(':')?;
        Some(keys.contains(&key.trim_matches(['"', '\''])))
    };
    let mut is_dropped = false;
    let kept = yaml.split_inclusive('\n').filter(|line| {
        let belongs = line.starts_with([' ', '\t', '\n', '\r']) || *line == "-\n" || line.starts_with("- ");
        if !belongs {
            is_dropped = names(line).unwrap_or(false);
        }
        !is_dropped
    });
    kept.collect()
}

fn read<T: DeserializeOwned>(yaml: &str) -> Result<T, FrontError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            flow_nesting_limit: 32,
            max_depth: 32,
            max_documents: 1,
            max_nodes: 16_384,
            max_events: 65_536,
            max_aliases: 64,
            max_anchors: 64,
            max_recorded_anchor_events: 16_384,
            max_recorded_anchor_bytes: 1 << 20,
            max_total_scalar_bytes: MAX_FRONT,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 4_096,
            max_replay_stack_depth: 8,
            max_alias_expansions_per_anchor: 64,
        },
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::Error,
        strict_booleans: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(yaml, options).map_err(|error| FrontError {
        message: format!("the front matter is not usable YAML: {}", what(&error.to_string())),
        // The line that opens the front matter stands before it.
        line: error.location().map(|location| location.line().saturating_add(1)),
    })
}

/// The parser's message without its place, which counts other lines, and without advice for programmers.
fn what(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default();
    [" at line ", ", set "].iter().fold(line, |line, end| line.split(end).next().unwrap_or(line))
}

/// What follows the end of a line, if nothing but white space stands before it.
fn end_of_line(text: &str) -> Option<&str> {
    let (line, rest) = text.split_once('\n')?;
    line.trim().is_empty().then_some(rest)
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a word or a list of words")
    }

    fn visit_unit<E>(self) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_none<E>(self) -> Result<Words, E> {
        Ok(Words::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Words, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E>(self, word: &str) -> Result<Words, E> {
        Ok(Words(vec![word.to_owned()]))
    }

    fn visit_bool<E>(self, word: bool) -> Result<Words, E> {
        Ok(Words(vec![word.to_string()]))
    }

    fn visit_i64<E>(self, word: i64) -> Result<Words, E> {
        Ok(Words(vec![word.to_string()]))
    }

    fn visit_u64<E>(self, word: u64) -> Result<Words, E> {
        Ok(Words(vec![word.to_string()]))
    }

    fn visit_f64<E>(self, word: f64) -> Result<Words, E> {
        Ok(Words(vec![word.to_string()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Words, A::Error> {
        let mut words = Vec::new();
        while let Some(Words(item)) = items.next_element()? {
            words.extend(item);
        }
        Ok(Words(words))
    }

    /// The Hub takes maps in some places, as in tags of evaluations: they hold no words to find a dataset by.
    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Words, A::Error> {
        while items.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Words::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn front_matter_ends_where_it_ends() {
        assert_eq!(split("# no front matter"), Ok(None));
        assert_eq!(split("--- not\n---\n"), Ok(None));
        assert_eq!(split("---\na: 1\n---\nbody\n---\n"), Ok(Some(("a: 1\n", "body\n---\n"))));
        assert_eq!(split("---\r\na: 1\r\n---\r\nbody"), Ok(Some(("a: 1\r\n", "body"))));
        assert_eq!(split("---\n---"), Ok(Some(("", ""))));
        assert!(split("---\na: 1\n").is_err());
        assert!(split(&format!("---\n{}\n---\n", "a\n".repeat(MAX_FRONT))).is_err());
    }

    #[test]
    fn words_are_one_or_many_and_norway_is_a_language() {
        let front =
            Front::parse("language: [no, en]\ntags: 2024\nlicense:\n- mit\n- isc\npretty_name: 'A: b'\n").unwrap();
        assert_eq!(front.language.0, ["no", "en"]);
        assert_eq!(front.tags.0, ["2024"]);
        assert_eq!(front.license.0, ["mit", "isc"]);
        assert_eq!(front.pretty_name.as_deref(), Some("A: b"));
        assert_eq!(Front::parse(" \n"), Ok(Front::default()));
        assert_eq!(Front::parse("license:\n"), Ok(Front::default()));
    }

    #[test]
    fn refuses_what_is_ambiguous_or_grows() {
        let mut bomb = "a: &a [x,x,x,x,x,x,x,x]\n".to_owned();
        for (name, of) in [('b', 'a'), ('c', 'b'), ('d', 'c'), ('e', 'd'), ('f', 'e'), ('g', 'f'), ('h', 'g')] {
            bomb.push_str(&format!("{name}: &{name} [*{of},*{of},*{of},*{of},*{of},*{of},*{of},*{of}]\n"));
        }
        let deep = format!("tags: {}{}", "[".repeat(40), "]".repeat(40));
        let merged = "base: &base\n  license: mit\n<<: *base\n";
        for yaml in
            ["license: mit\nlicense: isc\n", "- a\n- b\n", "license: [mit\n", "a: *nowhere\n", merged, &bomb, &deep]
        {
            let error = Front::parse(yaml).unwrap_err();
            assert!(!error.message.contains('\n'), "{error:?}");
        }
        assert_eq!(Front::parse("a: 1\nlicense: mit\nlicense: isc\n").unwrap_err().line, Some(4));
    }

    #[test]
    fn completion_keeps_all_but_what_is_of_other_files() {
        let yaml = "license: mit # kept\n\"configs\":\n- config_name: other\n  data_files: x.csv\n# a comment\ndataset_info:\n  \
                    splits:\n\n  - name: train\ntags:\n- a\n";
        let done = complete(yaml, Some("license: isc\n")).unwrap().unwrap();
        assert_eq!(done, format!("license: mit # kept\n# a comment\ntags:\n- a\n{CONFIGS}"));
        assert_eq!(complete(&done, Some("license: isc\n")), Ok(None));
        let licensed = complete("license:\ntags: a\n", Some("license: isc\n")).unwrap().unwrap();
        assert_eq!(licensed, format!("tags: a\nlicense: isc\n{CONFIGS}"));
        assert_eq!(complete("", None).unwrap().as_deref(), Some(CONFIGS));
        assert!(complete("{tags: a}\n", None).is_err());
        assert!(complete("? configs\n: a\n", None).is_err());
    }
}
