//! The word pattern of GPT-2 without a regular expression where text is ASCII, and words counted or encoded once.

use super::bpe::byte_letters;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::RwLock;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

/// Calls `each` with the words of `text` in order, as the pattern
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` cuts it.
///
/// No word holds white space behind something else, so text can be cut before each run of white space; a piece that is
/// ASCII is cut by hand, others by the `tokenizers` crate.
pub(super) fn each<'a>(
    text: &'a str,
    mut each: impl FnMut(&'a str) -> Result<(), tokenizers::Error>,
) -> Result<(), tokenizers::Error> {
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let end = rest[word..].find(char::is_whitespace).map_or(rest.len(), |at| word + at);
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        if piece.is_ascii() {
            ascii(piece, &mut each)?;
        } else {
            by_pattern(piece, &mut each)?;
        }
    }
    Ok(())
}

const SUFFIXES: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

/// White space, then something else, or one of both.
fn ascii<'a>(
    piece: &'a str,
    each: &mut impl FnMut(&'a str) -> Result<(), tokenizers::Error>,
) -> Result<(), tokenizers::Error> {
    #[derive(PartialEq)]
    enum Kind {
        Letter,
        Digit,
        Sign,
    }
    let kind = |byte: u8| match byte {
        b if b.is_ascii_alphabetic() => Kind::Letter,
        b if b.is_ascii_digit() => Kind::Digit,
        _ => Kind::Sign,
    };
    let bytes = piece.as_bytes();
    // Vertical tabs are white space for the pattern, and not for `u8::is_ascii_whitespace`.
    let white = |b: &u8| char::from(*b).is_whitespace();
    let mut at = bytes.iter().position(|b| !white(b)).unwrap_or(bytes.len());
    if at == bytes.len() {
        return each(piece);
    }
    // The last space belongs to the word behind it; other white space stands alone.
    if at > 0 {
        if at > 1 {
            each(&piece[..at - 1])?;
        }
        at -= 1;
        if bytes[at] != b' ' {
            each(&piece[at..=at])?;
            at += 1;
        }
    }
    while at < bytes.len() {
        if let Some(suffix) = SUFFIXES.iter().find(|s| piece[at..].starts_with(**s)) {
            each(&piece[at..at + suffix.len()])?;
            at += suffix.len();
            continue;
        }
        let first = at + usize::from(bytes[at] == b' ');
        let of = kind(bytes[first]);
        let end = bytes[first..].iter().position(|&b| kind(b) != of).map_or(bytes.len(), |n| first + n);
        each(&piece[at..end])?;
        at = end;
    }
    Ok(())
}

fn by_pattern<'a>(
    piece: &'a str,
    each: &mut impl FnMut(&'a str) -> Result<(), tokenizers::Error>,
) -> Result<(), tokenizers::Error> {
    let mut cut = PreTokenizedString::from(piece);
    ByteLevel::new(false, false, true).pre_tokenize(&mut cut)?;
    for (_, (start, end), _) in cut.get_splits(OffsetReferential::Original, OffsetType::Byte) {
        each(&piece[start..end])?;
    }
    Ok(())
}

/// A word as byte-level models spell it: a letter for each byte.
pub(super) struct Spelling([char; 256]);

impl Spelling {
    pub(super) fn new() -> Self {
        Self(byte_letters())
    }

    pub(super) fn of(&self, word: &str) -> String {
        word.bytes().map(|byte| self.0[usize::from(byte)]).collect()
    }
}

/// Tokens by word.
type Known = HashMap<Box<str>, Box<[u32]>>;

/// Words that were encoded before.
#[derive(Debug, Default)]
pub(super) struct Cache {
    shards: [RwLock<Known>; 32],
    hasher: std::hash::RandomState,
}

/// Most words in one of the parts; code and prose have a few hundred thousand that matter.
const MOST_WORDS: usize = 1 << 14;
/// Longer words are rare, and would fill memory.
const MOST_BYTES: usize = 64;

impl Cache {
    /// Appends the tokens of `word` to `out`, which `encode` is asked for the first time.
    pub(super) fn push<E>(
        &self,
        word: &str,
        out: &mut Vec<u32>,
        encode: impl FnOnce(&str) -> Result<Vec<u32>, E>,
    ) -> Result<(), E> {
        if word.len() > MOST_BYTES {
            out.extend(encode(word)?);
            return Ok(());
        }
        let shard = &self.shards[self.hasher.hash_one(word) as usize % self.shards.len()];
        // A panic elsewhere cannot leave a map half changed: insertion is all that is done under the lock.
        if let Some(tokens) = shard.read().unwrap_or_else(|e| e.into_inner()).get(word) {
            out.extend_from_slice(tokens);
            return Ok(());
        }
        let tokens = encode(word)?;
        out.extend_from_slice(&tokens);
        let mut shard = shard.write().unwrap_or_else(|e| e.into_inner());
        if shard.len() < MOST_WORDS {
            shard.insert(word.into(), tokens.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_core::rng::Rng;

    #[test]
    fn words_are_those_of_the_pattern() {
        let symbols = [
            " ", " ", "\n", "\t", "\r", "\x0b", "\x1c", "'", "s", "t", "re", "'ll", "abc", "X", "7", "42", "_", "(",
            "::", "é", "日", "½", "\u{a0}", "\u{2003}", "🦀", "\0", "n't", "ß'd",
        ];
        let mut rng = Rng::new(4, "words", 0);
        for _ in 0..20_000 {
            let text: String = (0..rng.below(12)).map(|_| symbols[rng.below(symbols.len())]).collect();
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            each(&text, |word| {
                ours.push(word);
                Ok(())
            })
            .unwrap();
            by_pattern(&text, &mut |word| {
                theirs.push(word);
                Ok(())
            })
            .unwrap();
            assert_eq!(ours, theirs, "{text:?}");
        }
    }
}
