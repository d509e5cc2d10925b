//! Small Parquet files whose headers promise more than the file holds: read in memory that follows the file.
#![allow(missing_docs)]

mod common;

use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use common::{parquet, peak_rss};
use kleiber_core::CoreError;
use kleiber_core::table::Table;
use parquet::basic::Compression;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

const FEW: u64 = 400 << 20;

fn plain() -> WriterPropertiesBuilder {
    WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None).set_offset_index_disabled(true)
}

/// One column of one value.
fn constant(rows: usize, properties: WriterProperties) -> Vec<u8> {
    let column: ArrayRef = Arc::new(Float64Array::from(vec![3.0; rows]));
    parquet(&RecordBatch::try_from_iter([("loss", column)]).unwrap(), properties)
}

/// The file with its footer written anew.
fn with_footer(path: &Path, bytes: &[u8], data: Vec<u8>, chunk: impl Fn(ColumnChunkMetaData) -> ColumnChunkMetaData) {
    std::fs::write(path, bytes).unwrap();
    let old = ParquetMetaDataReader::new().parse_and_finish(&File::open(path).unwrap()).unwrap();
    let f = old.file_metadata();
    let file = FileMetaData::new(f.version(), f.num_rows(), None, None, f.schema_descr_ptr(), None);
    let groups = old.row_groups().iter().map(|g| {
        let columns = g.columns().iter().cloned().map(&chunk).collect();
        g.clone().into_builder().set_column_metadata(columns).build().unwrap()
    });
    let metadata = ParquetMetaData::new(file, groups.collect());
    let mut out = data;
    ParquetMetaDataWriter::new(&mut out, &metadata).finish().unwrap();
    std::fs::write(path, out).unwrap();
}

fn data_part(bytes: &[u8]) -> Vec<u8> {
    let tail = bytes.len() - 8;
    let footer = u32::from_le_bytes(bytes[tail..tail + 4].try_into().unwrap()) as usize;
    bytes[..tail - footer].to_vec()
}

#[test]
fn headers_that_promise_too_much_cost_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let before = peak_rss().unwrap_or(0);

    // A page that says it unpacks to 2 GiB: its size, five bytes long, in place of the true one.
    let bytes = constant(2000, plain().set_compression(Compression::SNAPPY).set_dictionary_enabled(false).build());
    let mut data = data_part(&bytes);
    assert_eq!(data[4..7], [0x15, 0x00, 0x15], "a page header starts with its type and its size");
    let length = data[7..].iter().position(|b| b & 0x80 == 0).unwrap() + 1;
    data.splice(7..7 + length, [0xfe, 0xff, 0xff, 0xff, 0x0f]);
    let grown = 5 - length as i64;
    with_footer(&path, &bytes, data, |c| {
        let size = c.compressed_size() + grown;
        c.into_builder().set_total_compressed_size(size).build().unwrap()
    });
    let result = Table::read(&path);
    let used = peak_rss().unwrap_or(0).saturating_sub(before);
    assert!(used < FEW, "a page of a small file took {} MiB", used >> 20);
    assert!(result.is_err(), "a page of another size than it declares was read");
}

#[test]
fn more_rows_than_declared_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let mut bytes = constant(3_000_000, plain().build());
    assert!(bytes.len() < 100_000, "{}", bytes.len());
    // The row count of the file, 3,000,000 as a zigzag varint, becomes 5 in as many bytes.
    let (true_count, small_count) = ([0x16, 0x80, 0x9b, 0xee, 0x02], [0x16, 0x8a, 0x80, 0x80, 0x00]);
    let footer = data_part(&bytes).len();
    let at = footer + bytes[footer..].windows(5).position(|w| w == true_count).unwrap();
    bytes[at..at + 5].copy_from_slice(&small_count);
    std::fs::write(&path, bytes).unwrap();
    let declared = ParquetMetaDataReader::new().parse_and_finish(&File::open(&path).unwrap()).unwrap();
    assert_eq!(declared.file_metadata().num_rows(), 5);
    let result = Table::read(&path).map(|t| t.rows());
    assert!(result.is_err(), "the footer declares 5 rows, {result:?} were read");
}

#[test]
fn a_chunk_beyond_the_end_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let bytes = constant(50, plain().build());
    for size in [1 << 20, i64::MAX] {
        with_footer(&path, &bytes, data_part(&bytes), |c| {
            c.into_builder().set_total_compressed_size(size).build().unwrap()
        });
        let error = Table::read(&path).unwrap_err().to_string();
        assert!(error.contains("expected a complete Parquet file"), "{error}");
    }
}

#[test]
fn nested_and_unusual_columns_are_left_out() {
    use arrow_array::builder::{BinaryBuilder, Float64Builder, ListBuilder};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let (mut lists, mut blobs) = (ListBuilder::new(Float64Builder::new()), BinaryBuilder::new());
    for i in 0..4u8 {
        lists.values().append_value(f64::from(i));
        lists.append(true);
        blobs.append_value([i; 3]);
    }
    let (lists, blobs): (ArrayRef, ArrayRef) = (Arc::new(lists.finish()), Arc::new(blobs.finish()));
    let loss: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 4.0]));
    let only = RecordBatch::try_from_iter([("lists", lists.clone()), ("blobs", blobs)]).unwrap();
    std::fs::write(&path, parquet(&only, plain().build())).unwrap();
    let error = Table::read(&path).unwrap_err();
    assert!(matches!(error, CoreError::Empty { .. }), "{error}");
    let mixed = RecordBatch::try_from_iter([("lists", lists), ("loss", loss)]).unwrap();
    std::fs::write(&path, parquet(&mixed, plain().build())).unwrap();
    assert_eq!(Table::read(&path).unwrap().numbers("loss").unwrap(), [1.0, 2.0, 3.0, 4.0]);
}
