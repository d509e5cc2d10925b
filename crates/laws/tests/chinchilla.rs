//! The Chinchilla law on the digitised runs of Hoffmann et al. 2022 and on surfaces of known coefficients.
#![allow(missing_docs)]

mod common;

use common::{
    EPOCH, HOFFMANN, assert_close, assert_coefficients, changed, data, law, number, quick, reference, relative, value,
};
use kleiber_core::rng::Rng;
use kleiber_core::table::Table;
use kleiber_laws::simulate::Design;
use kleiber_laws::{Fit, Method, Objective, Options};

const NAMES: [&str; 5] = ["E", "A", "B", "alpha", "beta"];
/// Least sum of Huber losses, from 50-digit arithmetic.
const MINIMUM: f64 = 8.400_931_199_574_226e-4;

fn points() -> Option<Table> {
    data("chinchilla-points/df.csv")
}

fn generated() -> Table {
    Design::grid(8, 7).table(&law("chinchilla"), &EPOCH, 0.01, 1)
}

fn fit(table: &Table, options: &Options) -> Fit {
    law("chinchilla").fit(table, options).unwrap()
}

fn by(method: Method) -> Options {
    Options { method: Some(method), ..quick() }
}

fn with(objective: Objective) -> Options {
    Options { objective: Some(objective), ..quick() }
}

#[test]
fn both_methods_reach_the_exact_minimum_of_the_published_table() {
    let Some(table) = points() else { return };
    let exact = &reference("chinchilla_grid.json")["exact_50_digits"];
    for method in [Method::Varpro, Method::Grid] {
        let fit = fit(&table, &by(method));
        assert!(fit.is_ok(), "{:?}", fit.reasons);
        let reached = fit.objective.value.unwrap();
        eprintln!("{}: objective {reached:e}, {:?}, {:?}", fit.method, fit.starts, fit.point());
        assert!(reached <= MINIMUM * (1.0 + 1e-9), "{}: {reached:e}", fit.method);
        for name in NAMES {
            assert_close(name, value(&fit, name), number(&exact[name]), 1e-6);
        }
        if method == Method::Grid {
            assert_eq!(fit.starts.tried, 4500);
            assert!(fit.starts.at_best > 1000, "{:?}", fit.starts);
        }
    }
}

#[test]
fn both_methods_agree_on_a_generated_table() {
    let (varpro, grid) = (fit(&generated(), &by(Method::Varpro)), fit(&generated(), &by(Method::Grid)));
    assert_eq!(grid.starts.tried, 4500);
    assert_close("objective", grid.objective.value.unwrap(), varpro.objective.value.unwrap(), 1e-9);
    assert_coefficients(&grid, &varpro.point(), 5e-5);
}

#[test]
fn least_squares_agree_with_the_reference() {
    let Some(table) = points() else { return };
    let all = &reference("chinchilla_varpro.json")["all_points"];
    for method in [Method::Varpro, Method::Grid] {
        let fit = fit(&table, &Options { method: Some(method), ..with(Objective::Mse) });
        // Half the squared residual is minimised.
        assert_close("rss", 2.0 * fit.objective.value.unwrap(), number(&all["rss"]), 1e-9);
        for name in NAMES {
            assert_close(name, value(&fit, name), number(&all[name]), 1e-6);
        }
        assert_close("a", value(&fit, "a"), number(&all["a_exponent"]), 1e-6);
    }
}

#[test]
fn bootstrap_intervals_agree_with_the_reference() {
    let Some(table) = points() else { return };
    let all = &reference("chinchilla_bootstrap.json")["coefficients"];
    // Tolerances are four standard errors of the difference of two quantiles of 4000 normal draws each,
    // sqrt(2 p (1 - p) / 4000) / density, in standard deviations of the draws.
    for (level, key, tolerance) in [(0.95, "interval_95", 0.24), (0.8, "interval_80", 0.15)] {
        let fit = fit(&table, &Options { bootstrap: 4000, level, influence: false, ..Options::default() });
        assert!(fit.bootstrap >= 3900, "{} draws", fit.bootstrap);
        for name in NAMES {
            let (got, want) = (fit.coefficients[name], &all[name]);
            let skewed = name == "A" || name == "B";
            let scale = |v: f64| if skewed { v.ln() } else { v };
            let sd = number(&want["standard_deviation"]) / if skewed { number(&want["point"]) } else { 1.0 };
            for (side, got) in [got.low.unwrap(), got.high.unwrap()].into_iter().enumerate() {
                let gap = (scale(got) - scale(number(&want[key][side]))) / sd;
                eprintln!("{level} {name} side {side}: {got} against {}, {gap:+.3} sd", want[key][side]);
                assert!(gap.abs() <= tolerance, "{level} {name} side {side}: {got} is {gap:+.3} sd away");
            }
        }
    }
}

#[test]
fn bootstrap_intervals_hold_the_truth_of_a_generated_table() {
    let fit = fit(&generated(), &Options { bootstrap: 500, influence: false, ..Options::default() });
    for (name, truth) in NAMES.iter().zip(EPOCH) {
        let e = fit.coefficients[*name];
        assert!(e.low.unwrap() < e.value.unwrap() && e.value.unwrap() < e.high.unwrap(), "{name} {e:?}");
        assert!(e.low.unwrap() < truth && truth < e.high.unwrap(), "{name} {truth} {e:?}");
    }
}

fn unit_of_loss_does_not_matter(table: &Table, objective: Objective) {
    let plain = fit(table, &with(objective));
    for factor in [2.0, 1e-3] {
        let scaled = changed(table, "loss", |_, loss| factor * loss);
        let scaled = fit(&scaled, &Options { force: true, ..with(objective) });
        let want: Vec<f64> = NAMES.iter().map(|n| value(&plain, n) * if n.len() == 1 { factor } else { 1.0 }).collect();
        eprintln!("{objective} x {factor}: {:?}", scaled.point());
        assert_coefficients(&scaled, &want, 1e-6);
    }
}

#[test]
fn the_unit_of_loss_scales_e_a_and_b_only() {
    for objective in [Objective::LOG_HUBER, Objective::LogMse, Objective::Mse] {
        unit_of_loss_does_not_matter(&generated(), objective);
        if let Some(table) = points() {
            unit_of_loss_does_not_matter(&table, objective);
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let table = points().unwrap_or_else(generated);
    for method in [Method::Varpro, Method::Grid] {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let options = Options { bootstrap: 100, method: Some(method), ..Options::default() };
            serde_json::to_string(&pool.install(|| fit(&table, &options))).unwrap()
        };
        let one = run(1);
        assert!(one.contains("\"draws\"") && one.contains("\"influence\""));
        assert_eq!(one, run(2));
    }
}

#[test]
fn noise_free_surfaces_are_recovered() {
    let mut rng = Rng::new(7, "surfaces", 0);
    let mut between = |low: f64, high: f64| low + (high - low) * rng.uniform();
    let steep_and_flat = [1.69, 406.4, 410.7, 0.465, 0.155];
    let mut surfaces = vec![HOFFMANN, EPOCH, steep_and_flat];
    for _ in 0..6 {
        let [alpha, beta] = [between(0.2, 0.5), between(0.2, 0.5)];
        // Terms of 0.2 to 1 nat in the middle of the design.
        surfaces.push([
            between(1.0, 2.5),
            between(0.2, 1.0) * 6e8f64.powf(alpha),
            between(0.2, 1.0) * 2e10f64.powf(beta),
            alpha,
            beta,
        ]);
    }
    for truth in surfaces {
        let table = Design::grid(8, 7).table(&law("chinchilla"), &truth, 0.0, 0);
        for objective in [Objective::LOG_HUBER, Objective::Mse] {
            // The flat surface has losses beyond the domain of nats per token.
            let fit = fit(
                &table,
                &Options { force: truth == steep_and_flat, method: Some(Method::Varpro), ..with(objective) },
            );
            let worst = fit.point().iter().zip(truth).map(|(got, want)| relative(*got, want)).fold(0.0, f64::max);
            eprintln!("{objective} {truth:.4?}: worst relative error {worst:.1e}");
            assert_coefficients(&fit, &truth, 1e-8);
        }
    }
}
