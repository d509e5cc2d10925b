//! An answer of a plan as text or JSON: the same for every plan.

use crate::output::Output;
use crate::render::{self, TableBlock};
use kleiber_core::units::format_quantity;
use kleiber_laws::Status;
use kleiber_laws::plan::{Answer, Value};

/// The answer for stdout, its warnings for stderr.
pub(super) fn output(answer: &Answer, json: bool) -> Output {
    let output = if json { Output::json(answer) } else { Output::text(text(answer)) };
    output.with_findings(Status::Ok, &[], &answer.warnings)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Number(v) => format_quantity(*v),
        Value::Count(v) => v.to_string(),
        Value::Word(word) => word.clone(),
        Value::Flag(flag) => if *flag { "yes" } else { "no" }.into(),
        Value::Nothing => "-".into(),
    }
}

fn text(answer: &Answer) -> String {
    let laws = if answer.laws.is_empty() { String::new() } else { format!(" by {}", answer.laws.join(", then ")) };
    let given: Vec<String> = answer.inputs.iter().map(|(name, v)| format!("{name} {}", shown(v))).collect();
    let mut text = format!("plan {}{laws}\nfor {}\n\n", answer.plan, given.join(", "));
    let width = answer.answer.keys().map(|k| k.chars().count()).max().unwrap_or(0);
    for (name, value) in &answer.answer {
        text.push_str(&format!("  {:<width$}  {}\n", name.replace('_', " "), shown(value)));
    }
    if let Some(table) = &answer.table {
        let numeric = (0..table.columns.len())
            .map(|i| table.rows.iter().any(|row| matches!(row[i], Value::Number(_) | Value::Count(_))))
            .collect();
        let block = TableBlock {
            headers: table.columns.iter().map(|c| c.replace('_', " ")).collect(),
            rows: table.rows.iter().map(|row| row.iter().map(shown).collect()).collect(),
            numeric,
        };
        text.push_str(&format!("\n{}", render::terminal_table(&block, Some(110))));
    }
    if !answer.assumptions.is_empty() {
        text.push('\n');
    }
    answer.assumptions.iter().for_each(|a| text.push_str(&format!("assumed: {a}\n")));
    text
}
