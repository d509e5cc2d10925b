//! Seeded mutations, valid files to start from, and the memory this process has used.
#![allow(dead_code)]

mod mutate;

pub(crate) use mutate::peak_rss;

use arrow_array::{ArrayRef, BooleanArray, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use kleiber_core::rng::Rng;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use std::path::Path;
use std::sync::Arc;

/// A valid file to be damaged.
pub(crate) struct Seed {
    pub(crate) name: &'static str,
    pub(crate) format: &'static str,
    pub(crate) bytes: Vec<u8>,
}

/// A few edits of `bytes` with the signs of tables and expressions.
pub(crate) fn mutate(bytes: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    mutate::mutate(bytes, other, b"\0\x01\x7f\x80\xff\"\n\r\t,;|{}[]:.-+eE09'()^=<>&!", 4, rng)
}

/// A batch with numbers, text, truth values and nulls.
pub(crate) fn batch(rows: usize) -> RecordBatch {
    let every = |n: usize, i: usize| !i.is_multiple_of(n);
    let columns: [(&str, ArrayRef); 6] = [
        ("params", Arc::new((0..rows).map(|i| 1e7 * (1.0 + i as f64)).collect::<Float64Array>())),
        ("tokens", Arc::new((0..rows).map(|i| Some(1_000_000 * (i as i64 % 7 + 1))).collect::<Int64Array>())),
        ("loss", Arc::new((0..rows).map(|i| every(5, i).then_some(3.0 + i as f32 / 9.0)).collect::<Float32Array>())),
        ("run", Arc::new((0..rows).map(|i| Some(format!("run {i}"))).collect::<StringArray>())),
        ("corpus", Arc::new((0..rows).map(|i| every(3, i).then_some(["c4", "pile"][i % 2])).collect::<StringArray>())),
        ("done", Arc::new((0..rows).map(|i| every(4, i).then_some(i % 2 == 0)).collect::<BooleanArray>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
}

/// The batch as a Parquet file.
pub(crate) fn parquet(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Valid files of every format, small enough that a mutation hits something that matters.
pub(crate) fn seeds(folder: &Path) -> Vec<Seed> {
    let properties = WriterProperties::builder;
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let version2 = WriterVersion::PARQUET_2_0;
    let files = [
        ("snappy, dictionary", properties().set_compression(Compression::SNAPPY).build()),
        ("zstd, plain", properties().set_compression(zstd).set_dictionary_enabled(false).build()),
        (
            "gzip, version 2",
            properties().set_compression(Compression::GZIP(Default::default())).set_writer_version(version2).build(),
        ),
        (
            "lz4, many row groups",
            properties().set_compression(Compression::LZ4_RAW).set_max_row_group_row_count(Some(5)).build(),
        ),
        ("no compression, small pages", properties().set_data_page_row_count_limit(4).set_write_batch_size(2).build()),
    ];
    let batch = batch(23);
    let parquet = files.into_iter().map(|(name, p)| Seed { name, format: "parquet", bytes: parquet(&batch, p) });
    let mut seeds: Vec<Seed> = parquet.collect();
    let path = folder.join("seed.parquet");
    std::fs::write(&path, &seeds[0].bytes).unwrap();
    let table = kleiber_core::table::Table::read(&path).unwrap();
    for format in ["csv", "tsv", "jsonl"] {
        let path = folder.join(format!("seed.{format}"));
        table.write(&path).unwrap();
        seeds.push(Seed { name: format, format, bytes: std::fs::read(path).unwrap() });
    }
    let text = |name, format, text: &str| Seed { name, format, bytes: text.as_bytes().to_vec() };
    seeds.push(text("a chart export", "csv", "\"Step\",\"a - loss\",\"a - loss__MIN\",\"a - loss__MAX\",\"b - loss\",\"b - loss__MIN\",\"b - loss__MAX\"\n1,4,4,4,5,5,5\n2,3,3,3,,,\n"));
    seeds.push(text("a scalar export", "csv", "Wall time,Step,Value\n1.5e9,1,9.0\n1.6e9,2,8.0\n"));
    seeds.push(text("quoted", "tsv", "\"model size\"\t\"a \"\"b\"\"\"\t\n\"1\n2\"\t3\t\n70M\tcafé\t\n"));
    seeds.push(text(
        "nested",
        "jsonl",
        "{\"a\":{\"b\":[1,{\"c\":null}],\"d\":\"\\u00e9\"},\"loss\":1e-3}\n\n{\"loss\":true,\"a\":{}}\n",
    ));
    seeds.push(text("an array", "jsonl", "[{\"a\":1,\"b\":\"x\"},\n{\"b\":2.5e3,\"a\":null}]"));
    seeds
}
