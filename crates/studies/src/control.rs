//! Negative controls: the same expectations where they must not hold.

use crate::StudyError;
use crate::judge::truth;
use indexmap::IndexMap;
use kleiber_core::assertion::{Assertion, Truth, Verdict as Finding};
use kleiber_core::rng::Rng;
use kleiber_core::table::{Cells, Column, Table};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Orders that a shuffled column is tried in, and how many of them may leave an expectation true.
const ORDERS: u32 = 20;
const CHANCE: u32 = 2;

/// Where expectations must not hold: in a table whose column is shuffled or has two labels swapped, or in another table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Why they must fail there.
    pub because: String,
    /// The table that is changed.
    pub table: String,
    /// Column whose cells change places: 20 orders, of which 2 may leave an expectation true by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shuffle: Option<String>,
    /// Two labels that change places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swap: Option<Swap>,
    /// Table that is asked instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
    /// Names of the expectations.
    pub expect: Vec<String>,
}

/// Two labels of a column that change places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Swap {
    /// The column.
    pub column: String,
    /// One label.
    pub a: String,
    /// The other.
    pub b: String,
}

/// What a control showed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ControlOutcome {
    /// Why the expectation had to fail.
    pub because: String,
    /// The expectation.
    pub expectation: String,
    /// Whether it failed.
    pub fails: bool,
    /// Whether neither is known: the table holds too little for the claim to be true or false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub untested: bool,
    /// What happened.
    pub why: String,
}

impl Control {
    pub(crate) fn check(&self) -> Result<(), String> {
        let ways = [self.shuffle.is_some(), self.swap.is_some(), self.instead.is_some()];
        if ways.iter().filter(|w| **w).count() != 1 {
            return Err("a control has one of `shuffle`, `swap`, `instead`".into());
        }
        if self.expect.is_empty() {
            return Err("a control names no expectation".into());
        }
        Ok(())
    }

    /// What becomes of the named expectations.
    pub(crate) fn outcomes(
        &self,
        expect: &[Assertion],
        tables: &IndexMap<String, Table>,
    ) -> Result<Vec<ControlOutcome>, StudyError> {
        let changed = self.changed(tables)?;
        let claimed = |assertion: &Assertion| table_of(tables, &assertion.table);
        let of = |assertion: &Assertion| {
            let truths = changed.iter().map(|table| truth(assertion, table, 1)).collect::<Result<Vec<_>, _>>()?;
            let held = truths.iter().filter(|v| v.truth == Truth::True).count();
            let allowed =
                if self.shuffle.is_some() { (CHANCE as usize * changed.len()).div_ceil(ORDERS as usize) } else { 0 };
            let why = match self.shuffle.is_some() {
                false => truths[0].why.clone(),
                true => format!("true in {held} of {} orders, {allowed} may be by chance", changed.len()),
            };
            // An order that decides nothing is what chance looks like; one table that decides nothing shows only how little it
            // holds, unless it holds as much as that in which the claim is true.
            let undecided = |v: &Finding| v.truth == Truth::Undecided;
            let there = self.shuffle.is_none() && undecided(&truths[0]);
            let here = there && truth(assertion, claimed(assertion)?, 1)?.truth != Truth::True;
            let too_little = truths.iter().all(|v| undecided(v) && (v.n < 2 || !v.value.is_finite()));
            Ok(ControlOutcome {
                because: self.because.clone(),
                expectation: assertion.name.clone(),
                fails: held <= allowed,
                untested: held <= allowed && (here || too_little),
                why,
            })
        };
        expect.iter().filter(|a| self.expect.contains(&a.name)).map(of).collect()
    }

    fn changed(&self, tables: &IndexMap<String, Table>) -> Result<Vec<Table>, StudyError> {
        if let Some(other) = &self.instead {
            return Ok(vec![table_of(tables, other)?.clone()]);
        }
        let table = table_of(tables, &self.table)?;
        if let Some(Swap { column: name, a, b }) = &self.swap {
            let labels = table.labels(name)?;
            if let Some(absent) = [a, b].into_iter().find(|label| !labels.iter().any(|l| **l == **label)) {
                let why = format!("a control exchanges `{absent}` in `{name}`, and no row of `{}` has it", self.table);
                return Err(StudyError::refused(why, "name two labels that are there"));
            }
            let other = |label: &str| if label == a { b.clone() } else { a.clone() };
            let is = |label: &str| label == a || label == b;
            let cells = labels.iter().map(|l| if is(l) { other(l).into() } else { l.clone() }).collect();
            return Ok(vec![table.with_column(Column { name: name.clone(), cells: Cells::Text(cells) })?]);
        }
        let name = self.shuffle.as_deref().unwrap_or_default();
        let cells = |table: &Table| table.labels(name);
        let mut seen = HashSet::from([cells(table)?]);
        let mut orders = Vec::new();
        for draw in 0..ORDERS * 4 {
            let order = shuffled(table, name, 0, draw)?;
            // The order that is there is no control.
            if seen.insert(cells(&order)?) {
                orders.push(order);
            }
            if orders.len() == ORDERS as usize {
                break;
            }
        }
        match orders.is_empty() {
            true => Err(StudyError::refused(format!("`{name}` has one order only"), "shuffle a column that varies")),
            false => Ok(orders),
        }
    }
}

fn table_of<'a>(tables: &'a IndexMap<String, Table>, name: &str) -> Result<&'a Table, StudyError> {
    let missing = || StudyError::refused(format!("no table `{name}`"), "name a step that comes before");
    tables.get(name).ok_or_else(missing)
}

/// The table with the cells of a column in another order.
pub(crate) fn shuffled(table: &Table, name: &str, seed: u64, draw: u32) -> Result<Table, StudyError> {
    let cells = &table.column(name).ok_or_else(|| table.missing(name))?.cells;
    let mut order: Vec<usize> = (0..cells.len()).collect();
    let mut rng = Rng::new(seed, "control", draw);
    for last in (1..order.len()).rev() {
        order.swap(last, rng.below(last + 1));
    }
    let cells = match cells {
        Cells::Number(v) => Cells::Number(order.iter().map(|&i| v[i]).collect()),
        Cells::Text(v) => Cells::Text(order.iter().map(|&i| v[i].clone()).collect()),
    };
    Ok(table.with_column(Column { name: name.into(), cells })?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn falls() -> Assertion {
        let text =
            "name = \"falls\"\nproperty = \"rank_correlation\"\nx = \"x\"\ny = \"y\"\nat_most = -0.9\nbecause = \"b\"";
        Assertion::parse(text).unwrap()
    }

    fn tables(y: &[f64]) -> IndexMap<String, Table> {
        let x: Vec<f64> = (0..y.len()).map(|i| i as f64).collect();
        IndexMap::from([("t".into(), Table::from_numbers("t", &[("x", &x), ("y", y)]).unwrap())])
    }

    #[test]
    fn a_shuffled_column_loses_what_was_true_of_it() {
        let y: Vec<f64> = (0..12).map(|i| -f64::from(i)).collect();
        let control = Control {
            because: "b".into(),
            table: "t".into(),
            shuffle: Some("y".into()),
            swap: None,
            instead: None,
            expect: vec!["falls".into()],
        };
        let outcome = &control.outcomes(&[falls()], &tables(&y)).unwrap()[0];
        assert!(outcome.fails, "{}", outcome.why);
        assert!(control.outcomes(&[falls()], &tables(&[1.0; 5])).unwrap_err().to_string().contains("one order only"));
        assert!(Control { instead: Some("t".into()), ..control.clone() }.check().is_err());
        assert!(Control { shuffle: None, ..control }.check().is_err());
    }

    #[test]
    fn another_table_in_which_it_holds_is_a_control_that_does_not_fail() {
        let y: Vec<f64> = (0..12).map(|i| -f64::from(i)).collect();
        let control = Control {
            because: "b".into(),
            table: "u".into(),
            shuffle: None,
            swap: None,
            instead: Some("t".into()),
            expect: vec!["falls".into()],
        };
        assert!(!control.outcomes(&[falls()], &tables(&y)).unwrap()[0].fails);
    }

    #[test]
    fn a_table_that_holds_too_little_tests_nothing() {
        let y: Vec<f64> = (0..12).map(|i| -f64::from(i)).collect();
        let mut tables = tables(&y);
        tables.insert("empty".into(), tables["t"].take(&[]));
        tables.insert("mixed".into(), Table::from_csv_text("mixed", "x,y\n0,3\n1,1\n2,4\n3,2\n4,1\n5,3").unwrap());
        let control = |table: &str| Control {
            because: "b".into(),
            table: "t".into(),
            shuffle: None,
            swap: None,
            instead: Some(table.into()),
            expect: vec!["falls".into()],
        };
        let claim = Assertion { table: "t".into(), ..falls() };
        let outcome = |table: &str| control(table).outcomes(std::slice::from_ref(&claim), &tables).unwrap().remove(0);
        assert!(outcome("empty").fails && outcome("empty").untested, "{:?}", outcome("empty"));
        // Undecided where the claim is true elsewhere is what a control is to show.
        assert!(outcome("mixed").fails && !outcome("mixed").untested, "{:?}", outcome("mixed"));
        let swap = Swap { column: "x".into(), a: "1".into(), b: "77".into() };
        let slip = Control { instead: None, swap: Some(swap), ..control("t") };
        let error = slip.outcomes(std::slice::from_ref(&claim), &tables).unwrap_err().to_string();
        assert!(error.contains("exchanges `77` in `x`"), "{error}");
    }
}
