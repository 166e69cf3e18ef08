//! The text form of a physical schema: one spelling, printed and parsed.

use std::fmt;

use serde_json::Value as Json;

use super::TimeStorage;
use super::{DecimalStorage, FloatStorage, IntStorage, PhysicalError, PhysicalField, PhysicalSchema, PhysicalType};

impl PhysicalSchema {
    /// Reads the text form, and refuses every other spelling of it.
    pub fn parse(text: &str) -> Result<Self, PhysicalError> {
        // serde_json stops at 128 levels, which bounds the recursion below before the schema's own limit is checked.
        let schema = Self::new(read_fields(&serde_json::from_str(text)?)?)?;
        let canonical = schema.to_string();
        if canonical != text {
            let same = canonical.bytes().zip(text.bytes()).take_while(|(a, b)| a == b).count();
            return Err(PhysicalError::NotCanonical { at: same });
        }
        Ok(schema)
    }
}

fn read_fields(json: &Json) -> Result<Vec<PhysicalField>, PhysicalError> {
    let fields = json.as_array().ok_or_else(|| shape("an array of columns or fields", json))?;
    fields.iter().map(read_field).collect()
}

fn read_field(json: &Json) -> Result<PhysicalField, PhysicalError> {
    match json.as_array().map(Vec::as_slice) {
        Some([Json::String(name), ty]) => Ok(PhysicalField { name: name.clone(), ty: read_type(ty)? }),
        _ => Err(shape("[name, type]", json)),
    }
}

fn read_type(json: &Json) -> Result<PhysicalType, PhysicalError> {
    match json {
        Json::String(name) => bare(name),
        Json::Array(items) => match items.as_slice() {
            [Json::String(name), Json::String(storage)] => chosen(name, storage),
            [Json::String(name), scale, digits] if name == "decimal" => read_decimal(scale, digits),
            [Json::String(name), item] if name == "list" => Some(PhysicalType::List(Box::new(read_type(item)?))),
            [Json::String(name), fields] if name == "struct" => Some(PhysicalType::Struct(read_fields(fields)?)),
            [Json::String(name), key, value] if name == "map" => {
                Some(PhysicalType::Map(Box::new(read_type(key)?), Box::new(read_type(value)?)))
            }
            _ => None,
        },
        _ => None,
    }
    .ok_or_else(|| shape("a stored type", json))
}

/// A type that leaves no choice.
fn bare(name: &str) -> Option<PhysicalType> {
    Some(match name {
        "bool" => PhysicalType::Bool,
        "text" => PhysicalType::Text,
        "bytes" => PhysicalType::Bytes,
        "date" => PhysicalType::Date,
        "time" => PhysicalType::Time,
        _ => return None,
    })
}

/// A type and its storage; or a list, whose item may be a bare word too.
fn chosen(name: &str, storage: &str) -> Option<PhysicalType> {
    match name {
        "int" => IntStorage::from_name(storage).map(PhysicalType::Int),
        "float" => FloatStorage::from_name(storage).map(PhysicalType::Float),
        "timestamp" => TimeStorage::from_name(storage).map(PhysicalType::Timestamp),
        "instant" => TimeStorage::from_name(storage).map(PhysicalType::Instant),
        "duration" => TimeStorage::from_name(storage).map(PhysicalType::Duration),
        "list" => bare(storage).map(|item| PhysicalType::List(Box::new(item))),
        _ => None,
    }
}

fn read_decimal(scale: &Json, digits: &Json) -> Option<PhysicalType> {
    let scale = u8::try_from(scale.as_u64()?).ok()?;
    let storage = match digits.as_u64()? {
        18 => DecimalStorage::D18,
        38 => DecimalStorage::D38,
        76 => DecimalStorage::D76,
        _ => return None,
    };
    Some(PhysicalType::Decimal(scale, storage))
}

fn shape(expected: &'static str, found: &Json) -> PhysicalError {
    PhysicalError::Shape { expected, found: found.to_string().chars().take(80).collect() }
}

impl fmt::Display for PhysicalSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_fields(f, self.columns())
    }
}

fn write_fields(f: &mut fmt::Formatter<'_>, fields: &[PhysicalField]) -> fmt::Result {
    f.write_str("[")?;
    for (i, PhysicalField { name, ty }) in fields.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        // serde_json escapes a string as RFC 8785 does: what JSON requires, in the shortest way, and nothing more.
        write!(f, "{comma}[{},{ty}]", Json::from(name.as_str()))?;
    }
    f.write_str("]")
}

impl fmt::Display for PhysicalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("\"bool\""),
            Self::Int(storage) => write!(f, "[\"int\",\"{}\"]", storage.name()),
            Self::Float(storage) => write!(f, "[\"float\",\"{}\"]", storage.name()),
            Self::Text => f.write_str("\"text\""),
            Self::Bytes => f.write_str("\"bytes\""),
            Self::Date => f.write_str("\"date\""),
            Self::Time => f.write_str("\"time\""),
            Self::Timestamp(storage) => write!(f, "[\"timestamp\",\"{}\"]", storage.name()),
            Self::Instant(storage) => write!(f, "[\"instant\",\"{}\"]", storage.name()),
            Self::Duration(storage) => write!(f, "[\"duration\",\"{}\"]", storage.name()),
            Self::Decimal(scale, storage) => write!(f, "[\"decimal\",{scale},{}]", storage.digits()),
            Self::List(item) => write!(f, "[\"list\",{item}]"),
            Self::Struct(fields) => {
                f.write_str("[\"struct\",")?;
                write_fields(f, fields)?;
                f.write_str("]")
            }
            Self::Map(key, value) => write!(f, "[\"map\",{key},{value}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_TYPE: &str = concat!(
        r#"[["b","bool"],["i",["int","i64"]],["u",["int","u64"]],["f",["float","f32"]],["g",["float","f64"]],"#,
        r#"["t","text"],["y","bytes"],["d","date"],["h","time"],["ts",["timestamp","us"]],["in",["instant","ns"]],"#,
        r#"["du",["duration","us"]],["d1",["decimal",2,18]],["d2",["decimal",0,38]],["d3",["decimal",76,76]],"#,
        r#"["l",["list","text"]],["ll",["list",["list",["int","i64"]]]],"#,
        r#"["s",["struct",[["\"\n",["float","f64"]],["","bool"]]]],["m",["map","text",["decimal",0,18]]]]"#
    );

    #[test]
    fn one_spelling_for_every_type() {
        let schema = PhysicalSchema::parse(EVERY_TYPE).unwrap();
        assert_eq!(schema.to_string(), EVERY_TYPE);
        assert_eq!(PhysicalSchema::of_working(schema.arrow()).unwrap(), schema);
    }

    #[test]
    fn refuses_other_spellings() {
        for bad in
            [r#"[["a", "text"]]"#, r#"[["\u0061","text"]]"#, r#"[["a","text"]] "#, r#"[["a",["decimal",2.0,18]]]"#]
        {
            assert!(PhysicalSchema::parse(bad).is_err(), "{bad}");
        }
        assert!(matches!(PhysicalSchema::parse(r#"[["a", "text"]]"#), Err(PhysicalError::NotCanonical { at: 6 })));
    }

    #[test]
    fn refuses_other_shapes() {
        for bad in [
            "",
            "{}",
            "[]",
            r#"[["a"]]"#,
            r#"[["a","int"]]"#,
            r#"[["a",["int","i32"]]]"#,
            r#"[["a",["text","us"]]]"#,
            r#"[["a",["instant","ms"]]]"#,
            r#"[["a",["decimal",2]]]"#,
            r#"[["a",["decimal",19,18]]]"#,
            r#"[["a",["decimal",77,76]]]"#,
            r#"[["a",["decimal",2,9]]]"#,
            r#"[["a",["struct",[]]]]"#,
            r#"[["a",["map","text"]]]"#,
            r#"[["a","text"],["a","text"]]"#,
        ] {
            assert!(PhysicalSchema::parse(bad).is_err(), "{bad}");
        }
    }
}
