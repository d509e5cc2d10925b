//! The bytes of a new store.

use super::header::Header;
use crate::{ContentHash, DataError, Document, Tokenizer};
use rayon::prelude::*;

/// Documents encoded between two growths of the output.
const BLOCK: usize = 1024;

pub(super) fn encode(name: &str, tokenizer: &Tokenizer, documents: &[Document]) -> Result<Vec<u8>, DataError> {
    if documents.is_empty() {
        return Err(DataError::Empty { source_name: name.into(), found: "nothing to tokenize".into() });
    }
    let (vocab, end_of_text) = (tokenizer.vocab(), tokenizer.end_of_text());
    let width = Header::width(vocab);
    let mut offsets = vec![0u64];
    let mut tokens: Vec<u8> = Vec::new();
    let mut count = 0;
    for block in documents.chunks(BLOCK) {
        let encoded: Result<Vec<Vec<u32>>, DataError> = block.par_iter().map(|d| tokenizer.encode(&d.text)).collect();
        for document in encoded? {
            for token in std::iter::once(end_of_text).chain(document) {
                tokens.extend_from_slice(&token.to_le_bytes()[..width as usize]);
                count += 1;
            }
            offsets.push(count);
        }
    }
    let mut body: Vec<u8> = offsets.iter().flat_map(|o| o.to_le_bytes()).collect();
    body.append(&mut tokens);
    let header = Header {
        width,
        vocab: vocab as u32,
        end_of_text,
        documents: documents.len() as u64,
        tokens: count,
        text_bytes: documents.iter().map(|d| d.text.len() as u64).sum(),
        tokenizer: tokenizer.hash(),
        content: ContentHash::of(&body),
    };
    let mut bytes = header.to_bytes();
    bytes.append(&mut body);
    Ok(bytes)
}
