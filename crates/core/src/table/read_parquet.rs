//! Parquet through the `parquet` crate, with the declared sizes checked before anything is decoded.

use super::{Cells, Column, Table, parquet_pages::check_pages, read::name_of};
use crate::{CoreError, guard};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

/// Most cells (rows times columns) a file may declare: 8 GiB as numbers.
const MAX_CELLS: u64 = 1 << 30;
/// Cells that any file may declare, however small, and those it may declare for each of its bytes.
const FREE_CELLS: u64 = 1 << 24;
const CELLS_PER_BYTE: u64 = 2048;
/// Rows decoded at a time.
const BATCH: usize = 8192;

pub(super) fn read(path: &Path) -> Result<Table, CoreError> {
    let source = name_of(path);
    let fail = |source| CoreError::Io { path: path.into(), action: "read", source };
    let file = File::open(path).map_err(fail)?;
    let size = file.metadata().map_err(fail)?.len();
    let malformed = |found: String| CoreError::Malformed {
        source_name: source.clone(),
        line: 0,
        found,
        expected: "a complete Parquet file".into(),
    };
    if size < 12 {
        return Err(malformed(format!("{size} bytes")));
    }
    // The decoder trusts some lengths inside damaged pages and panics on them; that is a bad file, not a bug here.
    guard::quiet(|| decode(&source, file, size))
        .unwrap_or_else(|panic| Err(malformed(format!("damaged data ({panic})"))))
}

fn decode(source: &str, file: File, size: u64) -> Result<Table, CoreError> {
    let malformed = |found: String| CoreError::Malformed {
        source_name: source.into(),
        line: 0,
        found,
        expected: "a complete Parquet file".into(),
    };
    let pages = file.try_clone().map_err(|e| malformed(e.to_string()))?;
    // Embedded Arrow schemas may ask for dictionaries or views; the plain physical types are enough.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).map_err(|e| malformed(e.to_string()))?;
    let metadata = builder.metadata().clone();
    let rows =
        u64::try_from(metadata.file_metadata().num_rows()).map_err(|_| malformed("a negative row count".into()))?;
    let fields = builder.schema().fields().clone();
    let cells = rows.saturating_mul(fields.len().max(1) as u64);
    if cells > MAX_CELLS.min(FREE_CELLS + size.saturating_mul(CELLS_PER_BYTE)) {
        return Err(CoreError::TooLarge {
            source_name: source.into(),
            declared: format!("{rows} rows of {} columns", fields.len()),
            limit: format!("what {size} bytes can hold"),
        });
    }
    for chunk in metadata.row_groups().iter().flat_map(|g| g.columns()) {
        let (start, length) = chunk.byte_range();
        if start.saturating_add(length) > size {
            return Err(malformed(format!("a column that ends beyond the {size} bytes of the file")));
        }
        let bytes = read_range(&pages, start, length).map_err(|e| malformed(e.to_string()))?;
        check_pages(&bytes).map_err(malformed)?;
    }
    let mut columns: Vec<Option<Cells>> = vec![None; fields.len()];
    let mut read = 0;
    for batch in builder.with_batch_size(BATCH).build().map_err(|e| malformed(e.to_string()))? {
        let batch = batch.map_err(|e| malformed(e.to_string()))?;
        read += batch.num_rows() as u64;
        if read > rows {
            return Err(malformed(format!("more rows than the {rows} of its footer")));
        }
        for (column, array) in columns.iter_mut().zip(batch.columns()) {
            match (column.as_mut(), cells_of(array)) {
                (None, new) => *column = new,
                (Some(Cells::Number(all)), Some(Cells::Number(part))) => all.extend(part),
                (Some(Cells::Text(all)), Some(Cells::Text(part))) => all.extend(part),
                _ => return Err(malformed("a column that changes its type".into())),
            }
        }
    }
    let named = fields
        .iter()
        .zip(columns)
        .filter_map(|(field, cells)| Some(Column { name: field.name().clone(), cells: cells? }));
    let columns: Vec<Column> = named.collect();
    if columns.first().is_none_or(|c| c.cells.is_empty()) {
        return Err(CoreError::Empty {
            source_name: source.into(),
            found: "no rows with columns of numbers or text".into(),
        });
    }
    Table::new(source, columns)
}

fn read_range(mut file: &File, start: u64, length: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Numbers or text; `None` for lists, structs and bytes, which no law reads.
fn cells_of(array: &ArrayRef) -> Option<Cells> {
    match array.data_type() {
        DataType::Float64 => numbers::<Float64Type>(array, |v| v),
        DataType::Float32 => numbers::<Float32Type>(array, f64::from),
        DataType::Float16 => numbers::<Float16Type>(array, f64::from),
        DataType::Int8 => numbers::<Int8Type>(array, f64::from),
        DataType::Int16 => numbers::<Int16Type>(array, f64::from),
        DataType::Int32 => numbers::<Int32Type>(array, f64::from),
        DataType::Int64 => numbers::<Int64Type>(array, |v| v as f64),
        DataType::UInt8 => numbers::<UInt8Type>(array, f64::from),
        DataType::UInt16 => numbers::<UInt16Type>(array, f64::from),
        DataType::UInt32 => numbers::<UInt32Type>(array, f64::from),
        DataType::UInt64 => numbers::<UInt64Type>(array, |v| v as f64),
        DataType::Boolean => {
            let array = array.as_boolean_opt()?;
            Some(Cells::Number(array.iter().map(|v| v.map_or(f64::NAN, |b| f64::from(u8::from(b)))).collect()))
        }
        DataType::Utf8 => Some(text(array.as_string_opt::<i32>()?.iter())),
        DataType::LargeUtf8 => Some(text(array.as_string_opt::<i64>()?.iter())),
        DataType::Utf8View => Some(text(array.as_string_view_opt()?.iter())),
        _ => None,
    }
}

fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef, convert: fn(T::Native) -> f64) -> Option<Cells> {
    let array: &PrimitiveArray<T> = array.as_primitive_opt()?;
    Some(Cells::Number(array.iter().map(|v| v.map_or(f64::NAN, convert)).collect()))
}

fn text<'a>(cells: impl Iterator<Item = Option<&'a str>>) -> Cells {
    let mut last: Arc<str> = "".into();
    Cells::Text(
        cells
            .map(|cell| {
                let cell = cell.unwrap_or_default();
                // Runs of equal labels share one allocation.
                if *last != *cell {
                    last = cell.into();
                }
                last.clone()
            })
            .collect(),
    )
}
