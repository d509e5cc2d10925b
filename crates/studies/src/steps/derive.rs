//! `do = "derive"`: new columns, and groups reduced to one row.

use super::Step;
use crate::control::shuffled;
use crate::{Context, StudyError};
use indexmap::IndexMap;
use kleiber_core::stats::{mean, median, parabola};
use kleiber_core::table::{Cells, Column, Table};
use serde::Deserialize;
use std::sync::Arc;

/// The rows of a table with new columns; with `by`, one row for each combination of those columns.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Derive {
    /// The rows; several tables are put under each other.
    table: OneOrMore,
    /// Column whose cells change places after that, for negative controls.
    shuffle: Option<String>,
    /// New columns, `name=column or expression`, in order.
    #[serde(default)]
    map: Vec<String>,
    /// Conditions on rows.
    #[serde(default, rename = "where")]
    filter: Vec<String>,
    /// Columns whose combinations are the rows.
    #[serde(default)]
    by: Vec<String>,
    /// What becomes of other columns: `new = "mean of old"`, `new = "lr at min of loss"`, or at the vertex of a parabola in
    /// the logarithm, `new = "lr at vertex of loss"`; with `by` only.
    #[serde(default)]
    reduce: IndexMap<String, String>,
    /// New columns of what has become of them.
    #[serde(default)]
    then: Vec<String>,
}

/// One name or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Step for Derive {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let tables = match &self.table {
            OneOrMore::One(name) => std::slice::from_ref(name),
            OneOrMore::More(names) => names.as_slice(),
        };
        let rows = tables.iter().map(|name| context.rows(name, &self.map, &self.filter));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let Some(mut rows) = rows.into_iter().reduce(|above, below| above.stacked(&below)) else {
            return Err(StudyError::refused("no table is named", "give `table`"));
        };
        if let Some(column) = &self.shuffle {
            rows = shuffled(&rows, column, context.options.seed, 0)?;
        }
        let reduced = if self.by.is_empty() { rows } else { self.reduced(context.step, &rows)? };
        let then = self.then.iter().try_fold(kleiber_core::table::Selection::new(), |s, m| s.map(m))?;
        Ok(then.apply(&reduced)?)
    }
}

impl Derive {
    fn reduced(&self, name: &str, rows: &Table) -> Result<Table, StudyError> {
        let keys = self.by.iter().map(|column| Ok(rows.labels(column)?)).collect::<Result<Vec<_>, StudyError>>()?;
        let mut groups: IndexMap<Vec<Arc<str>>, Vec<usize>> = IndexMap::new();
        for row in 0..rows.rows() {
            groups.entry(keys.iter().map(|labels| labels[row].clone()).collect()).or_default().push(row);
        }
        let mut columns = Vec::new();
        for by in &self.by {
            let first: Vec<usize> = groups.values().map(|group| group[0]).collect();
            let cells = rows.take(&first).column(by).ok_or_else(|| rows.missing(by))?.cells.clone();
            columns.push(Column { name: by.clone(), cells });
        }
        for (new, how) in &self.reduce {
            let (reduction, old, at) = reduction(how)?;
            let (values, places) = (rows.numbers(old)?, rows.numbers(at.unwrap_or(old))?);
            let pick = |of: &[f64], group: &[usize]| group.iter().map(|&i| of[i]).collect::<Vec<_>>();
            let of = |group: &Vec<usize>| reduction(&pick(&values, group), &pick(&places, group));
            columns.push(Column { name: new.clone(), cells: Cells::Number(groups.values().map(of).collect()) });
        }
        Ok(Table::new(name, columns)?)
    }
}

/// Of values and their places.
type Reduction = fn(&[f64], &[f64]) -> f64;

/// `mean of loss` as a function and a column, `lr at min of loss` with a column of places besides.
fn reduction(text: &str) -> Result<(Reduction, &str, Option<&str>), StudyError> {
    let known: [(&str, Reduction); 8] = [
        ("mean", |v, _| mean(v)),
        ("median", |v, _| median(v)),
        ("min", |v, _| v.iter().copied().fold(f64::INFINITY, f64::min)),
        ("max", |v, _| v.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        ("sum", |v, _| v.iter().sum()),
        ("count", |v, _| v.len() as f64),
        ("first", |v, _| v.first().copied().unwrap_or(f64::NAN)),
        ("last", |v, _| v.last().copied().unwrap_or(f64::NAN)),
    ];
    let placed: [(&str, Reduction); 2] = [("min", at_min), ("vertex", at_vertex)];
    let found = text.split_once(" of ").and_then(|(how, column)| {
        let (place, how, list) = match how.split_once(" at ") {
            Some((place, how)) => (Some(place.trim()), how, placed.as_slice()),
            None => (None, how, known.as_slice()),
        };
        let (_, function) = list.iter().find(|(name, _)| *name == how.trim())?;
        Some((*function, column.trim(), place))
    });
    found.ok_or_else(|| {
        let names = known.map(|(name, _)| name).join(", ");
        let hint = format!("write `mean of loss` ({names}), or `lr at min of loss` (min, vertex)");
        StudyError::refused(format!("`{text}` reduces nothing"), hint)
    })
}

/// The place of the least value.
fn at_min(values: &[f64], places: &[f64]) -> f64 {
    let least = values.iter().zip(places).filter(|(v, _)| v.is_finite()).min_by(|a, b| a.0.total_cmp(b.0));
    least.map_or(f64::NAN, |(_, place)| *place)
}

/// The place of the vertex of a parabola in the logarithm of the place, through the least value and its neighbours; the place
/// of the least value where it is at an end.
fn at_vertex(values: &[f64], places: &[f64]) -> f64 {
    let mut points: Vec<(f64, f64)> = places.iter().map(|p| p.ln()).zip(values.iter().copied()).collect();
    points.retain(|(x, y)| x.is_finite() && y.is_finite());
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some(least) = (0..points.len()).min_by(|&a, &b| points[a].1.total_cmp(&points[b].1)) else { return f64::NAN };
    if least == 0 || least + 1 == points.len() {
        return points[least].0.exp();
    }
    let (x, y): (Vec<f64>, Vec<f64>) = points[least - 1..=least + 1].iter().copied().unzip();
    match parabola(&x, &y) {
        Some([_, b, c]) if c > 0.0 => (-b / (2.0 * c)).exp(),
        _ => points[least].0.exp(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_become_rows() {
        let text = "table = \"t\"\nby = [\"arm\"]\nreduce = { loss = \"mean of loss\", most = \"max of loss\" }";
        let derive: Derive = toml::from_str(text).unwrap();
        let rows = Table::from_csv_text("t", "arm,loss\nb,1\na,4\nb,3\n").unwrap();
        let reduced = derive.reduced("d", &rows).unwrap();
        assert_eq!(reduced.labels("arm").unwrap().iter().map(|l| l.to_string()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(
            (reduced.numbers("loss").unwrap(), reduced.numbers("most").unwrap()),
            (vec![2.0, 4.0], vec![3.0, 4.0])
        );
        assert!(reduction("avg of loss").unwrap_err().to_string().contains("reduces nothing"));
        assert!(reduction("mean loss").is_err());
    }

    #[test]
    fn the_best_place_is_read_off_a_parabola_in_the_logarithm() {
        let places = [1e-3, 2e-3, 4e-3, 8e-3];
        let loss: Vec<f64> = places.iter().map(|p: &f64| (p / 3e-3).ln().powi(2)).collect();
        assert!((at_vertex(&loss, &places) / 3e-3 - 1.0).abs() < 1e-9);
        assert_eq!((at_min(&loss, &places), at_vertex(&[1.0, 2.0, 3.0], &[5.0, 6.0, 7.0]).round()), (4e-3, 5.0));
        assert!(reduction("lr at min of loss").unwrap().2 == Some("lr") && reduction("lr at mean of loss").is_err());
    }
}
