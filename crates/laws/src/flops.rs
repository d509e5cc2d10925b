//! How training compute is counted: the conventions of the papers whose laws are in the catalogue.
//!
//! A law of compute holds for the count it was fitted with. Most of the disagreement between Kaplan et al. 2020 and
//! Hoffmann et al. 2022 is a matter of counting (Pearce & Song 2024; Porian et al. 2024).

/// FLOP per token with 6 per parameter (Kaplan et al. 2020; Hoffmann et al. 2022): which parameters count is what differs.
pub fn six(params: f64) -> f64 {
    6.0 * params
}

/// FLOP per token with causal attention: 6 per matrix parameter, output head included, and `6 L d s` for the attention of
/// `layers` of width `width` over `context` tokens (Porian et al. 2024, appendix).
pub fn causal(params_matmul: f64, layers: f64, width: f64, context: f64) -> f64 {
    6.0 * params_matmul + 6.0 * layers * width * context
}

/// FLOP per token of Bi et al. 2024 (DeepSeek LLM, eq. 2): `72 L d^2 + 12 L d s`, no embeddings, attention over the whole
/// context.
pub fn deepseek(layers: f64, width: f64, context: f64) -> f64 {
    72.0 * layers * width * width + 12.0 * layers * width * context
}

/// All parameters of a usual model whose parameters without embeddings are known: `N + 47491 N^(1/3)`
/// (Pearce & Song 2024, eq. 4, fitted to the models of Hoffmann et al. 2022).
pub fn with_embeddings(params: f64) -> f64 {
    params + 47_491.0 * params.cbrt()
}

/// The reverse of [`with_embeddings`]: parameters without embeddings of a usual model with so many parameters in all.
pub fn without_embeddings(params_total: f64) -> f64 {
    // The real root x of x^3 + p x = total, x the cube root of the parameters: increasing, so Newton from above falls to it.
    let mut root = params_total.cbrt();
    for _ in 0..60 {
        root -= (root.powi(3) + 47_491.0 * root - params_total) / (3.0 * root * root + 47_491.0);
    }
    root.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conventions_differ_as_they_should() {
        // DeepSeek 7B: 30 layers of width 4096 over 4096 tokens.
        assert!((deepseek(30.0, 4096.0, 4096.0) / 4.227_858_432e10 - 1.0).abs() < 1e-12);
        // 12 L d^2 parameters at 6 FLOP are the first term; the attention is counted twice as high as a causal one.
        let params = 12.0 * 30.0 * 4096.0 * 4096.0;
        let attention = causal(params, 30.0, 4096.0, 4096.0) - six(params);
        assert_eq!(deepseek(30.0, 4096.0, 4096.0) - six(params), 2.0 * attention);
    }

    #[test]
    fn embeddings_weigh_in_small_models() {
        // 47491 * 1000 = 47.5M on top of 1e9; half of a model of 10M.
        assert!((with_embeddings(1e9) / 1.047_491e9 - 1.0).abs() < 1e-12);
        assert!(with_embeddings(1e7) > 2.0 * 1e7);
        for n in [1e4, 1e6, 1e9, 1e12] {
            assert!((without_embeddings(with_embeddings(n)) / n - 1.0).abs() < 1e-9);
        }
    }
}
