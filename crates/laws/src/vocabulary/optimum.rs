//! The best vocabulary by each approach.

use super::TokenizationCurve;
use crate::solve::root::root;

/// ln N and ln N_v of a run that is best at its compute C are K + exponent ln C (Tao et al. 2024, approach 1, digits of the
/// released code).
const BODY: (f64, f64) = (-2.4847, 0.5);
const HEAD: (f64, f64) = (-1.5890, 0.4164);
/// Approach 2: N_v = N_v0 (N/N_0)^gamma from the best vocabulary of the smallest model.
const SMALLEST: (f64, f64) = (33e6, 3_145_728.0);
const GAMMA: f64 = 0.8354;
/// Width of a body of at most so many parameters (Tao et al. 2024, released code).
const WIDTHS: [(f64, f64); 14] = [
    (50e6, 512.0),
    (200e6, 768.0),
    (500e6, 1024.0),
    (1e9, 1536.0),
    (2e9, 2048.0),
    (5e9, 3200.0),
    (10e9, 4096.0),
    (20e9, 5120.0),
    (50e9, 6048.0),
    (100e9, 8192.0),
    (200e9, 12_288.0),
    (500e9, 16_384.0),
    (1e12, 20_480.0),
    (f64::INFINITY, 24_576.0),
];

/// The usual width of a body of `params` parameters; it jumps, so a vocabulary N_v / d jumps with it.
pub fn width_of(params: f64) -> f64 {
    WIDTHS.iter().find(|(most, _)| params <= *most).map_or(24_576.0, |w| w.1)
}

/// The compute in FLOP at which a body of `params` parameters is best, by approach 1: params = e^-2.4847 C^0.5.
pub fn optimal_flops(params: f64) -> f64 {
    ((params.ln() - BODY.0) / BODY.1).exp()
}

/// Vocabulary parameters at a compute in FLOP by approach 1, the envelope: N_v = e^-1.5890 C^0.4164. Assumes that the body is
/// best at that compute too.
pub fn envelope_vocab_params(flops: f64) -> f64 {
    (HEAD.0 + HEAD.1 * flops.ln()).exp()
}

/// Vocabulary parameters of a body by approach 2: 3.1M (params / 33M)^0.8354.
pub fn growth_vocab_params(params: f64) -> f64 {
    SMALLEST.1 * (params / SMALLEST.0).powf(GAMMA)
}

/// The vocabulary with the fewest FLOP for the same characters: the root of `d f(V) + (N + V d) f'(V)` (Tao et al. 2024,
/// eq. 6), or nothing when FLOP rise or fall all along the measured curve.
pub fn derivative_vocab(curve: &TokenizationCurve, params: f64, width: f64) -> Option<f64> {
    let slope = |ln_v: f64| {
        let v = ln_v.exp();
        width * curve.at(v) + (params + v * width) * curve.slope(v)
    };
    let (low, high) = curve.range();
    // Just inside, since a curve is level beyond its ends.
    let (low, high) = (low.ln() + 1e-9, high.ln() - 1e-9);
    if slope(low) < 0.0 { root(low, high, slope).map(f64::exp) } else { None }
}

/// The exponent gamma of N_v ~ N^gamma through the first pair (params, vocabulary parameters), by least absolute errors of
/// logarithms: that of approach 2.
pub fn growth_exponent(pairs: &[(f64, f64)]) -> Option<f64> {
    let (first, rest) = pairs.split_first()?;
    // The slope through the origin with least absolute error is the median of the ratios weighted by x.
    let mut ratios: Vec<(f64, f64)> =
        rest.iter().map(|(n, v)| ((n / first.0).ln(), (v / first.1).ln())).map(|(x, y)| (y / x, x.abs())).collect();
    ratios.retain(|(ratio, _)| ratio.is_finite());
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = 0.5 * ratios.iter().map(|r| r.1).sum::<f64>();
    let mut sum = 0.0;
    ratios
        .iter()
        .find(|(_, weight)| {
            sum += weight;
            sum >= half
        })
        .map(|r| r.0)
}

/// The nearest multiple of `multiple`, at least one.
pub fn round_to(vocab: f64, multiple: u64) -> u64 {
    ((vocab / multiple as f64).round().max(1.0) as u64) * multiple
}

/// What is held while the vocabulary varies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Budget {
    /// Training compute in FLOP: a larger vocabulary leaves fewer tokens.
    Flops(f64),
    /// The tokens that the run at the best vocabulary sees; its compute follows.
    Tokens(f64),
}

/// The vocabularies that are about as good as the best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flat {
    /// Fewest vocabulary parameters.
    pub low: f64,
    /// Most.
    pub high: f64,
}

/// The parametric law at given coefficients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parametric {
    floor: f64,
    a1: f64,
    a2: f64,
    b: f64,
    alpha2: f64,
    beta: f64,
}

impl Parametric {
    /// The law with the coefficients E, A1, A2, B, alpha2 and beta of [`crate::forms::Vocabulary`].
    ///
    /// # Panics
    /// For fewer than six coefficients.
    pub fn new(c: &[f64]) -> Self {
        Self { floor: c[0], a1: c[1], a2: c[2], b: c[3], alpha2: c[4], beta: c[5] }
    }

    fn body(&self, params: f64) -> f64 {
        self.a1 * (params / 1e6).powf(-self.beta)
    }

    fn head(&self, vocab_params: f64) -> f64 {
        self.a2 * (vocab_params / 1e6).powf(-self.alpha2)
    }

    fn data(&self, tokens: f64) -> f64 {
        self.b * (tokens / 1e9).powf(-self.beta)
    }

    /// Loss against unigram frequencies.
    pub fn loss(&self, params: f64, vocab_params: f64, tokens: f64) -> f64 {
        self.body(params) + self.head(vocab_params) + self.data(tokens) - self.floor
    }

    /// Vocabulary parameters with the lowest loss; `charged` matrices of that size cost FLOP, 1 for a head. The root of
    /// `alpha2 A2 N_v^-alpha2 = beta B D^-beta m N_v / (N + m N_v)`, whose left side falls and right side rises.
    /// Nothing when a coefficient is zero, so that more or less is always better.
    pub fn best(&self, params: f64, budget: Budget, charged: f64) -> Option<f64> {
        let difference = |ln_v: f64| {
            let v = ln_v.exp();
            let total = params + charged * v;
            let tokens = match budget {
                Budget::Flops(flops) => flops / (6.0 * total),
                Budget::Tokens(tokens) => tokens,
            };
            self.beta * self.data(tokens) * charged * v / total - self.alpha2 * self.head(v)
        };
        let (low, high) = (0.0, 40.0);
        if difference(low) < 0.0 { root(low, high, difference).map(f64::exp) } else { None }
    }

    /// The vocabulary parameters between which the loss at this compute is within `share` of its best.
    pub fn flat(&self, params: f64, flops: f64, charged: f64, share: f64) -> Option<Flat> {
        let best = self.best(params, Budget::Flops(flops), charged)?;
        let at = |ln_v: f64| self.loss_at(params, ln_v.exp(), flops, charged);
        let lowest = at(best.ln());
        let above = |ln_v: f64| at(ln_v) - lowest - share * lowest.abs();
        let end = |to: f64| root(best.ln(), to, above).unwrap_or(to).exp();
        Some(Flat { low: end(0.0), high: end(40.0) })
    }

    /// The loss of a vocabulary at a compute.
    pub fn loss_at(&self, params: f64, vocab_params: f64, flops: f64, charged: f64) -> f64 {
        self.loss(params, vocab_params, flops / (6.0 * (params + charged * vocab_params)))
    }

    /// How many times the compute a vocabulary needs for the loss of the best; nothing when no compute gives it.
    pub fn compute_factor(&self, params: f64, vocab_params: f64, flops: f64, charged: f64) -> Option<f64> {
        let best = self.best(params, Budget::Flops(flops), charged)?;
        let wanted = self.loss_at(params, best, flops, charged);
        let left = wanted + self.floor - self.body(params) - self.head(vocab_params);
        let tokens = 1e9 * (left / self.b).powf(-1.0 / self.beta);
        let needed = 6.0 * (params + charged * vocab_params) * tokens;
        (left > 0.0).then_some(needed / flops).filter(|f| f.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAO: [f64; 6] = [5.5328, 1.8314, 0.19584, 2.1241, 0.6707, 0.4466];

    #[test]
    fn the_three_approaches_give_their_published_table() {
        // Table 1: body, approach 1, 2 and 3, thousands of entries.
        let table =
            [(3e9, 39.0, 43.0, 37.0), (7e9, 62.0, 67.0, 60.0), (13e9, 83.0, 91.0, 81.0), (70e9, 212.0, 231.0, 218.0)];
        for (n, first, second, third) in table {
            let (d, c) = (width_of(n), optimal_flops(n));
            let thousands = |v: f64| v / d / 1e3;
            let got = [
                thousands(envelope_vocab_params(c)),
                thousands(growth_vocab_params(n)),
                thousands(Parametric::new(&TAO).best(n, Budget::Flops(c), 1.0).unwrap()),
            ];
            for (got, want) in got.iter().zip([first, second, third]) {
                assert!((got - want).abs() < 0.6, "{n}: {got} {want}");
            }
        }
        assert!((optimal_flops(7e9) / 7.1e21 - 1.0).abs() < 0.01, "{}", optimal_flops(7e9));
    }

    #[test]
    fn the_derivative_roots_and_their_growth_are_the_published_ones() {
        let curve = TokenizationCurve::published();
        let sizes = [33e6, 85e6, 151e6, 302e6, 631e6, 1.13e9, 2.87e9];
        let want = [10.3, 15.9, 24.6, 32.8, 40.9, 49.4, 65.9];
        let roots: Vec<f64> = sizes.iter().map(|n| derivative_vocab(&curve, *n, width_of(*n)).unwrap()).collect();
        roots.iter().zip(want).for_each(|(got, want)| assert!((got / 1e3 - want).abs() < 0.06, "{got} {want}"));
        let pairs: Vec<(f64, f64)> = sizes.iter().zip(&roots).map(|(n, v)| (*n, v * width_of(*n))).collect();
        let gamma = growth_exponent(&pairs).unwrap();
        assert!((gamma - 0.8354).abs() < 1e-3, "{gamma}");
        assert!(growth_exponent(&pairs[..1]).is_none() && derivative_vocab(&curve, 1e15, 512.0).is_none());
    }

    #[test]
    fn the_optimum_is_the_lowest_point_and_tokens_agree_with_flops() {
        let law = Parametric::new(&TAO);
        let (n, c) = (1e9, 3e20);
        for charged in [1.0, 2.0] {
            let best = law.best(n, Budget::Flops(c), charged).unwrap();
            let at = |v: f64| law.loss_at(n, v, c, charged);
            let lowest = (0..4000).map(|i| 1e6 * (f64::from(i) / 500.0).exp()).min_by(|a, b| at(*a).total_cmp(&at(*b)));
            assert!((lowest.unwrap() / best - 1.0).abs() < 0.003, "{lowest:?} {best}");
            let tokens = c / (6.0 * (n + charged * best));
            let same = law.best(n, Budget::Tokens(tokens), charged).unwrap();
            assert!((same / best - 1.0).abs() < 1e-9, "{same} {best}");
        }
        let once = law.best(n, Budget::Flops(c), 1.0).unwrap();
        assert!(law.best(n, Budget::Flops(c), 2.0).unwrap() < once);
    }

    #[test]
    fn the_flat_region_ends_where_the_share_is_lost() {
        let law = Parametric::new(&TAO);
        let (n, c) = (7e9, optimal_flops(7e9));
        let best = law.best(n, Budget::Flops(c), 1.0).unwrap();
        let lowest = law.loss_at(n, best, c, 1.0);
        let flat = law.flat(n, c, 1.0, 0.005).unwrap();
        for end in [flat.low, flat.high] {
            let lost = law.loss_at(n, end, c, 1.0) - lowest;
            assert!((lost - 0.005 * lowest.abs()).abs() < 1e-9, "{lost}");
        }
        assert!(flat.low < best && best < flat.high);
        assert!((law.compute_factor(n, best, c, 1.0).unwrap() - 1.0).abs() < 1e-9);
        let small = 1000.0 * 4096.0;
        let factor = law.compute_factor(n, small, c, 1.0).unwrap();
        assert!(factor > 1.05);
        assert!((law.loss_at(n, small, factor * c, 1.0) - lowest).abs() < 1e-12);
        // A vocabulary so small that its own term exceeds what the data term could give back.
        assert!(law.compute_factor(n, 1e4, c, 1.0).is_none());
    }

    #[test]
    fn widths_step_and_vocabularies_round() {
        assert_eq!([50e6, 50.1e6, 7e9, 10e9, 2e12].map(width_of), [512.0, 768.0, 4096.0, 4096.0, 24_576.0]);
        assert_eq!((round_to(26_590.0, 128), round_to(26_590.0, 64), round_to(3.0, 64)), (26_624, 26_560, 64));
        assert!(Parametric::new(&[5.0, 1.0, 0.0, 1.0, 1.0, 0.4]).best(1e9, Budget::Flops(1e20), 1.0).is_none());
    }
}
