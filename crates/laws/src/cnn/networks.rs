//! Published networks by name: ResNet, ResNeXt, RegNet (Radosavovic et al. 2020) and EfficientNet (Tan and Le 2019).

use super::complexity::{Block, Network, Stage, Stem};
use crate::LawError;
use kleiber_core::table::nearest;

/// Slope, first width, factor, blocks and group width of a RegNet.
struct RegNet {
    name: &'static str,
    slope: f64,
    start: f64,
    factor: f64,
    depth: u64,
    group: u64,
}

macro_rules! regnets {
    ($($name:literal, $slope:literal, $start:literal, $factor:literal, $depth:literal, $group:literal;)*) => {
        const REGNETS: &[RegNet] = &[$(RegNet {
            name: $name, slope: $slope, start: $start, factor: $factor, depth: $depth, group: $group,
        }),*];
    };
}

regnets! {
    "regnetx-200mf", 36.44, 24.0, 2.49, 13, 8;
    "regnetx-400mf", 24.48, 24.0, 2.54, 22, 16;
    "regnetx-600mf", 36.97, 48.0, 2.24, 16, 24;
    "regnetx-800mf", 35.73, 56.0, 2.28, 16, 16;
    "regnetx-1.6gf", 34.01, 80.0, 2.25, 18, 24;
    "regnetx-3.2gf", 26.31, 88.0, 2.25, 25, 48;
    "regnetx-4.0gf", 38.65, 96.0, 2.43, 23, 40;
    "regnetx-6.4gf", 60.83, 184.0, 2.07, 17, 56;
    "regnetx-8.0gf", 49.56, 80.0, 2.88, 23, 120;
    "regnetx-12gf", 73.36, 168.0, 2.37, 19, 112;
    "regnetx-16gf", 55.59, 216.0, 2.1, 22, 128;
    "regnetx-32gf", 69.86, 320.0, 2.0, 23, 168;
    "regnety-200mf", 36.44, 24.0, 2.49, 13, 8;
    "regnety-400mf", 27.89, 48.0, 2.09, 16, 8;
    "regnety-600mf", 32.54, 48.0, 2.32, 15, 16;
    "regnety-800mf", 38.84, 56.0, 2.4, 14, 16;
    "regnety-1.6gf", 20.71, 48.0, 2.65, 27, 24;
    "regnety-3.2gf", 42.63, 80.0, 2.66, 21, 24;
    "regnety-4.0gf", 31.41, 96.0, 2.24, 22, 64;
    "regnety-6.4gf", 33.22, 112.0, 2.27, 25, 72;
    "regnety-8.0gf", 76.82, 192.0, 2.19, 17, 56;
    "regnety-12gf", 73.36, 168.0, 2.37, 19, 112;
    "regnety-16gf", 106.23, 200.0, 2.48, 18, 112;
    "regnety-32gf", 115.89, 232.0, 2.53, 20, 232;
}

/// Width, depth and image of EfficientNets as released.
const EFFICIENTNETS: [(&str, f64, f64, u64); 6] = [
    ("efficientnet-b0", 1.0, 1.0, 224),
    ("efficientnet-b1", 1.0, 1.1, 240),
    ("efficientnet-b2", 1.1, 1.2, 260),
    ("efficientnet-b3", 1.2, 1.4, 300),
    ("efficientnet-b4", 1.4, 1.8, 380),
    ("efficientnet-b5", 1.6, 2.2, 456),
];

/// Blocks per stage of ResNets for ImageNet, with the width of the first 3 x 3 convolution and of a group.
const RESNETS: [(&str, [u64; 4], u64, u64); 6] = [
    ("resnet-50", [3, 4, 6, 3], 64, 0),
    ("resnet-101", [3, 4, 23, 3], 64, 0),
    ("resnet-152", [3, 8, 36, 3], 64, 0),
    ("resnext-50", [3, 4, 6, 3], 128, 32),
    ("resnext-101", [3, 4, 23, 3], 128, 32),
    ("resnext-152", [3, 8, 36, 3], 128, 32),
];

/// Networks for CIFAR: blocks of each of three stages, and what they are of.
const CIFAR: [(&str, u64, Block); 3] = [
    ("resnet-56-cifar", 9, Block::Basic),
    ("resnet-110-cifar", 18, Block::Basic),
    ("vanilla-56-cifar", 9, Block::Vanilla),
];

/// Every name that [`named`] knows.
pub fn names() -> Vec<&'static str> {
    let efficient = EFFICIENTNETS.iter().map(|e| e.0);
    let residual = RESNETS.iter().map(|r| r.0).chain(CIFAR.iter().map(|c| c.0));
    residual.chain(REGNETS.iter().map(|r| r.name)).chain(efficient).collect()
}

/// The network of this name, in any case.
///
/// # Errors
/// [`LawError::Request`] with the nearest name.
pub fn named(name: &str) -> Result<Network, LawError> {
    let wanted = name.to_lowercase();
    if let Some(r) = REGNETS.iter().find(|r| r.name == wanted) {
        return Ok(r.network());
    }
    if let Some((_, width, depth, image)) = EFFICIENTNETS.iter().find(|e| e.0 == wanted) {
        return Ok(efficientnet(*width, *depth, *image));
    }
    if let Some((_, depths, inner, groups)) = RESNETS.iter().find(|r| r.0 == wanted) {
        return Ok(resnet(*depths, *inner, *groups));
    }
    if let Some((_, depth, block)) = CIFAR.iter().find(|c| c.0 == wanted) {
        return Ok(cifar(*depth, *block));
    }
    let all = names();
    let near = nearest(&wanted, &all).map_or(String::new(), |n| format!("; did you mean `{n}`?"));
    Err(LawError::Request(format!("no network `{name}`{near} Known: {}", all.join(", "))))
}

fn cifar(depth: u64, block: Block) -> Network {
    let stage = |(width, stride)| Stage { depth, width, stride, block };
    let stages = [(16, 1), (32, 2), (64, 2)].map(stage).to_vec();
    Network { stem: Stem::Plain, stem_width: 16, stages, head_width: None, classes: 10, image: 32 }
}

/// `groups` 0 means one group.
fn resnet(depths: [u64; 4], inner: u64, groups: u64) -> Network {
    let stage = |(i, depth): (usize, u64)| {
        let (inner, width) = (inner << i, 256 << i);
        let group = inner / groups.max(1);
        Stage {
            depth,
            width,
            stride: if i == 0 { 1 } else { 2 },
            block: Block::Bottleneck { inner, group, squeeze: false },
        }
    };
    let stages = depths.into_iter().enumerate().map(stage).collect();
    Network { stem: Stem::Pooled, stem_width: 64, stages, head_width: None, classes: 1000, image: 224 }
}

impl RegNet {
    /// Widths along a line are rounded to powers of a factor, then to multiples of 8, then to fit their groups; blocks of one
    /// width are a stage (Radosavovic et al. 2020, eq. 2 to 4).
    fn network(&self) -> Network {
        let width = |i: u64| {
            let power = ((self.slope * i as f64 + self.start) / self.start).ln() / self.factor.ln();
            let width = self.start * self.factor.powf(power.round_ties_even());
            ((width / 8.0).round_ties_even() * 8.0) as u64
        };
        let mut stages: Vec<Stage> = Vec::new();
        let mut last = 0;
        for i in 0..self.depth {
            let raw = width(i);
            if let Some(stage) = stages.last_mut().filter(|_| raw == last) {
                stage.depth += 1;
                continue;
            }
            last = raw;
            let (width, group) = fitting(raw, self.group);
            let block = Block::Bottleneck { inner: width, group, squeeze: self.name.starts_with("regnety") };
            stages.push(Stage { depth: 1, width, stride: 2, block });
        }
        Network { stem: Stem::Simple, stem_width: 32, stages, head_width: None, classes: 1000, image: 224 }
    }
}

/// A width and a group width that divides it: groups no wider than the width, the width rounded to whole groups.
pub(super) fn fitting(width: u64, group: u64) -> (u64, u64) {
    let group = group.clamp(1, width.max(1));
    let groups = (width as f64 / group as f64).round_ties_even().max(1.0) as u64;
    (groups * group, group)
}

/// Expansion, kernel, width, blocks and stride of the stages of EfficientNet-B0.
const B0: [(u64, u64, f64, f64, u64); 7] = [
    (1, 3, 16.0, 1.0, 1),
    (6, 3, 24.0, 2.0, 2),
    (6, 5, 40.0, 2.0, 2),
    (6, 3, 80.0, 3.0, 2),
    (6, 5, 112.0, 3.0, 1),
    (6, 5, 192.0, 4.0, 2),
    (6, 3, 320.0, 1.0, 1),
];

/// EfficientNet-B0 with widths and depths by these factors: widths to multiples of 8 but not below 90%, depths up.
pub fn efficientnet(width: f64, depth: f64, image: u64) -> Network {
    let channels = |w: f64| {
        let wanted = w * width;
        let rounded = (((wanted + 4.0) / 8.0).floor() * 8.0).max(8.0);
        (if rounded < 0.9 * wanted { rounded + 8.0 } else { rounded }) as u64
    };
    // A product such as 1.1 * 10 must not be rounded up for its last bit.
    let blocks = |d: f64| (d * depth - 1e-9).ceil() as u64;
    let stage = |(expand, kernel, w, d, stride): (u64, u64, f64, f64, u64)| Stage {
        depth: blocks(d),
        width: channels(w),
        stride,
        block: Block::Inverted { expand, kernel },
    };
    let stages = B0.map(stage).to_vec();
    let head_width = Some(channels(1280.0));
    Network { stem: Stem::Simple, stem_width: channels(32.0), stages, head_width, classes: 1000, image }
}

#[cfg(test)]
mod tests {
    use super::super::complexity::Complexity;
    use super::*;

    fn counts(name: &str) -> (u64, u64, u64) {
        let Complexity { flops, params, acts } = named(name).unwrap().complexity().unwrap();
        (flops, params, acts)
    }

    /// Counts that the authors' repository records (pycls, dev/model_complexity.json).
    #[test]
    fn recorded_counts() {
        assert_eq!(counts("resnet-56-cifar"), (125_747_850, 855_770, 544_778));
        assert_eq!(counts("ResNet-50"), (4_089_185_256, 25_557_032, 11_315_688));
        assert_eq!(counts("regnetx-1.6gf"), (1_602_850_792, 9_190_136, 7_933_512));
        assert_eq!(counts("regnety-16gf"), (15_911_534_044, 83_590_140, 23_041_228));
        assert_eq!(counts("efficientnet-b4"), (4_393_801_064, 19_341_616, 49_489_032));
    }

    #[test]
    fn names_are_unique_and_an_unknown_one_is_told_the_nearest() {
        let mut all = names();
        all.sort_unstable();
        assert!(all.windows(2).all(|w| w[0] != w[1]) && all.iter().all(|n| named(n).unwrap().check().is_ok()));
        assert!(named("resnet-5").unwrap_err().to_string().contains("resnet-50"));
        assert_eq!((fitting(432, 40), fitting(24, 48)), ((440, 40), (24, 24)));
    }
}
