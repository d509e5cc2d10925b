//! The best size of a vocabulary for a body and a budget (Tao et al. 2024, arXiv 2407.13623), three ways: the envelope
//! of many runs, the derivative of the FLOP, and the parametric law of [`crate::forms::Vocabulary`].
//!
//! N is the body without embeddings and head, N_v = V d the head of a vocabulary of V entries and width d, D the tokens,
//! H the characters, D = H f(V). A token costs 6 (N + N_v) FLOP: the embedding is a look-up and costs none, so tying it to
//! the head changes what a model weighs and not what it costs.

mod curve;
mod optimum;
mod runs;

pub use curve::TokenizationCurve;
pub use optimum::{
    Budget, Flat, Parametric, derivative_vocab, envelope_vocab_params, growth_exponent, growth_vocab_params,
    optimal_flops, round_to, width_of,
};
pub use runs::{EnvelopeFit, RunPoint, envelope};

use crate::LawError;

/// The largest error of `flops = 6 (params + vocab width) chars f(V)` over rows, relative: nonzero when a table counts
/// FLOP otherwise, or its tokens were made with another curve. Rows are (params, vocab, width, chars, flops).
///
/// # Errors
/// [`LawError::Request`] for an empty table.
pub fn flops_identity(curve: &TokenizationCurve, rows: &[[f64; 5]]) -> Result<f64, LawError> {
    if rows.is_empty() {
        return Err(LawError::Request("no rows to compare FLOP with".into()));
    }
    let off = |[n, v, d, h, c]: &[f64; 5]| (curve.flops(*n, *v, *d, *h) / c - 1.0).abs();
    Ok(rows.iter().map(off).fold(0.0, f64::max))
}
