//! Known coefficients and sizes of runs for every law of the catalogue: published ones where there are any, else values of
//! the usual magnitude.

/// What the simulated tables of a law are drawn from.
pub(crate) struct Truth {
    /// Name of the law.
    pub(crate) law: &'static str,
    /// Coefficients in the order of the law.
    pub(crate) coefficients: &'static [f64],
    /// Smallest and largest value of each variable, in the order of the law.
    pub(crate) ranges: &'static [(f64, f64)],
}

const fn truth(law: &'static str, coefficients: &'static [f64], ranges: &'static [(f64, f64)]) -> Truth {
    Truth { law, coefficients, ranges }
}

const PARAMS: (f64, f64) = (4e7, 1e10);
const TOKENS: (f64, f64) = (2e9, 4e11);

/// One truth for every law that can be named.
pub(crate) const TRUTHS: &[Truth] = &[
    truth("chinchilla", &[1.8172, 482.01, 2085.43, 0.3478, 0.3658], &[PARAMS, TOKENS]),
    truth("kaplan", &[6.4e13, 1.8e13, 0.076, 0.103], &[(1e6, 1.5e9), (2.2e7, 2.3e10)]),
    truth(
        "data-constrained",
        &[1.8693856, 520.7984, 1487.6973, 0.35272596, 0.35272596, 15.387756, 5.3097434],
        &[(7e6, 8.7e9), (1e8, 9e11), (1e8, 1.78e11)],
    ),
    truth("over-training", &[1.51, 141.0, 190.0, 0.121], &[(1e7, 7e9), (2e8, 9e11)]),
    truth("downstream-error", &[0.85, 2.08, 0.756], &[(2.0, 5.0)]),
    truth("low-bit", &[0.017, 0.5251, 0.2261, 5.4967], &[(85e6, 11.3e9), (1e9, 206e9), (2.0, 4.0)]),
    truth(
        "float-format",
        &[69.2343, 0.2368, 68973.0621, 0.5162, 1.9061, 11334.5197, 3.1926, 2.9543],
        &[(4.1e7, 6.79e8), (1.05e10, 1.05e11), (1.0, 6.0), (1.0, 7.0), (32.0, 512.0)],
    ),
    truth(
        "vocabulary",
        &[5.5369, 1.9035, 0.12865, 1.3313, 1.0588, 0.43979],
        &[(3.3e7, 1.13e9), (2.1e6, 1.97e8), (6e7, 5.48e10)],
    ),
    truth("densing", &[60.0, 120.0, 0.22, 0.25], &[PARAMS, TOKENS]),
    truth("score-sigmoid", &[0.9, 0.25, 3.0, 1.8], &[(0.8, 3.5)]),
    truth("densing-trend", &[0.0073, -2.0], &[(1.0, 700.0)]),
    truth("pass-rate", &[5130.0, 0.4], &[(1e7, 1e10)]),
    truth("transfer-quality", &[-8.0, 0.5, 3.0], &[(2e8, 2e10)]),
    truth("ability-growth", &[0.2, 0.8, 0.0, 0.6, 0.4], &[(10.0, 1e5), (1e8, 3e10)]),
    truth("sft-growth", &[60.0, 4000.0, 0.2, 0.2], &[(1e2, 1e6), (1e8, 3e10)]),
    truth("activation-control", &[20.0], &[(1.0, 64.0), (512.0, 8192.0), (8192.0, 262144.0)]),
    truth("state-forget", &[5.172e-3, -4469.0], &[(1.1e6, 1.291e7)]),
    truth("state-recall", &[4756.0, 1.365, -742.0], &[(1.1e6, 1.291e7)]),
    truth("encoder-decoder", &[1.2, 80.0, 0.15, 0.14], &[(1e7, 1e9), (1e7, 1e9)]),
    truth("multilingual", &[1.0, 60.0, 0.25, 0.5, 1.0, 1.0], &[(1e7, 1e10), (0.05, 0.95)]),
    truth("bleu", &[80.0, 0.5], &[(1.0, 4.0)]),
    truth("trajectory", &[1.2, 1e8, 0.3, 1e3, 0.5, 2.1e8, 0.21], &[(1e7, 1e9), (1e3, 2.5e5), (3e4, 2e6)]),
    truth("three-regions", &[1.5, 5.0, 1e8, -0.4], &[(1e6, 1e11)]),
    truth("rate", &[1.79, -0.713, 0.307], &[(6e7, 1.1e9), (2e9, 1e11)]),
    truth("rate-flops", &[0.3118, -0.125], &[(1e17, 2e19)]),
    truth("rate-batch", &[4.6 / 4096.0, 1.0, -0.51], &[(65536.0, 2097152.0), (2e9, 2.56e11)]),
    truth("batch", &[0.58, 0.571], &[(2e9, 1e11)]),
    truth("batch-flops", &[0.2920, 0.3271], &[(1e17, 2e19)]),
    truth("batch-loss", &[1.21e9, -6.24], &[(1.5, 5.0)]),
    truth("datastore", &[4.0, -0.1], &[(1e8, 1e12)]),
    truth("m1", &[11.9, -0.066], &[(1e6, 1e10)]),
    truth("m2", &[2.2, 1.714, -0.13], &[(1e5, 1e10)]),
    truth("m3", &[1e3, 1e-9, 0.3], &[(1e6, 1e11)]),
    truth("m4", &[1.5, 9.0, 0.5, 250.0, -0.4], &[(1e3, 1e10)]),
    truth("bnsl:1", &[1.2, 40.0, 0.1, 0.3, 1e7, 0.4], &[(1e4, 1e10)]),
];
