//! Training with floating-point numbers of few bits: the loss of size, data, exponent and mantissa bits and scale block.

use crate::float_format::{FloatLaw, log2_block};
use crate::form::{Coefficient, Form, Info, Input, LOSS, Variable};
use crate::objective::Objective;
use crate::published::{Of, Preset, Printed, Published};
use crate::real::Real;

const PUBLISHED: Published = Published {
    slug: "fp-training-scaling",
    tested: "anchors of Sun et al. 2025 (critical data, layouts, ranges of the best precision); generated tables; no losses of its 366 runs are public",
    notes: &[
        "gamma divides the penalty as a factor: summaries that print log2(B^gamma) are wrong.",
        "The joint optimum of size, data and bits: section 4.4 can be read as n*alpha/(d*beta) in its factor lambda, which gives 0.8 to 1.4 bits; d*beta/(n*alpha), as in appendix eq. 54, is the one that follows from the law (derived again here and equal to a numerical search: 4.2 bits at 1e21 and 7.6 at 1e31, the 4 to 8 bits of the paper).",
        "Scales per channel act as log2(B) = 13.1567. For scales per tensor the paper gives a power law of N and D without its constants, so they are not offered.",
        "The penalty is D^beta/N^alpha times a constant and never saturates: a small model on very many tokens explodes. BF16 (E8M7) has a penalty too, though a small one.",
        "Formats here use every code for numbers (largest E4M3: 480); hardware E4M3 keeps one for NaN (448). Quantised are the weights in both passes and the activations of the weight gradient, not the gradients.",
    ],
    presets: &[Preset {
        name: "float-format/sun",
        source: "Sun et al. 2025 (arXiv 2501.02423), eq. 26 and table 2",
        coefficients: &[69.2343, 0.2368, 68973.0621, 0.5162, 1.9061, 11334.5197, 3.1926, 2.9543],
        ranges: &[(40_894_464.0, 679e6), (10.48576e9, 104.8576e9), (0.0, 6.0), (1.0, 7.0), (32.0, 512.0)],
        note: "N excludes embeddings; D in tokens of Dolma v1.7; checked by its authors on 1.2B, 7B and 70B",
        compat: false,
        printed: &[
            Printed { of: Of::Derived("D_crit_E8M7"), value: 1730e12, tolerance: 0.003, place: "section 4.3" },
            Printed { of: Of::Derived("D_crit_E4M3"), value: 27e12, tolerance: 0.0186, place: "section 4.3" },
            Printed { of: Of::Derived("D_crit_E2M1"), value: 0.4e12, tolerance: 0.125, place: "section 4.3" },
        ],
    }],
};

/// L = n/N^alpha + d/D^beta + eps + D^beta/N^alpha log2(B) / (gamma (E+1/2)^delta (M+1/2)^nu): training with numbers of E
/// exponent and M mantissa bits and one scale per B elements (Sun et al. 2025, eq. 18). N excludes embeddings. What else
/// follows from it is in [`crate::float_format`].
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("float-format").unwrap();
/// let c = [69.2343, 0.2368, 68973.0621, 0.5162, 1.9061, 11334.5197, 3.1926, 2.9543];
/// let loss = law.predict(&c, &[1.2e9, 1e11, 2.0, 1.0, 128.0]);
/// assert!((loss - 2.57475).abs() < 1e-5, "{loss}");
/// ```
pub struct FloatFormat {
    info: Info,
}

impl FloatFormat {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "float-format".into(),
                title: "loss of training with floating-point numbers of few bits".into(),
                paper: "Sun et al. 2025 (arXiv 2501.02423), eq. 18".into(),
                equation: "L = n*params^-alpha + d*tokens^-beta + eps + tokens^beta*params^-alpha*log2(block) / \
                           (gamma*(exponent_bits+0.5)^delta*(mantissa_bits+0.5)^nu)"
                    .into(),
                variables: vec![
                    Variable::params(),
                    Variable::named("tokens"),
                    Variable::named("exponent_bits"),
                    Variable::named("mantissa_bits"),
                    Variable::named("block"),
                ],
                response: LOSS,
                coefficients: vec![
                    Coefficient::positive("n", "model term at one parameter, nats per token").linear(),
                    Coefficient::plain("alpha", "exponent in model size", 0.0, 5.0).starting_at(&[0.2, 0.35, 0.5]),
                    Coefficient::positive("d", "data term at one token, nats per token").linear(),
                    Coefficient::plain("beta", "exponent in data size", 0.0, 5.0).starting_at(&[0.25, 0.4, 0.55]),
                    Coefficient::positive("eps", "irreducible loss, nats per token").linear(),
                    Coefficient::positive("gamma", "divides the penalty of the format, per nat per token")
                        .starting_at(&[3.0, 6.0, 9.0, 12.0]),
                    Coefficient::plain("delta", "exponent in exponent bits", 0.0, 12.0).starting_at(&[2.0, 4.0]),
                    Coefficient::plain("nu", "exponent in mantissa bits", 0.0, 12.0).starting_at(&[2.0, 4.0]),
                ],
                objective: Objective::LOG_HUBER,
                curve: false,
                published: PUBLISHED,
            },
        }
    }
}

impl Default for FloatFormat {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for FloatFormat {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [n, alpha, d, beta, eps, gamma, delta, nu] = [c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]];
        let model = row[0].pow(-alpha);
        let data = row[1].pow(-beta);
        let format = delta.scale((row[2].value + 0.5).ln()) + nu.scale((row[3].value + 0.5).ln());
        let penalty = (model / (data * gamma)).scale(log2_block(row[4].value)) * (-format).exp();
        n * model + d * data + eps + penalty
    }

    /// Share of the bits that the exponent gets, half bits counted; tokens beyond which a model of 1e9 parameters with
    /// blocks of 128 gets worse, in BF16, FP8 and FP4.
    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        let law = FloatLaw::of(c);
        let critical = |e, m| law.critical_tokens(1e9, e, m, log2_block(128.0));
        vec![
            ("exponent_share", law.delta / (law.delta + law.nu)),
            ("D_crit_E8M7", critical(8, 7)),
            ("D_crit_E4M3", critical(4, 3)),
            ("D_crit_E2M1", critical(2, 1)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        let c = PUBLISHED.presets[0].coefficients;
        let loss = |e: f64, m: f64, block: f64| {
            let row = [1.2e9, 1e11, e, m, block].map(Input::new);
            FloatFormat::new().predict(c, &row)
        };
        // In double precision elsewhere.
        for (e, m, want) in
            [(4.0, 3.0, 2.541_424_086_462_773), (2.0, 1.0, 2.574_749_813_972_341), (8.0, 7.0, 2.541_007_104_770_433)]
        {
            assert!((loss(e, m, 128.0) - want).abs() < 1e-12, "E{e}M{m}");
        }
        // One element per scale keeps the number itself: no penalty, whatever the format.
        assert_eq!(loss(0.0, 0.0, 1.0), loss(8.0, 7.0, 1.0));
        assert!(loss(0.0, 3.0, 128.0).is_finite() && loss(0.0, 3.0, 128.0) > loss(1.0, 3.0, 128.0));
    }
}
