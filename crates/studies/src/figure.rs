//! What a study draws: columns of a table against each other.

use serde::{Deserialize, Serialize};

/// A picture of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// What is seen.
    pub title: String,
    /// The table.
    pub table: String,
    /// Column to the right.
    pub x: String,
    /// Column upwards.
    pub y: String,
    /// Column whose values are the curves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Columns of the lower and upper end of an interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub band: Option<[String; 2]>,
    /// Conditions on rows.
    #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub filter: Vec<String>,
    /// Axes that are logarithmic, of `x` and `y`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<String>,
}
