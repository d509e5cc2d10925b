//! Delimited text that is damaged, foreign or merely unusual.

use crate::case::{Case, case, fit};
use crate::common::{edited, runs_csv};

pub(crate) fn cases() -> Vec<Case> {
    let good = runs_csv();
    let with = |delimiter: &str| good.replace(',', delimiter);
    let lines: Vec<&str> = good.lines().collect();
    let ragged = |row: usize, change: &dyn Fn(&str) -> String| -> String {
        lines.iter().enumerate().map(|(i, l)| if i == row { change(l) } else { (*l).to_string() } + "\n").collect()
    };
    let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(good.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let utf16_bare: Vec<u8> = good.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let header = |n: usize| (0..n).map(|i| format!("c{i}")).collect::<Vec<_>>().join(",");
    let long_cell = good
        .replacen("loss", "loss,note", 1)
        .lines()
        .skip(1)
        .fold("params,tokens,flops,loss,note\n".to_string(), |t, l| t + l + ",x\n");
    let note = |text: &str| -> String {
        lines
            .iter()
            .enumerate()
            .map(|(i, l)| {
                format!(
                    "{l},{}\n",
                    if i == 0 {
                        "note"
                    } else if i == 5 {
                        text
                    } else {
                        "plain"
                    }
                )
            })
            .collect()
    };
    vec![
        fit("semicolons", "t.csv", with(";")).works(),
        fit("bars in a .txt", "t.txt", with("|")).works(),
        fit("TAB in a .csv", "t.csv", with("\t")).works(),
        fit("colons", "t.csv", with(":")).fails("no column", "--map"),
        fit("spaces", "t.csv", with(" ")).fails("no column", "--map"),
        fit("byte-order mark", "t.csv", format!("\u{feff}{good}")).works(),
        fit("CRLF", "t.csv", good.replace('\n', "\r\n")).works(),
        fit("CR only", "t.csv", good.replace('\n', "\r")).works(),
        fit("no newline at the end", "t.csv", good.trim_end()).works(),
        fit("blank lines between", "t.csv", good.replace('\n', "\n\n")).works(),
        fit("a trailing delimiter on each line", "t.csv", ragged_tail(&good)).works(),
        fit("empty file", "t.csv", "").fails("an empty file", "header line"),
        fit("only white space", "t.csv", " \n\n\t\n").fails("an empty file", "header line"),
        fit("only a byte-order mark", "t.csv", "\u{feff}").fails("an empty file", "header line"),
        fit("header only", "t.csv", format!("{}\n", lines[0])).fails("only a header", "one line per training run"),
        fit("no header", "t.csv", lines[1..].join("\n")).fails("only numbers in the first line", "header"),
        fit("duplicate header", "t.csv", good.replacen("flops", "loss", 1)).fails("`loss` appears twice", "rename"),
        fit("empty header names", "t.csv", good.replacen(lines[0], ",,,", 1)).fails("no header", "header line"),
        fit("a quote never closed", "t.csv", note("\"open")).fails("line 6: found a quote", "help:"),
        fit("short row", "t.csv", ragged(4, &|l| l.rsplit_once(',').unwrap().0.to_string()))
            .fails("line 5: found 3 fields, expected 4", "help:"),
        fit("long row", "t.csv", ragged(4, &|l| format!("{l},9"))).fails("line 5: found 5 fields, expected 4", "help:"),
        fit("unclosed quote", "t.csv", ragged(4, &|l| format!("\"{l}"))).fails("line 5", "help:"),
        fit("a quote inside an unquoted cell", "t.csv", note("5\" disk")).works(),
        fit("not UTF-8", "t.csv", note("caf\u{e9}").chars().map(|c| c as u8).collect::<Vec<u8>>())
            .fails("line 6: found bytes that are not UTF-8", "iconv"),
        fit("UTF-16", "t.csv", utf16).fails("not UTF-8", "UTF-8"),
        fit("UTF-16 without a mark", "t.csv", utf16_bare).fails("zero byte", "help:"),
        fit("NUL bytes", "t.csv", good.replacen("\n4", "\n\0", 1)).fails("zero byte", "help:"),
        fit("control characters", "t.csv", good.replacen("loss", "\u{1b}[31mloss", 1))
            .fails("no column `loss`", "--map"),
        fit("100k columns", "t.csv", format!("{}\n{}\n", header(100_000), "1,".repeat(99_999) + "1"))
            .fails("columns", "limit"),
        fit("4000 columns", "t.csv", format!("{}\n{}\n", header(4_000), "1,".repeat(3_999) + "1"))
            .fails("no column", "and 3980 more"),
        fit(
            "a megabyte in an unused cell",
            "t.csv",
            long_cell.replacen(",x\n", &format!(",{}\n", "y".repeat(1 << 20)), 1),
        )
        .works(),
        fit(
            "a megabyte in a number",
            "t.csv",
            edited(|r, n, c| if r == 2 && n == "loss" { "z".repeat(1 << 20) } else { c.into() }),
        )
        .fails("row 2, column `loss`: found \"zzz", "--where"),
        fit(
            "a megabyte in the header",
            "t.csv",
            good.replacen("flops", &"h".repeat(1 << 20), 1).replacen("loss", "l0ss", 1),
        )
        .fails("t.csv", "help:"),
        fit("a gzip file named .csv", "t.csv", [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0xab; 90]].concat())
            .fails("not UTF-8", "help:"),
        fit("unknown extension", "t.xlsx", "x").fails("unknown table format `xlsx`", ".parquet"),
        fit("no extension", "t", good.clone()).fails("unknown table format", ".csv"),
        case("missing file", &["fit", "nowhere.csv"]).fails("nowhere.csv: cannot read", "check the path"),
        case("a folder", &["fit", "."]).fails("unknown table format", "help:"),
        case("a file below a file", &["fit", "runs.csv/x.csv"]).fails("cannot read", "check the path"),
        case("no table", &["fit"]).fails("<TABLE>", "--help"),
    ]
}

fn ragged_tail(text: &str) -> String {
    let mut lines = text.lines();
    let header = lines.next().unwrap().to_string();
    lines.fold(header + "\n", |t, l| t + l + ",\n")
}
