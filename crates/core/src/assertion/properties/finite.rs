//! Every number of a column is one.

use super::{Declared, Property, PropertyInfo, keys, read, written};
use crate::assertion::columns::numbers;
use crate::assertion::estimate::Estimate;
use crate::assertion::finding::{Finding, Stop, undecided};
use crate::assertion::range::Range;
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "finite",
    about: "Every cell of one or more columns is a finite number.",
    keys: keys::<Finite>,
    read: read::<Finite>,
};

/// `property = "finite"`: a claim about these rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finite {
    /// Column, or a list of them.
    pub y: Columns,
}

/// One column or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Columns {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Columns {
    fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

impl Declared for Finite {
    fn check(&self) -> Result<(), String> {
        if self.y.names().is_empty() { Err("`y` names no column".into()) } else { Ok(()) }
    }
}

impl Property for Finite {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    fn accepted(&self) -> Range {
        Range::at_most(0.0)
    }

    fn exact(&self) -> bool {
        true
    }

    fn find(&self, table: &Table, _alpha: f64) -> Result<Finding, Stop> {
        if table.rows() == 0 {
            return undecided("no row is left");
        }
        let (mut bad, mut first) = (0, None);
        for name in self.y.names() {
            let values = numbers(table, name)?;
            let rows = (0..values.len()).filter(|&i| !values[i].is_finite());
            let before = bad;
            for row in rows {
                bad += 1;
                if before == 0 && first.is_none() {
                    first = Some(format!("the first in row {}, column `{name}`", table.origin(row)));
                }
            }
        }
        let names = self.y.names().join(", ");
        let says = match first {
            None => format!("every cell of {names} is a finite number"),
            Some(first) if bad == 1 => format!("1 cell of {names} is no finite number, {first}"),
            Some(first) => format!("{bad} cells of {names} are no finite number, {first}"),
        };
        let statistic = format!("cells of {names} that are no finite number");
        let estimate = Estimate::bare(bad as f64, table.rows());
        let finding = Finding::new(statistic, says, estimate, "row", self.accepted()).exact();
        Ok(Finding { claim: Some("a number in every cell"), ..finding })
    }

    fn keys(&self) -> toml::Table {
        written(self)
    }
}

#[cfg(test)]
mod tests {
    use crate::assertion::tests::check;
    use crate::assertion::verdict::Truth;

    #[test]
    fn cells_without_a_number_are_counted() {
        let good = check("loss,norm\n3,1\n2,1\n", "property = 'finite'\ny = ['loss', 'norm']");
        assert_eq!((good.truth, good.value), (Truth::True, 0.0));
        let bad = check("loss,norm\n3,1\nNaN,inf\n2,1\n", "property = 'finite'\ny = ['loss', 'norm']");
        assert_eq!((bad.truth, bad.value), (Truth::False, 2.0));
        assert!(bad.why.contains("the first in row 2, column `loss`"), "{}", bad.why);
        assert!(bad.why.ends_with("(3 rows); a number in every cell was claimed"), "{}", bad.why);
        let none = check("loss\n3\n", "property = 'finite'\ny = 'loss'\nwhere = 'loss > 9'");
        assert_eq!((none.truth, none.why.as_str()), (Truth::Undecided, "no row is left"));
    }
}
