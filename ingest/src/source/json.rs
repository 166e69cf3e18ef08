//! A strict pull parser for one JSON text (RFC 8259).
//!
//! It hands out tokens and builds no tree: numbers keep their digits, strings without escapes are borrowed. It refuses
//! what others let pass: raw control characters, lone surrogates, and nesting beyond [`MAX_DEPTH`]. Whether a key
//! occurs twice only its caller can tell, because only the caller keeps the keys.

use std::borrow::Cow;

use super::error::JsonProblem;
use super::number::Number;

/// How deep arrays and objects may nest. A type nests 32 deep, and a map can be an array of pairs, which takes two
/// levels for one; the line of NDJSON is one more.
pub(crate) const MAX_DEPTH: usize = 65;

/// A parser and its position.
#[derive(Debug)]
pub(crate) struct Json<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

/// What a value starts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

/// A fault and the offset it was noticed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JsonError {
    pub(crate) at: usize,
    pub(crate) problem: JsonProblem,
}

impl Kind {
    /// The kind in words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

impl<'a> Json<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// The offset of the next token, white space skipped.
    pub(crate) fn position(&mut self) -> usize {
        self.skip_space();
        self.at
    }

    /// The text from `start` up to where the parser stands.
    pub(crate) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// The text from `start` to its end.
    pub(crate) fn rest(&self, start: usize) -> &'a str {
        self.text.get(start..).unwrap_or_default()
    }

    /// The kind of the next value; reads nothing of it.
    pub(crate) fn kind(&mut self) -> Result<Kind, JsonError> {
        match self.next_byte() {
            Some(b'"') => Ok(Kind::String),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(self.expected("a value")),
        }
    }

    /// Reads `null`.
    pub(crate) fn null(&mut self) -> Result<(), JsonError> {
        if self.word("null") { Ok(()) } else { Err(self.expected("a value")) }
    }

    /// Reads `true` or `false`.
    pub(crate) fn bool(&mut self) -> Result<bool, JsonError> {
        match () {
            () if self.word("true") => Ok(true),
            () if self.word("false") => Ok(false),
            () => Err(self.expected("a value")),
        }
    }

    /// Reads a number.
    pub(crate) fn number(&mut self) -> Result<Number<'a>, JsonError> {
        let start = self.position();
        let number = Number::prefix(self.rest(start)).ok_or_else(|| self.expected("a number"))?;
        self.at = start + number.text().len();
        // `01` and `1.` must not read as a number with something behind it.
        match self.byte() {
            Some(b'0'..=b'9' | b'.' | b'+' | b'-' | b'a'..=b'z' | b'A'..=b'Z') => {
                self.at = start;
                Err(self.expected("a number"))
            }
            _ => Ok(number),
        }
    }

    /// Reads a string.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        if self.next_byte() != Some(b'"') {
            return Err(self.expected("a string"));
        }
        self.at += 1;
        let start = self.at;
        self.skip_plain();
        if self.byte() == Some(b'"') {
            let plain = self.since(start);
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        let mut out = self.since(start).to_owned();
        loop {
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.fail(JsonProblem::Control)),
                None => return Err(self.expected("a closing quote")),
            }
            let start = self.at;
            self.skip_plain();
            out.push_str(self.since(start));
        }
        self.at += 1;
        Ok(Cow::Owned(out))
    }

    /// Reads `[`.
    pub(crate) fn open_array(&mut self) -> Result<(), JsonError> {
        self.open(b'[', "an array")
    }

    /// Whether another item follows; reads the comma before it, or the closing bracket. `first` is the caller's, true
    /// before the first call.
    pub(crate) fn next_item(&mut self, first: &mut bool) -> Result<bool, JsonError> {
        self.next_member(first, b']', "`,` or `]`")
    }

    /// Reads `{`.
    pub(crate) fn open_object(&mut self) -> Result<(), JsonError> {
        self.open(b'{', "an object")
    }

    /// The next key and its offset, its colon read too, or `None` after the closing brace. `first` is as in
    /// [`Json::next_item`].
    pub(crate) fn next_key(&mut self, first: &mut bool) -> Result<Option<(usize, Cow<'a, str>)>, JsonError> {
        if !self.next_member(first, b'}', "`,` or `}`")? {
            return Ok(None);
        }
        let at = self.position();
        let key = self.string()?;
        if self.next_byte() != Some(b':') {
            return Err(self.expected("`:`"));
        }
        self.at += 1;
        Ok(Some((at, key)))
    }

    /// Checks that nothing but white space is left.
    pub(crate) fn finish(mut self) -> Result<(), JsonError> {
        if self.next_byte().is_some() { Err(self.fail(JsonProblem::Trailing)) } else { Ok(()) }
    }

    /// Reads one value of any kind and forgets it.
    pub(crate) fn skip(&mut self) -> Result<(), JsonError> {
        let mut first = true;
        match self.kind()? {
            Kind::Null => self.null(),
            Kind::Bool => self.bool().map(drop),
            Kind::Number => self.number().map(drop),
            Kind::String => self.string().map(drop),
            Kind::Array => {
                self.open_array()?;
                while self.next_item(&mut first)? {
                    self.skip()?;
                }
                Ok(())
            }
            Kind::Object => {
                self.open_object()?;
                while self.next_key(&mut first)?.is_some() {
                    self.skip()?;
                }
                Ok(())
            }
        }
    }

    /// A fault at the current offset.
    pub(crate) fn fail(&self, problem: JsonProblem) -> JsonError {
        JsonError { at: self.at, problem }
    }

    fn expected(&self, expected: &'static str) -> JsonError {
        self.fail(JsonProblem::Expected { expected })
    }

    fn open(&mut self, bracket: u8, expected: &'static str) -> Result<(), JsonError> {
        if self.next_byte() != Some(bracket) {
            return Err(self.expected(expected));
        }
        if self.depth == MAX_DEPTH {
            return Err(self.fail(JsonProblem::Depth));
        }
        self.at += 1;
        self.depth += 1;
        Ok(())
    }

    fn next_member(&mut self, first: &mut bool, close: u8, expected: &'static str) -> Result<bool, JsonError> {
        let was_first = std::mem::replace(first, false);
        match self.next_byte() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            _ if was_first => Ok(true),
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            _ => Err(self.expected(expected)),
        }
    }

    /// Reads an escape, the backslash included.
    fn escape(&mut self) -> Result<char, JsonError> {
        let letter = self.text.as_bytes().get(self.at + 1).copied();
        let char = match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.fail(JsonProblem::Escape)),
        };
        self.at += 2;
        Ok(char)
    }

    /// Reads `\uXXXX`, or two of them when the first is a high surrogate.
    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let start = self.at;
        let bytes = self.text.as_bytes().get(start..).unwrap_or_default();
        let first = hex_escape(bytes).ok_or_else(|| self.fail(JsonProblem::Escape))?;
        self.at += 6;
        if let Some(char) = char::from_u32(first) {
            return Ok(char);
        }
        let second = bytes.get(6..).and_then(hex_escape);
        match (first, second) {
            (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
                self.at += 6;
                let code = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
                char::from_u32(code).ok_or(JsonError { at: start, problem: JsonProblem::Surrogate })
            }
            _ => Err(JsonError { at: start, problem: JsonProblem::Surrogate }),
        }
    }

    /// Moves on to the next quote, backslash or control character, or to the end.
    fn skip_plain(&mut self) {
        let bytes = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
        self.at += bytes.iter().position(special).unwrap_or(bytes.len());
    }

    fn word(&mut self, word: &str) -> bool {
        self.skip_space();
        let matches = self.rest(self.at).starts_with(word);
        self.at += if matches { word.len() } else { 0 };
        matches
    }

    #[inline]
    fn next_byte(&mut self) -> Option<u8> {
        self.skip_space();
        self.byte()
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.byte() {
            self.at += 1;
        }
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// The code unit of a `\uXXXX` that `bytes` start with.
fn hex_escape(bytes: &[u8]) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = bytes else { return None };
    digits.get(..4)?.iter().try_fold(0, |code, &byte| Some(code * 16 + char::from(byte).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), JsonProblem> {
        let mut json = Json::new(text);
        json.skip().and_then(|()| json.finish()).map_err(|error| error.problem)
    }

    #[test]
    fn strict_json_passes() {
        for good in
            ["null", " true ", "[]", "{}", "[1, -2.5e3,\t\"a\\u00e9\\ud83d\\ude00\\n\"]", "{\"a\":{\"b\":[null]}}\r"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn anything_looser_is_refused() {
        for bad in [
            "",
            "nul",
            "nulll",
            "True",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "0x1",
            "'a'",
            "\"a",
            "[1,]",
            "[1 2]",
            "[,1]",
            "{a:1}",
            "{\"a\"}",
            "{\"a\":1,}",
            "{\"a\":}",
            "[1",
            "{\"a\":1",
            "1 2",
            "NaN",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u+123\"",
            "\"a\tb\"",
            "[]]",
            "\u{feff}1",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
        for lone in ["\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\\ud800x\"", "\"\\ud800\\ud800\""] {
            assert_eq!(check(lone), Err(JsonProblem::Surrogate), "{lone}");
        }
        assert_eq!(check("\"a\nb\""), Err(JsonProblem::Control));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
        assert_eq!(check(&nested(MAX_DEPTH + 1)), Err(JsonProblem::Depth));
        assert_eq!(check(&"[".repeat(1_000_000)), Err(JsonProblem::Depth));
    }

    #[test]
    fn strings_and_numbers_keep_their_text() {
        assert_eq!(Json::new("\"plain\"").string(), Ok(Cow::Borrowed("plain")));
        assert_eq!(Json::new("\"\\ud83d\\ude00\\\"\\/\"").string().unwrap(), "😀\"/");
        assert_eq!(Json::new("1.50e0,").number().unwrap().text(), "1.50e0");
    }
}
