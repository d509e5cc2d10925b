//! Arrays of safetensors files. Only headers are kept in memory; every number of a header is held against the file
//! before anything is reserved by it.

use crate::ModelError;
use safetensors::Dtype;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Largest header that is read; the largest published ones are below 2 MiB.
const MAX_HEADER: u64 = 16 << 20;
/// Most dimensions of an array.
const MAX_RANK: usize = 8;
/// Bytes in front of a header: its length.
const PREFIX: u64 = 8;

/// The arrays of one or several files.
#[derive(Debug, Default)]
pub(super) struct Archive<'a> {
    files: Vec<(String, Source<'a>)>,
    arrays: BTreeMap<String, Array>,
}

#[derive(Debug)]
enum Source<'a> {
    Bytes(&'a [u8]),
    File(File),
}

/// Where an array is, and what it holds.
#[derive(Debug, Clone)]
pub(super) struct Array {
    file: usize,
    dtype: Dtype,
    pub(super) shape: Vec<usize>,
    at: u64,
    bytes: u64,
}

impl<'a> Archive<'a> {
    /// Adds the arrays of a file in memory.
    pub(super) fn add_bytes(&mut self, name: &str, bytes: &'a [u8]) -> Result<(), ModelError> {
        self.add(name, Source::Bytes(bytes), bytes.len() as u64)
    }

    /// Adds the arrays of a file.
    pub(super) fn add_file(&mut self, path: &Path) -> Result<(), ModelError> {
        let file = File::open(path).map_err(ModelError::read(path))?;
        let len = file.metadata().map_err(ModelError::read(path))?.len();
        self.add(&path.display().to_string(), Source::File(file), len)
    }

    fn add(&mut self, name: &str, source: Source<'a>, len: u64) -> Result<(), ModelError> {
        let malformed = |why: String| ModelError::malformed(name, why);
        if len < PREFIX {
            return Err(malformed(format!("{len} bytes are no safetensors file")));
        }
        let io = |e: std::io::Error| malformed(format!("cannot be read: {e}"));
        let mut prefix = [0; PREFIX as usize];
        source.read(0, &mut prefix).map_err(io)?;
        let header = u64::from_le_bytes(prefix);
        if header > len - PREFIX {
            return Err(malformed(format!("declares a header of {header} bytes in a file of {len}")));
        }
        if header > MAX_HEADER {
            return Err(ModelError::TooLarge { source_name: name.into(), found: header, limit: MAX_HEADER });
        }
        let mut text = vec![0; header as usize];
        source.read(PREFIX, &mut text).map_err(io)?;
        let Header(infos) = serde_json::from_slice(&text).map_err(|e| malformed(format!("its header: {e}")))?;
        let data = len - PREFIX - header;
        let mut order: Vec<(&String, &Info)> = infos.iter().collect();
        order.sort_by_key(|(_, info)| info.data_offsets);
        let mut end = 0;
        for (array, info) in order {
            let (from, to) = info.data_offsets;
            let refuse = |why: String| ModelError::array(name, array, why);
            if from != end {
                let what = if from < end { "overlaps the array before it" } else { "leaves a hole before it" };
                return Err(refuse(format!("{what}: it starts at {from}, expected {end}")));
            }
            let expected = info.bytes().ok_or_else(|| refuse(format!("shape {} is impossible", shown(&info.shape))))?;
            if to.checked_sub(from) != Some(expected) {
                let shape = &info.shape;
                return Err(refuse(format!("bytes {from} to {to}, but {:?} {shape:?} needs {expected}", info.dtype)));
            }
            end = to;
        }
        if end != data {
            return Err(malformed(format!("its arrays end at {end}, its data at {data}")));
        }
        let file = self.files.len();
        for (array, info) in infos {
            let (dtype, at) = (info.dtype, PREFIX + header + info.data_offsets.0);
            let bytes = info.data_offsets.1 - info.data_offsets.0;
            let place = Array { file, dtype, shape: info.shape, at, bytes };
            if self.arrays.insert(array.clone(), place).is_some() {
                return Err(ModelError::array(name, &array, "is in two files"));
            }
        }
        self.files.push((name.into(), source));
        Ok(())
    }

    /// Arrays in all files.
    pub(super) fn len(&self) -> usize {
        self.arrays.len()
    }

    /// Names of the arrays.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.arrays.keys().map(String::as_str)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Array> {
        self.arrays.get(name)
    }

    /// The file that an array is in, or the first one.
    pub(super) fn file_of(&self, name: &str) -> String {
        let file = self.arrays.get(name).map_or(0, |a| a.file);
        self.files.get(file).map_or_else(String::new, |(name, _)| name.clone())
    }

    /// The numbers of an array in single precision.
    ///
    /// # Errors
    /// [`ModelError::Array`] for integers and other types, and for numbers that are not finite.
    pub(super) fn numbers(&self, name: &str, array: &Array) -> Result<Vec<f32>, ModelError> {
        let (source_name, source) = &self.files[array.file];
        let refuse = |why: String| ModelError::array(source_name, name, why);
        let read = || -> Result<Vec<u8>, ModelError> {
            let mut bytes = vec![0; array.bytes as usize];
            source.read(array.at, &mut bytes).map_err(|e| refuse(format!("cannot be read: {e}")))?;
            Ok(bytes)
        };
        let halves = |bytes: Vec<u8>, convert: fn([u8; 2]) -> f32| -> Vec<f32> {
            bytes.as_chunks::<2>().0.iter().map(|b| convert(*b)).collect()
        };
        let numbers: Vec<f32> = match array.dtype {
            Dtype::F32 => read()?.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Dtype::F16 => halves(read()?, |b| half::f16::from_le_bytes(b).to_f32()),
            Dtype::BF16 => halves(read()?, |b| half::bf16::from_le_bytes(b).to_f32()),
            other => return Err(refuse(format!("holds {other:?}, expected F32, F16 or BF16"))),
        };
        match numbers.iter().position(|v| !v.is_finite()) {
            None => Ok(numbers),
            Some(at) => {
                let bad = numbers.iter().filter(|v| !v.is_finite()).count();
                Err(refuse(format!(
                    "{bad} of {} numbers are not finite; number {at} is {}",
                    numbers.len(),
                    numbers[at]
                )))
            }
        }
    }
}

/// A shape in a message, which may be as long as the header.
fn shown(shape: &[usize]) -> String {
    let more = if shape.len() > MAX_RANK { format!(" and {} more", shape.len() - MAX_RANK) } else { String::new() };
    format!("{:?}{more}", &shape[..shape.len().min(MAX_RANK)])
}

impl Source<'_> {
    /// Fills `out` with the bytes from `at` on.
    fn read(&self, at: u64, out: &mut [u8]) -> std::io::Result<()> {
        match self {
            Self::Bytes(bytes) => {
                let end = std::io::ErrorKind::UnexpectedEof;
                let from = usize::try_from(at).map_err(|_| end)?;
                let part = bytes.get(from..).and_then(|b| b.get(..out.len())).ok_or(end)?;
                out.copy_from_slice(part);
                Ok(())
            }
            Self::File(file) => {
                let mut file = file;
                file.seek(SeekFrom::Start(at))?;
                file.read_exact(out)
            }
        }
    }
}

/// The header of a file: names and what is said of them, every name once.
struct Header(BTreeMap<String, Info>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Info {
    dtype: Dtype,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

impl Info {
    /// Bytes that the shape needs; `None` when that overflows or is no whole number.
    fn bytes(&self) -> Option<u64> {
        if self.shape.len() > MAX_RANK {
            return None;
        }
        let numbers = self.shape.iter().try_fold(1u64, |n, &d| n.checked_mul(d as u64))?;
        let bits = numbers.checked_mul(self.dtype.bitsize() as u64)?;
        bits.is_multiple_of(8).then_some(bits / 8)
    }
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Header;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of arrays")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut arrays = BTreeMap::new();
                let mut described = false;
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<BTreeMap<String, String>>()?;
                        if std::mem::replace(&mut described, true) {
                            return Err(A::Error::custom("`__metadata__` stands there twice"));
                        }
                    } else if let Some((name, _)) = arrays.remove_entry(&name) {
                        return Err(A::Error::custom(format!("array `{name}` stands there twice")));
                    } else {
                        arrays.insert(name, map.next_value()?);
                    }
                }
                Ok(Header(arrays))
            }
        }
        deserializer.deserialize_map(Names)
    }
}
