//! Writing the RFC 8785 form.

use super::{Json, Object};

impl Json {
    /// The RFC 8785 form.
    pub fn to_canonical(&self) -> Vec<u8> {
        let mut out = String::new();
        write_value(&mut out, self);
        out.into_bytes()
    }
}

/// Appends a value. The recursion is as deep as the value, which is at most
/// [`MAX_DEPTH`](super::MAX_DEPTH) for one that was read, and else as deep as this program built it.
fn write_value(out: &mut String, value: &Json) {
    match value {
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        Json::Int(value) => out.push_str(&value.value().to_string()),
        Json::Text(text) => write_text(out, text),
        Json::Array(items) => write_array(out, items),
        Json::Object(object) => write_object(out, object),
    }
}

fn write_array(out: &mut String, items: &[Json]) {
    out.push('[');
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_value(out, item);
    }
    out.push(']');
}

fn write_object(out: &mut String, object: &Object) {
    out.push('{');
    for (i, (name, value)) in object.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_text(out, name);
        out.push(':');
        write_value(out, value);
    }
    out.push('}');
}

/// RFC 8785, section 3.2.2.2: the seven short escapes, `\u00xx` in lower case for other controls, the rest as it is.
fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use crate::json::{Json, SafeInt};

    /// RFC 8785, section 3.2.4: the example's strings (its numbers and null are outside of our profile).
    #[test]
    fn escapes_as_rfc_8785_does() {
        let json = Json::object([
            ("string", "\u{20ac}$\u{f}\nA'B\"\\\\\"/".into()),
            ("literals", vec![true.into(), false.into(), SafeInt::from(0).into()].into()),
        ]);
        assert_eq!(
            String::from_utf8(json.to_canonical()).unwrap(),
            "{\"literals\":[true,false,0],\"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
        );
        assert_eq!(Json::from("\u{7f}\u{2028}").to_canonical(), "\"\u{7f}\u{2028}\"".as_bytes());
    }
}
