//! Text to token numbers and back: plain bytes, or byte-pair encoding trained here or loaded from a
//! Hugging Face `tokenizer.json`.

mod bpe;
mod check;
mod text;
mod words;

pub use bpe::Bpe;
pub use text::TextStream;

use crate::{ContentHash, DataError};
use std::path::Path;

/// Name of the token between documents, as Hugging Face files spell it.
pub const END_OF_TEXT: &str = "<|endoftext|>";

/// A tokenizer. Text never produces the end-of-text token: a document that spells it is encoded letter by letter.
///
/// ```
/// use kleiber_data::Tokenizer;
/// # fn main() -> Result<(), kleiber_data::DataError> {
/// let bytes = Tokenizer::Bytes;
/// assert_eq!(bytes.encode("é!")?, [0xc3, 0xa9, 33]);
/// let texts = ["the cat sat on the mat", "the dog sat on the cat"];
/// let bpe = Tokenizer::train_bpe(texts.iter().copied(), 265)?;
/// assert!(bpe.encode(texts[0])?.len() < texts[0].len());
/// assert_eq!(bpe.decode(&bpe.encode("déjà vu")?), "déjà vu");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub enum Tokenizer {
    /// One token per byte, 0 to 255; 256 ends a text.
    Bytes,
    /// Byte-pair encoding.
    Bpe(Box<Bpe>),
}

impl Tokenizer {
    /// Trains a byte-level BPE with the word pattern of GPT-2. Token 0 ends a text, 1 to 256 are the bytes, the rest
    /// are merges in the order learned. The same texts in the same order give the same tokenizer.
    ///
    /// # Errors
    /// [`DataError::Option`] when `vocab` is below 257 or above 2^20, [`DataError::Tokenizer`] when the texts hold too
    /// few pairs for that many tokens.
    pub fn train_bpe<S: AsRef<str> + Send>(
        texts: impl Iterator<Item = S> + Send,
        vocab: usize,
    ) -> Result<Self, DataError> {
        let bpe = Bpe::train(texts, vocab)?;
        if bpe.vocab() < vocab {
            let why = format!("the texts hold pairs for only {} of {vocab} tokens", bpe.vocab());
            return Err(DataError::Tokenizer { source_name: "training".into(), why });
        }
        Ok(Self::Bpe(Box::new(bpe)))
    }

    /// As [`Tokenizer::train_bpe`], with as many tokens as suit texts of `bytes` bytes: one for every 256 of them besides
    /// the bytes themselves, at most 4096, and fewer where the texts hold fewer pairs.
    ///
    /// # Errors
    /// [`DataError::Tokenizer`].
    pub fn train_bpe_to_fit<S: AsRef<str> + Send>(
        texts: impl Iterator<Item = S> + Send,
        bytes: u64,
    ) -> Result<Self, DataError> {
        Ok(Self::Bpe(Box::new(Bpe::train(texts, Self::vocab_to_fit(bytes))?)))
    }

    /// The most tokens that [`Tokenizer::train_bpe_to_fit`] makes.
    pub fn vocab_to_fit(bytes: u64) -> usize {
        (257 + bytes / 256).min(4096) as usize
    }

    /// Loads a `tokenizer.json` with a BPE model.
    ///
    /// # Errors
    /// As [`Tokenizer::from_json`], and [`DataError::Io`].
    pub fn load(path: &Path) -> Result<Self, DataError> {
        let name = path.display().to_string();
        let size = std::fs::metadata(path).map_err(DataError::read(path))?.len();
        check::size(&name, size)?;
        Self::from_json(&name, &std::fs::read(path).map_err(DataError::read(path))?)
    }

    /// Reads the text of a `tokenizer.json`; `name` stands in messages. At most 64 MiB; memory stays below 64 times
    /// the text plus 64 MiB.
    ///
    /// # Errors
    /// [`DataError::TooLarge`], or [`DataError::Tokenizer`] for a file that is damaged, holds no BPE model, has token
    /// numbers far beyond its count, or no end-of-text token.
    pub fn from_json(name: &str, json: &[u8]) -> Result<Self, DataError> {
        let bpe = Bpe::from_json(name, json)?;
        if bpe.hash() == bytes_as_bpe()?.hash() {
            return Ok(Self::Bytes);
        }
        Ok(Self::Bpe(Box::new(bpe)))
    }

    /// The text of the `tokenizer.json`; bytes are written as a BPE without merges.
    ///
    /// # Errors
    /// [`DataError::Tokenizer`] when the serialisation fails.
    pub fn to_json(&self) -> Result<String, DataError> {
        match self {
            Self::Bytes => Ok(bytes_as_bpe()?.json().to_string()),
            Self::Bpe(bpe) => Ok(bpe.json().to_string()),
        }
    }

    /// Writes a `tokenizer.json` atomically.
    ///
    /// # Errors
    /// [`DataError::Core`] with the path and the system's reason.
    pub fn save(&self, path: &Path) -> Result<(), DataError> {
        Ok(kleiber_core::atomic::write(path, self.to_json()?.as_bytes())?)
    }

    /// The tokens of `text`, without an end-of-text token.
    ///
    /// # Errors
    /// [`DataError::Tokenizer`] when a loaded tokenizer cannot encode the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        match self {
            Self::Bytes => Ok(text.bytes().map(u32::from).collect()),
            Self::Bpe(bpe) => bpe.encode(text),
        }
    }

    /// The text of `tokens`; bytes that are not UTF-8 become U+FFFD, end-of-text and unknown numbers become nothing.
    pub fn decode(&self, tokens: &[u32]) -> String {
        match self {
            Self::Bytes => {
                let bytes: Vec<u8> = tokens.iter().filter_map(|&t| u8::try_from(t).ok()).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Self::Bpe(bpe) => bpe.decode(tokens),
        }
    }

    /// One more than the largest token number.
    pub fn vocab(&self) -> usize {
        match self {
            Self::Bytes => 257,
            Self::Bpe(bpe) => bpe.vocab(),
        }
    }

    /// The token between documents.
    pub fn end_of_text(&self) -> u32 {
        match self {
            Self::Bytes => 256,
            Self::Bpe(bpe) => bpe.end_of_text(),
        }
    }

    /// Length in bytes of the text that `tokens` stand for: what bits per byte divides by. End-of-text counts 0.
    pub fn bytes_of(&self, tokens: &[u32]) -> u64 {
        match self {
            Self::Bytes => tokens.iter().filter(|&&t| t < 256).count() as u64,
            Self::Bpe(bpe) => bpe.bytes_of(tokens),
        }
    }

    /// SHA-256 of the `tokenizer.json` it writes: equal hashes encode equally.
    pub fn hash(&self) -> ContentHash {
        match self {
            Self::Bytes => ContentHash::of(b"kleiber.bytes/1"),
            Self::Bpe(bpe) => bpe.hash(),
        }
    }
}

fn bytes_as_bpe() -> Result<&'static Bpe, DataError> {
    static BYTES: std::sync::OnceLock<Option<Bpe>> = std::sync::OnceLock::new();
    let why = "the byte tokenizer cannot be written as BPE".to_string();
    BYTES.get_or_init(|| Bpe::bytes().ok()).as_ref().ok_or(DataError::Tokenizer { source_name: "bytes".into(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 4] = [
        "fn main() { println!(\"hello, world\"); }\n",
        "the quick brown fox jumps over the lazy dog, the dog sleeps; don't wake it\n\n  indented 1234 + 5678 = 6912",
        "naïve café, Größe, 日本語のテキスト, emoji 🦀🦀\r\n\ttabs",
        "",
    ];

    #[test]
    fn every_text_comes_back() {
        let bpe = Tokenizer::train_bpe(TEXTS.iter().copied(), 270).unwrap();
        assert_eq!(bpe.vocab(), 270);
        assert_eq!(bpe.end_of_text(), 0);
        for tokenizer in [Tokenizer::Bytes, bpe] {
            for text in TEXTS.iter().chain(&["<|endoftext|>", "\0\u{feff}\u{10ffff}", " \n \t x"]) {
                let tokens = tokenizer.encode(text).unwrap();
                assert_eq!(&tokenizer.decode(&tokens), text);
                assert_eq!(tokenizer.bytes_of(&tokens), text.len() as u64);
                assert!(tokens.iter().all(|&t| (t as usize) < tokenizer.vocab() && t != tokenizer.end_of_text()));
            }
            let end = tokenizer.end_of_text();
            assert_eq!((tokenizer.decode(&[end, u32::MAX]).as_str(), tokenizer.bytes_of(&[end])), ("", 0));
        }
    }

    #[test]
    fn training_twice_and_saving_give_the_same_tokenizer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokenizer.json");
        let once = Tokenizer::train_bpe(TEXTS.iter().copied(), 270).unwrap();
        let twice = Tokenizer::train_bpe(TEXTS.iter().copied(), 270).unwrap();
        assert_eq!(once.to_json().unwrap(), twice.to_json().unwrap());
        once.save(&path).unwrap();
        let loaded = Tokenizer::load(&path).unwrap();
        assert_eq!(loaded.hash(), once.hash());
        assert_eq!(loaded.encode(TEXTS[1]).unwrap(), once.encode(TEXTS[1]).unwrap());
        Tokenizer::Bytes.save(&path).unwrap();
        assert!(matches!(Tokenizer::load(&path).unwrap(), Tokenizer::Bytes));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_a_reason() {
        let train = |vocab| Tokenizer::train_bpe(TEXTS.iter().copied(), vocab).unwrap_err().to_string();
        assert_eq!(train(256), "vocab is 256, expected 257 to 1048576");
        assert!(train(60_000).contains("only"), "{}", train(60_000));
        let load = |json: &str| Tokenizer::from_json("t.json", json.as_bytes()).unwrap_err().to_string();
        assert!(load("{}").contains("t.json"), "{}", load("{}"));
        let unigram = r#"{"version":"1.0","added_tokens":[],"model":{"type":"Unigram","vocab":[["a",0.0]]}}"#;
        assert!(load(unigram).contains("BPE"), "{}", load(unigram));
        let far = r#"{"version":"1.0","added_tokens":[],"model":{"type":"BPE","vocab":{"a":4294967295},"merges":[]}}"#;
        assert!(load(far).contains("4294967295"), "{}", load(far));
        let open = r#"{"version":"1.0","added_tokens":[],"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"#;
        assert!(load(open).contains("end-of-text"), "{}", load(open));
        assert!(load(&"[".repeat(100_000)).contains("t.json"));
    }
}
