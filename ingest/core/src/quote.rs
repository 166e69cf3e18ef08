//! Text between quotes, for people and for JSON readers.

use std::fmt;

/// Prints a text as a JSON string that is safe on a terminal.
///
/// Any JSON reader gives the text back. Beyond what JSON asks for, it escapes every control character (ESC and the C1
/// range included) and the marks that reorder or break lines, so that a name or a cell from a stranger's file cannot
/// move the cursor or show itself backwards.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        let mut plain_from = 0;
        for (at, c) in self.0.char_indices().filter(|(_, c)| is_escaped(*c)) {
            f.write_str(self.0.get(plain_from..at).unwrap_or_default())?;
            plain_from = at + c.len_utf8();
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                // Every other escaped character lies below U+10000, so one escape holds it.
                _ => write!(f, "\\u{:04x}", u32::from(c))?,
            }
        }
        f.write_str(self.0.get(plain_from..).unwrap_or_default())?;
        f.write_str("\"")
    }
}

/// True for what may not reach a terminal or a JSON string as it is.
fn is_escaped(c: char) -> bool {
    let breaks_lines = matches!(c, '\u{2028}' | '\u{2029}');
    let reorders = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    matches!(c, '"' | '\\') || c.is_control() || breaks_lines || reorders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_reads_every_escape_back() {
        let text: String = (0..0x3000).filter_map(char::from_u32).chain(['\u{1f980}']).collect();
        let quoted = Quoted(&text).to_string();
        assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
        assert!(!quoted.chars().any(|c| c.is_control() || c == '\u{202e}'));
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(Quoted("héllo, 水").to_string(), "\"héllo, 水\"");
        assert_eq!(Quoted("a\"b\\c\n\u{1b}[2J\u{7f}").to_string(), r#""a\"b\\c\n\u001b[2J\u007f""#);
        assert_eq!(Quoted("").to_string(), "\"\"");
    }
}
