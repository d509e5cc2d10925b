//! Learning curves after Hestness et al. 2017: regions, targets, slopes of two families, and growth of the best capacity.
#![allow(missing_docs)]

mod common;

use common::{assert_coefficients, data, law, numbers, quick, relative, value};
use kleiber_core::rng::Rng;
use kleiber_core::table::Table;
use kleiber_laws::learning_curve::{Regions, data_for, difference};
use kleiber_laws::power_law::PowerLaw;
use kleiber_laws::{Fit, Options};

const TRUTH: [f64; 4] = [1.1, 6.0, 2e4, -0.3];

fn curve(truth: &[f64], (low, high): (f64, f64), points: usize, noise: f64, seed: u64) -> Table {
    let mut rng = Rng::new(seed, "learning curve", 0);
    let x: Vec<f64> = (0..points).map(|i| low * (high / low).powf(i as f64 / (points - 1) as f64)).collect();
    let y = x.iter().map(|x| law("three-regions").predict(truth, &[*x]) * (noise * rng.normal()).exp()).collect();
    Table::new("curve", vec![numbers("x", x), numbers("loss", y)]).unwrap()
}

fn fitted(table: &Table, bootstrap: usize) -> Fit {
    law("three-regions").fit(table, &Options { bootstrap, influence: false, ..Options::default() }).unwrap()
}

#[test]
fn the_three_regions_are_found() {
    let table = curve(&TRUTH, (1e2, 1e11), 28, 0.0, 0);
    let fit = fitted(&table, 0);
    assert_coefficients(&fit, &TRUTH, 1e-5);
    let regions = Regions::of(&fit, 0.01).unwrap();
    assert!(relative(regions.guess, 7.1) < 1e-5 && relative(regions.from, 2e4 * 17.0 / 3.0) < 1e-4, "{regions:?}");
    assert!(relative(value(&fit, "power_from"), regions.from) < 1e-12 && relative(value(&fit, "guess"), 7.1) < 1e-5);
    // At its upper end the reducible part is three standard deviations of the noise; the slope at the lower one is 85% of c.
    let at = |x: f64| law("three-regions").predict(&TRUTH, &[x]);
    assert!(relative(at(regions.to) - 1.1, 0.03 * at(regions.to)) < 1e-3, "{regions:?}");
    let slope = ((at(1.001 * regions.from) - 1.1) / (at(regions.from) - 1.1)).ln() / 1.001f64.ln();
    assert!(relative(slope, 0.85 * -0.3) < 1e-3, "{slope}");
    let sizes = table.numbers("x").unwrap();
    let inside = regions.inside(&sizes).unwrap();
    assert!(inside.len() >= 4 && inside.len() < sizes.len());
    // Only small data: the power law is not seen, and that is said.
    let message = regions.inside(&sizes[..8]).unwrap_err().to_string();
    assert!(message.contains("0 of 8") && Regions::of(&fit, 0.0).is_err(), "{message}");
    // Twice the noise, a shorter region.
    assert!(Regions::of(&fit, 0.02).unwrap().to < 0.2 * regions.to);
}

#[test]
fn fitting_through_the_plateau_makes_the_curve_look_flat() {
    let table = curve(&TRUTH, (1e2, 1e8), 19, 0.002, 1);
    let (right, through) = (fitted(&table, 0), law("m1").fit(&table, &quick()).unwrap());
    assert!(relative(value(&right, "c"), -0.3) < 0.15, "{}", value(&right, "c"));
    assert!(value(&through, "c") > -0.2, "{}", value(&through, "c"));
}

#[test]
fn targets_are_inverted_and_refused_at_the_floor() {
    let fit = fitted(&curve(&TRUTH, (1e2, 1e11), 28, 0.003, 2), 200);
    let needed = data_for(&fit, 2.0).unwrap();
    assert!(relative(law("three-regions").predict(&fit.point(), &[needed]), 2.0) < 1e-9);
    let floor = fit.coefficients["E"];
    assert!(floor.high.unwrap() > floor.value.unwrap());
    let message = data_for(&fit, floor.high.unwrap() * 0.9999).unwrap_err().to_string();
    assert!(message.contains("not clear of the floor"), "{message}");
    assert!(data_for(&fit, 0.5).is_err() && data_for(&fit, 8.0).unwrap_err().to_string().contains("guessing"));
    // Published words: 11.9 m^-0.066.
    let words = Fit::published("m1/hestness-words").unwrap();
    assert!(relative(data_for(&words, 11.9 * 1e9f64.powf(-0.066)).unwrap(), 1e9) < 1e-9);
    assert!(data_for(&Fit::published("chinchilla/besiroglu").unwrap(), 3.0).is_err());
}

#[test]
fn a_better_model_shifts_the_curve_and_another_slope_shows() {
    let of = |truth: [f64; 4], seed: u64| fitted(&curve(&truth, (1e5, 1e10), 24, 0.003, seed), 300);
    let (one, better, steeper) = (of(TRUTH, 3), of([1.1, 4.8, 2e4, -0.3], 4), of([1.1, 6.0, 2e4, -0.45], 5));
    let same = difference(&one, &better, "c", 0.95).unwrap();
    assert!(same.low.unwrap() < 0.0 && same.high.unwrap() > 0.0, "{same:?}");
    let other = difference(&one, &steeper, "c", 0.95).unwrap();
    assert!(other.low.unwrap() > 0.0 && (other.value.unwrap() - 0.15).abs() < 0.06, "{other:?}");
    assert!(difference(&one, &better, "alpha_N", 0.95).is_err());
    assert!(difference(&one, &fitted(&curve(&TRUTH, (1e5, 1e10), 24, 0.003, 6), 0), "c", 0.95).is_err());
}

#[test]
fn single_capacities_flatten_in_their_order() {
    let Some(table) = data("mt-scaling/data_scaling.tsv") else { return };
    let column = |name: &str| table.numbers(name).unwrap();
    let (layers, width, bytes, loss) = (column("Layers"), column("ModelSize"), column("data_bytes"), column("ent_dev"));
    // Loss with all data over that with a quarter: nearest to one for the smallest model.
    let at = |l: f64, w: f64, b: f64| {
        let row = (0..table.rows()).find(|&i| layers[i] == l && width[i] == w && bytes[i] == b);
        loss[row.unwrap()]
    };
    let sizes = [(1.0, 128.0), (1.0, 256.0), (1.0, 512.0), (3.0, 512.0), (6.0, 512.0), (6.0, 624.0)];
    let gain = |(l, w): (f64, f64)| at(l, w, 217_077_760.0) / at(l, w, 1_736_732_672.0);
    let gains: Vec<f64> = sizes.iter().map(|s| gain(*s)).collect();
    eprintln!("{gains:.4?}");
    assert!(gains.windows(2).all(|w| w[1] > w[0]), "{gains:?}");
    // Between 3% and 12.5% of the data the three largest fall alike.
    let slope = |(l, w): (f64, f64)| (at(l, w, 217_077_760.0) / at(l, w, 54_286_336.0)).ln() / 4f64.ln();
    let slopes: Vec<f64> = sizes[3..].iter().map(|s| slope(*s)).collect();
    assert!(slopes.iter().all(|s| (s / slopes[0] - 1.0).abs() < 0.1), "{slopes:?}");
}

#[test]
fn the_floor_of_a_known_source_is_its_entropy() {
    // Reducible loss of 4 nats at 5k parameters and an entropy of 41.2 nats an image.
    let truth = [41.2, 4.0 * 5e3f64.powf(0.25), -0.25];
    for seed in 0..3 {
        let mut rng = Rng::new(seed, "images", 0);
        let x: Vec<f64> = (0..10).map(|i| 5e3 * 60f64.powf(f64::from(i) / 9.0)).collect();
        let y: Vec<f64> = x.iter().map(|x| law("m2").predict(&truth, &[*x]) * (2e-4 * rng.normal()).exp()).collect();
        let lowest = y.iter().copied().fold(f64::INFINITY, f64::min);
        let table = Table::new("images", vec![numbers("x", x), numbers("loss", y)]).unwrap();
        let hold =
            Options { holdout: Some("x > 2.9e5".into()), bootstrap: 200, influence: false, ..Options::default() };
        let fit = law("m2").fit(&table, &hold).unwrap();
        let entropy = PowerLaw::of(&fit).unwrap().floor;
        let interval = fit.coefficients["E"];
        assert!(relative(entropy, 41.2) < 0.02 && entropy < lowest, "{entropy} {lowest}");
        assert!(interval.low.unwrap() < 41.2 && 41.2 < interval.high.unwrap(), "{interval:?}");
        let pure = law("m1").fit(&table, &hold).unwrap();
        let error = |f: &Fit| f.holdout.as_ref().unwrap().mean_abs_rel_error;
        assert!(error(&fit) < 0.3 * error(&pure), "{} {}", error(&fit), error(&pure));
    }
}
