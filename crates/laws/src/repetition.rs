//! What repeated tokens are worth and when to stop repeating them (Muennighoff et al. 2023; Xue et al. 2023).
//!
//! The data-constrained law only falls with more epochs; real runs turn up again. [`best_epochs`] is where they do.

use crate::LawError;

/// Factor and exponent of [`best_epochs`]: least squares of ln(epochs) on ln(parameters / unique tokens) over the eight
/// model sizes of Muennighoff et al. 2023 that were trained for at least five lengths on 100M unique tokens of C4 and
/// turned: 140, 140, 59, 39, 27, 27, 15 and 15 epochs for 44M, 83M, 146M, 220M, 281M, 421M, 619M and 1.1B parameters.
pub const BEST_EPOCHS: [f64; 2] = [81.48, -0.8133];
/// Range of parameters per unique token behind [`BEST_EPOCHS`].
pub const BEST_EPOCHS_RANGE: (f64, f64) = (0.44, 11.0);

/// Epochs after which the held-out loss rises again, for a decoder without dropout beyond 0.1: larger models overfit
/// earlier. On 400M unique tokens it is right within 20%; on 1.5B runs turn up at about half of what it says. Below 0.44
/// parameters per unique token runs of 400M tokens fall for longer.
pub fn best_epochs(params: f64, unique_tokens: f64) -> f64 {
    (BEST_EPOCHS[0] * (params / unique_tokens).powf(BEST_EPOCHS[1])).max(1.0)
}

/// Tokens that repeated ones are worth: `U + U R* (1 - e^(-R/R*))` with `R = D/U - 1` (Muennighoff et al. 2023, eq. 5).
pub fn effective_tokens(tokens: f64, unique_tokens: f64, r_d: f64) -> f64 {
    let unique = unique_tokens.min(tokens);
    let repeats = tokens / unique - 1.0;
    unique * (1.0 - r_d * (-repeats / r_d).exp_m1())
}

/// What one more token is worth after so many epochs, against a fresh one: `e^(-(epochs - 1)/R*)`.
pub fn marginal_worth(epochs: f64, r_d: f64) -> f64 {
    (-(epochs - 1.0).max(0.0) / r_d).exp()
}

/// Epochs at which a repeated token is worth `worth` of a fresh one: `1 + R* ln(1/worth)`.
///
/// # Errors
/// [`LawError::Request`] unless `worth` is a share.
pub fn epochs_at_worth(worth: f64, r_d: f64) -> Result<f64, LawError> {
    if !(worth > 0.0 && worth <= 1.0) {
        return Err(LawError::Request(format!("a token is worth a share between 0 and 1 of a fresh one, not {worth}")));
    }
    Ok(1.0 - r_d * worth.ln())
}

/// The published rescue of a repeated set: validation accuracy of T5-Base on C4 (Xue et al. 2023): one epoch of 2^35
/// tokens, 2^8 epochs of 2^27, and these with dropout, drop-path and label smoothing.
pub const TOKEN_CRISIS: [(&str, f64); 5] =
    [("fresh", 64.6), ("repeated", 61.7), ("dropout", 63.0), ("drop-path", 62.9), ("label smoothing", 62.6)];

/// Share of the accuracy lost to repetition that a regulariser of [`TOKEN_CRISIS`] gave back.
pub fn recovered(regulariser: &str) -> Option<f64> {
    let of = |name: &str| TOKEN_CRISIS.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
    let (fresh, repeated) = (of("fresh")?, of("repeated")?);
    Some((of(regulariser)? - repeated) / (fresh - repeated))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_tokens_are_worth_what_the_law_says() {
        // R* = 15.387756: four epochs are worth 3.73, sixteen 10.6; endless ones 16.4.
        let r = 15.387_756;
        assert!((effective_tokens(4.0, 1.0, r) - 3.725_6).abs() < 1e-3, "{}", effective_tokens(4.0, 1.0, r));
        assert!((effective_tokens(16.0, 1.0, r) - 10.58).abs() < 0.01);
        assert!((effective_tokens(1e6, 1.0, r) - 16.387_756).abs() < 1e-9);
        assert_eq!(effective_tokens(5.0, 10.0, r), 5.0);
        assert_eq!(marginal_worth(1.0, r), 1.0);
        let half = epochs_at_worth(0.5, r).unwrap();
        assert!((half - 11.666).abs() < 1e-3 && (marginal_worth(half, r) - 0.5).abs() < 1e-12);
        assert!(epochs_at_worth(0.0, r).is_err() && epochs_at_worth(f64::NAN, r).is_err());
    }

    #[test]
    fn larger_models_stop_earlier() {
        assert!((best_epochs(1e8, 1e8) - 81.48).abs() < 1e-9);
        assert!(best_epochs(1e9, 1e8) < 15.0 && best_epochs(1e12, 1e8) == 1.0);
    }

    #[test]
    fn regularisers_give_back_less_than_half() {
        // (63.0 - 61.7) / (64.6 - 61.7).
        assert!((recovered("dropout").unwrap() - 0.448).abs() < 1e-3);
        assert!(recovered("label smoothing").unwrap() < recovered("drop-path").unwrap());
        assert!(recovered("weight decay").is_none());
    }
}
