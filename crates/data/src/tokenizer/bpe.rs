//! Byte-pair encoding through the `tokenizers` crate.

use super::{END_OF_TEXT, check};
use crate::{ContentHash, DataError};
use kleiber_core::guard;
use tokenizers::decoders::byte_level::ByteLevel as ByteDecoder;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::models::{ModelWrapper, TrainerWrapper};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, DecoderWrapper};

/// Names that published tokenizers give the token between documents, in order of preference.
const END_NAMES: [&str; 8] =
    [END_OF_TEXT, "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "[EOS]", "<|im_end|>", "<end_of_turn>"];

/// A byte-pair encoding with what is asked of it often.
#[derive(Debug, Clone)]
pub struct Bpe {
    inner: tokenizers::Tokenizer,
    json: String,
    hash: ContentHash,
    vocab: usize,
    end: u32,
    /// Bytes of each token; absent when tokens are not byte-level.
    bytes: Option<Vec<Box<[u8]>>>,
}

impl Bpe {
    pub(super) fn train<S: AsRef<str> + Send>(
        texts: impl Iterator<Item = S> + Send,
        vocab: usize,
    ) -> Result<Self, DataError> {
        if !(257..=1 << 20).contains(&vocab) {
            return Err(DataError::option("vocab", vocab, "257 to 1048576"));
        }
        let fail = |why: String| DataError::Tokenizer { source_name: "training".into(), why };
        let mut inner = byte_level(BPE::default());
        let trainer = BpeTrainerBuilder::new()
            .show_progress(false)
            .vocab_size(vocab)
            .min_frequency(2)
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .special_tokens(vec![AddedToken::from(END_OF_TEXT, true).normalized(false)])
            .build();
        inner.train(&mut TrainerWrapper::from(trainer), texts).map_err(|e| fail(e.to_string()))?;
        let bpe = Self::from_inner("training", inner)?;
        if bpe.vocab < vocab {
            return Err(fail(format!("the texts hold pairs for only {} of {vocab} tokens", bpe.vocab)));
        }
        Ok(bpe)
    }

    /// Plain bytes in the layout of `Tokenizer::Bytes`.
    pub(super) fn bytes() -> Result<Self, DataError> {
        let fail = |e: tokenizers::Error| DataError::Tokenizer { source_name: "bytes".into(), why: e.to_string() };
        let letters = byte_letters();
        let vocab: [(String, u32); 256] = std::array::from_fn(|byte| (letters[byte].to_string(), byte as u32));
        let model = BPE::builder().vocab_and_merges(vocab, Vec::new()).build().map_err(fail)?;
        let mut inner = byte_level(model);
        inner.add_special_tokens([AddedToken::from(END_OF_TEXT, true).normalized(false)]).map_err(fail)?;
        Self::from_inner("bytes", inner)
    }

    pub(super) fn from_json(name: &str, json: &[u8]) -> Result<Self, DataError> {
        check::declared(name, json)?;
        let refuse = |why: String| DataError::Tokenizer { source_name: name.into(), why };
        let inner = guard::quiet(|| tokenizers::Tokenizer::from_bytes(json))
            .map_err(refuse)?
            .map_err(|e| refuse(format!("cannot be read: {e}")))?;
        guard::quiet(|| Self::from_inner(name, inner)).map_err(refuse)?
    }

    fn from_inner(name: &str, mut inner: tokenizers::Tokenizer) -> Result<Self, DataError> {
        let refuse = |why: String| DataError::Tokenizer { source_name: name.into(), why };
        if !matches!(inner.get_model(), ModelWrapper::BPE(_)) {
            return Err(refuse("holds no BPE model".into()));
        }
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|e| refuse(e.to_string()))?;
        // Otherwise a document that spells a special token could end itself.
        inner.set_encode_special_tokens(true);
        let json = inner.to_string(false).map_err(|e| refuse(e.to_string()))?;
        let tokens = inner.get_vocab(true);
        let vocab = tokens.values().max().map_or(0, |&largest| largest as usize + 1);
        let end = END_NAMES.iter().find_map(|name| tokens.get(*name)).copied();
        let end =
            end.ok_or_else(|| refuse(format!("has no end-of-text token, such as {}", END_NAMES[..4].join(", "))))?;
        let bytes = matches!(inner.get_decoder(), Some(DecoderWrapper::ByteLevel(_))).then(|| {
            let letters = byte_letters();
            let of_letter: std::collections::HashMap<char, u8> = (0..=255).zip(letters).map(|(b, l)| (l, b)).collect();
            let added = inner.get_added_tokens_decoder();
            let mut table = vec![Box::default(); vocab];
            for (text, &id) in &tokens {
                let mut bytes = Vec::new();
                let mut letter = [0; 4];
                match added.get(&id) {
                    Some(token) if token.special => {}
                    Some(_) => bytes.extend_from_slice(text.as_bytes()),
                    None => text.chars().for_each(|c| match of_letter.get(&c) {
                        Some(&byte) => bytes.push(byte),
                        None => bytes.extend_from_slice(c.encode_utf8(&mut letter).as_bytes()),
                    }),
                }
                table[id as usize] = bytes.into_boxed_slice();
            }
            table
        });
        Ok(Self { hash: ContentHash::of(json.as_bytes()), json, vocab, end, bytes, inner })
    }

    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        let fail = |why: String| DataError::Tokenizer { source_name: "tokenizer".into(), why };
        let encoding = guard::quiet(|| self.inner.encode_fast(text, false))
            .map_err(fail)?
            .map_err(|e| fail(format!("cannot encode a text of {} bytes: {e}", text.len())))?;
        let tokens = encoding.get_ids().to_vec();
        match tokens.iter().find(|&&t| t as usize >= self.vocab || t == self.end) {
            None => Ok(tokens),
            Some(token) => Err(fail(format!("encodes text as token {token}, which no text should have"))),
        }
    }

    pub(super) fn decode(&self, tokens: &[u32]) -> String {
        let Some(table) = &self.bytes else {
            let known: Vec<u32> = tokens.iter().copied().filter(|&t| (t as usize) < self.vocab).collect();
            return guard::quiet(|| self.inner.decode(&known, true)).ok().and_then(Result::ok).unwrap_or_default();
        };
        let bytes: Vec<u8> =
            tokens.iter().filter_map(|&t| table.get(t as usize)).flat_map(|b| b.iter().copied()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(super) fn bytes_of(&self, tokens: &[u32]) -> u64 {
        match &self.bytes {
            Some(table) => tokens.iter().filter_map(|&t| table.get(t as usize)).map(|b| b.len() as u64).sum(),
            None => self.decode(tokens).len() as u64,
        }
    }

    /// The bytes one token stands for; `None` when the tokenizer is not byte-level or the number unknown.
    pub fn token_bytes(&self, token: u32) -> Option<&[u8]> {
        Some(self.bytes.as_ref()?.get(token as usize)?)
    }

    /// Whether every token stands for bytes, whatever its neighbours.
    pub fn is_byte_level(&self) -> bool {
        self.bytes.is_some()
    }

    pub(super) fn json(&self) -> &str {
        &self.json
    }

    pub(super) fn hash(&self) -> ContentHash {
        self.hash
    }

    pub(super) fn vocab(&self) -> usize {
        self.vocab
    }

    pub(super) fn end_of_text(&self) -> u32 {
        self.end
    }
}

fn byte_level(model: BPE) -> tokenizers::Tokenizer {
    let mut inner = tokenizers::Tokenizer::new(model);
    inner.with_pre_tokenizer(Some(ByteLevel::new(false, false, true)));
    inner.with_decoder(Some(ByteDecoder::default()));
    inner
}

/// The letter that stands for each byte in byte-level vocabularies (GPT-2): printable Latin-1 for itself, the rest
/// from U+0100 on.
fn byte_letters() -> [char; 256] {
    let mut next = 0x100;
    std::array::from_fn(|byte| {
        if matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff) {
            return char::from(byte as u8);
        }
        next += 1;
        char::from_u32(next - 1).unwrap_or_default()
    })
}
