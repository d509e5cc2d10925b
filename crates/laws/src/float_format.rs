//! What follows from the law of training with floating-point numbers of few bits (Sun et al. 2025, arXiv 2501.02423): the
//! best split of the bits, the data beyond which the loss rises, and the best number of bits for a budget.
//!
//! A number of `P` bits has a sign, `E` exponent and `M` mantissa bits, `P = E + M + 1`; `B` elements share a scale. N are
//! parameters without embeddings, D tokens, losses nats per token. Training costs `C = k N P D` FLOP with
//! [`FLOP_PER_BIT`] `k = 6/16`, so that 16 bits cost the usual 6ND.

/// FLOP per parameter, token and bit: 6 at 16 bits (Sun et al. 2025, section 4.4).
pub const FLOP_PER_BIT: f64 = 6.0 / 16.0;
/// log2 of the block that acts as one scale per channel does (Sun et al. 2025, section 3.6).
pub const LOG2_BLOCK_CHANNEL: f64 = 13.1567;

/// log2 of a block of so many elements, which is what the penalty grows with.
pub fn log2_block(elements: f64) -> f64 {
    elements.log2()
}

/// The law with its coefficients by name (Sun et al. 2025, eq. 18).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FloatLaw {
    /// Model term at one parameter.
    pub n: f64,
    /// Exponent in model size.
    pub alpha: f64,
    /// Data term at one token.
    pub d: f64,
    /// Exponent in data size.
    pub beta: f64,
    /// Irreducible loss.
    pub eps: f64,
    /// Divides the penalty.
    pub gamma: f64,
    /// Exponent in exponent bits.
    pub delta: f64,
    /// Exponent in mantissa bits.
    pub nu: f64,
}

/// The best use of a compute budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Optimum {
    /// Bits of a number, not rounded.
    pub bits: f64,
    /// Parameters without embeddings.
    pub params: f64,
    /// Tokens.
    pub tokens: f64,
}

impl FloatLaw {
    /// The law of coefficients in the order of the form `float-format`.
    pub fn of(c: &[f64]) -> Self {
        let [n, alpha, d, beta, eps, gamma, delta, nu] = [c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]];
        Self { n, alpha, d, beta, eps, gamma, delta, nu }
    }

    /// What divides the penalty for a format: gamma (E+1/2)^delta (M+1/2)^nu.
    fn resolution(&self, exponent: u32, mantissa: u32) -> f64 {
        let half = |bits: u32| f64::from(bits) + 0.5;
        self.gamma * half(exponent).powf(self.delta) * half(mantissa).powf(self.nu)
    }

    /// The loss without the penalty of the format.
    pub fn exact_loss(&self, params: f64, tokens: f64) -> f64 {
        self.n * params.powf(-self.alpha) + self.d * tokens.powf(-self.beta) + self.eps
    }

    /// What the format adds to the loss (eq. 17).
    pub fn penalty(&self, params: f64, tokens: f64, exponent: u32, mantissa: u32, log2_block: f64) -> f64 {
        tokens.powf(self.beta) * params.powf(-self.alpha) * log2_block / self.resolution(exponent, mantissa)
    }

    /// The best exponent and mantissa bits when they need not be whole (eq. 19): each gets its share of P, less half a bit.
    pub fn ideal_split(&self, bits: f64) -> (f64, f64) {
        let share = bits / (self.delta + self.nu);
        (self.delta * share - 0.5, self.nu * share - 0.5)
    }

    /// The best whole exponent and mantissa bits for `bits` in all, sign included: every split is tried. `None` for 0 bits.
    pub fn best_split(&self, bits: u32) -> Option<(u32, u32)> {
        let free = bits.checked_sub(1)?;
        let splits = (0..=free).map(|e| (e, free - e));
        splits.max_by(|a, b| self.resolution(a.0, a.1).total_cmp(&self.resolution(b.0, b.1)))
    }

    /// Tokens beyond which more data raises the loss (eq. 21); infinite where there is no penalty.
    pub fn critical_tokens(&self, params: f64, exponent: u32, mantissa: u32, log2_block: f64) -> f64 {
        let product = self.d * params.powf(self.alpha) * self.resolution(exponent, mantissa) / log2_block;
        product.powf(0.5 / self.beta)
    }

    /// Parameters of a model that reaches the same loss without the penalty (eq. 38, for whole bits).
    pub fn effective_params(&self, params: f64, tokens: f64, exponent: u32, mantissa: u32, log2_block: f64) -> f64 {
        let extra = tokens.powf(self.beta) * log2_block / (self.n * self.resolution(exponent, mantissa));
        params / (1.0 + extra).powf(1.0 / self.alpha)
    }

    /// delta + nu: with the best split the penalty falls with P to this power.
    fn power(&self) -> f64 {
        self.delta + self.nu
    }

    /// What divides the penalty at one bit with the best split: gamma_rho (eq. 34).
    pub fn gamma_rho(&self) -> f64 {
        let log = self.delta * self.delta.ln() + self.nu * self.nu.ln() - self.power() * self.power().ln();
        self.gamma * log.exp()
    }

    /// gamma_D of eq. 46.
    fn gamma_d(&self) -> f64 {
        (self.power() - self.alpha) / (self.n * self.alpha * self.gamma_rho())
    }

    /// Bits that make the most of compute when the tokens are given and the model may grow as bits fall (eq. 22).
    pub fn bits_for_tokens(&self, tokens: f64, log2_block: f64) -> f64 {
        (self.gamma_d() * tokens.powf(self.beta) * log2_block).powf(1.0 / self.power())
    }

    /// Bits that make the most of `flops` when the model is given and the tokens may grow as bits fall (eq. 23).
    pub fn bits_for_params(&self, params: f64, flops: f64, log2_block: f64) -> f64 {
        let (power, beta) = (self.power(), self.beta);
        let gamma_n = (beta + power) / (self.d * beta * self.gamma_rho());
        let spent = (flops / FLOP_PER_BIT).powf(2.0 * beta) * params.powf(-self.alpha - 2.0 * beta);
        (gamma_n * spent * log2_block).powf(1.0 / (power + 2.0 * beta))
    }

    /// Bits, parameters and tokens that make the most of `flops` together. With P, D and N all free both derivatives
    /// vanish at `P^((delta+nu)(alpha+beta)/beta + alpha) = lambda (gamma_D log2 B)^((alpha+beta)/beta) (C/k)^alpha`,
    /// `lambda = d beta / (n alpha) (delta+nu-alpha) / (delta+nu+beta)` (eq. 54).
    pub fn optimum(&self, flops: f64, log2_block: f64) -> Optimum {
        let (alpha, beta, power) = (self.alpha, self.beta, self.power());
        let lambda = self.d * beta / (self.n * alpha) * (power - alpha) / (power + beta);
        let both = (alpha + beta) / beta;
        let block = self.gamma_d() * log2_block;
        let right = lambda.ln() + both * block.ln() + alpha * (flops / FLOP_PER_BIT).ln();
        let bits = (right / (power * both + alpha)).exp();
        let tokens = (bits.powf(power) / block).powf(1.0 / beta);
        Optimum { bits, params: flops / (FLOP_PER_BIT * bits * tokens), tokens }
    }

    /// The loss with `bits` split in the best way, whole or not (eq. 20).
    pub fn loss_at_bits(&self, params: f64, tokens: f64, bits: f64, log2_block: f64) -> f64 {
        let penalty = tokens.powf(self.beta) * params.powf(-self.alpha) * log2_block;
        self.exact_loss(params, tokens) + penalty / (self.gamma_rho() * bits.powf(self.power()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUN: [f64; 8] = [69.2343, 0.2368, 68973.0621, 0.5162, 1.9061, 11334.5197, 3.1926, 2.9543];

    fn close(got: f64, want: f64, tolerance: f64) {
        assert!((got / want - 1.0).abs() < tolerance, "{got} instead of {want}");
    }

    #[test]
    fn the_published_layouts_are_the_best_splits() {
        let law = FloatLaw::of(&SUN);
        // Figure 5 of the paper.
        let published = [
            (0, 0),
            (1, 0),
            (1, 1),
            (2, 1),
            (2, 2),
            (3, 2),
            (3, 3),
            (4, 3),
            (4, 4),
            (5, 4),
            (5, 5),
            (6, 5),
            (6, 6),
            (7, 6),
            (7, 7),
            (8, 7),
        ];
        for (bits, want) in (1..).zip(published) {
            assert_eq!(law.best_split(bits), Some(want), "{bits} bits");
        }
        assert_eq!(law.best_split(0), None);
        for (bits, mantissa) in [(4.0, 1.42), (8.0, 3.34), (16.0, 7.19)] {
            let (e, m) = law.ideal_split(bits);
            assert!((m - mantissa).abs() < 5e-3 && (e + m + 1.0 - bits).abs() < 1e-12);
        }
        // With mantissa bits worth more than exponent bits the split turns around.
        assert_eq!(FloatLaw { delta: 2.9543, nu: 3.1926, ..law }.best_split(8), Some((3, 4)));
    }

    #[test]
    fn the_loss_is_least_at_the_critical_data() {
        let law = FloatLaw::of(&SUN);
        for (e, m, want) in [(8, 7, 1.7295e15), (4, 3, 2.7329e13), (2, 1, 3.9285e11)] {
            let tokens = law.critical_tokens(1e9, e, m, 7.0);
            close(tokens, want, 1e-4);
            let loss = |d: f64| law.exact_loss(1e9, d) + law.penalty(1e9, d, e, m, 7.0);
            assert!(loss(tokens) < loss(0.9 * tokens) && loss(tokens) < loss(1.1 * tokens));
        }
        close(law.critical_tokens(1e9, 4, 3, LOG2_BLOCK_CHANNEL), 1.4831e13, 1e-4);
        assert_eq!(law.critical_tokens(1e9, 4, 3, log2_block(1.0)), f64::INFINITY);
    }

    #[test]
    fn effective_params_reach_the_loss_without_penalty() {
        let law = FloatLaw::of(&SUN);
        let effective = law.effective_params(1e9, 1e12, 2, 1, 7.0);
        assert!(effective < 1e9);
        close(law.exact_loss(effective, 1e12), law.exact_loss(1e9, 1e12) + law.penalty(1e9, 1e12, 2, 1, 7.0), 1e-12);
    }

    #[test]
    fn whole_and_fractional_bits_agree() {
        let law = FloatLaw::of(&SUN);
        close(law.gamma_rho(), 160.697, 1e-5);
        // The best fractional split is the lower envelope of the whole ones.
        for bits in 2..=16u32 {
            let (e, m) = law.best_split(bits).unwrap();
            let whole = law.exact_loss(1e9, 1e11) + law.penalty(1e9, 1e11, e, m, 7.0);
            assert!(law.loss_at_bits(1e9, 1e11, f64::from(bits), 7.0) <= whole);
        }
    }

    /// The smallest of `loss` over bits by a fine scan.
    fn scanned(loss: impl Fn(f64) -> f64) -> f64 {
        let bits = (0..=40_000).map(|i| 1.0 * 20f64.powf(f64::from(i) / 40_000.0));
        bits.min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap()
    }

    #[test]
    fn best_bits_are_where_the_loss_is_least() {
        let law = FloatLaw::of(&SUN);
        for (tokens, want) in [(1e11, 4.268), (1e12, 5.179), (1e13, 6.284), (1e14, 7.624)] {
            let bits = law.bits_for_tokens(tokens, 7.0);
            assert!((bits - want).abs() < 1e-3, "{bits}");
            // Compute is given: fewer bits pay for more parameters, and the best does not depend on how much it is.
            for flops in [1e22, 1e25] {
                let loss = |p: f64| law.loss_at_bits(flops / (FLOP_PER_BIT * p * tokens), tokens, p, 7.0);
                close(scanned(loss), bits, 2e-4);
            }
        }
        for (params, flops) in [(1e9, 1e22), (7e9, 6e23)] {
            let loss = |p: f64| law.loss_at_bits(params, flops / (FLOP_PER_BIT * p * params), p, 7.0);
            close(law.bits_for_params(params, flops, 7.0), scanned(loss), 2e-4);
        }
    }

    #[test]
    fn the_joint_optimum_beats_its_neighbours() {
        let law = FloatLaw::of(&SUN);
        // Section 4.4: 4 to 8 bits from 1e21 to 1e31.
        for (flops, want) in [(1e21, 4.190), (1e26, 5.635), (1e31, 7.578)] {
            let best = law.optimum(flops, 7.0);
            assert!((best.bits - want).abs() < 1e-3, "{best:?}");
            close(FLOP_PER_BIT * best.params * best.bits * best.tokens, flops, 1e-12);
            let loss = |p: f64, d: f64| law.loss_at_bits(flops / (FLOP_PER_BIT * p * d), d, p, 7.0);
            let least = loss(best.bits, best.tokens);
            for (p, d) in [(0.99, 1.0), (1.01, 1.0), (1.0, 0.97), (1.0, 1.03), (0.99, 0.97), (1.01, 1.03)] {
                assert!(loss(p * best.bits, d * best.tokens) > least, "{p} {d}");
            }
        }
    }
}
