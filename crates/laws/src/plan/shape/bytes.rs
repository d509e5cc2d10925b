//! A small encoder for a file of so many bytes.

use crate::LawError;
use crate::plan::{Answer, Rows};
use crate::reason::Reason;
use crate::student::{Counting, Limit, Student, Target, exhaustive};

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct BytesRequest {
    /// Bytes of weights.
    pub bytes: f64,
    /// Bits of a weight.
    pub bits: f64,
    /// Least tokens of the vocabulary.
    pub vocab: u64,
    /// The released objective: a soft limit and the counts of the released code.
    pub published: bool,
}

/// The encoder with most operations in so many bytes.
///
/// # Errors
/// [`LawError::Request`] when bytes, bits or vocabulary are out of range or nothing is so small.
pub fn plan_bytes(request: &BytesRequest) -> Result<Answer, LawError> {
    if !(1.0..=64.0).contains(&request.bits) || !(1.0..=1e12).contains(&request.bytes) {
        return Err(LawError::Request("bits of a weight lie between 1 and 64, bytes between 1 and 1e12".into()));
    }
    if request.vocab > 50_000 {
        return Err(LawError::Request(format!(
            "a vocabulary of {} is beyond the 50000 that the search knows: ask for less",
            request.vocab
        )));
    }
    let counting = if request.published { Counting::Published } else { Counting::Corrected };
    let limit = if request.published { Limit::Soft } else { Limit::Hard };
    let target = Target { bytes: request.bytes, bits: request.bits, limit, counting };
    let best = exhaustive(&target, request.vocab)?;
    let Student { heads, width, hidden, layers, vocab } = best.student;
    let mut answer = Answer::new("shape");
    answer.law("compressor (Shi et al. 2022)");
    answer.given("family", "encoder");
    answer.given("bytes", request.bytes);
    answer.given("bits", request.bits);
    answer.given("vocab_min", request.vocab);
    answer.set("layers", layers);
    answer.set("width", width);
    answer.set("heads", heads);
    answer.set("hidden", hidden);
    answer.set("vocab", vocab);
    answer.set("params", best.params);
    answer.set("size_bytes", target.size(best.params));
    answer.set("gflops", best.student.flops(counting) / 1e9);
    answer.set("fits", target.size(best.params) <= request.bytes);
    answer.set("shapes_tried", best.tried);
    let mut table = Rows::new(&["bits", "layers", "width", "heads", "hidden", "vocab", "params", "gflops"]);
    for bits in [32.0, 16.0, 8.0, 4.0] {
        let Ok(b) = exhaustive(&Target { bits, ..target }, request.vocab) else { continue };
        let s = b.student;
        table.push(vec![
            bits.into(),
            s.layers.into(),
            s.width.into(),
            s.heads.into(),
            s.hidden.into(),
            s.vocab.into(),
            (b.params as f64).into(),
            (s.flops(counting) / 1e9).into(),
        ]);
    }
    answer.table = Some(table);
    answer.assume("operations stand for capacity, as in the paper: they favour deep encoders with small vocabularies, whatever the task");
    answer.assume("bytes are weights alone; tokenizer and configuration come on top; an encoder of 514 positions with a classifier of two classes");
    if request.published {
        answer.assume("as released: a megabyte off costs a giga-operation, and the norm after attention counts 5 operations in all");
    }
    if target.size(best.params) > request.bytes {
        let what =
            format!("{:.0} bytes exceed the target: the published objective allows it", target.size(best.params));
        answer.warn(Reason::Assumed { what });
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_megabytes() {
        let request = BytesRequest { bytes: 3e6, bits: 32.0, vocab: 1, published: true };
        let published = plan_bytes(&request).unwrap();
        let shape = ["layers", "width", "heads", "hidden", "vocab", "params"].map(|n| published.number(n).unwrap());
        assert_eq!(shape, [12.0, 96.0, 8.0, 64.0, 1000.0, 765_410.0]);
        assert_eq!(published.warnings.len(), 1, "it is larger than its target");
        let hard = plan_bytes(&BytesRequest { published: false, vocab: 4000, ..request }).unwrap();
        assert!(hard.number("size_bytes").unwrap() <= 3e6 && hard.number("vocab").unwrap() >= 4000.0);
        assert!(hard.warnings.is_empty());
        let refused = |r| plan_bytes(&r).unwrap_err().to_string();
        assert!(refused(BytesRequest { bytes: 1e3, published: false, ..request }).contains("smallest"));
        assert!(refused(BytesRequest { vocab: 60_000, ..request }).contains("50000"));
        assert!(refused(BytesRequest { bits: 0.0, ..request }).contains("bits"));
    }
}
