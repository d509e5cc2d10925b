//! Plans of attention spans: how long a window each head keeps, and what share of keys and values that is (Fu et al. 2024,
//! "MoA", arXiv 2406.14909).
//!
//! Head h keeps the first block and the last `alpha_h + beta_h N` tokens of N, in blocks of 64. A plan is the JSON of its
//! authors: `{"alphas": [layer][head], "betas": [layer][head]}`.

use crate::LawError;
use serde::{Deserialize, Serialize};

/// Tokens of a block in published plans.
pub const BLOCK: u64 = 64;

/// The span of one head: `alpha + beta N` tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rule {
    /// Tokens at any length.
    pub alpha: f64,
    /// Tokens per token of the sequence.
    pub beta: f64,
}

impl Rule {
    /// Blocks that a row keeps at its own end, the diagonal's included; at least one. The published code rounds down and builds a
    /// symmetric band of `2 blocks - 1`, of which the causal half are these.
    pub fn band(&self, length: u64, block: u64) -> u64 {
        let blocks = length / block;
        let wanted = (self.alpha / block as f64).floor() + self.beta * blocks as f64;
        // A negative number becomes 0.
        (wanted.floor() as u64).clamp(1, blocks.max(1))
    }

    /// Share of keys and values that the last row keeps: its band and the first block.
    pub fn kept(&self, length: u64, block: u64) -> f64 {
        let (blocks, band) = (length / block, self.band(length, block));
        (band + u64::from(band < blocks)) as f64 / blocks as f64
    }

    /// Share of all pairs of a causal map that are attended to.
    pub fn attended(&self, length: u64, block: u64) -> f64 {
        let (blocks, band) = (length / block, self.band(length, block));
        let row = |i: u64| (band + u64::from(band < i)).min(i);
        (1..=blocks).map(row).sum::<u64>() as f64 / (blocks * (blocks + 1) / 2) as f64
    }
}

/// One rule for every head of every layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanPlan {
    /// Tokens at any length, by layer and head.
    pub alphas: Vec<Vec<f64>>,
    /// Tokens per token, by layer and head.
    pub betas: Vec<Vec<f64>>,
}

impl SpanPlan {
    /// Reads a plan.
    ///
    /// # Errors
    /// [`LawError::Request`] for what is not a plan: no JSON of two tables of the same shape with finite numbers.
    pub fn from_json(text: &str) -> Result<Self, LawError> {
        let wrong = |why: String| LawError::Request(format!("not a plan of spans: {why}"));
        let plan: Self = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
        let heads = plan.alphas.first().map_or(0, Vec::len);
        if heads == 0 || plan.alphas.len() != plan.betas.len() {
            return Err(wrong("`alphas` and `betas` must have the same number of layers, at least one".into()));
        }
        for (layer, (a, b)) in plan.alphas.iter().zip(&plan.betas).enumerate() {
            if a.len() != heads || b.len() != heads {
                return Err(wrong(format!("layer {layer} has other numbers of heads than layer 0 ({heads})")));
            }
            if !a.iter().all(|v| v.is_finite()) || !b.iter().all(|v| (0.0..=1.0).contains(v)) {
                return Err(wrong(format!("layer {layer}: an alpha is not finite or a beta is outside 0 to 1")));
            }
        }
        Ok(plan)
    }

    /// Layers and heads.
    pub fn shape(&self) -> (usize, usize) {
        (self.alphas.len(), self.alphas.first().map_or(0, Vec::len))
    }

    /// Every rule, layer by layer.
    pub fn rules(&self) -> impl Iterator<Item = Rule> {
        self.alphas
            .iter()
            .zip(&self.betas)
            .flat_map(|(a, b)| a.iter().zip(b).map(|(a, b)| Rule { alpha: *a, beta: *b }))
    }

    /// Mean share of keys and values that heads keep at a length.
    ///
    /// # Errors
    /// [`LawError::Request`] for a length shorter than a block.
    pub fn density(&self, length: u64) -> Result<f64, LawError> {
        self.mean(length, Rule::kept)
    }

    /// Mean share of pairs that are attended to, as a prefill with the plan computes.
    ///
    /// # Errors
    /// As [`SpanPlan::density`].
    pub fn attended(&self, length: u64) -> Result<f64, LawError> {
        self.mean(length, Rule::attended)
    }

    fn mean(&self, length: u64, of: fn(&Rule, u64, u64) -> f64) -> Result<f64, LawError> {
        if length < BLOCK {
            return Err(LawError::Request(format!(
                "a plan of spans counts blocks of {BLOCK} tokens: {length} are too few"
            )));
        }
        let all: Vec<f64> = self.rules().map(|r| of(&r, length, BLOCK)).collect();
        Ok(kleiber_core::stats::mean(&all))
    }

    /// Most different rules in a layer.
    pub fn rules_per_layer(&self) -> usize {
        let (_, heads) = self.shape();
        let all: Vec<Rule> = self.rules().collect();
        let distinct = |layer: &[Rule]| (0..heads).filter(|i| !layer[..*i].contains(&layer[*i])).count();
        all.chunks(heads.max(1)).map(distinct).max().unwrap_or(0)
    }

    /// Share of heads whose span does not grow.
    pub fn fixed(&self) -> f64 {
        let (layers, heads) = self.shape();
        self.rules().filter(|r| r.beta == 0.0).count() as f64 / (layers * heads) as f64
    }
}

/// The rules that the search of the paper tries: alpha in steps of 1024, beta in eighths, longest spans inside the sequence at
/// the longest profiled and the longest intended length, and positive at the shortest.
pub fn candidates(shortest: u64, profiled: u64, longest: u64) -> Vec<Rule> {
    let steps = (profiled + shortest) / 1024;
    let (shortest, profiled, longest) = (shortest as f64, profiled as f64, longest as f64);
    let alpha = |i: u64| (profiled + shortest) * i as f64 / steps as f64 - shortest;
    let all = (0..=steps).flat_map(|i| (0..=8).map(move |j| Rule { alpha: alpha(i), beta: f64::from(j) / 8.0 }));
    let at = |r: &Rule, n: f64| r.alpha + r.beta * n;
    all.filter(|r| at(r, profiled) <= profiled && at(r, longest) <= longest && at(r, shortest) > 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_by_hand() {
        // 4096 tokens are 64 blocks; half of them and the first are kept at the end.
        let half = Rule { alpha: 0.0, beta: 0.5 };
        assert_eq!((half.band(4096, 64), half.kept(4096, 64)), (32, 33.0 / 64.0));
        let dense = Rule { alpha: 0.0, beta: 1.0 };
        assert_eq!((dense.kept(4096, 64), dense.attended(4096, 64)), (1.0, 1.0));
        // A span below zero is one block, and the first.
        assert_eq!(Rule { alpha: -2048.0, beta: 0.125 }.kept(4096, 64), 2.0 / 64.0);
        // Of four blocks with a band of one: rows keep 1, 2, 2, 2 of 10.
        assert_eq!(Rule { alpha: 64.0, beta: 0.0 }.attended(256, 64), 7.0 / 10.0);
    }

    #[test]
    fn the_published_search_has_48_rules() {
        assert_eq!(candidates(2048, 8192, 16384).len(), 48);
        assert!(candidates(2048, 8192, 16384).iter().all(|r| r.alpha % 1024.0 == 0.0));
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        let plan = SpanPlan::from_json(r#"{"alphas": [[0.0, 64.0]], "betas": [[1.0, 0.0]]}"#).unwrap();
        assert_eq!((plan.shape(), plan.rules_per_layer(), plan.fixed()), ((1, 2), 2, 0.5));
        assert_eq!(plan.density(256).unwrap(), (1.0 + 0.5) / 2.0);
        assert!(plan.density(63).is_err());
        for wrong in [
            "",
            "[]",
            r#"{"alphas": [], "betas": []}"#,
            r#"{"alphas": [[1]], "betas": [[0.5, 1]]}"#,
            r#"{"alphas": [[1]], "betas": [[2]]}"#,
            r#"{"alphas": [[1]], "betas": [[1], [1]]}"#,
        ] {
            assert!(SpanPlan::from_json(wrong).unwrap_err().to_string().contains("not a plan"), "{wrong}");
        }
    }
}
