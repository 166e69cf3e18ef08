//! Cutting a JSON file into the values that are its rows: the items of one array, or values that follow one another.
//!
//! Nothing is understood here but strings and brackets, so a value is found at the speed of a scan and never held
//! twice; whether it is JSON, and an object, says the parser of NDJSON lines, which reads each value in turn. What
//! stands between values is checked here: commas in an array, nothing but white space elsewhere.

use memchr::memchr2;

use super::error::{JsonProblem, Problem};

/// Finds values in bytes that arrive piece by piece. Offsets count from the first byte that is not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Values {
    state: State,
    /// Up to where the bytes have been looked at.
    at: usize,
    /// Where the value that has begun begins.
    start: usize,
    /// Whole values, first byte and end.
    spans: Vec<Span>,
    fault: Option<(usize, Problem)>,
}

/// First byte and end of a value in its block.
pub(crate) type Span = (u32, u32);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Nothing yet: an array that is the file, or the first of several values.
    #[default]
    Start,
    /// Between values that follow one another.
    Between,
    /// After the opening bracket of the file's array.
    Open,
    /// After a comma in it.
    Comma,
    /// After an item of it.
    Item,
    /// Inside a value.
    Inside { listed: bool, depth: usize, string: Text },
    /// Inside a number or a word, which end where something else begins.
    Word { listed: bool },
    /// After the closing bracket of the file's array.
    End,
}

/// Where a string is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    Outside,
    Inside,
    /// After a backslash.
    Escape,
}

impl Values {
    /// Looks at the bytes that came since the last call; `bytes` are all that are not taken yet.
    pub(crate) fn scan(&mut self, bytes: &[u8]) {
        while self.fault.is_none() && self.at < bytes.len() {
            match self.state {
                State::Inside { listed, depth, string } => self.inside(bytes, listed, depth, string),
                State::Word { listed } => self.word(bytes, listed),
                _ => self.outside(bytes),
            }
        }
    }

    /// Says that no bytes follow those that were scanned.
    pub(crate) fn finish(&mut self) {
        let expected = match self.state {
            State::Start | State::Between | State::End => return,
            State::Word { listed: false } => return self.close(false, self.at),
            State::Open | State::Comma => "a value",
            State::Item | State::Word { listed: true } => "`,` or `]`",
            State::Inside { string: Text::Outside, .. } => "a closing bracket",
            State::Inside { .. } => "a closing quote",
        };
        self.fail(Problem::Json(JsonProblem::Expected { expected }));
    }

    /// Where the last whole value ends, if there is one.
    pub(crate) fn end(&self) -> Option<usize> {
        self.spans.last().map(|&(_, end)| end as usize)
    }

    /// Takes the values found so far, which end before `end`, and counts from there.
    pub(crate) fn take(&mut self, end: usize) -> Vec<Span> {
        self.at = self.at.saturating_sub(end);
        self.start = self.start.saturating_sub(end);
        if let Some((at, _)) = &mut self.fault {
            *at = at.saturating_sub(end);
        }
        std::mem::take(&mut self.spans)
    }

    /// What was wrong after the values found so far, and where. After that there are no more.
    pub(crate) fn fault(&self) -> Option<&(usize, Problem)> {
        self.fault.as_ref()
    }

    fn outside(&mut self, bytes: &[u8]) {
        let Some(&byte) = bytes.get(self.at) else { return };
        let listed = matches!(self.state, State::Open | State::Comma);
        match (self.state, byte) {
            (_, b' ' | b'\t' | b'\r' | b'\n') => {}
            (State::Start, b'[') => self.state = State::Open,
            (State::Open | State::Item, b']') => self.state = State::End,
            (State::Item, b',') => self.state = State::Comma,
            (State::Item, _) => self.fail(Problem::Json(JsonProblem::Expected { expected: "`,` or `]`" })),
            (State::End, _) => self.fail(Problem::Json(JsonProblem::Trailing)),
            (_, b'{' | b'[') => return self.begin(State::Inside { listed, depth: 1, string: Text::Outside }),
            (_, b'"') => return self.begin(State::Inside { listed, depth: 0, string: Text::Inside }),
            (_, b',' | b']' | b'}' | b':') => {
                self.fail(Problem::Json(JsonProblem::Expected { expected: "a value" }));
            }
            _ => return self.begin(State::Word { listed }),
        }
        self.at += 1;
    }

    fn begin(&mut self, state: State) {
        self.start = self.at;
        self.state = state;
        self.at += 1;
    }

    /// Goes on to the end of the value, or of the bytes.
    fn inside(&mut self, bytes: &[u8], listed: bool, mut depth: usize, mut string: Text) {
        while let Some(rest) = bytes.get(self.at..).filter(|rest| !rest.is_empty()) {
            match string {
                Text::Escape => {
                    string = Text::Inside;
                    self.at += 1;
                }
                Text::Inside => {
                    let Some(found) = memchr2(b'"', b'\\', rest) else {
                        self.at = bytes.len();
                        break;
                    };
                    string = if rest.get(found) == Some(&b'"') { Text::Outside } else { Text::Escape };
                    self.at += found + 1;
                    if depth == 0 && string == Text::Outside {
                        return self.close(listed, self.at);
                    }
                }
                Text::Outside => {
                    let found = rest.iter().position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']'));
                    let Some(found) = found else {
                        self.at = bytes.len();
                        break;
                    };
                    self.at += found + 1;
                    match rest.get(found) {
                        Some(b'"') => string = Text::Inside,
                        Some(b'{' | b'[') => depth += 1,
                        _ => depth -= 1,
                    }
                    if depth == 0 && string == Text::Outside {
                        return self.close(listed, self.at);
                    }
                }
            }
        }
        self.state = State::Inside { listed, depth, string };
    }

    fn word(&mut self, bytes: &[u8], listed: bool) {
        let rest = bytes.get(self.at..).unwrap_or_default();
        let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']' | b'{' | b'}' | b'"');
        match rest.iter().position(ends) {
            Some(found) => {
                self.at += found;
                self.close(listed, self.at);
            }
            None => self.at = bytes.len(),
        }
    }

    fn close(&mut self, listed: bool, end: usize) {
        self.state = if listed { State::Item } else { State::Between };
        // What is not taken yet is a few records of at most 64 MiB.
        if let (Ok(start), Ok(end)) = (u32::try_from(self.start), u32::try_from(end)) {
            self.spans.push((start, end));
        }
    }

    fn fail(&mut self, problem: Problem) {
        self.fault = Some((self.at, problem));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values that a text is cut into, its bytes arriving `step` at a time and taken as soon as they are whole.
    fn cut(text: &str, step: usize) -> (Vec<String>, Option<(usize, Problem)>) {
        let (mut values, mut found) = (Values::default(), Vec::new());
        let (mut rest, mut taken) = (Vec::new(), 0);
        for piece in text.as_bytes().chunks(step) {
            rest.extend_from_slice(piece);
            values.scan(&rest);
            if let Some(end) = values.end() {
                for (start, end) in values.take(end) {
                    found.push(String::from_utf8(rest[start as usize..end as usize].to_vec()).unwrap());
                }
                rest.drain(..end);
                taken += end;
            }
        }
        if values.fault().is_none() {
            values.finish();
        }
        for (start, end) in values.take(0) {
            found.push(String::from_utf8(rest[start as usize..end as usize].to_vec()).unwrap());
        }
        (found, values.fault().cloned().map(|(at, problem)| (at + taken, problem)))
    }

    #[test]
    fn an_array_and_a_sequence_are_the_same_values() {
        let rows = [r#"{"a":"]}\"\\"}"#, "{\n \"b\" : [1,{}] }", "17", "\"x,\"", "[2]"];
        let array = format!(" [{}] \n", rows.join(" ,\n"));
        let sequence = format!("{}\n", rows.join("\n"));
        for step in 1..array.len() {
            assert_eq!(cut(&array, step), (rows.map(str::to_owned).to_vec(), None), "{step}");
            assert_eq!(cut(&sequence, step), (rows.map(str::to_owned).to_vec(), None), "{step}");
        }
        assert_eq!(cut("{}{}", 1).0.len(), 2);
        for empty in ["", " \n", "[]", " [ ] "] {
            assert_eq!(cut(empty, 1), (Vec::new(), None), "{empty}");
        }
    }

    #[test]
    fn what_stands_between_values_is_checked() {
        for (text, at) in [
            ("[{},]", 4),
            ("[,{}]", 1),
            ("[{} {}]", 4),
            ("[{}", 3),
            ("[{},", 4),
            ("[", 1),
            ("[{}] {}", 5),
            ("{},{}", 2),
            ("{}]", 2),
            ("{\"a\":[", 6),
            ("{\"a", 3),
            ("[1", 2),
        ] {
            for step in [1, 2, 100] {
                let (_, fault) = cut(text, step);
                assert_eq!(fault.map(|(at, _)| at), Some(at), "{text}");
            }
        }
    }
}
