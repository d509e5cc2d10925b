//! Exact counts of a network, layer by layer.

use crate::LawError;
use serde::Serialize;

/// What a network costs for one image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Complexity {
    /// Multiply-adds of convolutions and linear layers; twice that in FLOP where both count.
    pub flops: u64,
    /// Parameters, gains and biases of norms included.
    pub params: u64,
    /// Activations: numbers that convolutions, linear layers and the pooling of a stem put out. Norms and nonlinearities are
    /// not counted.
    pub acts: u64,
}

/// How a network starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Stem {
    /// 3 x 3 at full resolution (CIFAR).
    Plain,
    /// 3 x 3 with stride 2.
    Simple,
    /// 7 x 7 with stride 2, then pooling with stride 2 (ResNet).
    Pooled,
}

/// What a stage repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Block {
    /// Two 3 x 3 convolutions, nothing around them.
    Vanilla,
    /// Two 3 x 3 convolutions around which the input goes.
    Basic,
    /// 1 x 1, 3 x 3 in groups, 1 x 1 around which the input goes.
    Bottleneck {
        /// Width of the 3 x 3 convolution.
        inner: u64,
        /// Width of a group.
        group: u64,
        /// Whether the inside is squeezed and excited, to a quarter of the width of the block's input.
        squeeze: bool,
    },
    /// 1 x 1 that widens, depthwise k x k, squeeze and excitation, 1 x 1 (EfficientNet).
    Inverted {
        /// Factor of widening.
        expand: u64,
        /// Width of the depthwise kernel.
        kernel: u64,
    },
}

/// Blocks of one width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Blocks.
    pub depth: u64,
    /// Channels that each puts out.
    pub width: u64,
    /// Stride of the first block.
    pub stride: u64,
    /// The block.
    pub block: Block,
}

/// A network for square images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Network {
    /// The start.
    pub stem: Stem,
    /// Channels of the start.
    pub stem_width: u64,
    /// Stages.
    pub stages: Vec<Stage>,
    /// Channels of a 1 x 1 convolution before pooling, where there is one.
    pub head_width: Option<u64>,
    /// Classes.
    pub classes: u64,
    /// Pixels of a side.
    pub image: u64,
}

/// A running count and the map it has come to.
struct Counter {
    side: u64,
    width: u64,
    sum: Complexity,
}

impl Counter {
    fn conv(&mut self, width: u64, kernel: u64, stride: u64, groups: u64) {
        self.biased(width, kernel, stride, groups, false);
    }

    fn biased(&mut self, width: u64, kernel: u64, stride: u64, groups: u64, bias: bool) {
        self.side = (self.side - 1) / stride + 1;
        let weights = kernel * kernel * self.width * width / groups;
        let (area, biases) = (self.side * self.side, if bias { width } else { 0 });
        self.sum.flops += (weights + biases) * area;
        self.sum.params += weights + biases;
        self.sum.acts += width * area;
        self.width = width;
    }

    fn norm(&mut self) {
        self.sum.params += 2 * self.width;
    }

    /// A pooled map of side 1 goes through two biased 1 x 1 convolutions.
    fn squeeze(&mut self, inner: u64) {
        let (side, width) = (self.side, self.width);
        self.side = 1;
        self.biased(inner, 1, 1, 1, true);
        self.biased(width, 1, 1, 1, true);
        self.side = side;
    }

    /// The way around a block, when the map changes.
    fn around(&mut self, width: u64, stride: u64) {
        if self.width == width && stride == 1 {
            return;
        }
        let (side, from) = (self.side, self.width);
        self.conv(width, 1, stride, 1);
        self.norm();
        (self.side, self.width) = (side, from);
    }

    fn block(&mut self, block: Block, width: u64, stride: u64) {
        let from = self.width;
        match block {
            Block::Vanilla | Block::Basic => {
                if block == Block::Basic {
                    self.around(width, stride);
                }
                for stride in [stride, 1] {
                    self.conv(width, 3, stride, 1);
                    self.norm();
                }
            }
            Block::Bottleneck { inner, group, squeeze } => {
                self.around(width, stride);
                self.conv(inner, 1, 1, 1);
                self.norm();
                self.conv(inner, 3, stride, inner / group);
                self.norm();
                if squeeze {
                    self.squeeze((from as f64 / 4.0).round_ties_even() as u64);
                }
                self.conv(width, 1, 1, 1);
                self.norm();
            }
            Block::Inverted { expand, kernel } => {
                let inner = from * expand;
                if expand > 1 {
                    self.conv(inner, 1, 1, 1);
                    self.norm();
                }
                self.conv(inner, kernel, stride, inner);
                self.norm();
                self.squeeze(from / 4);
                self.conv(width, 1, 1, 1);
                self.norm();
            }
        }
    }
}

impl Network {
    /// Whether groups divide widths and nothing is empty.
    ///
    /// # Errors
    /// [`LawError::Request`] naming the stage.
    pub fn check(&self) -> Result<(), LawError> {
        let positive = |v: u64| (1..=1 << 20).contains(&v);
        if !positive(self.image) || !positive(self.stem_width) || self.stages.is_empty() {
            return Err(LawError::Request("a network needs an image, a stem and at least one stage".into()));
        }
        for (i, stage) in self.stages.iter().enumerate() {
            if !positive(stage.depth) || !positive(stage.width) || !positive(stage.stride) {
                return Err(LawError::Request(format!("stage {}: depth, width and stride must be positive", i + 1)));
            }
            if let Block::Bottleneck { inner, group, .. } = stage.block
                && (group == 0 || !inner.is_multiple_of(group))
            {
                return Err(LawError::Request(format!(
                    "stage {}: width {inner} is no multiple of the group width {group}",
                    i + 1
                )));
            }
        }
        Ok(())
    }

    /// Exact counts for one image.
    ///
    /// # Errors
    /// As [`Network::check`].
    pub fn complexity(&self) -> Result<Complexity, LawError> {
        self.check()?;
        let mut at = Counter { side: self.image, width: 3, sum: Complexity::default() };
        let (kernel, stride) = match self.stem {
            Stem::Plain => (3, 1),
            Stem::Simple => (3, 2),
            Stem::Pooled => (7, 2),
        };
        at.conv(self.stem_width, kernel, stride, 1);
        at.norm();
        if self.stem == Stem::Pooled {
            at.side = (at.side - 1) / 2 + 1;
            at.sum.acts += at.width * at.side * at.side;
        }
        for stage in &self.stages {
            for i in 0..stage.depth {
                at.block(stage.block, stage.width, if i == 0 { stage.stride } else { 1 });
            }
        }
        if let Some(width) = self.head_width {
            at.conv(width, 1, 1, 1);
            at.norm();
        }
        at.side = 1;
        at.biased(self.classes, 1, 1, 1, true);
        Ok(at.sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_by_hand() {
        let stage = Stage { depth: 1, width: 4, stride: 2, block: Block::Basic };
        let net =
            Network { stem: Stem::Plain, stem_width: 2, stages: vec![stage], head_width: None, classes: 5, image: 8 };
        let stem = (9 * 3 * 2, 64);
        let (around, first, second) = ((2 * 4, 16), (9 * 2 * 4, 16), (9 * 4 * 4, 16));
        let convs = [stem, around, first, second];
        let got = net.complexity().unwrap();
        // A linear layer with bias counts its bias in all three.
        assert_eq!(got.flops, convs.iter().map(|(p, area)| p * area).sum::<u64>() + 4 * 5 + 5);
        assert_eq!(got.params, convs.iter().map(|(p, _)| p).sum::<u64>() + 2 * (2 + 3 * 4) + 25);
        assert_eq!(got.acts, 2 * 64 + 3 * 4 * 16 + 5);
    }

    #[test]
    fn groups_that_do_not_divide_are_named() {
        let block = Block::Bottleneck { inner: 432, group: 40, squeeze: false };
        let stages = vec![Stage { depth: 1, width: 432, stride: 2, block }];
        let net = Network { stem: Stem::Simple, stem_width: 32, stages, head_width: None, classes: 10, image: 32 };
        let message = net.complexity().unwrap_err().to_string();
        assert!(message.contains("stage 1") && message.contains("432") && message.contains("40"), "{message}");
    }
}
