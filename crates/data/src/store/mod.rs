//! Tokenized text on disk: one file with the tokens of all documents, opened without reading it.

mod header;
mod map;
mod write;

use crate::{ContentHash, DataError, Tokenizer};
use header::{HEADER, Header};
use map::Storage;
use std::path::Path;

/// Tokens of many documents. A document is the end-of-text token followed by the tokens of its text, so that every
/// token of a text has something before it; all documents lie one behind the other.
///
/// ```
/// use kleiber_data::{Document, TokenStore, Tokenizer};
/// # fn main() -> Result<(), kleiber_data::DataError> {
/// # let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("train.tokens");
/// let documents = ["one", "two!"].map(|text| Document::new(text, "docs", "example"));
/// TokenStore::write(&path, &Tokenizer::Bytes, &documents)?;
/// let store = TokenStore::open(&path)?;
/// assert_eq!((store.documents(), store.tokens(), store.text_bytes()), (2, 9, 7));
/// assert_eq!(store.document(1)?, [256, 116, 119, 111, 33]);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct TokenStore {
    name: String,
    header: Header,
    storage: Storage,
}

impl TokenStore {
    /// Tokenizes `documents` on all threads and writes the store atomically, two bytes per token for vocabularies up
    /// to 65,536 and four otherwise. The whole store is held in memory while it is written.
    ///
    /// # Errors
    /// [`DataError::Tokenizer`] from encoding, [`DataError::Core`] from writing, [`DataError::Empty`] without
    /// documents.
    pub fn write(path: &Path, tokenizer: &Tokenizer, documents: &[crate::Document]) -> Result<ContentHash, DataError> {
        let bytes = write::encode(&path.display().to_string(), tokenizer, documents)?;
        kleiber_core::atomic::write(path, &bytes)?;
        Ok(ContentHash::of(&bytes))
    }

    /// A store that is never written to disk.
    ///
    /// # Errors
    /// As [`TokenStore::write`].
    pub fn in_memory(tokenizer: &Tokenizer, documents: &[crate::Document]) -> Result<Self, DataError> {
        Self::from_bytes("memory", write::encode("memory", tokenizer, documents)?)
    }

    /// Maps the file into memory after validating header, sizes and document offsets. The file must not be shortened
    /// while the store is open: the system ends a process that touches mapped pages beyond the end of their file.
    /// Where others may write, use [`TokenStore::read`].
    ///
    /// # Errors
    /// [`DataError::Io`], or [`DataError::Malformed`] naming what is wrong.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        Self::checked(path.display().to_string(), map::map(path)?)
    }

    /// Like [`TokenStore::open`], but reads the whole file into memory.
    ///
    /// # Errors
    /// As [`TokenStore::open`].
    pub fn read(path: &Path) -> Result<Self, DataError> {
        Self::from_bytes(&path.display().to_string(), std::fs::read(path).map_err(DataError::read(path))?)
    }

    /// A store from the bytes of its file.
    ///
    /// # Errors
    /// [`DataError::Malformed`] naming what is wrong.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<Self, DataError> {
        Self::checked(name.into(), Storage::Owned(bytes))
    }

    fn checked(name: String, storage: Storage) -> Result<Self, DataError> {
        let header = Header::read(&name, storage.bytes())?;
        let store = Self { name, header, storage };
        let mut previous = 0;
        for index in 0..=store.header.documents {
            let offset = store.offset(index);
            // Every document holds at least its end-of-text token.
            let right = if index == 0 { offset == 0 } else { offset > previous };
            if !right || offset > store.header.tokens {
                return Err(store.malformed(format!("document {index} at token {offset} after {previous}")));
            }
            previous = offset;
        }
        if previous != store.header.tokens {
            return Err(store.malformed(format!("documents that end at {previous} of {} tokens", store.header.tokens)));
        }
        Ok(store)
    }

    /// Reads everything once: the SHA-256 of offsets and tokens is the recorded one, every token lies in the
    /// vocabulary, every document begins with end-of-text.
    ///
    /// # Errors
    /// [`DataError::Checksum`] or [`DataError::Malformed`].
    pub fn verify(&self) -> Result<(), DataError> {
        let found = ContentHash::of(&self.storage.bytes()[HEADER..]);
        if found != self.header.content {
            let (found, expected) = (found.to_string(), self.header.content.to_string());
            return Err(DataError::Checksum { source_name: self.name.clone(), found, expected });
        }
        let mut tokens = Vec::new();
        for document in 0..self.header.documents {
            tokens.clear();
            self.copy_tokens(self.offset(document), self.offset(document + 1), &mut tokens)?;
            if tokens[0] != self.header.end_of_text {
                return Err(self.malformed(format!("document {document} that begins with token {}", tokens[0])));
            }
        }
        Ok(())
    }

    /// Checks that the store was written with `tokenizer`.
    ///
    /// # Errors
    /// [`DataError::TokenizerMismatch`] with both hashes.
    pub fn expect_tokenizer(&self, tokenizer: &Tokenizer) -> Result<(), DataError> {
        let expected = tokenizer.hash();
        if expected == self.header.tokenizer {
            return Ok(());
        }
        Err(DataError::TokenizerMismatch {
            source_name: self.name.clone(),
            found: self.header.tokenizer.to_string(),
            expected: expected.to_string(),
        })
    }

    /// Name in messages, the path when there is one.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Tokens in the store, end-of-text tokens included.
    pub fn tokens(&self) -> u64 {
        self.header.tokens
    }

    /// Documents in the store.
    pub fn documents(&self) -> u64 {
        self.header.documents
    }

    /// Bytes of text before tokenization.
    pub fn text_bytes(&self) -> u64 {
        self.header.text_bytes
    }

    /// A mean loss over all tokens of the store (nats per token, end-of-text tokens counted) as bits per byte of its
    /// text, so that vocabularies compare. For a part of the store there is [`crate::Batch::text_bytes`].
    ///
    /// ```
    /// use kleiber_data::{Document, TokenStore, Tokenizer};
    /// let store = TokenStore::in_memory(&Tokenizer::Bytes, &[Document::new("abc", "docs", "a")])?;
    /// // Four tokens of one bit each, for three bytes.
    /// assert!((store.bits_per_byte(std::f64::consts::LN_2) - 4.0 / 3.0).abs() < 1e-12);
    /// # Ok::<(), kleiber_data::DataError>(())
    /// ```
    pub fn bits_per_byte(&self, loss: f64) -> f64 {
        loss / std::f64::consts::LN_2 * self.tokens() as f64 / self.text_bytes() as f64
    }

    /// Size of the vocabulary.
    pub fn vocab(&self) -> u32 {
        self.header.vocab
    }

    /// The token that begins every document.
    pub fn end_of_text(&self) -> u32 {
        self.header.end_of_text
    }

    /// Hash of the tokenizer.
    pub fn tokenizer_hash(&self) -> ContentHash {
        self.header.tokenizer
    }

    /// SHA-256 of offsets and tokens as recorded in the header: names the data in run records.
    pub fn content_hash(&self) -> ContentHash {
        self.header.content
    }

    /// Tokens of document `index`, its end-of-text token first; none beyond the last document.
    ///
    /// # Errors
    /// [`DataError::Malformed`] for a token outside the vocabulary.
    pub fn document(&self, index: u64) -> Result<Vec<u32>, DataError> {
        let mut tokens = Vec::new();
        if index < self.header.documents {
            self.copy_tokens(self.offset(index), self.offset(index + 1), &mut tokens)?;
        }
        Ok(tokens)
    }

    /// First token and one past the last of document `index`; an empty range at the end beyond the last.
    pub fn document_range(&self, index: u64) -> std::ops::Range<u64> {
        let at = |i: u64| self.offset(i.min(self.header.documents));
        at(index)..at(index.saturating_add(1))
    }

    /// The document that token `token` belongs to.
    pub fn document_of(&self, token: u64) -> u64 {
        let (mut low, mut high) = (0, self.header.documents.saturating_sub(1));
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if self.offset(middle) <= token { low = middle } else { high = middle - 1 }
        }
        low
    }

    /// Appends the tokens `start..end` to `out`; a range beyond the end is cut.
    ///
    /// # Errors
    /// [`DataError::Malformed`] for a token outside the vocabulary.
    pub fn copy_tokens(&self, start: u64, end: u64, out: &mut Vec<u32>) -> Result<(), DataError> {
        let end = end.min(self.header.tokens);
        let width = self.header.width as usize;
        let first = HEADER + 8 * (self.header.documents as usize + 1);
        let (from, to) = (first + start.min(end) as usize * width, first + end as usize * width);
        let bytes = &self.storage.bytes()[from..to];
        let begin = out.len();
        if width == 2 {
            out.extend(bytes.chunks_exact(2).map(|b| u32::from(u16::from_le_bytes([b[0], b[1]]))));
        } else {
            out.extend(bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])));
        }
        match out[begin..].iter().position(|&t| t >= self.header.vocab) {
            None => Ok(()),
            Some(at) => Err(self.malformed(format!("token {} in a vocabulary of {}", out[begin + at], self.vocab()))),
        }
    }

    fn offset(&self, index: u64) -> u64 {
        let at = HEADER + 8 * index as usize;
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&self.storage.bytes()[at..at + 8]);
        u64::from_le_bytes(bytes)
    }

    fn malformed(&self, found: String) -> DataError {
        header::malformed(&self.name, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;

    fn documents() -> Vec<Document> {
        ["alpha", "", "gamma δ"].map(|text| Document::new(text, "docs", "g")).to_vec()
    }

    #[test]
    fn a_store_gives_back_its_documents() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tokens");
        TokenStore::write(&path, &Tokenizer::Bytes, &documents()).unwrap();
        for store in [TokenStore::open(&path).unwrap(), TokenStore::read(&path).unwrap()] {
            store.verify().unwrap();
            store.expect_tokenizer(&Tokenizer::Bytes).unwrap();
            assert_eq!((store.documents(), store.tokens(), store.text_bytes()), (3, 16, 13));
            for (index, document) in documents().iter().enumerate() {
                let tokens = store.document(index as u64).unwrap();
                assert_eq!(tokens[0], 256);
                assert_eq!(Tokenizer::Bytes.decode(&tokens), document.text);
            }
            assert!(store.document(3).unwrap().is_empty());
            let of: Vec<u64> = (0..16).map(|t| store.document_of(t)).collect();
            assert_eq!(of, [0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
        }
        let other = Tokenizer::train_bpe(["aa aa bb bb"].iter(), 258).unwrap();
        let error = TokenStore::open(&path).unwrap().expect_tokenizer(&other).unwrap_err();
        assert!(error.to_string().contains("tokenizer"), "{error}");
    }

    #[test]
    fn wide_vocabularies_take_four_bytes() {
        assert_eq!((Header::width(65_536), Header::width(65_537)), (2, 4));
        let mut header = Header::read("x", &write::encode("x", &Tokenizer::Bytes, &documents()).unwrap()).unwrap();
        header.vocab = 70_000;
        header.width = 4;
        let mut bytes = header.to_bytes();
        [0u64, 1, 2, 4].iter().for_each(|o| bytes.extend_from_slice(&o.to_le_bytes()));
        [5u32, 6, 7, 69_999].iter().for_each(|t| bytes.extend_from_slice(&t.to_le_bytes()));
        bytes[Header::TOKENS..Header::TOKENS + 8].copy_from_slice(&4u64.to_le_bytes());
        let store = TokenStore::from_bytes("wide", bytes).unwrap();
        assert_eq!(store.document(2).unwrap(), [7, 69_999]);
    }

    #[test]
    fn flipped_bytes_and_cuts_are_found() {
        let whole = write::encode("x", &Tokenizer::Bytes, &documents()).unwrap();
        for cut in 0..whole.len() {
            assert!(TokenStore::from_bytes("cut", whole[..cut].to_vec()).is_err(), "{cut}");
        }
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x11;
            let result = TokenStore::from_bytes("flipped", bytes).and_then(|s| s.verify());
            // Vocabulary, byte count and tokenizer are not covered by the hash of the content, but by their own rules.
            assert!(result.is_err() || at < HEADER, "byte {at}");
        }
    }
}
