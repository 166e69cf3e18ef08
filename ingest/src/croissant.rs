//! A dataset as catalogues describe it: `croissant.json`, in the vocabulary of MLCommons Croissant 1.0.
//!
//! It is a pure function of what is known before the manifest is made, which names it by digest; so it can name neither
//! the manifest nor the directory that holds it. The chunk files are one set, named by pattern: the chunk list, whose
//! SHA-256 stands here, has the CID of each, and a description of a million files is of no use to anybody.
//!
//! What Croissant has no type for is said to be `sc:StructuredValue` (maps, lists of lists) or text (decimals, which
//! are exact, and bytes, times of day and durations).

use mira_core::digest::DatasetId;
use mira_core::manifest::FileRef;
use mira_core::name::Name;
use mira_core::rights::License;
use mira_core::schema::{Field, Schema, Type};
use serde_json::{Map, Value, json};

use crate::license;

/// What is to be described.
#[derive(Debug, Clone, Copy)]
pub struct Dataset<'a> {
    /// What its owner calls it.
    pub name: &'a Name,
    /// What its rows say.
    pub id: DatasetId,
    /// How many there are.
    pub rows: u64,
    /// Its columns.
    pub schema: &'a Schema,
    /// Its licence.
    pub license: &'a License,
    /// What its card says in prose.
    pub description: Option<&'a str>,
    /// The words to find it by.
    pub keywords: &'a [&'a str],
    /// The files beside the chunks that are known by now, with their media types.
    pub files: &'a [(&'static str, &'static str, FileRef)],
}

/// The file's bytes.
pub fn describe(dataset: &Dataset<'_>) -> Vec<u8> {
    let Dataset { name, id, rows, schema, .. } = dataset;
    let description = dataset.description.map_or_else(|| format!("{name}: {rows} rows"), str::to_owned);
    let mut document = Map::new();
    document.insert("@context".into(), context());
    document.insert("@type".into(), "sc:Dataset".into());
    document.insert("conformsTo".into(), "http://mlcommons.org/croissant/1.0".into());
    document.insert("name".into(), name.as_str().into());
    document.insert("description".into(), description.into());
    document.insert("identifier".into(), format!("urn:mira:dataset:{id}").into());
    document.insert("url".into(), format!("urn:mira:dataset:{id}").into());
    if *dataset.license != License::no_assertion() {
        let url = license::url(dataset.license);
        document.insert("license".into(), url.unwrap_or_else(|| dataset.license.to_string()).into());
    }
    if !dataset.keywords.is_empty() {
        document.insert("keywords".into(), dataset.keywords.into());
    }
    document.insert("distribution".into(), distribution(dataset.files));
    let fields: Vec<Value> = schema.columns().iter().enumerate().map(column).collect();
    document
        .insert("recordSet".into(), json!([{"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": fields}]));
    let mut text = Value::Object(document).to_string();
    text.push('\n');
    text.into_bytes()
}

fn distribution(files: &[(&'static str, &'static str, FileRef)]) -> Value {
    let object = |(name, format, file): &(&str, &str, FileRef)| {
        json!({
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "contentSize": format!("{} B", file.bytes),
            "encodingFormat": format,
            "sha256": file.sha256.to_string(),
        })
    };
    let mut all: Vec<Value> = files.iter().map(object).collect();
    all.push(json!({
        "@type": "cr:FileSet",
        "@id": FILES,
        "name": FILES,
        "description": "the rows; chunks.cbor lists the files with their CIDs",
        "encodingFormat": "application/x-parquet",
        "includes": "chunks/*/*.parquet",
    }));
    all.into()
}

/// A field of the record set. Names may be anything, and ids are few characters, so these are numbers.
fn column((index, column): (usize, &Field)) -> Value {
    let mut field = Map::new();
    field.insert("@type".into(), "cr:Field".into());
    field.insert("@id".into(), format!("rows/{index}").into());
    field.insert("name".into(), column.name.as_str().into());
    let (ty, is_list) = match &column.ty {
        Type::List(item) if !matches!(**item, Type::List(_) | Type::Map(..)) => (&**item, true),
        ty => (ty, false),
    };
    if is_list {
        field.insert("repeated".into(), true.into());
    }
    field.insert("dataType".into(), data_type(ty).into());
    field.insert("source".into(), json!({"fileSet": {"@id": FILES}, "extract": {"column": column.name}}));
    if let Type::Struct(members) = ty {
        field
            .insert("subField".into(), members.iter().enumerate().map(|item| member(&[index], item, column)).collect());
    }
    Value::Object(field)
}

/// A field within a column, which is taken from the column by its path.
fn member(above: &[usize], (index, field): (usize, &Field), column: &Field) -> Value {
    let path: Vec<usize> = above.iter().copied().chain([index]).collect();
    let id: Vec<String> = path.iter().map(ToString::to_string).collect();
    json!({
        "@type": "cr:Field",
        "@id": format!("rows/{}", id.join("/")),
        "name": field.name,
        "dataType": data_type(&field.ty),
        "source": {
            "fileSet": {"@id": FILES},
            "extract": {"column": column.name},
            "transform": {"jsonPath": field.name},
        },
    })
}

const fn data_type(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "sc:Boolean",
        Type::Int => "sc:Integer",
        Type::Float => "sc:Float",
        Type::Date => "sc:Date",
        Type::Timestamp | Type::Instant => "sc:DateTime",
        Type::Text | Type::Bytes | Type::Decimal(_) | Type::Time | Type::Duration => "sc:Text",
        Type::List(_) | Type::Struct(_) | Type::Map(..) => "sc:StructuredValue",
    }
}

/// The set of the chunk files.
const FILES: &str = "chunks";

/// The context that Croissant 1.0 prescribes.
fn context() -> Value {
    let mut context = Map::new();
    context.insert("@language".into(), "en".into());
    context.insert("@vocab".into(), "https://schema.org/".into());
    for (prefix, url) in [
        ("cr", "http://mlcommons.org/croissant/"),
        ("dct", "http://purl.org/dc/terms/"),
        ("rai", "http://mlcommons.org/croissant/RAI/"),
        ("sc", "https://schema.org/"),
    ] {
        context.insert(prefix.into(), url.into());
    }
    context.insert("conformsTo".into(), "dct:conformsTo".into());
    context.insert("data".into(), json!({"@id": "cr:data", "@type": "@json"}));
    context.insert("dataType".into(), json!({"@id": "cr:dataType", "@type": "@vocab"}));
    context.insert("examples".into(), json!({"@id": "cr:examples", "@type": "@json"}));
    for term in [
        "citeAs",
        "column",
        "extract",
        "field",
        "fileObject",
        "fileProperty",
        "fileSet",
        "format",
        "includes",
        "isLiveDataset",
        "jsonPath",
        "key",
        "md5",
        "parentField",
        "path",
        "recordSet",
        "references",
        "regex",
        "repeated",
        "replace",
        "separator",
        "source",
        "subField",
        "transform",
    ] {
        context.insert(term.into(), format!("cr:{term}").into());
    }
    Value::Object(context)
}

#[cfg(test)]
mod tests {
    use mira_core::digest::Digest;

    use super::*;

    #[test]
    fn every_type_has_a_description() {
        let schema = Schema::from_json(
            r#"[["a","bool"],["b","int"],["c",["list","text"]],["d",["struct",[["x","float"],["y","date"]]]],
                ["e",["map","text","int"]],["f",["list",["list","int"]]],["g",["decimal",2]],["","instant"],["h","bytes"]]"#,
        )
        .unwrap();
        let dataset = Dataset {
            name: &"sample".parse().unwrap(),
            id: DatasetId::new(Digest::of(b"sample")),
            rows: 7,
            schema: &schema,
            license: &"CC0-1.0".parse().unwrap(),
            description: None,
            keywords: &["birds"],
            files: &[("chunks.cbor", "application/cbor", FileRef::of(b"sample"))],
        };
        let bytes = describe(&dataset);
        assert_eq!(bytes, describe(&dataset));
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(document["license"], "https://spdx.org/licenses/CC0-1.0.html");
        assert_eq!(document["description"], "sample: 7 rows");
        assert_eq!(document["distribution"][0]["sha256"], Digest::of(b"sample").to_string());
        let fields = document["recordSet"][0]["field"].as_array().unwrap();
        let types: Vec<&str> = fields.iter().map(|field| field["dataType"].as_str().unwrap()).collect();
        let (structured, text) = ("sc:StructuredValue", "sc:Text");
        assert_eq!(
            types,
            ["sc:Boolean", "sc:Integer", text, structured, structured, structured, text, "sc:DateTime", text]
        );
        assert_eq!((&fields[2]["repeated"], &fields[5]["repeated"]), (&Value::Bool(true), &Value::Null));
        assert_eq!(fields[3]["subField"][1]["@id"], "rows/3/1");
        assert_eq!(fields[7]["source"]["extract"]["column"], "");
    }
}
