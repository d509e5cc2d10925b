//! Parquet files that are cut off, lie about their size, or hold no column of numbers.

use crate::case::{Case, fit};
use crate::common::runs;

/// A footer in compact Thrift: schema elements, row count, no row groups.
fn footer(schema: &[Vec<u8>], rows: i64) -> Vec<u8> {
    let mut bytes = vec![0x15, 0x02, 0x19, ((schema.len() as u8) << 4) | 0x0c];
    schema.iter().for_each(|element| bytes.extend(element));
    bytes.push(0x16);
    bytes.extend(varint(((rows << 1) ^ (rows >> 63)) as u64));
    bytes.extend([0x19, 0x0c, 0x00]);
    bytes
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A group with this many children.
fn group(name: &str, children: u8) -> Vec<u8> {
    [&[0x48, name.len() as u8], name.as_bytes(), &[0x15, children << 1, 0x00]].concat()
}

/// An optional column of doubles.
fn double(name: &str) -> Vec<u8> {
    [&[0x15, 0x0a, 0x25, 0x02, 0x18, name.len() as u8], name.as_bytes(), &[0x00]].concat()
}

/// A file that consists of a footer alone.
fn file(footer: &[u8]) -> Vec<u8> {
    [b"PAR1", footer, &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat()
}

fn good() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    runs().write(&path).unwrap();
    std::fs::read(path).unwrap()
}

pub(crate) fn cases() -> Vec<Case> {
    let good = good();
    let mut cases: Vec<Case> = (1..8)
        .map(|i| good.len() * i / 8)
        .chain([1, 11, 12, good.len() - 1, good.len() - 4, good.len() - 8])
        .map(|length| {
            fit(&format!("cut off at {length} of {}", good.len()), "t.parquet", &good[..length])
                .fails("t.parquet", "a complete Parquet file")
        })
        .collect();
    let declared = |length: u32| {
        let mut bytes = good.clone();
        let at = bytes.len() - 8;
        bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
        bytes
    };
    let flat = [group("m", 2), double("params"), double("loss")];
    let mut swapped = good.clone();
    swapped[4..100].reverse();
    cases.extend([
        fit("Parquet", "t.parquet", good.clone()).works(),
        fit("Parquet named .pq", "t.pq", good.clone()).works(),
        fit("an empty Parquet file", "t.parquet", "").fails("0 bytes", "a complete Parquet file"),
        fit("magic only", "t.parquet", "PAR1").fails("4 bytes", "a complete Parquet file"),
        fit("magic three times", "t.parquet", "PAR1PAR1PAR1").fails("t.parquet", "a complete Parquet file"),
        fit("footer length 0", "t.parquet", declared(0)).fails("t.parquet", "a complete Parquet file"),
        fit("footer length 2^31", "t.parquet", declared(1 << 31)).fails("t.parquet", "a complete Parquet file"),
        fit("footer length 2^32-1", "t.parquet", declared(u32::MAX)).fails("t.parquet", "a complete Parquet file"),
        fit("damaged pages", "t.parquet", swapped).fails("t.parquet", "a complete Parquet file"),
        fit("10^10 rows", "t.parquet", file(&footer(&flat, 10_000_000_000)))
            .fails("10000000000 rows of 2 columns", "limit"),
        fit("2^61 rows", "t.parquet", file(&footer(&flat, 1 << 61))).fails("rows of 2 columns", "limit"),
        fit("a negative row count", "t.parquet", file(&footer(&flat, -1)))
            .fails("t.parquet", "a complete Parquet file"),
        fit("rows without row groups", "t.parquet", file(&footer(&flat, 5))).fails("no rows", "header"),
        fit("zero rows", "t.parquet", file(&footer(&flat, 0))).fails("no rows", "header"),
        fit("zero columns", "t.parquet", file(&footer(&[group("m", 0)], 5))).fails("t.parquet", "help:"),
        fit("nested columns only", "t.parquet", file(&footer(&[group("m", 1), group("inner", 1), double("loss")], 5)))
            .fails("t.parquet", "help:"),
        fit("a schema that promises more", "t.parquet", file(&footer(&[group("m", 60), double("loss")], 5)))
            .fails("t.parquet", "a complete Parquet file"),
        fit(
            "a list of 2^31 schema elements",
            "t.parquet",
            file(&[0x15, 0x02, 0x19, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x07]),
        )
        .fails("t.parquet", "a complete Parquet file"),
        fit("Parquet named .csv", "t.csv", good.clone()).fails("not UTF-8", "help:"),
        fit("CSV named .parquet", "t.parquet", "params,tokens,loss\n1,2,3\n".repeat(9))
            .fails("t.parquet", "a complete Parquet file"),
        fit("an encrypted footer", "t.parquet", [&good[..good.len() - 4], b"PARE"].concat())
            .fails("t.parquet", "a complete Parquet file"),
    ]);
    cases
}
