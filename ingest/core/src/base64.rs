//! Padded standard base64, in one spelling.

use data_encoding::BASE64;

/// Reads what [`BASE64`] writes. `BASE64` itself refuses missing padding, spare bits that are not zero and foreign
/// characters, but reads several padded texts one after the other as if they were one: `TQ==TQ==` would be another
/// spelling of `TU0=`.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    if text.trim_end_matches('=').contains('=') {
        return None;
    }
    BASE64.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_each() {
        assert_eq!(decode("TU0=").as_deref(), Some(&b"MM"[..]));
        assert_eq!(decode("").as_deref(), Some(&b""[..]));
        for other in ["TQ==TQ==", "TU0=TU0=", "TU0", "TU1=", "TU0= ", "TU0\n=", "TU-_", "=", "====", "TU0=="] {
            assert_eq!(decode(other), None, "{other}");
        }
    }
}
