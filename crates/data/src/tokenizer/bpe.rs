//! Byte-pair encoding through the `tokenizers` crate.

use super::words::{self, Cache, Spelling};
use super::{END_OF_TEXT, check};
use crate::{ContentHash, DataError};
use kleiber_core::guard;
use std::sync::Arc;
use tokenizers::decoders::byte_level::ByteLevel as ByteDecoder;
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, DecoderWrapper, Model, PreTokenizerWrapper, Trainer};

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
    /// Words encoded before, where a text is encoded word by word.
    words: Option<Arc<Cache>>,
}

impl Bpe {
    /// Trains `vocab` tokens, or as many as the texts hold pairs for.
    pub(super) fn train<S: AsRef<str> + Send>(
        texts: impl Iterator<Item = S> + Send,
        vocab: usize,
    ) -> Result<Self, DataError> {
        if !(257..=1 << 20).contains(&vocab) {
            return Err(DataError::option("vocab", vocab, "257 to 1048576"));
        }
        let fail = |why: String| DataError::Tokenizer { source_name: "training".into(), why };
        let mut trainer = trainer(vocab);
        let spelling = Spelling::new();
        let words = |text: &str| {
            let mut words = Vec::new();
            words::each(text, |word| {
                words.push(spelling.of(word));
                Ok(())
            })?;
            Ok(words)
        };
        trainer.feed(texts, words).map_err(|e| fail(e.to_string()))?;
        let mut model = BPE::default();
        let special = trainer.train(&mut model).map_err(|e| fail(e.to_string()))?;
        let mut inner = byte_level(model);
        inner.add_special_tokens(special).map_err(|e| fail(e.to_string()))?;
        Self::from_inner("training", inner)
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
        let words = by_words(&inner).then(Arc::default);
        Ok(Self { hash: ContentHash::of(json.as_bytes()), json, vocab, end, bytes, words, inner })
    }

    pub(super) fn encode(&self, text: &str) -> Result<Vec<u32>, DataError> {
        let fail = |why: String| DataError::Tokenizer { source_name: "tokenizer".into(), why };
        let tokens = guard::quiet(|| self.encode_any(text))
            .map_err(fail)?
            .map_err(|e| fail(format!("cannot encode a text of {} bytes: {e}", text.len())))?;
        match tokens.iter().find(|&&t| t as usize >= self.vocab || t == self.end) {
            None => Ok(tokens),
            Some(token) => Err(fail(format!("encodes text as token {token}, which no text should have"))),
        }
    }

    fn encode_any(&self, text: &str) -> Result<Vec<u32>, tokenizers::Error> {
        let Some(cache) = &self.words else {
            return Ok(self.inner.encode_fast(text, false)?.get_ids().to_vec());
        };
        let spelling = Spelling::new();
        let encode = |word: &str| {
            let tokens = self.inner.get_model().tokenize(&spelling.of(word))?;
            Ok::<_, tokenizers::Error>(tokens.into_iter().map(|token| token.id).collect())
        };
        let mut tokens = Vec::with_capacity(text.len() / 3);
        words::each(text, |word| cache.push(word, &mut tokens, encode))?;
        Ok(tokens)
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

fn trainer(vocab: usize) -> BpeTrainer {
    BpeTrainerBuilder::new()
        .show_progress(false)
        .vocab_size(vocab)
        .min_frequency(2)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .special_tokens(vec![AddedToken::from(END_OF_TEXT, true).normalized(false)])
        .build()
}

/// Whether a tokenizer does nothing but cut text into the words of GPT-2 and encode each by itself. Most files are of
/// another kind; they go the way of the `tokenizers` crate.
fn by_words(inner: &tokenizers::Tokenizer) -> bool {
    let cut = matches!(inner.get_pre_tokenizer(), Some(PreTokenizerWrapper::ByteLevel(level))
        if level.use_regex && !level.add_prefix_space);
    let random = matches!(inner.get_model(), ModelWrapper::BPE(model) if model.dropout.is_some());
    let found_in_text = inner.get_added_tokens_decoder().values().any(|token| !token.special);
    cut && !random && !found_in_text && inner.get_normalizer().is_none()
}

fn byte_level(model: BPE) -> tokenizers::Tokenizer {
    let mut inner = tokenizers::Tokenizer::new(model);
    inner.with_pre_tokenizer(Some(ByteLevel::new(false, false, true)));
    inner.with_decoder(Some(ByteDecoder::default()));
    inner
}

/// The letter that stands for each byte in byte-level vocabularies (GPT-2): printable Latin-1 for itself, the rest
/// from U+0100 on.
pub(super) fn byte_letters() -> [char; 256] {
    let mut next = 0x100;
    std::array::from_fn(|byte| {
        if matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff) {
            return char::from(byte as u8);
        }
        next += 1;
        char::from_u32(next - 1).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_by_words_gives_the_tokens_of_the_whole_text() {
        let texts = [
            "fn main() {\n    let x = \"don't\";\n\tprintln!(\"{x:>8}\");\r\n}\n\n\n",
            "naïve café 1234 + 5678, it's  42½ 日本語 🦀🦀<|endoftext|> end   ",
            &"long".repeat(50),
            "",
        ];
        let bpe = Bpe::train(texts.iter().cycle().take(8), 300).unwrap();
        assert!(bpe.words.is_some());
        // Twice: the second time from the words that were kept.
        for text in texts.iter().chain(&texts) {
            let whole = bpe.inner.encode_fast(*text, false).unwrap().get_ids().to_vec();
            assert_eq!(bpe.encode(text).unwrap(), whole, "{text:?}");
        }
        let mut other = bpe.inner.clone();
        other.with_pre_tokenizer(Some(ByteLevel::new(true, false, true)));
        assert!(!by_words(&other), "a space before each text");
        other = bpe.inner.clone();
        other.add_tokens([AddedToken::from("main", false)]).unwrap();
        assert!(!by_words(&other), "tokens found in text");
    }

    #[test]
    fn training_by_words_gives_the_tokenizer_of_the_crate() {
        let texts = ["the cat sat on the mat; the dog didn't", "déjà vu, the 99 cats\n\n  sat there"];
        let ours = Bpe::train(texts.iter(), 264).unwrap();
        let mut theirs = byte_level(BPE::default());
        let mut trainer = tokenizers::models::TrainerWrapper::from(trainer(264));
        theirs.train(&mut trainer, texts.iter()).unwrap();
        assert_eq!(ours.inner.get_vocab(true), theirs.get_vocab(true));
    }
}
