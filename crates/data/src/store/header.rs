//! The first 128 bytes of a token store.
//!
//! ```text
//! 0   magic `KLBRTOK\n`             48  bytes of text, u64
//! 8   version, u32                  56  SHA-256 of the tokenizer
//! 12  bytes per token, u32          88  SHA-256 of everything behind the header
//! 16  vocabulary, u32               120 zero
//! 20  end-of-text token, u32        128 documents + 1 offsets, u64, in tokens
//! 24  documents, u64                ... tokens
//! 32  tokens, u64
//! 40  reserved, zero
//! ```
//! Numbers are little-endian.

use crate::{ContentHash, DataError};

/// Length of the header in bytes.
pub(super) const HEADER: usize = 128;
const MAGIC: [u8; 8] = *b"KLBRTOK\n";
const VERSION: u32 = 1;
/// Largest vocabulary, as for tokenizers.
const MAX_VOCAB: u32 = 1 << 20;

/// What the header says.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) vocab: u32,
    pub(super) end_of_text: u32,
    pub(super) documents: u64,
    pub(super) tokens: u64,
    pub(super) text_bytes: u64,
    pub(super) tokenizer: ContentHash,
    pub(super) content: ContentHash,
}

impl Header {
    /// Where the token count stands.
    #[cfg(test)]
    pub(super) const TOKENS: usize = 32;

    /// Bytes per token for a vocabulary.
    pub(super) fn width(vocab: usize) -> u32 {
        if vocab <= 1 << 16 { 2 } else { 4 }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for number in [VERSION, self.width, self.vocab, self.end_of_text] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.documents, self.tokens, 0, self.text_bytes] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.tokenizer.0);
        bytes.extend_from_slice(&self.content.0);
        bytes.resize(HEADER, 0);
        bytes
    }

    /// Reads the header and checks that the file is exactly as long as it says.
    pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Self, DataError> {
        if bytes.len() < HEADER {
            return Err(malformed(name, format!("{} bytes", bytes.len())));
        }
        if bytes[..8] != MAGIC {
            return Err(malformed(name, "another magic number".into()));
        }
        let short = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let header = Self {
            width: short(12),
            vocab: short(16),
            end_of_text: short(20),
            documents: long(24),
            tokens: long(32),
            text_bytes: long(48),
            tokenizer: ContentHash(std::array::from_fn(|i| bytes[56 + i])),
            content: ContentHash(std::array::from_fn(|i| bytes[88 + i])),
        };
        if short(8) != VERSION {
            return Err(malformed(name, format!("version {}", short(8))));
        }
        if long(40) != 0 || long(120) != 0 {
            return Err(malformed(name, "reserved bytes that are not zero".into()));
        }
        if header.vocab > MAX_VOCAB || header.width != Self::width(header.vocab as usize) {
            return Err(malformed(name, format!("{} bytes per token for {} tokens", header.width, header.vocab)));
        }
        if header.end_of_text >= header.vocab {
            return Err(malformed(name, format!("end-of-text {} of {} tokens", header.end_of_text, header.vocab)));
        }
        let offsets = header.documents.checked_add(1).and_then(|n| n.checked_mul(8));
        let tokens = header.tokens.checked_mul(u64::from(header.width));
        let expected = offsets.zip(tokens).and_then(|(o, t)| o.checked_add(t)?.checked_add(HEADER as u64));
        if expected != Some(bytes.len() as u64) {
            let (documents, tokens) = (header.documents, header.tokens);
            return Err(malformed(name, format!("{} bytes for {documents} documents of {tokens} tokens", bytes.len())));
        }
        Ok(header)
    }
}

pub(super) fn malformed(name: &str, found: String) -> DataError {
    DataError::Malformed { source_name: name.into(), line: 0, found, expected: "a complete token store".into() }
}
