//! Reading the RFC 8785 form and nothing else.

use super::{Json, MAX_DEPTH, Object, SafeInt, compare_names};

/// Why a text is not canonical JSON of our profile. `at` is a byte offset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is not UTF-8.
    #[error("not UTF-8 at byte {at}")]
    Utf8 {
        /// Where the first bad sequence starts.
        at: usize,
    },
    /// Something else should stand there. Whitespace is never expected.
    #[error("expected {expected} at byte {at}")]
    Expected {
        /// Where.
        at: usize,
        /// What.
        expected: &'static str,
    },
    /// The number is written otherwise than RFC 8785 does, or is no integer below 2^53.
    #[error("the number at byte {at} is not an integer below 2^53 in its shortest form")]
    Number {
        /// Where it starts.
        at: usize,
    },
    /// The character is escaped and needs none, needs an escape and has none, or has another than RFC 8785's.
    #[error("not escaped as RFC 8785 does at byte {at}")]
    Escape {
        /// Where the character or its escape stands.
        at: usize,
    },
    /// The name does not come after the one before it in the order of UTF-16 code units, or is that name again.
    #[error("the name at byte {at} is repeated or out of order")]
    Order {
        /// Where the name starts.
        at: usize,
    },
    /// Arrays and objects nest deeper than [`MAX_DEPTH`].
    #[error("nested deeper than {MAX_DEPTH} at byte {at}")]
    Depth {
        /// Where the array or object starts.
        at: usize,
    },
}

/// Reads a text that is its own RFC 8785 form.
///
/// Memory is bounded by a constant times the length of the text, and recursion by [`MAX_DEPTH`].
pub fn parse_canonical(bytes: &[u8]) -> Result<Json, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError::Utf8 { at: error.valid_up_to() })?;
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    if parser.at < text.len() {
        return Err(parser.expected("the end"));
    }
    Ok(value)
}

/// A place in the text. Each production either moves past what it read or fails.
struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        match self.peek() {
            Some(b'{') => self.object(depth).map(Json::Object),
            Some(b'[') => self.array(depth).map(Json::Array),
            Some(b'"') => self.string().map(Json::Text),
            Some(b'-' | b'0'..=b'9') => self.integer().map(Json::Int),
            _ if self.skip("true") => Ok(Json::Bool(true)),
            _ if self.skip("false") => Ok(Json::Bool(false)),
            _ => Err(self.expected("a string, an integer, a bool, an array or an object")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Object, JsonError> {
        self.enter(depth)?;
        let mut members: Vec<(String, Json)> = Vec::new();
        if self.skip("}") {
            return Ok(Object(members));
        }
        loop {
            let at = self.at;
            let name = self.string()?;
            if members.last().is_some_and(|(last, _)| compare_names(last, &name).is_ge()) {
                return Err(JsonError::Order { at });
            }
            self.expect(":", "a colon")?;
            let value = self.value(depth + 1)?;
            members.push((name, value));
            if self.skip("}") {
                return Ok(Object(members));
            }
            self.expect(",", "a comma or a closing brace")?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Json>, JsonError> {
        self.enter(depth)?;
        let mut items = Vec::new();
        if self.skip("]") {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.skip("]") {
                return Ok(items);
            }
            self.expect(",", "a comma or a closing bracket")?;
        }
    }

    /// Steps over an opening brace or bracket.
    fn enter(&mut self, depth: usize) -> Result<(), JsonError> {
        if depth >= MAX_DEPTH {
            return Err(JsonError::Depth { at: self.at });
        }
        self.at += 1;
        Ok(())
    }

    fn integer(&mut self) -> Result<SafeInt, JsonError> {
        let at = self.at;
        let is_part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let len = self.rest().bytes().take_while(|byte| is_part(*byte)).count();
        let token = self.rest().get(..len).unwrap_or_default();
        self.at += len;
        // Printing the value again refuses -0, leading zeros and whatever else `parse` lets pass.
        token
            .parse::<i64>()
            .ok()
            .filter(|value| value.to_string() == token)
            .and_then(|value| SafeInt::try_from(value).ok())
            .ok_or(JsonError::Number { at })
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.expect("\"", "a string")?;
        let mut text = String::new();
        loop {
            let at = self.at;
            let Some(c) = self.rest().chars().next() else { return Err(self.expected("a closing quote")) };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(text),
                '\\' => text.push(self.escape(at)?),
                control if control < ' ' => return Err(JsonError::Escape { at }),
                other => text.push(other),
            }
        }
    }

    /// Reads what follows a backslash; each character that needs an escape has exactly one.
    fn escape(&mut self, at: usize) -> Result<char, JsonError> {
        let shorts = [('"', '"'), ('\\', '\\'), ('b', '\u{8}'), ('t', '\t'), ('n', '\n'), ('f', '\u{c}'), ('r', '\r')];
        let Some(letter) = self.rest().chars().next() else { return Err(self.expected("an escape")) };
        if let Some((_, c)) = shorts.iter().find(|(short, _)| *short == letter) {
            self.at += 1;
            return Ok(*c);
        }
        let hex = self.rest().get(..5).and_then(|escape| escape.strip_prefix("u00")).ok_or(JsonError::Escape { at })?;
        let control = u8::from_str_radix(hex, 16).map_err(|_| JsonError::Escape { at })?;
        let has_short = shorts.iter().any(|(_, c)| u32::from(*c) == u32::from(control));
        if control >= b' ' || has_short || format!("{control:02x}") != hex {
            return Err(JsonError::Escape { at });
        }
        self.at += 5;
        Ok(char::from(control))
    }

    fn peek(&self) -> Option<u8> {
        self.rest().bytes().next()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn expect(&mut self, token: &str, expected: &'static str) -> Result<(), JsonError> {
        if self.skip(token) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn expected(&self, expected: &'static str) -> JsonError {
        JsonError::Expected { at: self.at, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_texts_read_and_print_alike() {
        for text in [
            "{}",
            "[]",
            "\"\"",
            "0",
            "-1",
            "9007199254740991",
            "-9007199254740991",
            "true",
            r#"{"":[],"a":{"b":[1,"x",false]},"é":"\u0000\u001f\b\t\n\f\r\"\\/"}"#,
            "{\"\u{10000}\":1,\"\u{ffff}\":2}",
        ] {
            let json = parse_canonical(text.as_bytes()).unwrap();
            assert_eq!(json.to_canonical(), text.as_bytes());
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for (text, why) in [
            ("", "nothing"),
            (" 1", "leading space"),
            ("1\n", "trailing newline"),
            ("[1, 2]", "space after a comma"),
            ("{\"a\": 1}", "space after a colon"),
            ("[1,]", "trailing comma"),
            ("{\"a\":1,}", "trailing comma in an object"),
            ("{\"b\":1,\"a\":2}", "names out of order"),
            ("{\"a\":1,\"a\":2}", "a name twice"),
            ("{\"a\":1,\"\\u0061\":2}", "a name twice, once escaped"),
            ("{\"\u{ffff}\":1,\"\u{10000}\":2}", "names in the order of code points"),
            ("null", "null"),
            ("1.0", "a fraction"),
            ("1e3", "an exponent"),
            ("1E3", "a capital exponent"),
            ("-0", "negative zero"),
            ("01", "a leading zero"),
            ("+1", "a plus"),
            ("-", "a lone minus"),
            ("9007199254740992", "2^53"),
            ("-9007199254740992", "-2^53"),
            ("99999999999999999999", "beyond 64 bits"),
            (r#""\/""#, "an escaped slash"),
            (r#""\u0041""#, "an escape where none is needed"),
            (r#""\u000A""#, "a control with a short escape, in long form"),
            (r#""\u001F""#, "an escape in capitals"),
            (r#""\u+01f""#, "a sign in an escape"),
            (r#""\u00""#, "an escape cut off"),
            (r#""\ud800""#, "a lone surrogate"),
            (r#""\ud83d\ude00""#, "a pair of surrogates"),
            (r#""\x41""#, "an unknown escape"),
            (r#""\"#, "an escape at the end"),
            ("\"\t\"", "a raw control"),
            ("\"a", "no closing quote"),
            ("[1", "no closing bracket"),
            ("tru", "a literal cut off"),
            ("truefalse", "two values"),
            ("\u{feff}1", "a byte order mark"),
        ] {
            assert!(parse_canonical(text.as_bytes()).is_err(), "{why}: {text}");
        }
        assert_eq!(parse_canonical(b"\"\xed\xa0\x80\""), Err(JsonError::Utf8 { at: 1 }), "an encoded surrogate");
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse_canonical(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert_eq!(parse_canonical(nested(MAX_DEPTH + 1).as_bytes()), Err(JsonError::Depth { at: MAX_DEPTH }));
        assert_eq!(parse_canonical("[".repeat(1 << 20).as_bytes()), Err(JsonError::Depth { at: MAX_DEPTH }));
    }
}
