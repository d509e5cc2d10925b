//! Trends over model size on the published leak rates of Liang et al. 2024, and on generated rates.
#![allow(missing_docs)]

use kleiber_core::rng::Rng;
use kleiber_core::stats::mean;
use kleiber_laws::rank::{ranks, spearman};
use kleiber_laws::trend::{Point, Series, Trend, Verdict, holm, permutation_p, trends};

/// 22 attacks on 65 prompts.
const TRIALS: f64 = 1430.0;
const PYTHIA: [f64; 8] = [70e6, 160e6, 410e6, 1e9, 1.4e9, 2.8e9, 6.9e9, 12e9];
const OPT: [f64; 6] = [125e6, 350e6, 1.3e9, 2.7e9, 6.7e9, 13e9];

fn series(name: &str, sizes: &[f64], rates: &[f64]) -> Series {
    let point = |(size, rate): (&f64, &f64)| Point { size: *size, passes: rate * TRIALS, trials: TRIALS, cluster: 0 };
    Series { name: name.into(), points: sizes.iter().zip(rates).map(point).collect() }
}

fn leaks() -> Vec<Series> {
    vec![
        series("verbatim, Pythia", &PYTHIA, &[0.001, 0.024, 0.006, 0.044, 0.026, 0.043, 0.046, 0.067]),
        series("any 3 words, Pythia", &PYTHIA, &[0.041, 0.170, 0.180, 0.089, 0.153, 0.141, 0.098, 0.129]),
        series("verbatim, OPT", &OPT, &[0.0, 0.0, 0.034, 0.004, 0.041, 0.0]),
        series("any 3 words, OPT", &OPT, &[0.009, 0.021, 0.050, 0.007, 0.045, 0.0]),
    ]
}

#[test]
fn leaks_rise_for_whole_prompts_of_one_family_only() {
    let found = trends(&leaks(), 0.95, 0).unwrap();
    let near = |t: &Trend, rho: f64| assert!((t.rho - rho).abs() < 0.006, "{t:?}");
    near(&found[0], 0.90);
    near(&found[1], -0.05);
    near(&found[2], 0.33);
    near(&found[3], -0.31);
    assert!((found[0].points_per_decade - 2.5).abs() < 0.05, "{:?}", found[0]);
    let verdicts: Vec<Verdict> = found.iter().map(|t| t.verdict).collect();
    assert_eq!(verdicts, [Verdict::Rises, Verdict::NoTrend, Verdict::NoTrend, Verdict::NoTrend]);
    assert!(found.iter().all(|t| t.exact && t.adjusted >= t.p));
    // Student's approximation gives .52 for the third; the exact probability is of the same size.
    assert!((found[2].p - 0.52).abs() < 0.05, "{:?}", found[2]);
    let slope = found[0].slope.unwrap();
    assert!(slope.low > 0.0 && slope.dispersion > 2.0, "{slope:?}");
    let flat = found[1].slope.unwrap();
    assert!(flat.low < 0.0 && flat.high > 0.0, "{flat:?}");
}

#[test]
fn ranks_and_corrections_are_the_textbook_ones() {
    assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 20.0, 15.0]), 0.5);
    assert!(spearman(&[1.0, 2.0], &[1.0, 1.0]).is_nan());
    let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
    for (got, want) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
        assert!((got - want).abs() < 1e-12, "{adjusted:?}");
    }
    // A perfect order of five: one of 120 in each direction.
    let up = [1.0, 2.0, 3.0, 4.0, 5.0];
    assert_eq!(permutation_p(&up, &up, 0), (2.0 / 120.0, true));
    let long: Vec<f64> = (0..14).map(f64::from).collect();
    let (p, exact) = permutation_p(&long, &long, 0);
    assert!(!exact && p > 0.0 && p < 1e-4, "{p}");
}

#[test]
fn few_sizes_decide_nothing() {
    let rates = [0.1, 0.2, 0.3, 0.4];
    let found = trends(&[series("four", &PYTHIA[..4], &rates)], 0.95, 0).unwrap();
    assert_eq!((found[0].rho, found[0].verdict), (1.0, Verdict::Undecided));
    // Five sizes can decide one question, not four.
    let five = series("five", &PYTHIA[..5], &[0.1, 0.2, 0.3, 0.4, 0.5]);
    assert_eq!(trends(std::slice::from_ref(&five), 0.95, 0).unwrap()[0].verdict, Verdict::Rises);
    let four: Vec<Series> = (0..4).map(|_| five.clone()).collect();
    assert!(trends(&four, 0.95, 0).unwrap().iter().all(|t| t.verdict == Verdict::Undecided));
    let says = |s: Series, word: &str| {
        let text = trends(&[s], 0.95, 0).unwrap_err().to_string();
        assert!(text.contains(word), "{text}");
    };
    says(series("two", &PYTHIA[..2], &rates[..2]), "at least three");
    says(series("over", &PYTHIA[..3], &[0.1, 1.2, 0.1]), "cannot be");
    assert!(trends(&[], 0.95, 0).is_err());
}

/// Rates without any trend that scatter from model to model as models do, not as trials do.
fn flat(rng: &mut Rng, sizes: &[f64]) -> Series {
    let rates: Vec<f64> = sizes.iter().map(|_| 1.0 / (1.0 + (3.0 - 0.6 * rng.normal()).exp())).collect();
    series("flat", sizes, &rates)
}

#[test]
fn a_study_of_many_flat_rates_claims_hardly_anything() {
    let repeats = 300;
    let (mut corrected, mut naive, mut covered) = (0, 0, 0.0);
    for repeat in 0..repeats {
        let mut rng = Rng::new(11, "flat", repeat);
        let study: Vec<Series> = (0..6).map(|_| flat(&mut rng, &OPT)).collect();
        let found = trends(&study, 0.95, 0).unwrap();
        corrected += u32::from(found.iter().any(|t| t.verdict == Verdict::Rises || t.verdict == Verdict::Falls));
        naive += u32::from(found.iter().any(|t| t.p <= 0.05));
        covered += mean(
            &found
                .iter()
                .map(|t| t.slope.unwrap())
                .map(|s| f64::from(u8::from(s.low < 0.0 && 0.0 < s.high)))
                .collect::<Vec<_>>(),
        );
    }
    let share = |count: u32| f64::from(count) / f64::from(repeats);
    // Six questions at .05: one study in four claims something without the correction, one in twenty with it.
    assert!(share(corrected) < 0.08, "{}", share(corrected));
    assert!(share(naive) > 0.18, "{}", share(naive));
    let coverage = covered / f64::from(repeats);
    assert!((0.93..0.975).contains(&coverage), "{coverage}");
}

#[test]
fn prompts_that_leak_as_one_are_not_22_facts() {
    // 65 prompts, each with its own tendency, under 22 attacks at five sizes.
    let mut rng = Rng::new(5, "prompts", 0);
    let mut points = Vec::new();
    for cluster in 0..65 {
        let own = 2.0 * rng.normal();
        for size in &PYTHIA[..5] {
            let p = 1.0 / (1.0 + (2.0 - own - 0.5 * (size.log10() - 8.0)).exp());
            let passes = (0..22).filter(|_| rng.uniform() < p).count() as f64;
            points.push(Point { size: *size, passes, trials: 22.0, cluster });
        }
    }
    let found = trends(&[Series { name: "leak".into(), points }], 0.95, 0).unwrap();
    let slope = found[0].slope.unwrap();
    // Averaged over prompts the slope is flatter than each prompt's .5, and still found.
    assert!(slope.low > 0.0 && slope.value > 0.15 && slope.value < 0.5, "{slope:?}");
}
