//! Cards of datasets: README.md with front matter, as the Hugging Face Hub has them.
//!
//! A card is Markdown for people. Its front matter gives the dataset a title, words to find it by, and a licence where
//! no `--license` does. What is kept and signed is the card with its front matter completed, so that the published
//! directory is a folder which the Hub and `datasets` open: `configs` names the chunk files.

mod front;

use std::path::{Path, PathBuf};

use mira_core::name::Name;
use mira_core::rights::License;
use mira_ingest::license::{self, HubLicense};

use crate::error::{CliError, Kind, Result};
use crate::read_file;

use front::FrontError;
pub use front::{CONFIGS, Front, Words};

/// Longest card in bytes: one block, so that its CID follows from its SHA-256.
pub const MAX_CARD: usize = 1 << 20;

/// Room for what completion adds.
const MAX_ADDED: usize = 4 << 10;

/// A line of cards that nobody wrote; a new version gets a new one.
const GENERATED: &str = "<!-- written by mira add: no card was given -->";

/// A card.
#[derive(Debug, Clone)]
pub struct Card {
    text: String,
    front: Front,
    /// Where it was read from, if it was a file.
    path: Option<PathBuf>,
}

/// What a card says about the licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardLicense {
    /// As it stands there.
    pub said: String,
    /// What it stands for.
    pub license: License,
    /// The file with its text beside the card, if it names one.
    pub text: Option<PathBuf>,
}

impl Card {
    /// Reads a file that somebody wrote.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = read_file::bounded(path, MAX_CARD - MAX_ADDED)?;
        let at = |error: CliError| error.at(path.display().to_string());
        let text = String::from_utf8(bytes)
            .map_err(|_| at(CliError::new(Kind::Failed, "the card is not UTF-8").hint("a card is a Markdown file")))?;
        let text = text.trim_start_matches('\u{feff}').to_owned();
        let front = front_of(&text).map_err(|error| unusable(error, path))?;
        Ok(Self { text, front, path: Some(path.to_owned()) })
    }

    /// One that was kept; nothing if it is not what this version writes.
    pub fn kept(bytes: Vec<u8>) -> Option<Self> {
        let text = String::from_utf8(bytes).ok()?;
        let front = front_of(&text).ok()?;
        Some(Self { text, front, path: None })
    }

    /// One for a dataset that was given none.
    pub fn generated(name: &Name, license: &License, rows: u64) -> Self {
        let mut front = format!("pretty_name: {name}\n");
        if let Some(lines) = front_license(license) {
            front.push_str(&lines);
        }
        front.push_str(&format!("size_categories:\n- {}\n{CONFIGS}", size_category(rows)));
        let text = format!("---\n{front}---\n\n# {name}\n\n{GENERATED}\n");
        let front = front_of(&text).unwrap_or_default();
        Self { text, front, path: None }
    }

    /// Whether it was kept with a version before, and not given as a file.
    pub fn is_inherited(&self) -> bool {
        self.path.is_none()
    }

    /// Whether nobody wrote it.
    pub fn is_generated(&self) -> bool {
        self.text.lines().any(|line| line == GENERATED)
    }

    /// What its front matter says.
    pub fn front(&self) -> &Front {
        &self.front
    }

    /// The bytes to keep.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The same with front matter that tells where the rows are, and the licence where it tells none.
    pub fn complete(mut self, license: &License) -> Result<Self> {
        let failed = |error| unusable(error, self.path.as_deref().unwrap_or(Path::new("README.md")));
        let (yaml, body) = front::split(&self.text).map_err(failed)?.unwrap_or(("", &self.text));
        let completed = front::complete(yaml, front_license(license).as_deref()).map_err(failed)?;
        if let Some(yaml) = completed {
            let space = if yaml_is_new(&self.text) { "\n" } else { "" };
            self.text = format!("---\n{yaml}---\n{space}{body}");
            self.front = front_of(&self.text).map_err(|error| unusable(error, Path::new("README.md")))?;
        }
        Ok(self)
    }

    /// The licence that it gives, if it gives one.
    pub fn license(&self) -> Result<Option<CardLicense>> {
        let [said] = self.front.license.0.as_slice() else {
            if self.front.license.0.is_empty() {
                return Ok(None);
            }
            return Err(self.unclear(format!("the card has several licences: {}", self.front.license.0.join(", "))));
        };
        let name = self.front.license_name.as_deref();
        let license = match license::of_hub(said, name) {
            Some(HubLicense::Unknown) => return Ok(None),
            Some(HubLicense::Known(license)) => {
                return Ok(Some(CardLicense { said: said.clone(), license, text: None }));
            }
            Some(HubLicense::Own(license)) => license,
            Some(HubLicense::Family) => {
                return Err(self.unclear(format!("the card's license {said:?} is a family of licences")));
            }
            None if said == "other" => {
                return Err(self.unclear("the card's license is `other` without a license_name".to_owned()));
            }
            None => return Err(self.unclear(format!("the card's license {said:?} is not known"))),
        };
        Ok(Some(CardLicense { said: name.unwrap_or(said).to_owned(), license, text: self.text_file() }))
    }

    /// The words to find it by: everything that its front matter lists.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let Front { language, tags, task_categories, size_categories, pretty_name, .. } = &self.front;
        let lists = [language, tags, task_categories, size_categories];
        lists.into_iter().flat_map(|words| &words.0).chain(pretty_name).map(String::as_str)
    }

    /// The first paragraph of prose.
    pub fn summary(&self) -> Option<String> {
        let body = front::split(&self.text).ok()?.map_or(self.text.as_str(), |(_, body)| body);
        let is_prose = |paragraph: &&str| !paragraph.starts_with(['#', '<', '!', '[', '|', '`', '-', '>', '*']);
        let paragraphs = body.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
        let first =
            paragraphs.filter(is_prose).map(|prose| prose.split_whitespace().collect::<Vec<_>>().join(" ")).next();
        first.map(|prose| prose.chars().take(2000).collect())
    }

    /// The file that `license_link` names, where it is one beside the card and no address.
    fn text_file(&self) -> Option<PathBuf> {
        let link = self.front.license_link.as_deref()?;
        let is_name = !link.is_empty() && !link.contains(['/', '\\', ':']) && link != "." && link != "..";
        let file = self.path.as_ref()?.with_file_name(link);
        (is_name && file.is_file()).then_some(file)
    }

    fn unclear(&self, message: String) -> CliError {
        let error = CliError::new(Kind::Usage, message).hint("--license says which, as an SPDX expression");
        match &self.path {
            Some(path) => error.at(path.display().to_string()),
            None => error,
        }
    }
}

fn front_of(text: &str) -> std::result::Result<Front, FrontError> {
    front::split(text)?.map_or_else(|| Ok(Front::default()), |(yaml, _)| Front::parse(yaml))
}

fn yaml_is_new(text: &str) -> bool {
    !matches!(front::split(text), Ok(Some(_)))
}

/// The licence as lines of front matter.
fn front_license(license: &License) -> Option<String> {
    if *license == License::no_assertion() {
        return None;
    }
    Some(match license::to_hub(license) {
        Some(id) => format!("license: {id}\n"),
        None if license.names_license_ref() => {
            format!("license: other\nlicense_name: {license:?}\nlicense_link: LICENSE\n")
        }
        None => format!("license: other\nlicense_name: {license:?}\n"),
    })
}

/// How the Hub sorts datasets by their size.
fn size_category(rows: u64) -> &'static str {
    match rows {
        0..1_000 => "n<1K",
        1_000..10_000 => "1K<n<10K",
        10_000..100_000 => "10K<n<100K",
        100_000..1_000_000 => "100K<n<1M",
        1_000_000..10_000_000 => "1M<n<10M",
        10_000_000..100_000_000 => "10M<n<100M",
        100_000_000..1_000_000_000 => "100M<n<1B",
        1_000_000_000..10_000_000_000 => "1B<n<10B",
        10_000_000_000..100_000_000_000 => "10B<n<100B",
        100_000_000_000..1_000_000_000_000 => "100B<n<1T",
        _ => "n>1T",
    }
}

fn unusable(error: FrontError, path: &Path) -> CliError {
    let place = match error.line {
        Some(line) => format!("{}:{line}", path.display()),
        None => path.display().to_string(),
    };
    CliError::new(Kind::Failed, error.message).at(place).hint("front matter is YAML between two lines of ---")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> Card {
        Card::kept(text.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_generated_card_says_the_licence_that_it_was_given() {
        let name: Name = "penguins".parse().unwrap();
        for license in ["CC0-1.0", "ODbL-1.0", "MIT OR Apache-2.0", "GPL-2.0-only", "LicenseRef-sample", "CC-BY-2.5-AU"]
        {
            let license: License = license.parse().unwrap();
            let card = Card::generated(&name, &license, 344);
            assert!(card.is_generated());
            assert_eq!(card.license().unwrap().unwrap().license, license);
            // It is complete: nothing is added to it, and it reads back as it is.
            let text = card.text.clone();
            assert_eq!(card.complete(&license).unwrap().text, text);
        }
        let without = Card::generated(&name, &License::no_assertion(), 1_000_000);
        assert_eq!(without.license().unwrap(), None);
        assert_eq!(without.front().size_categories.0, ["1M<n<10M"]);
    }

    #[test]
    fn licences_that_are_not_one_are_refused() {
        for (front, said) in [
            ("license: [mit, isc]", "several"),
            ("license: cc", "family"),
            ("license: other", "license_name"),
            ("license: surely-nothing", "not known"),
        ] {
            let error = kept(&format!("---\n{front}\n---\n")).license().unwrap_err();
            assert!(error.message().contains(said), "{error:?}");
        }
        assert_eq!(kept("---\nlicense: unknown\n---\n").license().unwrap(), None);
        assert_eq!(kept("no front matter").license().unwrap(), None);
    }

    #[test]
    fn the_summary_is_the_first_prose() {
        let card = kept("---\na: 1\n---\n# Title\n\n![picture](x.png)\n\nThree species\nof penguins.\n\nMore.\n");
        assert_eq!(card.summary().as_deref(), Some("Three species of penguins."));
        assert_eq!(kept("# Only a title\n").summary(), None);
        let completed = kept("# Title\n").complete(&"MIT".parse().unwrap()).unwrap();
        assert_eq!(completed.text, format!("---\nlicense: mit\n{CONFIGS}---\n\n# Title\n"));
    }
}
