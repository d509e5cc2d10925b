//! Peak speed of accelerators, for turning FLOP into hours and money.

/// One accelerator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accelerator {
    /// Name on the command line.
    pub name: &'static str,
    /// Dense 16-bit (bfloat16, else float16) peak in FLOP/s, without sparsity.
    pub peak_flops: f64,
    /// Where the peak is printed.
    pub source: &'static str,
}

macro_rules! table {
    ($($name:literal, $teraflops:literal, $source:literal;)*) => {
        /// Every accelerator that can be named.
        pub const ACCELERATORS: &[Accelerator] =
            &[$(Accelerator { name: $name, peak_flops: $teraflops * 1e12, source: $source }),*];
    };
}

table! {
    "v100", 125.0, "NVIDIA V100 datasheet, SXM2, FP16 tensor";
    "t4", 65.0, "NVIDIA T4 datasheet, FP16 tensor";
    "a10", 125.0, "NVIDIA A10 datasheet, BF16 tensor, dense";
    "a100", 312.0, "NVIDIA A100 datasheet, BF16 tensor, dense";
    "l4", 121.0, "NVIDIA L4 datasheet, BF16 tensor, half of the sparse figure";
    "l40s", 362.0, "NVIDIA L40S datasheet, BF16 tensor, half of the sparse figure";
    "rtx3090", 71.0, "NVIDIA GA102 whitepaper, FP16 tensor with FP32 accumulate, dense";
    "rtx4090", 165.2, "NVIDIA Ada whitepaper, FP16 tensor with FP32 accumulate, dense";
    "h100", 989.4, "NVIDIA H100 datasheet, SXM5, BF16 tensor, half of the sparse figure";
    "h100-pcie", 756.0, "NVIDIA H100 datasheet, PCIe, BF16 tensor, half of the sparse figure";
    "h200", 989.4, "NVIDIA H200 datasheet, SXM, BF16 tensor, half of the sparse figure";
    "b200", 2250.0, "NVIDIA HGX B200 datasheet, BF16 tensor, half of the sparse figure";
    "mi250x", 383.0, "AMD MI250X datasheet, BF16 matrix";
    "mi300x", 1307.4, "AMD MI300X datasheet, BF16 matrix, dense";
    "tpu-v4", 275.0, "Google Cloud TPU v4 documentation, BF16 per chip";
    "tpu-v5e", 197.0, "Google Cloud TPU v5e documentation, BF16 per chip";
    "tpu-v5p", 459.0, "Google Cloud TPU v5p documentation, BF16 per chip";
}

/// The accelerator of this name, without regard to case.
pub fn accelerator(name: &str) -> Option<&'static Accelerator> {
    ACCELERATORS.iter().find(|a| a.name.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_peaks_plausible() {
        for (i, a) in ACCELERATORS.iter().enumerate() {
            assert!(ACCELERATORS[..i].iter().all(|b| b.name != a.name));
            assert!((1e13..1e16).contains(&a.peak_flops) && a.source.len() > 10);
        }
        assert_eq!(accelerator("A100").unwrap().peak_flops, 3.12e14);
        assert!(accelerator("abacus").is_none());
    }
}
