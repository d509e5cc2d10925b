//! Writing a table as CSV, TSV, JSON Lines or Parquet.

use super::{Cells, SCHEMA, Table};
use crate::{CoreError, atomic};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use std::path::Path;
use std::sync::Arc;

/// Formats that a table is written in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format {
    Csv,
    Tsv,
    JsonLines,
    Parquet,
}

/// The format that an extension names.
pub(super) fn format(path: &Path) -> Result<Format, CoreError> {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "csv" => Ok(Format::Csv),
        "tsv" => Ok(Format::Tsv),
        "jsonl" | "ndjson" => Ok(Format::JsonLines),
        "parquet" | "pq" => Ok(Format::Parquet),
        _ => Err(CoreError::UnknownFormat { path: path.into(), extension }),
    }
}

pub(super) fn write(table: &Table, path: &Path) -> Result<(), CoreError> {
    let failed = |e: &dyn std::fmt::Display| CoreError::Io {
        path: path.into(),
        action: "write",
        source: std::io::Error::other(e.to_string()),
    };
    let bytes = match format(path)? {
        Format::Csv => delimited(table, b',').map_err(|e| failed(&e))?,
        Format::Tsv => delimited(table, b'\t').map_err(|e| failed(&e))?,
        Format::JsonLines => json_lines(table),
        Format::Parquet => parquet_bytes(table).map_err(|e| failed(&e))?,
    };
    atomic::write(path, &bytes)
}

fn delimited(table: &Table, delimiter: u8) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    writer.write_record(table.columns().iter().map(|c| c.name.as_str()))?;
    for row in 0..table.rows() {
        writer.write_record(table.columns().iter().map(|c| c.cells.text(row)))?;
    }
    writer.into_inner().map_err(|e| e.into_error().into())
}

fn json_lines(table: &Table) -> Vec<u8> {
    let mut out = Vec::new();
    for row in 0..table.rows() {
        let value = |cells: &Cells| match cells {
            // JSON has no NaN or infinity; they become null, as an empty cell does.
            Cells::Number(v) => serde_json::Value::from(v[row]),
            Cells::Text(v) => serde_json::Value::from(v[row].as_ref()),
        };
        let object: serde_json::Map<_, _> = table.columns().iter().map(|c| (c.name.clone(), value(&c.cells))).collect();
        out.extend_from_slice(serde_json::Value::from(object).to_string().as_bytes());
        out.push(b'\n');
    }
    out
}

fn parquet_bytes(table: &Table) -> Result<Vec<u8>, parquet::errors::ParquetError> {
    let array = |cells: &Cells| -> ArrayRef {
        match cells {
            Cells::Number(v) => Arc::new(v.iter().map(|x| (!x.is_nan()).then_some(*x)).collect::<Float64Array>()),
            Cells::Text(v) => Arc::new(StringArray::from_iter_values(v.iter())),
        }
    };
    let kind = |cells: &Cells| if matches!(cells, Cells::Number(_)) { DataType::Float64 } else { DataType::Utf8 };
    let fields: Vec<Field> = table.columns().iter().map(|c| Field::new(&c.name, kind(&c.cells), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), table.columns().iter().map(|c| array(&c.cells)).collect())?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(vec![KeyValue::new("schema".to_string(), SCHEMA.to_string())]))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(bytes)
}
