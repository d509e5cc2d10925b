//! Parquet files with a column of text, or of messages.

use super::jsonl::{Row, push_message};
use super::{BuildOptions, Read};
use crate::DataError;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use kleiber_core::{guard, table::parquet_pages::check_pages};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use std::fs::File;
use std::io::{Read as _, Seek, SeekFrom};

/// Bytes that the values of one batch may take, if each is as long as the largest page.
const BATCH_BYTES: u64 = 64 << 20;

pub(super) fn read(shown: &str, name: &str, file: File, size: u64, options: &BuildOptions) -> Result<Read, DataError> {
    // The decoder trusts some lengths inside damaged pages and panics on them; that is a bad file, not a bug here.
    guard::quiet(|| decode(shown, name, file, size, options))
        .unwrap_or_else(|panic| Err(malformed(shown, format!("damaged data ({panic})"))))
}

fn malformed(shown: &str, found: String) -> DataError {
    DataError::Malformed { source_name: shown.into(), line: 0, found, expected: "a complete Parquet file".into() }
}

fn decode(shown: &str, name: &str, file: File, size: u64, options: &BuildOptions) -> Result<Read, DataError> {
    let bad = |found: String| malformed(shown, found);
    let pages = file.try_clone().map_err(|e| bad(e.to_string()))?;
    let reader_options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(file, reader_options).map_err(|e| bad(e.to_string()))?;
    let wanted = [options.text_field.as_str(), "messages", "domain", "group"];
    let fields = builder.schema().fields().clone();
    if !fields.iter().any(|f| f.name() == wanted[0] || f.name() == wanted[1]) {
        let names: Vec<&str> = fields.iter().take(20).map(|f| f.name().as_str()).collect();
        return Err(DataError::Malformed {
            source_name: shown.into(),
            line: 0,
            found: format!("columns {}", names.join(", ")),
            expected: format!("a column `{}` or `messages`", wanted[0]),
        });
    }
    let metadata = builder.metadata().clone();
    let rows = u64::try_from(metadata.file_metadata().num_rows()).map_err(|_| bad("a negative row count".into()))?;
    let is_wanted = |root: &str| wanted.contains(&root);
    let mut largest = 1;
    for chunk in metadata.row_groups().iter().flat_map(|g| g.columns()) {
        if !chunk.column_path().parts().first().is_some_and(|root| is_wanted(root)) {
            continue;
        }
        let (start, length) = chunk.byte_range();
        if start.saturating_add(length) > size {
            return Err(bad(format!("a column that ends beyond the {size} bytes of the file")));
        }
        let mut bytes = Vec::new();
        let mut reader = &pages;
        reader.seek(SeekFrom::Start(start)).map_err(|e| bad(e.to_string()))?;
        reader.take(length).read_to_end(&mut bytes).map_err(|e| bad(e.to_string()))?;
        largest = check_pages(&bytes).map_err(bad)?.max(largest);
    }
    let roots = builder.parquet_schema().root_schema().get_fields().iter().map(|f| f.name().to_string());
    let roots: Vec<usize> = roots.enumerate().filter(|(_, root)| is_wanted(root)).map(|(i, _)| i).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    // One entry of a dictionary may stand in every row: small batches bound what a batch unpacks to.
    let batch = (BATCH_BYTES / largest).clamp(1, 1024) as usize;
    let most = options.limits.unpacked(size);
    let (mut read, mut row, mut unpacked) = (Read::default(), 0u64, 0u64);
    for part in builder.with_projection(mask).with_batch_size(batch).build().map_err(|e| bad(e.to_string()))? {
        let part = part.map_err(|e| bad(e.to_string()))?;
        for index in 0..part.num_rows() {
            row += 1;
            if row > rows {
                return Err(bad(format!("more rows than the {rows} of its footer")));
            }
            let cell = |name: &str| part.column_by_name(name).and_then(|column| text(column, index));
            let messages = || part.column_by_name(wanted[1]).and_then(|column| conversation(column, index));
            let values =
                Row { text: cell(wanted[0]).or_else(messages), domain: cell(wanted[2]), group: cell(wanted[3]) };
            unpacked += [&values.text, &values.domain, &values.group]
                .into_iter()
                .flatten()
                .map(|t| t.len() as u64)
                .sum::<u64>();
            if unpacked > most {
                let (found, limit) = ("unpacks to more".into(), format!("{most} bytes for a file of its size"));
                return Err(DataError::TooLarge { source_name: shown.into(), found, limit });
            }
            match values.document(format!("{name}#{row:08}"), options) {
                Some(document) => read.documents.push(document),
                None => read.skipped += 1,
            }
        }
    }
    Ok(read)
}

/// The text of a cell, if the column holds text and the cell is not null.
fn text(column: &ArrayRef, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    match column.data_type() {
        DataType::Utf8 => column.as_string_opt::<i32>().map(|c| c.value(row).to_string()),
        DataType::LargeUtf8 => column.as_string_opt::<i64>().map(|c| c.value(row).to_string()),
        DataType::Utf8View => column.as_string_view_opt().map(|c| c.value(row).to_string()),
        _ => None,
    }
}

/// A list of structures with `role` and `content`, as text.
fn conversation(column: &ArrayRef, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    let list = match column.data_type() {
        DataType::List(_) => column.as_list_opt::<i32>()?.value(row),
        DataType::LargeList(_) => column.as_list_opt::<i64>()?.value(row),
        _ => return None,
    };
    let messages = list.as_struct_opt()?;
    let (roles, contents) = (messages.column_by_name("role")?, messages.column_by_name("content")?);
    let mut all = String::new();
    for index in 0..messages.len() {
        push_message(&mut all, &text(roles, index)?, &text(contents, index).unwrap_or_default());
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use std::io::Write;
    use std::sync::Arc;

    fn file(columns: Vec<(&str, ArrayRef)>) -> (tempfile::NamedTempFile, u64) {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        (file, bytes.len() as u64)
    }

    fn open(columns: Vec<(&str, ArrayRef)>) -> Result<Read, DataError> {
        let (file, size) = file(columns);
        read("x.parquet", "x.parquet", file.reopen().unwrap(), size, &BuildOptions::default())
    }

    #[test]
    fn text_with_labels() {
        let strings = |v: &[Option<&str>]| Arc::new(v.iter().collect::<StringArray>()) as ArrayRef;
        let read = open(vec![
            ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
            ("text", strings(&[Some("one"), None, Some("three")])),
            ("domain", strings(&[Some("docs"), None, None])),
        ])
        .unwrap();
        let documents: Vec<&crate::Document> = read.documents.iter().map(|d| &d.document).collect();
        assert_eq!(documents[0], &crate::Document::new("one", "docs", "x.parquet#00000001"));
        assert_eq!((documents.len(), documents[1].text.as_str(), read.skipped), (2, "three", 1));
    }

    #[test]
    fn another_table_is_refused_with_its_columns() {
        let error = open(vec![("loss", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]).unwrap_err().to_string();
        assert_eq!(error, "x.parquet: found columns loss, expected a column `text` or `messages`");
    }

    #[test]
    fn a_repeated_long_text_stops_at_the_limit() {
        let long = "x".repeat(400_000);
        let column: StringArray = (0..3000).map(|_| Some(long.as_str())).collect();
        let error = open(vec![("text", Arc::new(column) as ArrayRef)]).unwrap_err();
        assert!(matches!(error, DataError::TooLarge { .. }), "{error}");
    }
}
