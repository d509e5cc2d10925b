//! Peak speed, memory and its bandwidth of accelerators, for turning FLOP into hours and money, and bytes into time.

/// One accelerator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accelerator {
    /// Name on the command line.
    pub name: &'static str,
    /// Dense 16-bit (bfloat16, else float16) peak in FLOP/s, without sparsity.
    pub peak_flops: f64,
    /// Bytes of memory, in decimal gigabytes as data sheets count.
    pub memory: f64,
    /// Peak bandwidth of that memory in bytes per second.
    pub bandwidth: f64,
    /// Where the peak is printed.
    pub source: &'static str,
}

macro_rules! table {
    ($($name:literal, $teraflops:literal, $gigabytes:literal, $per_second:literal, $source:literal;)*) => {
        /// Every accelerator that can be named.
        pub const ACCELERATORS: &[Accelerator] =
            &[$(Accelerator {
                name: $name,
                peak_flops: $teraflops * 1e12,
                memory: $gigabytes * 1e9,
                bandwidth: $per_second * 1e9,
                source: $source,
            }),*];
    };
}

table! {
    // TFLOP/s, GB, GB/s.
    "v100", 125.0, 32.0, 900.0, "NVIDIA V100 datasheet, SXM2 32 GB, FP16 tensor";
    "t4", 65.0, 16.0, 320.0, "NVIDIA T4 datasheet, FP16 tensor";
    "a10", 125.0, 24.0, 600.0, "NVIDIA A10 datasheet, BF16 tensor, dense";
    "a100", 312.0, 80.0, 2039.0, "NVIDIA A100 datasheet, SXM 80 GB, BF16 tensor, dense";
    "l4", 121.0, 24.0, 300.0, "NVIDIA L4 datasheet, BF16 tensor, half of the sparse figure";
    "l40s", 362.0, 48.0, 864.0, "NVIDIA L40S datasheet, BF16 tensor, half of the sparse figure";
    "rtx3090", 71.0, 24.0, 936.0, "NVIDIA GA102 whitepaper, FP16 tensor with FP32 accumulate, dense";
    "rtx4090", 165.2, 24.0, 1008.0, "NVIDIA Ada whitepaper, FP16 tensor with FP32 accumulate, dense";
    "h100", 989.4, 80.0, 3350.0, "NVIDIA H100 datasheet, SXM5, BF16 tensor, half of the sparse figure";
    "h100-pcie", 756.0, 80.0, 2000.0, "NVIDIA H100 datasheet, PCIe, BF16 tensor, half of the sparse figure";
    "h200", 989.4, 141.0, 4800.0, "NVIDIA H200 datasheet, SXM, BF16 tensor, half of the sparse figure";
    "b200", 2250.0, 180.0, 8000.0, "NVIDIA HGX B200 datasheet, BF16 tensor, half of the sparse figure";
    "mi250x", 383.0, 128.0, 3276.8, "AMD MI250X datasheet, BF16 matrix";
    "mi300x", 1307.4, 192.0, 5300.0, "AMD MI300X datasheet, BF16 matrix, dense";
    "tpu-v4", 275.0, 32.0, 1228.0, "Google Cloud TPU v4 documentation, BF16 per chip";
    "tpu-v5e", 197.0, 16.0, 819.0, "Google Cloud TPU v5e documentation, BF16 per chip";
    "tpu-v5p", 459.0, 95.0, 2765.0, "Google Cloud TPU v5p documentation, BF16 per chip";
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
            assert!(
                (1e13..1e16).contains(&a.peak_flops)
                    && (1.5e10..3e11).contains(&a.memory)
                    && (2e11..1e13).contains(&a.bandwidth)
                    && a.source.len() > 10
            );
        }
        assert_eq!(accelerator("A100").unwrap().peak_flops, 3.12e14);
        assert!(accelerator("abacus").is_none());
    }
}
