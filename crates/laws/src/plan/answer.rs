//! What a plan by published or fitted laws answers: inputs, numbers, a table, what was assumed.

use crate::reason::{Finding, Reason};
use indexmap::IndexMap;
use kleiber_core::units::{format_quantity, format_significant};
use serde::Serialize;

/// One value of an answer: a number, a word, or nothing where there is no answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A number in the unit that its name says.
    Number(f64),
    /// A whole number that is shown with all its digits.
    Count(u64),
    /// A word, such as a format's name.
    Word(String),
    /// Whether something holds.
    Flag(bool),
    /// No answer.
    Nothing,
}

impl From<f64> for Value {
    fn from(v: f64) -> Self {
        if v.is_finite() { Self::Number(v) } else { Self::Nothing }
    }
}

impl From<Option<f64>> for Value {
    fn from(v: Option<f64>) -> Self {
        v.map_or(Self::Nothing, Self::from)
    }
}

impl From<u64> for Value {
    fn from(v: u64) -> Self {
        Self::Count(v)
    }
}

impl From<bool> for Value {
    fn from(v: bool) -> Self {
        Self::Flag(v)
    }
}

impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Self::Word(v.into())
    }
}

impl From<String> for Value {
    fn from(v: String) -> Self {
        Self::Word(v)
    }
}

/// A table of an answer, row by row.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Rows {
    /// Names of the columns, with units where they are not plain.
    pub columns: Vec<String>,
    /// One value per column.
    pub rows: Vec<Vec<Value>>,
}

impl Rows {
    /// An empty table with these columns.
    pub fn new(columns: &[&str]) -> Self {
        Self { columns: columns.iter().map(|c| (*c).to_string()).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When the row has another length than the columns.
    pub fn push(&mut self, row: Vec<Value>) {
        assert_eq!(row.len(), self.columns.len(), "a row of {:?}", self.columns);
        self.rows.push(row);
    }
}

/// The answer of a plan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// Always `kleiber.plan/1`.
    pub schema: &'static str,
    /// Which plan: `bits`, `vocab`, ...
    pub plan: &'static str,
    /// Presets and laws that were chained, in order.
    pub laws: Vec<String>,
    /// What was asked, by name.
    pub inputs: IndexMap<&'static str, Value>,
    /// The answer, by name.
    pub answer: IndexMap<&'static str, Value>,
    /// Alternatives or steps behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Rows>,
    /// What was assumed, one sentence each.
    pub assumptions: Vec<String>,
    /// What else to know.
    pub warnings: Vec<Finding>,
}

impl Answer {
    /// An empty answer of this plan.
    pub fn new(plan: &'static str) -> Self {
        Self {
            schema: super::compute::SCHEMA,
            plan,
            laws: Vec::new(),
            inputs: IndexMap::new(),
            answer: IndexMap::new(),
            table: None,
            assumptions: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Names a law that was used.
    pub fn law(&mut self, name: impl Into<String>) {
        self.laws.push(name.into());
    }

    /// Notes an input.
    pub fn given(&mut self, name: &'static str, value: impl Into<Value>) {
        self.inputs.insert(name, value.into());
    }

    /// Notes a part of the answer.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.answer.insert(name, value.into());
    }

    /// Notes an assumption.
    pub fn assume(&mut self, what: impl Into<String>) {
        self.assumptions.push(what.into());
    }

    /// Notes a warning.
    pub fn warn(&mut self, reason: Reason) {
        self.warnings.push(reason.finding());
    }

    /// Warns when a positive `value` lies outside the range a law was fitted on, and says by how many times; 1 inside.
    pub fn outside(&mut self, quantity: &str, value: f64, (low, high): (f64, f64)) -> f64 {
        let factor = (value / high).max(low / value).max(1.0);
        if factor > 1.0 {
            let message = format!(
                "{quantity} {} is {} times outside the range the law was fitted on ({} to {}): the answer rests on the law holding there",
                format_quantity(value),
                format_significant(factor, 3),
                format_quantity(low),
                format_quantity(high)
            );
            self.warnings.push(Finding { code: "extrapolation".into(), message });
        }
        factor
    }

    /// A number of the answer.
    pub fn number(&self, name: &str) -> Option<f64> {
        match self.answer.get(name)? {
            Value::Number(v) => Some(*v),
            Value::Count(v) => Some(*v as f64),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_plain_json() {
        let mut answer = Answer::new("bits");
        answer.given("params", 7e9);
        answer.set("bits", 4u64);
        answer.set("loss", f64::NAN);
        answer.set("format", "E4M3");
        let json = serde_json::to_value(&answer).unwrap();
        assert_eq!(json["answer"], serde_json::json!({"bits": 4, "loss": null, "format": "E4M3"}));
        assert_eq!((json["schema"].as_str(), json["plan"].as_str()), (Some("kleiber.plan/1"), Some("bits")));
        assert_eq!((answer.number("bits"), answer.number("loss"), json.get("table")), (Some(4.0), None, None));
    }
}
