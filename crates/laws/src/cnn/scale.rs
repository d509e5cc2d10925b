//! Sharing more operations between depth, width and resolution (Dollar et al. 2021, section 4).

use super::complexity::{Block, Complexity, Network, Stem};
use super::networks::fitting;
use crate::LawError;
use serde::Serialize;

/// The share of width that the paper recommends.
pub const FAST_ALPHA: f64 = 0.8;

/// Exponents of operations that go to each axis; they sum to one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rule {
    /// Depth grows by `s^depth`.
    pub depth: f64,
    /// Width, and that of groups, by `s^(width / 2)`.
    pub width: f64,
    /// Resolution by `s^(resolution / 2)`.
    pub resolution: f64,
}

impl Rule {
    /// Rules with names: one axis each, depth and resolution alike, all three alike, mostly width (the fast rule), and the
    /// factors 1.2, 1.1 and 1.15 of EfficientNet.
    pub const NAMED: [&'static str; 7] =
        ["fast", "uniform", "efficientnet", "width", "depth", "resolution", "depth-resolution"];

    /// The family of one parameter: `alpha` to width, the rest to depth and resolution alike.
    pub fn family(alpha: f64) -> Self {
        let rest = (1.0 - alpha) / 2.0;
        Self { depth: rest, width: alpha, resolution: rest }
    }

    /// The rule of this name, or of `alpha=0.7`, or of weights such as `d1_w8_r1`.
    ///
    /// # Errors
    /// [`LawError::Request`] with the names that are known.
    pub fn named(text: &str) -> Result<Self, LawError> {
        let one = |depth, width, resolution| Ok(Self { depth, width, resolution });
        match text {
            "fast" => Ok(Self::family(FAST_ALPHA)),
            "uniform" => Ok(Self::family(1.0 / 3.0)),
            "width" => one(0.0, 1.0, 0.0),
            "depth" => one(1.0, 0.0, 0.0),
            "resolution" => one(0.0, 0.0, 1.0),
            "depth-resolution" => Ok(Self::family(0.0)),
            "efficientnet" => {
                let logs = [1.2f64.ln(), 2.0 * 1.1f64.ln(), 2.0 * 1.15f64.ln()];
                let sum: f64 = logs.iter().sum();
                one(logs[0] / sum, logs[1] / sum, logs[2] / sum)
            }
            _ => Self::parsed(text).ok_or_else(|| {
                LawError::Request(format!(
                    "no rule `{text}`: use {}, alpha=0.7 (from 0 to 1), or weights such as d1_w8_r1",
                    Self::NAMED.join(", ")
                ))
            }),
        }
    }

    fn parsed(text: &str) -> Option<Self> {
        if let Some(alpha) = text.strip_prefix("alpha=") {
            return alpha.parse().ok().filter(|a| (0.0..=1.0).contains(a)).map(Self::family);
        }
        let mut weights = [0.0; 3];
        for part in text.split('_') {
            let weight: f64 = part.get(1..)?.parse().ok().filter(|w| (0.0..=1e6).contains(w))?;
            match part.get(..1)? {
                "d" => weights[0] = weight,
                "w" => weights[1] = weight,
                "r" => weights[2] = weight,
                // Groups always follow the width.
                "g" => {}
                _ => return None,
            }
        }
        let sum: f64 = weights.iter().sum();
        (sum > 0.0).then(|| Self { depth: weights[0] / sum, width: weights[1] / sum, resolution: weights[2] / sum })
    }

    /// Exponent of parameters in operations: depth + width; `(1 + alpha) / 2` in the family.
    pub fn params_exponent(&self) -> f64 {
        self.depth + self.width
    }

    /// Exponent of activations in operations: depth + width / 2 + resolution; `1 - alpha / 2` in the family.
    pub fn acts_exponent(&self) -> f64 {
        self.depth + self.width / 2.0 + self.resolution
    }

    /// Factors of depth, width and resolution for `times` the operations.
    pub fn factors(&self, times: f64) -> [f64; 3] {
        [times.powf(self.depth), times.powf(self.width / 2.0), times.powf(self.resolution / 2.0)]
    }

    /// The network for `times` the operations, rounded as the reference does: depths to whole blocks, widths to multiples of
    /// 8, group widths to 1, 2, 4 or multiples of 8, images to multiples of 4; then widths to whole groups. The stem and the
    /// last convolution grow in EfficientNets alone.
    pub fn apply(&self, network: &Network, times: f64) -> Network {
        let [depth, width, resolution] = self.factors(times);
        let eights = |w: u64| ((w as f64 * width / 8.0).round_ties_even().max(1.0) * 8.0) as u64;
        let mut scaled = network.clone();
        scaled.image = ((network.image as f64 * resolution / 4.0).round_ties_even().max(1.0) * 4.0) as u64;
        for stage in &mut scaled.stages {
            stage.depth = ((stage.depth as f64 * depth).round_ties_even() as u64).max(1);
            let from = stage.width;
            stage.width = eights(from);
            if let Block::Bottleneck { inner, group, .. } = &mut stage.block {
                let same = *inner == from;
                let whole = *group == *inner;
                (*inner, *group) = if whole {
                    (eights(*inner), eights(*inner))
                } else {
                    fitting(eights(*inner), groups(*group, width))
                };
                if same {
                    stage.width = *inner;
                }
            }
        }
        if let Some(head) = network.head_width {
            scaled.head_width = Some(eights(head));
            scaled.stem_width = eights(network.stem_width);
        }
        // Blocks that keep their input's width around them start from the stem.
        if scaled.stem == Stem::Plain {
            scaled.stem_width = eights(network.stem_width);
        }
        scaled
    }
}

fn groups(group: u64, width: f64) -> u64 {
    let wanted = group as f64 * width;
    match wanted.round_ties_even() {
        g if g <= 2.0 => g.max(1.0) as u64,
        g if g <= 5.0 => 4,
        _ => ((wanted / 8.0).round_ties_even().max(1.0) * 8.0) as u64,
    }
}

/// A scaled network and how far it is from what was asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scaled {
    /// The network.
    pub network: Network,
    /// Its counts.
    pub counts: Complexity,
    /// How many times the operations of the base it really takes.
    pub times: f64,
    /// Exponent of activations in operations that it realises.
    pub acts_exponent: f64,
    /// Exponent of parameters.
    pub params_exponent: f64,
}

/// Scales a network to `times` its operations.
///
/// # Errors
/// [`LawError::Request`] for a factor outside 1/64 to 4096, or as [`Network::check`].
pub fn scaled(network: &Network, rule: Rule, times: f64) -> Result<Scaled, LawError> {
    if !(1.0 / 64.0..=4096.0).contains(&times) {
        return Err(LawError::Request(format!("{times} times the operations: give a factor between 1/64 and 4096")));
    }
    let base = network.complexity()?;
    let larger = rule.apply(network, times);
    let counts = larger.complexity()?;
    let ratio = |a: u64, b: u64| a as f64 / b as f64;
    let realised = ratio(counts.flops, base.flops);
    Ok(Scaled {
        acts_exponent: ratio(counts.acts, base.acts).ln() / realised.ln(),
        params_exponent: ratio(counts.params, base.params).ln() / realised.ln(),
        network: larger,
        counts,
        times: realised,
    })
}

#[cfg(test)]
mod tests {
    use super::super::complexity::Stage;
    use super::super::networks::named;
    use super::*;

    /// Section 4: exponents of parameters and activations of the four rules.
    #[test]
    fn published_exponents() {
        let of = |name: &str| Rule::named(name).map(|r| (r.params_exponent(), r.acts_exponent())).unwrap();
        for (name, params, acts) in
            [("width", 1.0, 0.5), ("fast", 0.9, 0.6), ("uniform", 2.0 / 3.0, 5.0 / 6.0), ("depth-resolution", 0.5, 1.0)]
        {
            let got = of(name);
            assert!((got.0 - params).abs() < 1e-12 && (got.1 - acts).abs() < 1e-12, "{name}: {got:?}");
        }
        assert_eq!(Rule::named("d1_w8_g8_r1").unwrap(), Rule { depth: 0.1, width: 0.8, resolution: 0.1 });
        assert_eq!((of("depth"), of("resolution")), ((1.0, 1.0), (0.0, 1.0)));
        for wrong in ["slow", "alpha=2", "d0_w0", "x1", "", "é1"] {
            assert!(Rule::named(wrong).unwrap_err().to_string().contains("uniform"), "{wrong}");
        }
    }

    /// Three stages with a thin stem. In units of 256 the steps of rounding are small against widths and groups, in units of
    /// 16 or 64 they are not.
    fn body(unit: u64, depth: u64) -> Network {
        let stage = |width: u64| {
            let block = Block::Bottleneck { inner: width, group: unit, squeeze: false };
            Stage { depth, width, stride: 2, block }
        };
        let stages = [2 * unit, 4 * unit, 8 * unit].map(stage).to_vec();
        Network { stem: Stem::Simple, stem_width: unit / 2, stages, head_width: None, classes: 10, image: 128 }
    }

    /// Exponents of activations over 2, 4 and 8 times the operations.
    #[test]
    fn realised_counts_follow_the_rules() {
        let base = body(256, 32);
        let fitted = |name: &str| {
            let rule = Rule::named(name).unwrap();
            let all = [1.0, 2.0, 4.0, 8.0].map(|times| {
                let got = scaled(&base, rule, times).unwrap();
                assert!((got.times / times - 1.0).abs() < 0.1, "{name} x{times}: {}", got.times);
                (got.times.ln(), (got.counts.acts as f64).ln())
            });
            let (x, y): (Vec<f64>, Vec<f64>) = all.into_iter().unzip();
            kleiber_core::stats::line(&x, &y).0
        };
        let rules = ["width", "fast", "uniform", "depth-resolution"].map(fitted);
        for (got, published) in rules.into_iter().zip([0.5, 0.6, 5.0 / 6.0, 1.0]) {
            assert!((got - published).abs() < 0.08, "{got} for {published} of {rules:?}");
        }
        // A rule taken for another is told apart.
        assert!((rules[0] - 5.0 / 6.0).abs() > 0.25 && rules.windows(2).all(|w| w[0] < w[1]), "{rules:?}");
    }

    /// Widths of 32 to 128 go to multiples of 8 and groups of 16 to 24, so twice the operations become 2.2 times.
    #[test]
    fn a_tiny_network_is_off_by_rounding_and_says_so() {
        let got = scaled(&body(16, 6), Rule::named("width").unwrap(), 2.0).unwrap();
        assert!((got.times / 2.0 - 1.0).abs() > 0.1, "{}", got.times);
    }

    #[test]
    fn one_is_the_base_and_nonsense_is_refused() {
        for name in ["regnety-4.0gf", "resnet-50", "resnext-50", "efficientnet-b2", "resnet-56-cifar"] {
            let base = named(name).unwrap();
            let same = scaled(&base, Rule::family(FAST_ALPHA), 1.0).unwrap();
            assert_eq!(same.counts, base.complexity().unwrap(), "{name}");
        }
        assert!(scaled(&named("resnet-50").unwrap(), Rule::family(0.8), 0.0).is_err());
        assert!(scaled(&named("resnet-50").unwrap(), Rule::family(0.8), f64::NAN).is_err());
    }
}
