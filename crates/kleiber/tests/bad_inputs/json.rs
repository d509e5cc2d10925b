//! JSON Lines and JSON arrays that are cut off, nested without end, or not rows at all.

use crate::case::{Case, fit};
use crate::common::runs;
use kleiber_core::table::Table;

/// The runs as JSON Lines.
fn lines(table: &Table) -> String {
    let object = |row: usize| {
        let cells: Vec<String> =
            table.columns().iter().map(|c| format!("\"{}\":{}", c.name, c.cells.text(row))).collect();
        format!("{{{}}}\n", cells.join(","))
    };
    (0..table.rows()).map(object).collect()
}

pub(crate) fn cases() -> Vec<Case> {
    let good = lines(&runs());
    let array = format!("[{}]", good.trim().replace('\n', ",\n"));
    let replaced = |line: usize, text: &str| -> String {
        good.lines().enumerate().map(|(i, l)| format!("{}\n", if i + 1 == line { text } else { l })).collect()
    };
    let deep = |open: &str, close: &str| format!("{{\"loss\":{}1{}}}", open.repeat(100_000), close.repeat(100_000));
    let sparse: String = (0..20_001).map(|i| format!("{{\"k{i}\":1}}\n")).collect();
    let leaves: Vec<String> = (0..5_000).map(|i| format!("\"{i}\":1")).collect();
    let long_names = format!("{{\"{}\":{{{}}}}}\n", "k".repeat(200_000), leaves.join(","));
    vec![
        fit("JSON Lines", "t.jsonl", good.clone()).works(),
        fit("a JSON array", "t.json", array.clone()).works(),
        fit("JSON Lines with a mark and CRLF", "t.jsonl", format!("\u{feff}{}", good.replace('\n', "\r\n"))).works(),
        fit("an array on a line", "t.jsonl", replaced(3, "[1,2]"))
            .fails("line 3: found `[1,2]`", "one JSON object per line"),
        fit("a scalar on a line", "t.jsonl", replaced(3, "17")).fails("line 3: found `17`", "one JSON object per line"),
        fit("one scalar", "t.json", "3").fails("line 1: found `3`", "one JSON object per line"),
        fit("null", "t.json", "null").fails("line 1: found `null`", "one JSON object per line"),
        fit("an empty array", "t.json", "[]").fails("no data rows", "one line per training run"),
        fit("an array of numbers", "t.json", "[1,2,3]").fails("found `1`", "array of objects"),
        fit("an object over many lines", "t.json", array.replacen('[', "{\"runs\":[", 1).replace("]", "]}"))
            .fails("line 1", "one JSON object per line"),
        fit("cut off in a line", "t.jsonl", &good[..good.len() - 9]).fails("line 30", "one JSON object per line"),
        fit("cut off in an array", "t.json", &array[..array.len() / 2]).fails("EOF", "array of objects"),
        fit("two arrays", "t.json", format!("{array}{array}")).fails("trailing characters", "array of objects"),
        fit("arrays nested 100k deep", "t.jsonl", deep("[", "]")).fails("no column", "--map"),
        fit("objects nested 100k deep", "t.jsonl", deep("{\"a\":", "}"))
            .fails("recursion limit", "one JSON object per line"),
        fit("an array nested 100k deep", "t.json", "[".repeat(100_000)).fails("EOF", "array of objects"),
        fit("1e400", "t.jsonl", replaced(2, "{\"params\":1e400,\"tokens\":2e10,\"loss\":3}"))
            .fails("line 2", "number out of range"),
        fit("NaN in JSON", "t.jsonl", replaced(2, "{\"params\":1e9,\"tokens\":2e10,\"loss\":NaN}"))
            .fails("line 2", "one JSON object per line"),
        fit("a key twice", "t.jsonl", replaced(2, "{\"params\":1e9,\"tokens\":2e10,\"loss\":3,\"loss\":2}"))
            .fails("line 2: found the key `loss` twice", "one JSON object per line"),
        fit("null loss", "t.jsonl", replaced(2, "{\"params\":1e9,\"tokens\":2e10,\"flops\":1.2e20,\"loss\":null}"))
            .refuses("non-finite", "row 2, column `loss`", "--where"),
        fit("text loss", "t.jsonl", replaced(2, "{\"params\":1e9,\"tokens\":2e10,\"loss\":\"bad\"}"))
            .fails("row 2, column `loss`: found \"bad\"", "--where"),
        fit("lone surrogate", "t.jsonl", replaced(2, "{\"a\":\"\\ud800\"}"))
            .fails("line 2", "one JSON object per line"),
        fit("a new key on each of 20k lines", "t.jsonl", sparse).fails("columns", "limit"),
        fit("long names around many leaves", "t.jsonl", long_names).fails("name", "limit"),
        fit("JSON named .csv", "t.csv", good).fails("no column", "--map"),
    ]
}
