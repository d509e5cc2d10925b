//! The name of a group: a text or a number.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A cell of a group column, as text or as a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Label {
    /// A truth value, as text tables write it.
    Bool(bool),
    /// A whole number.
    Whole(i64),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
}

impl Label {
    /// Whether the cell is this one: the same text, or the same number however it is written.
    pub(super) fn is(&self, cell: &str) -> bool {
        let number = match self {
            Self::Bool(value) => return cell.eq_ignore_ascii_case(&value.to_string()),
            Self::Whole(value) => Some(*value as f64),
            Self::Number(value) => Some(*value),
            Self::Text(text) if text == cell => return true,
            Self::Text(text) => text.parse().ok(),
        };
        number.is_some() && cell.parse().ok() == number
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::Whole(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_text_or_a_number() {
        let text = |t: &str| Label::Text(t.into());
        assert!(text("rotary").is("rotary") && !text("rotary").is("none"));
        assert!(Label::Whole(10).is("10") && Label::Number(0.5).is("0.50") && text("1e3").is("1000"));
        assert!(!Label::Whole(10).is("") && !text("").is("0") && Label::Bool(true).is("true"));
    }
}
