//! How much a file may unpack to.

use crate::DataError;
use serde::{Deserialize, Serialize};
use std::io::{self, BufReader, Read};

/// Limits on what is read from one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Most bytes that any file may hold or unpack to.
    pub bytes: u64,
    /// Most unpacked bytes for each packed byte, for gzip, Zstandard and Parquet.
    pub ratio: u64,
    /// Unpacked bytes that the ratio always allows, for small files.
    pub free: u64,
}

impl Default for Limits {
    /// 4 GiB, 200:1, 1 MiB.
    fn default() -> Self {
        Self { bytes: 4 << 30, ratio: 200, free: 1 << 20 }
    }
}

impl Limits {
    /// Most bytes that `packed` bytes may unpack to.
    pub fn unpacked(&self, packed: u64) -> u64 {
        packed.saturating_mul(self.ratio).max(self.free).min(self.bytes)
    }
}

/// How a file is packed, by the ending of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    /// The packing and the name without its ending.
    pub(crate) fn of(name: &str) -> (Self, &str) {
        for (ending, packing) in [(".gz", Self::Gzip), (".zst", Self::Zstd)] {
            if let Some(stem) = name.strip_suffix(ending) {
                return (packing, stem);
            }
        }
        (Self::Plain, name)
    }
}

/// Window of a Zstandard frame: 2^27 bytes is what level 22 uses, and what a decoder accepts by default.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Unpacks `reader`, which holds `packed` bytes; reading beyond the limits fails with an error that
/// [`too_large`] recognises.
pub(crate) fn unpack<'a>(
    reader: impl Read + 'a,
    packing: Packing,
    packed: u64,
    limits: &Limits,
) -> io::Result<Box<dyn Read + 'a>> {
    let (inner, limit): (Box<dyn Read + 'a>, u64) = match packing {
        Packing::Plain => (Box::new(reader), limits.bytes),
        Packing::Gzip => {
            (Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::new(reader))), limits.unpacked(packed))
        }
        Packing::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(reader)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            (Box::new(decoder), limits.unpacked(packed))
        }
    };
    Ok(Box::new(Bounded { inner, left: limit, limit }))
}

struct Bounded<'a> {
    inner: Box<dyn Read + 'a>,
    left: u64,
    limit: u64,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{} bytes", self.limit))),
        }
        Ok(count)
    }
}

/// An error of reading packed data: beyond the limits, or damaged.
pub(crate) fn unpack_error(name: &str, error: &io::Error) -> DataError {
    if error.kind() == io::ErrorKind::FileTooLarge {
        let limit = format!("{error} for a file of its size");
        return DataError::TooLarge { source_name: name.into(), found: "unpacks to more".into(), limit };
    }
    DataError::Malformed {
        source_name: name.into(),
        line: 0,
        found: error.to_string(),
        expected: "undamaged data".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(bytes: &[u8], packing: Packing) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        unpack(bytes, packing, bytes.len() as u64, &Limits::default())?.read_to_end(&mut out)?;
        Ok(out)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn packed_text_comes_back() {
        let text = b"text ".repeat(1000);
        assert_eq!(read(&gzip(&text), Packing::Gzip).unwrap(), text);
        assert_eq!(read(&zstd::encode_all(&text[..], 3).unwrap(), Packing::Zstd).unwrap(), text);
        assert_eq!(Packing::of("a.jsonl.zst"), (Packing::Zstd, "a.jsonl"));
        assert!(read(&gzip(&text)[..30], Packing::Gzip).is_err());
    }

    #[test]
    fn bombs_stop_at_the_ratio() {
        let zeros = vec![0; 64 << 20];
        for (bytes, packing) in
            [(gzip(&zeros), Packing::Gzip), (zstd::encode_all(&zeros[..], 19).unwrap(), Packing::Zstd)]
        {
            let error = read(&bytes, packing).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge, "{error}");
            assert!(unpack_error("bomb", &error).to_string().starts_with("bomb: unpacks to more, more than the limit"));
        }
    }
}
