//! Published power laws of one size axis, as presets of `m1`, `m2` and `allocation`.
//!
//! The papers write `(x0/x)^alpha`: `beta = x0^alpha` and `c = -alpha` here. Both are derived again and compared with the
//! printed numbers. Compute is in FLOP here and in PF-days (8.64e19 FLOP) there.

use crate::published::{Of, Preset, Printed};

const OPEN: &[(f64, f64)] = &[(0.0, f64::INFINITY)];
const HENIGHAN: &str = "Henighan et al. 2020 (arXiv 2010.14701), table 1";
const PARAMS: &str = "x is parameters without embeddings, at convergence; loss in nats per token of that domain";
const FLOPS: &str = "training compute in FLOP (printed in PF-days), 6 x parameters without embeddings x tokens; loss in nats per token of that domain";

/// A pure power law with the scale and the exponent its paper prints.
macro_rules! pure {
    ($name:literal, $source:expr, $beta:literal, $x0:expr, $alpha:literal, $ranges:expr, $note:expr, [$($more:expr),*]) => {
        Preset {
            name: $name,
            source: $source,
            coefficients: &[$beta, -$alpha],
            ranges: $ranges,
            note: $note,
            compat: false,
            printed: &[
                Printed { of: Of::Derived("x0"), value: $x0, tolerance: 1e-6, place: $source },
                Printed { of: Of::Derived("alpha"), value: $alpha, tolerance: 1e-12, place: $source },
                $($more),*
            ],
        }
    };
}

/// A power law above a floor; the floor is the limit of infinite size.
macro_rules! above {
    ($name:literal, $floor:literal, $beta:literal, $x0:literal, $alpha:literal) => {
        Preset {
            name: $name,
            source: HENIGHAN,
            coefficients: &[$floor, $beta, -$alpha],
            ranges: OPEN,
            note: PARAMS,
            compat: false,
            printed: &[
                Printed { of: Of::Derived("x0"), value: $x0, tolerance: 1e-6, place: "table 1" },
                Printed { of: Of::Derived("alpha"), value: $alpha, tolerance: 1e-12, place: "table 1" },
                Printed { of: Of::At(&[f64::INFINITY]), value: $floor, tolerance: 1e-12, place: "table 1" },
            ],
        }
    };
}

/// L(C) and N_opt(C): `[N0, a, D0, b, E, K, gamma]`, with D = C/(6N).
macro_rules! frontier {
    ($name:literal, [$n0:literal, $a:literal, $d0:literal, $b:literal, $floor:literal, $k:literal, $gamma:literal], $c0:literal) => {
        Preset {
            name: $name,
            source: HENIGHAN,
            coefficients: &[$n0, $a, $d0, $b, $floor, $k, $gamma],
            ranges: OPEN,
            note: FLOPS,
            compat: false,
            printed: &[
                Printed { of: Of::Derived("a"), value: $a, tolerance: 1e-12, place: "table 1, N_opt(C)" },
                // C = C0 in PF-days: the reducible loss is one nat.
                Printed { of: Of::At(&[$c0 * 8.64e19]), value: $floor + 1.0, tolerance: 1e-6, place: "table 1, L(C)" },
            ],
        }
    };
}

/// Presets of `m1`.
pub(super) const PURE: &[Preset] = &[
    pure!(
        "m1/kaplan-params",
        "Kaplan et al. 2020 (arXiv 2001.08361), eq. 1.1 and table 5",
        11.47573955,
        8.8e13,
        0.076,
        &[(768.0, 1.5e9)],
        "x is parameters without embeddings, trained to convergence on WebText2; nats per token of 50,257",
        [Printed { of: Of::Derived("doubling"), value: 0.95, tolerance: 0.005, place: "section 1.2" }]
    ),
    pure!(
        "m1/kaplan-data",
        "Kaplan et al. 2020 (arXiv 2001.08361), eq. 1.2 and table 5",
        20.16403336,
        5.4e13,
        0.095,
        &[(22e6, 23e9)],
        "x is tokens of WebText2, stopped early, any number of passes; nats per token of 50,257",
        []
    ),
    pure!(
        "m1/kaplan-compute",
        "Kaplan et al. 2020 (arXiv 2001.08361), eq. 1.3 and table 5",
        26.38722813,
        3.1e8 * 8.64e19,
        0.05,
        OPEN,
        "x is FLOP without embeddings, at batches far below the critical one; nats per token of 50,257",
        [Printed {
            of: Of::At(&[1e4 * 8.64e19]),
            value: 1.7,
            tolerance: 0.03,
            place: "eq. 6.8: about 1.7 at 10^4 PF-days"
        }]
    ),
    pure!("m1/language-params", HENIGHAN, 9.810976002, 1.47e14, 0.07, OPEN, PARAMS, []),
    pure!("m1/language-compute", HENIGHAN, 23.27493487, 3.47e8 * 8.64e19, 0.048, OPEN, FLOPS, []),
    pure!("m1/text-of-text-to-image", HENIGHAN, 2.107089374, 5.6e8, 0.037, OPEN, PARAMS, []),
    pure!("m1/text-of-image-to-text", HENIGHAN, 2.212884891, 7.0e8, 0.039, OPEN, PARAMS, []),
    Preset {
        name: "m1/hestness-words",
        source: "Hestness et al. 2017 (arXiv 1712.00409), word language models",
        coefficients: &[11.9, -0.066],
        ranges: OPEN,
        note: "x is words of the Billion Word corpus, the best LSTM or RHN of each shard; cross entropy as its figure gives it",
        compat: false,
        printed: &[
            Printed { of: Of::Derived("alpha"), value: 0.066, tolerance: 1e-12, place: "section 4.2" },
            Printed {
                of: Of::Derived("alpha"),
                value: 0.0656,
                tolerance: 0.01,
                place: "section 4.2: 0.0656 within 1%",
            },
        ],
    },
];

/// Presets of `m2`.
pub(super) const ABOVE_A_FLOOR: &[Preset] = &[
    above!("m2/image-8x8", 3.12, 2.862474305, 8.0e1, 0.24),
    above!("m2/image-16x16", 2.64, 3.454417037, 2.8e2, 0.22),
    above!("m2/image-32x32", 2.20, 1.71361901, 6.3e1, 0.13),
    above!("m2/image-vq-16x16", 3.99, 3.767708451, 2.7e4, 0.13),
    above!("m2/image-vq-32x32", 3.07, 3.972148754, 1.9e4, 0.14),
    above!("m2/image-of-text-to-image", 2.0, 3.919324553, 5.1e3, 0.16),
    above!("m2/image-of-image-to-text", 2.0, 3.639606261, 5.5e3, 0.15),
    above!("m2/video", 1.01, 12.48442124, 3.7e4, 0.24),
    above!("m2/maths", 0.28, 4.432235518, 1.1e4, 0.16),
];

/// Presets of `allocation`.
pub(super) const FRONTIERS: &[Preset] = &[
    frontier!("allocation/language", [3.612682471e-6, 0.73, 46133.77123, 0.27, 0.0, 23.27493487, 0.048], 3.47e8),
    frontier!("allocation/image-8x8", [5.458768142e-5, 0.64, 3053.191899, 0.36, 3.13, 207.2236825, 0.19], 1.8e-8),
    frontier!("allocation/image-16x16", [3.44099281e-7, 0.75, 484356.3352, 0.25, 2.64, 87.59945335, 0.16], 1.6e-8),
    frontier!("allocation/image-32x32", [2.283431977e-5, 0.65, 7298.954745, 0.35, 2.21, 14.10202968, 0.1], 3.6e-9),
    frontier!("allocation/image-vq-16x16", [4.937425134e-5, 0.64, 3375.578609, 0.36, 4.09, 32.3148983, 0.11], 6.1e-7),
    frontier!("allocation/image-vq-32x32", [2.905700732e-6, 0.70, 57358.51076, 0.30, 3.17, 52.74465438, 0.12], 2.6e-6),
    frontier!("allocation/text-to-image", [2.905700732e-6, 0.70, 57358.51076, 0.30, 1.93, 130.8852631, 0.15], 1.5e-6),
    frontier!("allocation/image-to-text", [8.172973085e-7, 0.72, 203924.1595, 0.28, 1.97, 181.1410164, 0.16], 1.5e-6),
    frontier!("allocation/video", [2.125149797e-6, 0.71, 78425.84409, 0.29, 0.95, 137.7371521, 0.14], 2.2e-5),
    frontier!("allocation/maths", [1.880240101e-6, 0.69, 88641.16163, 0.31, 0.14, 366.4790072, 0.17], 1.4e-5),
];

/// What Kaplan et al. and Henighan et al. call the coefficients of `beta x^c`: the size at which it is one, its exponent,
/// and the factor by which it changes when the size doubles.
pub(super) fn letters(beta: f64, c: f64) -> Vec<(&'static str, f64)> {
    vec![("x0", beta.powf(-1.0 / c)), ("alpha", -c), ("doubling", 2f64.powf(c))]
}
