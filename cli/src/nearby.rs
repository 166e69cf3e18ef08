//! What was meant by a path that is not there.

use std::ffi::OsStr;
use std::path::Path;

use crate::refs;

/// Most names of a folder that are compared.
const MOST: usize = 10_000;

/// What would help whoever gave this path: a name beside it that is like it, or the folder that is not there.
pub fn hint(path: &Path) -> Option<String> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.is_dir() {
        return Some(format!("there is no folder {}", parent.display()));
    }
    let typed = path.file_name().and_then(OsStr::to_str)?;
    let entries = parent.read_dir().ok()?.take(MOST);
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    match refs::nearest(typed, names.iter().map(String::as_str)) {
        Some(name) => Some(format!("did you mean {}?", path.with_file_name(name).display())),
        None if path.is_relative() => Some("paths start where you are, or at / for the root".to_owned()),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_and_folders_are_told() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("penguins.csv"), "").unwrap();
        let hint = |name: &str| hint(&directory.path().join(name));
        assert!(hint("pengiuns.csv").unwrap().ends_with("penguins.csv?"));
        assert!(hint("data/penguins.csv").unwrap().starts_with("there is no folder "));
        assert_eq!(hint("something-else.parquet"), None);
    }
}
