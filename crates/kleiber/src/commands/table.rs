//! Options shared by the commands that read a run table.

use crate::error::CliError;
use crate::figures::quoted;
use clap::Args;
use kleiber_core::CoreError;
use kleiber_core::table::{Selection, Table, recognise};
use kleiber_laws::Law;
use kleiber_laws::forms::Bound;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Most bytes read from stdin.
const MOST_STDIN: u64 = 4 << 30;

/// The table and how to read it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Table")]
pub(crate) struct TableArgs {
    /// Run table: .csv, .tsv, .jsonl, .json or .parquet; also W&B and TensorBoard CSV exports. - reads text from stdin.
    pub(crate) table: PathBuf,
    /// Name a column, or compute one: params=N, tokens=flops/(6*params). Usual names are recognised without it.
    ///
    /// The right side is a column's name as it stands in the file, spaces allowed, or an expression over columns
    /// and names mapped before it. Columns with spaces inside an expression go in {braces}.
    #[arg(long = "map", value_name = "NAME=COLUMN|EXPR", allow_hyphen_values = true)]
    pub(crate) maps: Vec<String>,
    /// Keep only rows for which this is true: 'loss<5 && flops>1e18 && corpus=="c4"'. Applied before any check.
    #[arg(long = "where", value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) conditions: Vec<String>,
}

impl TableArgs {
    /// Reads the table, maps columns and keeps the rows asked for.
    pub(crate) fn read(&self) -> Result<Table, CliError> {
        let mut selection = Selection::new();
        for map in &self.maps {
            selection = selection.map(map)?;
        }
        for condition in &self.conditions {
            selection = selection.filter(condition)?;
        }
        let table = if self.table == Path::new("-") { read_stdin()? } else { Table::read(&self.table)? };
        let table = selection.apply(&table)?;
        if table.rows() == 0 {
            let message = format!("{}: no row satisfies --where", self.table.display());
            return Err(CliError::usage(message, "loosen the condition; text is compared in quotes: corpus==\"c4\""));
        }
        Ok(table)
    }

    /// These options as they would be typed again, for a hint.
    pub(crate) fn words(&self) -> String {
        let options = |name: &'static str, values: &[String]| {
            values.iter().map(move |v| format!(" {name} {}", quoted(v))).collect::<String>()
        };
        let table = quoted(&self.table.to_string_lossy());
        format!("{table}{}{}", options("--map", &self.maps), options("--where", &self.conditions))
    }
}

fn read_stdin() -> Result<Table, CliError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MOST_STDIN).read_to_end(&mut bytes);
    read.map_err(|source| CoreError::Io { path: "-".into(), action: "read", source })?;
    Ok(Table::from_text("stdin", &bytes)?)
}

/// The law asked for, or the one that the columns of the table suggest.
pub(crate) fn law_for(text: Option<&str>, table: &Table, bounds: &[Bound]) -> Result<Law, CliError> {
    let columns: Vec<&str> = table.columns().iter().map(|c| c.name.as_str()).collect();
    let is_formula = text.is_some_and(|t| t.contains(['+', '*', '/', '^', '(', '=']));
    if !bounds.is_empty() && !is_formula {
        return Err(CliError::usage("--bounds belongs to a formula", "use --fix or --tie with a named law"));
    }
    if let Some(text) = text {
        return Ok(Law::parse(text, &columns, bounds)?);
    }
    let has = |name: &str| recognise(table, name).is_some();
    let size = has("params") || has("params_matmul") || has("params_total");
    let surface = [size, has("tokens"), has("flops")].into_iter().filter(|found| *found).count() >= 2;
    Ok(Law::named(if surface { "chinchilla" } else { "m2" })?)
}
