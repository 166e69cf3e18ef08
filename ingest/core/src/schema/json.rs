//! A schema as JSON: the canonical shape, in the spelling people write.

use std::fmt;

use serde_json::Value as Json;

use super::{Field, Schema, SchemaError, Type, shown_path};
use crate::quote::Quoted;

impl Schema {
    /// Reads `[["id", "int"], ["price", ["decimal", 2]], …]` in any JSON spelling.
    pub fn from_json(text: &str) -> Result<Self, SchemaError> {
        // serde_json stops at 128 levels, which the deepest schema (32 structs, three levels each) does not reach, so
        // the recursion below is bounded too.
        let json = serde_json::from_str(text).map_err(SchemaError::Json)?;
        let mut path = Vec::new();
        let columns = array(&json, &path, "an array of columns")?;
        Self::check_count(columns.len())?;
        Self::new(read_fields(columns, &mut path)?)
    }

    /// The one compact JSON form, which [`Schema::from_json`] reads back; also the schema's `Display`.
    pub fn to_json(&self) -> String {
        self.to_string()
    }
}

/// Where the reader stands: the names around it.
type Path<'a> = Vec<&'a str>;

fn read_fields<'a>(fields: &'a [Json], path: &mut Path<'a>) -> Result<Vec<Field>, SchemaError> {
    fields.iter().map(|field| read_field(field, path)).collect()
}

fn read_field<'a>(field: &'a Json, path: &mut Path<'a>) -> Result<Field, SchemaError> {
    let Some([Json::String(name), ty]) = field.as_array().map(Vec::as_slice) else {
        return Err(shape(field, path, "[name, type]"));
    };
    path.push(name);
    let ty = read_type(ty, path)?;
    path.pop();
    Ok(Field::new(name, ty))
}

fn read_type<'a>(json: &'a Json, path: &mut Path<'a>) -> Result<Type, SchemaError> {
    let unknown = |path: &Path<'_>| SchemaError::UnknownType { at: shown_path(path), found: start_of(json) };
    let items = match json {
        Json::String(name) => return Type::scalar(name).ok_or_else(|| unknown(path)),
        Json::Array(items) => items.as_slice(),
        _ => return Err(unknown(path)),
    };
    match items {
        [Json::String(name), scale] if name == "decimal" => read_scale(scale, path).map(Type::Decimal),
        [Json::String(name), item] if name == "list" => Ok(Type::List(Box::new(read_type(item, path)?))),
        [Json::String(name), fields] if name == "struct" => {
            let fields = array(fields, path, "an array of fields")?;
            Ok(Type::Struct(read_fields(fields, path)?))
        }
        [Json::String(name), key, value] if name == "map" => {
            let key = Box::new(read_type(key, path)?);
            Ok(Type::Map(key, Box::new(read_type(value, path)?)))
        }
        _ => Err(unknown(path)),
    }
}

fn read_scale(json: &Json, path: &Path<'_>) -> Result<u8, SchemaError> {
    let found = json.as_u64().ok_or_else(|| shape(json, path, "a scale"))?;
    u8::try_from(found).map_err(|_| SchemaError::Scale { at: shown_path(path), found })
}

fn array<'a>(json: &'a Json, path: &Path<'_>, expected: &'static str) -> Result<&'a [Json], SchemaError> {
    json.as_array().map(Vec::as_slice).ok_or_else(|| shape(json, path, expected))
}

fn shape(json: &Json, path: &Path<'_>, expected: &'static str) -> SchemaError {
    SchemaError::Shape { at: shown_path(path), expected, found: start_of(json) }
}

/// The first characters of a JSON value, for a message.
fn start_of(json: &Json) -> String {
    json.to_string().chars().take(80).collect()
}

/// Writes `[[name,type],…]`.
pub(super) fn write_fields(f: &mut fmt::Formatter<'_>, fields: &[Field]) -> fmt::Result {
    f.write_str("[")?;
    for (i, Field { name, ty }) in fields.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        write!(f, "{comma}[{},{ty}]", Quoted(name))?;
    }
    f.write_str("]")
}

/// Writes one type: a quoted word, or an array that starts with it.
pub(super) fn write_type(f: &mut fmt::Formatter<'_>, ty: &Type) -> fmt::Result {
    match ty {
        Type::Decimal(scale) => write!(f, "[\"decimal\",{scale}]"),
        Type::List(item) => write!(f, "[\"list\",{item}]"),
        Type::Struct(fields) => {
            f.write_str("[\"struct\",")?;
            write_fields(f, fields)?;
            f.write_str("]")
        }
        Type::Map(key, value) => write!(f, "[\"map\",{key},{value}]"),
        scalar => write!(f, "\"{}\"", scalar.name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_TYPE: &str = concat!(
        r#"[["b","bool"],["i","int"],["f","float"],["t","text"],["y","bytes"],["d","date"],["h","time"],"#,
        r#"["ts","timestamp"],["in","instant"],["du","duration"],["de",["decimal",2]],["l",["list","text"]],"#,
        r#"["s",["struct",[["x","float"],["",["list",["list","int"]]]]]],["m",["map","text",["decimal",0]]]]"#
    );

    #[test]
    fn json_and_cbor_tell_the_same() {
        let schema = Schema::from_json(EVERY_TYPE).unwrap();
        assert_eq!(schema.to_json(), EVERY_TYPE);
        assert_eq!(Schema::from_cbor(&schema.to_cbor()).unwrap(), schema);
        let spelled = " [ [ \"\\u0069\\u0064\" , \"int\" ] ] ";
        assert_eq!(Schema::from_json(spelled).unwrap().to_json(), r#"[["id","int"]]"#);
    }

    #[test]
    fn the_deepest_schema_is_within_the_json_parser() {
        let deepest = |levels| {
            let start = r#"["struct",[["x","#.repeat(levels);
            format!(r#"[["c",{start}"int"{}]]"#, "]]]".repeat(levels))
        };
        assert!(Schema::from_json(&deepest(31)).is_ok());
        assert!(matches!(Schema::from_json(&deepest(32)), Err(SchemaError::Depth { .. })));
        assert!(matches!(Schema::from_json(&deepest(10_000)), Err(SchemaError::Json(_))));
    }

    #[test]
    fn refuses_other_shapes() {
        for bad in [
            "",
            "{}",
            "[]",
            "[[]]",
            r#"[["a"]]"#,
            r#"[[1,"int"]]"#,
            r#"[["a","int",0]]"#,
            r#"[["a","integer"]]"#,
            r#"[["a","Int"]]"#,
            r#"[["a",["int"]]]"#,
            r#"[["a","decimal"]]"#,
            r#"[["a",["decimal"]]]"#,
            r#"[["a",["decimal",2,10]]]"#,
            r#"[["a",["decimal",-1]]]"#,
            r#"[["a",["decimal",2.0]]]"#,
            r#"[["a",["decimal","2"]]]"#,
            r#"[["a",["decimal",77]]]"#,
            r#"[["a",["decimal",256]]]"#,
            r#"[["a",["list"]]]"#,
            r#"[["a",["list","int","int"]]]"#,
            r#"[["a",["struct",[]]]]"#,
            r#"[["a",["struct",["int"]]]]"#,
            r#"[["a",["map","text"]]]"#,
            r#"[["a","int"],["a","int"]]"#,
            r#"[["\ud800","int"]]"#,
            r#"[["a","int"]] x"#,
        ] {
            assert!(Schema::from_json(bad).is_err(), "{bad}");
        }
    }
}
