//! Shapes for a number of parameters.

use crate::DecoderConfig;

/// Numbers of a head that shapes are chosen with.
const HEAD: usize = 32;

impl DecoderConfig {
    /// The same with layers, width and heads chosen so that body and norms hold about `params` parameters.
    ///
    /// Widths are multiples of 16, of 8 below 128 and of 4 below 64, and the width per layer grows from about 24 to 128 as published decoders do (32 at a
    /// million parameters, times the size to the power 0.15), because loss depends little on it around there (Kaplan
    /// et al. 2020, section 3.1).
    pub fn near(&self, params: u64) -> Self {
        let target = params.max(1) as f64;
        let aspect = (32.0 * (target / 1e6).powf(0.15)).clamp(24.0, 128.0);
        let mut best = (f64::INFINITY, self.clone());
        for layers in 1..=128 {
            let widths = (1..16).map(|i| 4 * i).chain((8..16).map(|i| 8 * i)).chain((8..1024).map(|i| 16 * i));
            for width in widths {
                let candidate = Self { layers, width, ..self.clone() }.with_heads();
                // Beyond 64 bits no shape is near.
                let Ok(size) = candidate.shape().parts().and_then(|p| p.params()) else { break };
                let size = size as f64;
                let miss = (size / target).ln().abs();
                let shape = (candidate.width as f64 / layers as f64 / aspect).ln().abs();
                let cost = 8.0 * miss + shape;
                if cost < best.0 {
                    best = (cost, candidate);
                }
                if size > 2.0 * target {
                    break;
                }
            }
        }
        best.1
    }

    /// The same with heads of about 32 numbers, as many for keys and values as for queries.
    pub fn with_heads(mut self) -> Self {
        let wanted = (self.width / HEAD).max(1);
        let fits = |heads: &usize| self.width.is_multiple_of(*heads) && (self.width / heads).is_multiple_of(2);
        let heads = (1..=self.width.max(1)).filter(fits).min_by_key(|heads| heads.abs_diff(wanted)).unwrap_or(1);
        (self.heads, self.groups) = (heads, heads);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mlp;

    #[test]
    fn shapes_have_about_the_parameters_asked_for() {
        for mlp in [Mlp::Gelu, Mlp::Swiglu] {
            for params in [10_000u64, 50_000, 100_000, 300_000, 1_000_000, 3_000_000, 20_000_000, 124_000_000] {
                let config = DecoderConfig { mlp, ..DecoderConfig::default() }.near(params);
                config.check().unwrap();
                let size = config.shape().parts().unwrap().params().unwrap() as f64;
                assert!((size / params as f64).ln().abs() < 0.2, "{params}: {size} in {config:?}");
            }
        }
    }

    #[test]
    fn a_shape_by_hand() {
        let config = DecoderConfig { layers: 4, width: 144, ..DecoderConfig::default() }.with_heads();
        assert_eq!(config.shape().parts().unwrap().params().unwrap(), 12 * 4 * 144 * 144 + 9 * 144);
        assert_eq!((config.heads, config.head_width()), (4, 36));
    }
}
