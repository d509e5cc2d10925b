//! What a `tokenizer.json` declares, looked at before the `tokenizers` crate reserves memory by it.

use crate::DataError;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Largest file that is read; the largest published tokenizers are about half of it.
const MAX_FILE: u64 = 64 << 20;
/// Largest vocabulary, four times the largest published one; token stores have the same limit.
const MAX_VOCAB: u32 = 1 << 20;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<Added>,
    model: Model,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
}

#[derive(Deserialize)]
struct Model {
    // Old files leave the type out.
    #[serde(rename = "type")]
    kind: Option<String>,
    vocab: Vocab,
    merges: Option<IgnoredAny>,
}

/// Number of entries and the largest token number.
#[derive(Default, Clone, Copy)]
struct Vocab {
    count: u64,
    largest: Option<u32>,
}

impl<'de> Deserialize<'de> for Vocab {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Count;
        impl<'de> Visitor<'de> for Count {
            type Value = Vocab;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of token numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocab, A::Error> {
                let mut vocab = Vocab::default();
                while let Some((IgnoredAny, id)) = map.next_entry::<IgnoredAny, u32>()? {
                    vocab.count += 1;
                    vocab.largest = vocab.largest.max(Some(id));
                }
                Ok(vocab)
            }

            // Lists are the vocabularies of Unigram models, which are refused by their type.
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vocab, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Vocab::default())
            }
        }
        deserializer.deserialize_any(Count)
    }
}

/// Refuses files beyond the limit.
pub(super) fn size(name: &str, bytes: u64) -> Result<(), DataError> {
    if bytes > MAX_FILE {
        let (found, limit) = (format!("{bytes} bytes"), format!("{MAX_FILE} bytes"));
        return Err(DataError::TooLarge { source_name: name.into(), found, limit });
    }
    Ok(())
}

/// Refuses files without a BPE model, or with token numbers far beyond the number of tokens.
pub(super) fn declared(name: &str, json: &[u8]) -> Result<(), DataError> {
    size(name, json.len() as u64)?;
    let refuse = |why: String| DataError::Tokenizer { source_name: name.into(), why };
    let file: File = serde_json::from_slice(json).map_err(|e| refuse(format!("cannot be read: {e}")))?;
    let kind = file.model.kind.as_deref().unwrap_or("BPE");
    if kind != "BPE" || file.model.merges.is_none() {
        return Err(refuse(format!("holds a {kind} model, only BPE is read")));
    }
    let largest = file.added_tokens.iter().map(|t| t.id).max().max(file.model.vocab.largest).unwrap_or(0);
    let count = file.model.vocab.count + file.added_tokens.len() as u64;
    if largest >= MAX_VOCAB || u64::from(largest) > 2 * count + 1024 {
        return Err(refuse(format!("token number {largest} in a vocabulary of {count}")));
    }
    Ok(())
}
