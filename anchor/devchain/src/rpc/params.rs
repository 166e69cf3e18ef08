//! The parameters of a request: an array, each element read when its method asks for it.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::RpcError;

pub(super) struct Params<'a>(Vec<&'a RawValue>);

/// A number as the development methods take it: JSON, `0x` and hexadecimal, or decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Value")]
pub(super) struct Quantity(pub(super) u64);

impl<'a> Params<'a> {
    pub(super) fn parse(params: Option<&'a RawValue>) -> Result<Self, RpcError> {
        match params {
            None => Ok(Self(Vec::new())),
            Some(params) => {
                serde_json::from_str(params.get()).map(Self).map_err(|error| RpcError::params(error.to_string()))
            }
        }
    }

    /// A parameter that must be there.
    pub(super) fn at<T: DeserializeOwned>(&self, index: usize) -> Result<T, RpcError> {
        self.optional(index)?.ok_or_else(|| RpcError::params(format!("missing value for required argument {index}")))
    }

    /// A parameter that may be missing or null.
    pub(super) fn optional<T: DeserializeOwned>(&self, index: usize) -> Result<Option<T>, RpcError> {
        let Some(value) = self.0.get(index) else { return Ok(None) };
        serde_json::from_str(value.get())
            .map_err(|error| RpcError::params(format!("invalid argument {index}: {error}")))
    }

    /// Refuses parameters whose meaning we would ignore.
    pub(super) fn refuse_beyond(&self, count: usize, why: &'static str) -> Result<(), RpcError> {
        if self.0.iter().skip(count).all(|value| value.get() == "null") { Ok(()) } else { Err(RpcError::params(why)) }
    }
}

impl TryFrom<Value> for Quantity {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let number = match &value {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => match text.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16).ok(),
                None => text.parse().ok(),
            },
            _ => None,
        };
        number.map(Self).ok_or("expected a number of 64 bits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_come_in_three_forms() {
        for (text, expected) in
            [("7", Some(7)), ("\"0x1f\"", Some(31)), ("\"12\"", Some(12)), ("-1", None), ("[]", None)]
        {
            assert_eq!(serde_json::from_str::<Quantity>(text).ok().map(|quantity| quantity.0), expected, "{text}");
        }
    }
}
