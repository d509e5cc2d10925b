//! Tokens to text as they come.

use super::Tokenizer;

/// Turns tokens into text one at a time. What is given out is whole characters only: bytes of a character that is not
/// finished wait for the next token.
///
/// ```
/// use kleiber_data::{TextStream, Tokenizer};
/// let tokenizer = Tokenizer::Bytes;
/// let mut text = TextStream::new(&tokenizer);
/// assert_eq!((text.push(0xc3), text.push(0xa9), text.push(33)), (String::new(), "é".into(), "!".into()));
/// assert_eq!(text.finish(), "");
/// ```
#[derive(Debug, Clone)]
pub struct TextStream<'a> {
    tokenizer: &'a Tokenizer,
    /// Bytes of an unfinished character.
    pending: Vec<u8>,
    /// For tokens that are not bytes: those whose text is out and which the next ones may depend on, then those that
    /// wait.
    tokens: Vec<u32>,
    shown: usize,
}

impl<'a> TextStream<'a> {
    /// A stream at the start of a text.
    pub fn new(tokenizer: &'a Tokenizer) -> Self {
        Self { tokenizer, pending: Vec::new(), tokens: Vec::new(), shown: 0 }
    }

    /// The text that `token` completes; often that of the token, sometimes nothing.
    pub fn push(&mut self, token: u32) -> String {
        match self.tokenizer {
            Tokenizer::Bytes => self.pending.extend(u8::try_from(token)),
            Tokenizer::Bpe(bpe) if bpe.is_byte_level() => {
                self.pending.extend_from_slice(bpe.token_bytes(token).unwrap_or_default());
            }
            Tokenizer::Bpe(_) => return self.push_text(token),
        }
        self.take(false)
    }

    /// What is left: an unfinished character becomes U+FFFD.
    pub fn finish(&mut self) -> String {
        let mut text = self.take(true);
        if self.shown < self.tokens.len() {
            let (before, all) =
                (self.tokenizer.decode(&self.tokens[..self.shown]), self.tokenizer.decode(&self.tokens));
            text.push_str(all.get(before.len()..).unwrap_or_default());
            self.shown = self.tokens.len();
        }
        text
    }

    /// Characters at the front of the pending bytes; all of them at the end.
    fn take(&mut self, end: bool) -> String {
        let mut text = String::new();
        let mut at = 0;
        for chunk in self.pending.utf8_chunks() {
            text.push_str(chunk.valid());
            at += chunk.valid().len();
            let rest = chunk.invalid();
            let unfinished = at + rest.len() == self.pending.len() && may_go_on(rest);
            if rest.is_empty() || (unfinished && !end) {
                break;
            }
            text.push(char::REPLACEMENT_CHARACTER);
            at += rest.len();
        }
        self.pending.drain(..at);
        text
    }

    /// Tokens whose text depends on their neighbours: what a few of them add to the text of those before.
    fn push_text(&mut self, token: u32) -> String {
        self.tokens.push(token);
        let (before, all) = (self.tokenizer.decode(&self.tokens[..self.shown]), self.tokenizer.decode(&self.tokens));
        let Some(added) = all.get(before.len()..).filter(|a| !a.is_empty() && !a.ends_with('\u{fffd}')) else {
            return String::new();
        };
        let added = added.to_string();
        self.tokens.drain(..self.shown);
        self.shown = self.tokens.len();
        added
    }
}

/// Whether bytes that are no character may be the start of one.
fn may_go_on(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|e| e.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streamed(tokenizer: &Tokenizer, tokens: &[u32]) -> String {
        let mut stream = TextStream::new(tokenizer);
        let mut text: String = tokens.iter().map(|t| stream.push(*t)).collect();
        text.push_str(&stream.finish());
        text
    }

    #[test]
    fn the_pieces_are_the_whole_text() {
        let texts = ["naïve café, 日本語, 🦀🦀\r\n", "the cat sat on the mat", "e\u{301}"];
        let bpe = Tokenizer::train_bpe(texts.iter().copied(), 262).unwrap();
        for tokenizer in [Tokenizer::Bytes, bpe] {
            for text in texts {
                assert_eq!(streamed(&tokenizer, &tokenizer.encode(text).unwrap()), text);
            }
            // Any tokens at all, with cut characters, end-of-text and unknown numbers.
            let mut rng = kleiber_core::rng::Rng::new(4, "text", 0);
            for _ in 0..2000 {
                let tokens: Vec<u32> = (0..rng.below(9)).map(|_| rng.below(300) as u32).collect();
                assert_eq!(streamed(&tokenizer, &tokens), tokenizer.decode(&tokens), "{tokens:?}");
            }
        }
    }

    #[test]
    fn tokens_that_are_not_bytes_keep_their_spaces() {
        let json = r#"{"version":"1.0","added_tokens":[{"id":0,"content":"</s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],"pre_tokenizer":{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":true},"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},"model":{"type":"BPE","byte_fallback":true,"vocab":{"</s>":0,"a":1,"b":2,"▁":3,"▁a":4,"<0xC3>":5,"<0xA9>":6},"merges":["▁ a"]}}"#;
        let tokenizer = Tokenizer::from_json("metaspace", json.as_bytes()).unwrap();
        assert!(matches!(&tokenizer, Tokenizer::Bpe(bpe) if !bpe.is_byte_level()));
        let tokens = [4, 2, 4, 5, 6, 3, 2, 0, 1];
        assert_eq!(streamed(&tokenizer, &tokens), tokenizer.decode(&tokens));
        assert_eq!(tokenizer.decode(&tokens), "ab aé ba");
        let mut stream = TextStream::new(&tokenizer);
        let pieces: Vec<String> = tokens[..6].iter().map(|t| stream.push(*t)).collect();
        assert_eq!(pieces, ["a", "b", " a", "", "é", " "]);
    }
}
