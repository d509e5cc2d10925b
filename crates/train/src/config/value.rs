//! Values of a configuration that may be left to Kleiber, or written with a unit.

use kleiber_core::units::{format_quantity, parse_quantity};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value, or `"auto"`: what follows from the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Auto<T> {
    /// Left to Kleiber.
    #[default]
    Auto,
    /// Given.
    Value(T),
}

impl<T: Copy> Auto<T> {
    /// The value, if it is given.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Auto => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// Numbers that a configuration holds.
pub trait Scalar: Copy {
    /// From a number of the file or one with a unit.
    fn from_number(number: f64) -> Option<Self>;
    /// As written to a file.
    fn number(self) -> f64;
    /// What is expected.
    const KIND: &'static str;
}

impl Scalar for f64 {
    const KIND: &'static str = "a number";

    fn from_number(number: f64) -> Option<Self> {
        Some(number)
    }

    fn number(self) -> f64 {
        self
    }
}

impl Scalar for u64 {
    const KIND: &'static str = "a whole number";

    fn from_number(number: f64) -> Option<Self> {
        // Beyond 2^53 not every whole number has a float.
        (number >= 0.0 && number <= 2f64.powi(53) && number.fract() == 0.0).then_some(number as u64)
    }

    fn number(self) -> f64 {
        self as f64
    }
}

impl<T: Scalar> Serialize for Auto<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Value(value) if value.number().fract() == 0.0 && value.number().abs() <= 2f64.powi(53) => {
                serializer.serialize_i64(value.number() as i64)
            }
            Self::Value(value) => serializer.serialize_f64(value.number()),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Raw {
    Whole(i64),
    Number(f64),
    Text(String),
}

impl<'de, T: Scalar> Deserialize<'de> for Auto<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected =
            |found: &str| serde::de::Error::custom(format!("found {found}, expected {} or \"auto\"", T::KIND));
        let raw = Raw::deserialize(deserializer).map_err(|_| expected("something else"))?;
        let number = match &raw {
            Raw::Text(text) if text == "auto" => return Ok(Self::Auto),
            Raw::Text(text) => parse_quantity(text).ok_or_else(|| expected(&format!("`{text}`")))?,
            Raw::Whole(whole) => *whole as f64,
            Raw::Number(number) => *number,
        };
        T::from_number(number).map(Self::Value).ok_or_else(|| expected(&number.to_string()))
    }
}

/// Training tokens: a number, or a multiple of the model's parameters, or left to Kleiber.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum TokenBudget {
    /// What the time allows, or 20 for each parameter.
    #[default]
    Auto,
    /// So many.
    Tokens(u64),
    /// So many for each parameter (`20tok/param`).
    PerParameter(f64),
}

impl Serialize for TokenBudget {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Tokens(tokens) => serializer.serialize_u64(*tokens),
            Self::PerParameter(ratio) => serializer.serialize_str(&format!("{ratio}tok/param")),
        }
    }
}

impl std::str::FromStr for TokenBudget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("`{text}` is no number of tokens such as 10M, 2e7 or 20tok/param");
        if text == "auto" {
            return Ok(Self::Auto);
        }
        if let Some(ratio) = text.strip_suffix("tok/param") {
            let ratio = parse_quantity(ratio).filter(|r| *r > 0.0 && r.is_finite());
            return ratio.map(Self::PerParameter).ok_or_else(expected);
        }
        let tokens = parse_quantity(text).filter(|t| (1.0..=1e15).contains(t)).ok_or_else(expected)?;
        Ok(Self::Tokens(tokens.round() as u64))
    }
}

impl std::fmt::Display for TokenBudget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Tokens(tokens) => f.write_str(&format_quantity(*tokens as f64)),
            Self::PerParameter(ratio) => write!(f, "{ratio}tok/param"),
        }
    }
}

impl<'de> Deserialize<'de> for TokenBudget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Raw::deserialize(deserializer)? {
            Raw::Text(text) => text,
            Raw::Whole(whole) => whole.to_string(),
            Raw::Number(number) => number.to_string(),
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        layers: Auto<u64>,
        lr: Auto<f64>,
        tokens: TokenBudget,
    }

    #[test]
    fn values_are_read_with_units_and_written_back() {
        let read = |text: &str| toml::from_str::<Sample>(text).map_err(|e| e.to_string());
        let sample = read("layers = \"auto\"\nlr = 3e-4\ntokens = \"20tok/param\"").unwrap();
        assert_eq!(
            sample,
            Sample { layers: Auto::Auto, lr: Auto::Value(3e-4), tokens: TokenBudget::PerParameter(20.0) }
        );
        let sample = read("layers = 4\nlr = \"auto\"\ntokens = \"1.5M\"").unwrap();
        assert_eq!(sample, Sample { layers: Auto::Value(4), lr: Auto::Auto, tokens: TokenBudget::Tokens(1_500_000) });
        assert_eq!(read(&toml::to_string(&sample).unwrap()).unwrap(), sample);
        for bad in ["layers = -1", "layers = 1.5", "layers = []", "layers = \"x\""] {
            let error = read(&format!("{bad}\nlr = 1\ntokens = 1")).unwrap_err();
            assert!(error.contains("a whole number or \"auto\""), "{error}");
        }
        assert!(read("layers = 1\nlr = 1\ntokens = \"-3\"").is_err());
        assert!(read("layers = 1\nlr = 1\ntokens = \"xtok/param\"").is_err());
    }
}
