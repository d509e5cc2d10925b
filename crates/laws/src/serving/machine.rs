//! What a machine sustains, of accelerators by their data sheets and of processors by measurements.

use crate::plan::accelerators::accelerator;
use serde::Serialize;

/// Rates that bound a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Machine {
    /// Bytes of weights read per second.
    pub weight_bandwidth: f64,
    /// Bytes of keys and values read per second.
    pub cache_bandwidth: f64,
    /// FLOP per second of products with weights.
    pub linear_speed: f64,
    /// FLOP per second of attention.
    pub attention_speed: f64,
    /// Bytes of memory, where known.
    pub memory: Option<f64>,
}

impl Machine {
    /// One bandwidth and one speed.
    pub fn plain(bandwidth: f64, speed: f64) -> Self {
        Self {
            weight_bandwidth: bandwidth,
            cache_bandwidth: bandwidth,
            linear_speed: speed,
            attention_speed: speed,
            memory: None,
        }
    }

    /// An accelerator at its peak; `None` for an unknown name.
    pub fn accelerator(name: &str) -> Option<Self> {
        let a = accelerator(name)?;
        Some(Self { memory: Some(a.memory), ..Self::plain(a.bandwidth, a.peak_flops) })
    }

    /// The same machine at shares of its bandwidth and of its speed.
    pub fn at(self, bandwidth: f64, speed: f64) -> Self {
        Self {
            weight_bandwidth: self.weight_bandwidth * bandwidth,
            cache_bandwidth: self.cache_bandwidth * bandwidth,
            linear_speed: self.linear_speed * speed,
            attention_speed: self.attention_speed * speed,
            memory: self.memory,
        }
    }
}

/// A processor with an engine, as measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Name on the command line.
    pub name: &'static str,
    /// Rates, from lines through published speeds of Qwen3 4B: weights of 2.49 GB, keys and values taken as 16-bit.
    pub machine: Machine,
    /// What was measured, and by whom.
    pub source: &'static str,
}

macro_rules! measured {
    ($($name:literal, $weights:literal, $cache:literal, $linear:literal, $attention:literal, $source:literal;)*) => {
        /// Every measured processor that can be named.
        pub const MACHINES: &[Measured] = &[$(Measured {
            name: $name,
            machine: Machine {
                weight_bandwidth: $weights * 1e9,
                cache_bandwidth: $cache * 1e9,
                linear_speed: $linear * 1e12,
                attention_speed: $attention * 1e12,
                memory: None,
            },
            source: $source,
        }),*];
    };
}

// GB/s of weights, GB/s of keys and values, TFLOP/s of products, TFLOP/s of attention.
measured! {
    "xeon-8488c", 83.9, 72.9, 2.17, 0.65, "16 cores of a Xeon 8488C, mistral.rs 0.9.0 release report, q4k";
    "gb10-cpu", 103.6, 61.1, 1.26, 0.35, "10 big cores of a GB10, mistral.rs 0.9.0 release report, q4k, first runs";
}

/// The machine of this name, without regard to case: a measured processor, or an accelerator at its peak.
pub fn machine(name: &str) -> Option<(Machine, &'static str)> {
    let measured = MACHINES.iter().find(|m| m.name.eq_ignore_ascii_case(name)).map(|m| (m.machine, m.source));
    measured.or_else(|| Some((Machine::accelerator(name)?, accelerator(name)?.source)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_have_names_of_their_own() {
        for m in MACHINES {
            assert!(accelerator(m.name).is_none() && m.source.len() > 20);
            assert_eq!(machine(&m.name.to_uppercase()).unwrap().0, m.machine);
        }
        let h100 = machine("h100").unwrap().0;
        assert_eq!((h100.weight_bandwidth, h100.linear_speed, h100.memory), (3.35e12, 9.894e14, Some(80e9)));
        let half = h100.at(0.5, 0.4);
        assert_eq!((half.cache_bandwidth, half.memory), (1.675e12, Some(80e9)));
        assert!(machine("abacus").is_none());
    }
}
