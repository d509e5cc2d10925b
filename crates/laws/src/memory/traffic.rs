//! What sharding costs in traffic, per step and rank (Rajbhandari et al. 2020, section 7), and the time of collectives.

use super::Stage;

/// Elements that each rank sends in a step: 2 per parameter for stages 0 to 2 (an all-reduce, or a reduce-scatter of gradients
/// and an all-gather of weights), 3 for stage 3 (weights are gathered twice). These are the figures for many ranks: a ring
/// really moves `(ranks - 1) / ranks` of them, which this is.
pub fn elements(params: f64, ranks: u64, stage: Stage) -> f64 {
    let passes = if stage == Stage::Three { 3.0 } else { 2.0 };
    passes * params * ring(ranks)
}

/// Share of the data that a ring of ranks moves.
fn ring(ranks: u64) -> f64 {
    let ranks = ranks.max(1) as f64;
    (ranks - 1.0) / ranks
}

/// A link between ranks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// Seconds of a message without content.
    pub latency: f64,
    /// Bytes per second.
    pub bandwidth: f64,
}

impl Link {
    /// Seconds of a ring all-reduce of `bytes`: `2 (N-1) latency + 2 (N-1)/N bytes / bandwidth`. A reduce-scatter or an
    /// all-gather takes half.
    pub fn ring_all_reduce(&self, bytes: f64, ranks: u64) -> f64 {
        2.0 * (ranks.max(1) - 1) as f64 * self.latency + 2.0 * ring(ranks) * bytes / self.bandwidth
    }

    /// Seconds of an all-reduce along a binary tree: `2 log2(N) (latency + bytes / bandwidth)`.
    pub fn tree_all_reduce(&self, bytes: f64, ranks: u64) -> f64 {
        2.0 * (ranks.max(1) as f64).log2() * (self.latency + bytes / self.bandwidth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_stage_moves_half_as_much_again() {
        let of = |stage| elements(1e9, 64, stage);
        assert_eq!(of(Stage::Three) / of(Stage::One), 1.5);
        assert_eq!(of(Stage::Two), of(Stage::One));
        assert!((of(Stage::Two) / 2e9 - 63.0 / 64.0).abs() < 1e-12);
        assert_eq!(elements(1e9, 1, Stage::Three), 0.0, "a rank alone sends nothing");
    }

    #[test]
    fn trees_win_for_short_messages_and_rings_for_long_ones() {
        let link = Link { latency: 1e-5, bandwidth: 1e10 };
        assert!(link.tree_all_reduce(1e3, 64) < link.ring_all_reduce(1e3, 64));
        assert!(link.tree_all_reduce(1e9, 64) > link.ring_all_reduce(1e9, 64));
        assert!((link.ring_all_reduce(1e9, 2) - (2e-5 + 0.1)).abs() < 1e-12);
        assert_eq!(link.ring_all_reduce(1e9, 1), 0.0);
    }
}
