//! Delimited text (CSV, TSV and their cousins) through the `csv` crate, and the columns that every reader of text
//! fills.

use super::{Cells, Column, Table};
use crate::CoreError;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// Largest file that is read into memory.
const MAX_BYTES: u64 = 8 << 30;
/// Most columns a table may have.
pub(super) const MAX_COLUMNS: usize = 4096;

pub(super) fn delimited(path: &Path) -> Result<Table, CoreError> {
    delimited_text(&name_of(path), &load(path)?)
}

/// Reads delimited text; the delimiter is the one of `, TAB ; |` that the header holds most often.
pub(super) fn delimited_text(source: &str, bytes: &[u8]) -> Result<Table, CoreError> {
    let bytes = checked_text(source, bytes)?;
    let header_end = bytes.iter().position(|&b| b == b'\n' || b == b'\r').unwrap_or(bytes.len());
    let count = |d: u8| bytes[..header_end].iter().filter(|&&b| b == d).count();
    let delimiter = [b',', b'\t', b';', b'|'].into_iter().max_by_key(|&d| (count(d), d == b',')).unwrap_or(b',');

    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let malformed = |e: &csv::Error| CoreError::Malformed {
        source_name: source.into(),
        line: e.position().map_or(0, csv::Position::line),
        found: e.to_string(),
        expected: "delimited text".into(),
    };
    let header: Vec<String> = reader.headers().map_err(|e| malformed(&e))?.iter().map(str::to_string).collect();
    let names = header_names(source, &header)?;
    let mut builders: Vec<Builder> = names.iter().map(|_| Builder::default()).collect();
    let mut texts = Interner::default();
    let mut record = csv::StringRecord::new();
    let (mut rows, mut broken) = (0u64, None);
    loop {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(e) => return Err(malformed(&e)),
        }
        let fields = record.len();
        broken = record.as_slice().contains('\n').then(|| record.position().map_or(0, csv::Position::line));
        // A trailing delimiter on every data line is harmless; anything else loses or invents data.
        let trailing = fields == names.len() + 1 && record.get(fields - 1) == Some("");
        if fields != names.len() && !trailing {
            return Err(CoreError::Malformed {
                source_name: source.into(),
                line: record.position().map_or(0, csv::Position::line),
                found: format!("{fields} fields"),
                expected: format!("{} as in the header (delimiter {})", names.len(), delimiter_name(delimiter)),
            });
        }
        for (builder, field) in builders.iter_mut().zip(record.iter()) {
            builder.push(field, &mut texts);
        }
        rows += 1;
    }
    // A quote that is never closed takes the rest of the file into one cell without an error.
    if let Some(line) = broken
        && bytes.iter().filter(|&&b| b == b'"').count() % 2 == 1
    {
        return Err(CoreError::Malformed {
            source_name: source.into(),
            line,
            found: "a quote that is never closed".into(),
            expected: "quotes in pairs".into(),
        });
    }
    finish(source, names, builders, rows)
}

/// A cell as a number: plain numbers, empty and the usual words for "missing" (`NaN`).
pub(super) fn number(text: &str) -> Option<f64> {
    match text.trim() {
        "" | "NA" | "N/A" | "null" | "None" => Some(f64::NAN),
        plain => plain.parse().ok(),
    }
}

/// Collects one column, as numbers for as long as every cell is one.
#[derive(Default)]
pub(super) struct Builder {
    numbers: Vec<f64>,
    text: Option<Vec<Arc<str>>>,
    pub(super) rows: usize,
}

impl Builder {
    pub(super) fn push(&mut self, field: &str, texts: &mut Interner) {
        self.rows += 1;
        if let Some(text) = &mut self.text {
            text.push(texts.get(field));
            return;
        }
        match number(field) {
            Some(value) => self.numbers.push(value),
            None => {
                let mut text: Vec<Arc<str>> = self.numbers.drain(..).map(|v| texts.get(&plain(v))).collect();
                text.push(texts.get(field));
                self.text = Some(text);
            }
        }
    }

    fn cells(self) -> Cells {
        self.text.map_or(Cells::Number(self.numbers), Cells::Text)
    }
}

fn plain(value: f64) -> String {
    if value.is_nan() { String::new() } else { value.to_string() }
}

/// Shares equal texts, so that a label column of a million rows costs a pointer per row.
#[derive(Default)]
pub(super) struct Interner(HashSet<Arc<str>>);

impl Interner {
    fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.0.insert(new.clone());
        new
    }
}

pub(super) fn header_names(source: &str, header: &[String]) -> Result<Vec<String>, CoreError> {
    if header.len() > MAX_COLUMNS {
        return Err(too_many_columns(source));
    }
    let mut first_at: HashMap<&str, usize> = HashMap::new();
    for (position, name) in header.iter().enumerate() {
        if let Some(first) = first_at.insert(name, position).filter(|_| !name.is_empty()) {
            return Err(CoreError::DuplicateColumn {
                source_name: source.into(),
                column: name.clone(),
                first: first + 1,
                second: position + 1,
            });
        }
    }
    if header.iter().all(String::is_empty) {
        return Err(CoreError::Empty { source_name: source.into(), found: "no header".into() });
    }
    // Data frames write their index under an empty name.
    let unnamed = |(i, n): (usize, &String)| if n.is_empty() { format!("unnamed {}", i + 1) } else { n.clone() };
    Ok(header.iter().enumerate().map(unnamed).collect())
}

pub(super) fn finish(source: &str, names: Vec<String>, builders: Vec<Builder>, rows: u64) -> Result<Table, CoreError> {
    if rows == 0 {
        return Err(CoreError::Empty { source_name: source.into(), found: "only a header".into() });
    }
    if names.iter().all(|n| number(n).is_some()) {
        return Err(CoreError::Malformed {
            source_name: source.into(),
            line: 1,
            found: "only numbers in the first line".into(),
            expected: "a header with column names".into(),
        });
    }
    let columns = names.into_iter().zip(builders).map(|(name, b)| Column { name, cells: b.cells() });
    Table::new(source, columns.collect())
}

pub(super) fn load(path: &Path) -> Result<Vec<u8>, CoreError> {
    let fail = |source| CoreError::Io { path: path.into(), action: "read", source };
    let size = std::fs::metadata(path).map_err(fail)?.len();
    if size > MAX_BYTES {
        return Err(CoreError::TooLarge {
            source_name: name_of(path),
            declared: format!("{size} bytes"),
            limit: format!("{MAX_BYTES} bytes"),
        });
    }
    std::fs::read(path).map_err(fail)
}

/// Strips a byte-order mark and refuses what is empty or not UTF-8.
pub(super) fn checked_text<'a>(source: &str, bytes: &'a [u8]) -> Result<&'a [u8], CoreError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Err(e) = std::str::from_utf8(bytes) {
        let line = bytes[..e.valid_up_to()].iter().filter(|&&b| b == b'\n').count() as u64 + 1;
        return Err(CoreError::Encoding { source_name: source.into(), line });
    }
    if bytes.trim_ascii().is_empty() {
        return Err(CoreError::Empty { source_name: source.into(), found: "an empty file".into() });
    }
    if let Some(at) = bytes.iter().position(|&b| b == 0) {
        let line = bytes[..at].iter().filter(|&&b| b == b'\n').count() as u64 + 1;
        return Err(CoreError::Malformed {
            source_name: source.into(),
            line,
            found: "a zero byte".into(),
            expected: "text".into(),
        });
    }
    Ok(bytes)
}

pub(super) fn too_many_columns(source: &str) -> CoreError {
    CoreError::TooLarge {
        source_name: source.into(),
        declared: format!("more than {MAX_COLUMNS} columns"),
        limit: format!("{MAX_COLUMNS}"),
    }
}

fn delimiter_name(delimiter: u8) -> String {
    if delimiter == b'\t' { "TAB".into() } else { format!("`{}`", delimiter as char) }
}

pub(super) fn name_of(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> Result<Table, CoreError> {
        delimited_text("t.csv", text.as_bytes())
    }

    #[test]
    fn delimiters_line_ends_and_marks_are_recognised() {
        for text in ["a,b\n1,2\n", "a\tb\r\n1\t2\r\n", "\u{feff}a;b\n1;2", "a|b\n1|2\n\n", "\"a\",b\n\"1\",2,\n"] {
            let table = csv(text).unwrap();
            assert_eq!(table.numbers("a").unwrap(), [1.0], "{text:?}");
            assert_eq!(table.numbers("b").unwrap(), [2.0], "{text:?}");
        }
    }

    #[test]
    fn faults_are_named_with_their_line() {
        for (text, part) in [
            ("", "an empty file"),
            ("a,b\n", "only a header"),
            ("a,a\n1,2\n", "`a` appears twice"),
            ("a,b\n1,2\n1,2,3,4\n", "line 3: found 4 fields, expected 2"),
            ("1,2\n3,4\n", "only numbers in the first line"),
            ("a,b\n1,\u{0}\n", "a zero byte"),
            ("a,b\n1,\"2\n3,4\n", "line 2: found a quote that is never closed"),
        ] {
            let error = csv(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
        let error = delimited_text("t.csv", b"a,b\n1,\xff\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("UTF-8"), "{error}");
    }
}
