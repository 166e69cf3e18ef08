//! Canonical rows: the decoder and the checker agree, and what decodes encodes to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mira_core::row;
use mira_core::schema::Schema;

// Two bytes with the length of a canonical schema, the schema, and a row under it.
fuzz_target!(|data: &[u8]| {
    let Some((len, rest)) = data.split_first_chunk::<2>() else { return };
    let Some((schema, bytes)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len))) else { return };
    let Ok(schema) = Schema::from_cbor(schema) else { return };
    let checked = row::check_row(&schema, bytes);
    match row::decode_row(&schema, bytes) {
        Ok(values) => {
            assert!(checked.is_ok(), "decoded, but {checked:?}");
            assert_eq!(row::encode_row(&schema, &values).expect("what was decoded"), bytes);
            values.iter().for_each(|value| drop(value.to_string()));
        }
        Err(error) => assert_eq!(checked, Err(error)),
    }
});
