//! Exports of experiment trackers, recognised by their headers and turned into ordinary run tables.
//!
//! - W&B chart export: one step column, then `RUN - METRIC` with `__MIN` and `__MAX` beside each.
//!   Becomes columns `step`, `run`, `METRIC`.
//! - TensorBoard scalar export: `Wall time,Step,Value`. Becomes `seconds`, `step`, `run`, `loss`,
//!   where the run is the file's stem.
//!
//! A W&B table export (`Name`, `State`, ...) needs no change: its columns are recognised by name.

use super::{Cells, Column, Table};
use crate::CoreError;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

pub(super) fn unfold(table: Table, path: &Path) -> Result<Table, CoreError> {
    let names: Vec<&str> = table.columns().iter().map(|c| c.name.as_str()).collect();
    if names == ["Wall time", "Step", "Value"] {
        return tensorboard(&table, path);
    }
    let charted = |n: &&str| n.strip_suffix("__MIN").is_some_and(|base| names.contains(&base) && base.contains(" - "));
    if names.iter().any(charted) { wandb_chart(&table) } else { Ok(table) }
}

fn tensorboard(table: &Table, path: &Path) -> Result<Table, CoreError> {
    let stem: Arc<str> = path.file_stem().map(|s| s.to_string_lossy()).unwrap_or_default().as_ref().into();
    let number = |name: &str| table.numbers(name).map(Cells::Number);
    Table::new(
        table.source(),
        vec![
            Column { name: "seconds".into(), cells: number("Wall time")? },
            Column { name: "step".into(), cells: number("Step")? },
            Column { name: "run".into(), cells: Cells::Text(vec![stem; table.rows()]) },
            Column { name: "loss".into(), cells: number("Value")? },
        ],
    )
}

fn wandb_chart(table: &Table) -> Result<Table, CoreError> {
    let axis = &table.columns()[0];
    let step = table.numbers(&axis.name)?;
    let step_name = if axis.name.eq_ignore_ascii_case("step") || axis.name == "_step" { "step" } else { &axis.name };
    let series: Vec<(&str, &str, Vec<f64>)> = table.columns()[1..]
        .iter()
        .filter(|c| !c.name.ends_with("__MIN") && !c.name.ends_with("__MAX"))
        .filter_map(|c| c.name.rsplit_once(" - ").map(|(run, metric)| (run, metric, c)))
        .map(|(run, metric, c)| Ok((run, metric, table.numbers(&c.name)?)))
        .collect::<Result<_, CoreError>>()?;
    let mut runs: Vec<&str> = series.iter().map(|s| s.0).collect();
    let mut metrics: Vec<&str> = series.iter().map(|s| s.1).collect();
    for list in [&mut runs, &mut metrics] {
        list.sort_unstable();
        list.dedup();
    }
    let of: HashMap<(&str, &str), &Vec<f64>> = series.iter().map(|(run, metric, v)| ((*run, *metric), v)).collect();
    let cells = runs.len() * metrics.len() * table.rows();
    if cells > (1 << 22) + 16 * series.len() * table.rows() {
        return Err(CoreError::TooLarge {
            source_name: table.source().into(),
            declared: format!("{} runs with {} metrics", runs.len(), metrics.len()),
            limit: "a chart of a few metrics".into(),
        });
    }
    let (mut steps, mut labels) = (Vec::new(), Vec::new());
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); metrics.len()];
    for run in runs {
        let of_run: Vec<Option<&Vec<f64>>> = metrics.iter().map(|m| of.get(&(run, *m)).copied()).collect();
        let label: Arc<str> = run.into();
        for row in 0..table.rows() {
            let cells: Vec<f64> = of_run.iter().map(|s| s.map_or(f64::NAN, |v| v[row])).collect();
            // The export pads every run to the longest one with empty cells.
            if cells.iter().any(|v| !v.is_nan()) {
                steps.push(step[row]);
                labels.push(label.clone());
                values.iter_mut().zip(cells).for_each(|(column, v)| column.push(v));
            }
        }
    }
    if steps.is_empty() {
        return Err(CoreError::Empty { source_name: table.source().into(), found: "a chart without values".into() });
    }
    let mut columns = vec![
        Column { name: step_name.to_string(), cells: Cells::Number(steps) },
        Column { name: "run".into(), cells: Cells::Text(labels) },
    ];
    let metric = |(name, v): (&str, Vec<f64>)| Column { name: name.into(), cells: Cells::Number(v) };
    columns.extend(metrics.iter().copied().zip(values).map(metric));
    Table::new(table.source(), columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wandb_chart_becomes_one_row_per_run_and_step() {
        let text = "\"Step\",\"a - eval/loss\",\"a - eval/loss__MIN\",\"a - eval/loss__MAX\",\"b - eval/loss\",\
                    \"b - eval/loss__MIN\",\"b - eval/loss__MAX\"\n10,4.0,4.0,4.0,5.0,5.0,5.0\n20,3.0,3.0,3.0,,,\n";
        let table = unfold(Table::from_csv_text("w.csv", text).unwrap(), Path::new("w.csv")).unwrap();
        assert_eq!(table.numbers("eval/loss").unwrap(), [4.0, 3.0, 5.0]);
        assert_eq!(table.numbers("step").unwrap(), [10.0, 20.0, 10.0]);
        let runs: Vec<String> = table.labels("run").unwrap().iter().map(|r| r.to_string()).collect();
        assert_eq!(runs, ["a", "a", "b"]);
    }

    #[test]
    fn a_tensorboard_export_gets_its_run_from_the_file_name() {
        let text = "Wall time,Step,Value\n1.5e9,1,9.0\n1.6e9,2,8.0\n";
        let path = Path::new("runs/small.csv");
        let table = unfold(Table::from_csv_text("small.csv", text).unwrap(), path).unwrap();
        assert_eq!(table.numbers("loss").unwrap(), [9.0, 8.0]);
        assert_eq!(table.labels("run").unwrap()[0].as_ref(), "small");
    }
}
