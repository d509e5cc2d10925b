//! The theory of data pruning against simulated perceptrons, and what it says about the best share to keep.
#![allow(missing_docs)]

use kleiber_core::rng::Rng;
use kleiber_laws::pruning::{End, Kept, Margin, Metric, Selection, frontier};

const DIMENSIONS: usize = 100;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn gaussian(rng: &mut Rng) -> Vec<f64> {
    (0..DIMENSIONS).map(|_| rng.normal()).collect()
}

/// The separator of the largest margin, by coordinate ascent on its dual (Anlauf & Biehl 1989).
fn largest_margin(examples: &[(Vec<f64>, f64)]) -> Vec<f64> {
    let mut weights = vec![0.0; DIMENSIONS];
    let mut strengths = vec![0.0; examples.len()];
    let squares: Vec<f64> = examples.iter().map(|(x, _)| dot(x, x)).collect();
    for _ in 0..6000 {
        let mut moved = 0f64;
        for (i, (x, y)) in examples.iter().enumerate() {
            let want = f64::max(0.0, strengths[i] + (1.0 - y * dot(&weights, x)) / squares[i]);
            let by = want - strengths[i];
            if by != 0.0 {
                strengths[i] = want;
                weights.iter_mut().zip(x).for_each(|(w, x)| *w += by * y * x);
                moved = moved.max(by.abs() * squares[i]);
            }
        }
        if moved < 1e-3 {
            break;
        }
    }
    weights
}

/// Mean error of students over seeds.
fn simulated(alpha_tot: f64, fraction: f64, degrees: f64, end: End, seeds: u64) -> f64 {
    let one = |seed: u64| {
        let mut rng = Rng::new(seed, "perceptron", 0);
        let teacher = gaussian(&mut rng);
        let other = gaussian(&mut rng);
        // A probe at the wanted angle.
        let along = dot(&teacher, &other) / dot(&teacher, &teacher);
        let aside: Vec<f64> = other.iter().zip(&teacher).map(|(o, t)| o - along * t).collect();
        let scale = (dot(&teacher, &teacher) / dot(&aside, &aside)).sqrt();
        let (sin, cos) = degrees.to_radians().sin_cos();
        let probe: Vec<f64> = teacher.iter().zip(&aside).map(|(t, a)| cos * t + sin * scale * a).collect();
        let inputs: Vec<Vec<f64>> = (0..(alpha_tot * DIMENSIONS as f64) as usize).map(|_| gaussian(&mut rng)).collect();
        let scores = Margin { outputs: inputs.iter().map(|x| dot(&probe, x)).collect() }.scores().unwrap();
        let kept = Selection { fraction, end, balance: 0.0, seed }.of(&scores, None).unwrap();
        let examples: Vec<(Vec<f64>, f64)> =
            kept.iter().map(|&i| (inputs[i].clone(), dot(&teacher, &inputs[i]).signum())).collect();
        let student = largest_margin(&examples);
        let cosine = dot(&student, &teacher) / (dot(&student, &student) * dot(&teacher, &teacher)).sqrt();
        cosine.acos() / std::f64::consts::PI
    };
    (0..seeds).map(one).sum::<f64>() / seeds as f64
}

fn theory(alpha_tot: f64, fraction: f64, degrees: f64, end: End) -> f64 {
    Kept { alpha_tot, fraction, theta: degrees.to_radians(), end }.solve().unwrap().error
}

#[test]
fn students_err_as_the_theory_says() {
    let cases = [
        (5.0, 0.5, 0.0, End::Hard),
        (20.0, 0.2, 0.0, End::Hard),
        (20.0, 0.2, 0.0, End::Easy),
        (20.0, 0.2, 20.0, End::Hard),
        (20.0, 0.2, 20.0, End::Easy),
        (20.0, 0.2, 20.0, End::Random),
    ];
    let mut simulations = Vec::new();
    for (alpha, fraction, degrees, end) in cases {
        let (seen, said) = (simulated(alpha, fraction, degrees, end, 4), theory(alpha, fraction, degrees, end));
        eprintln!("alpha {alpha}, {fraction}, {degrees} degrees, {end:?}: simulated {seen:.4}, theory {said:.4}");
        assert!((seen - said).abs() <= f64::max(0.02, 0.1 * said), "{seen} {said}");
        simulations.push(seen);
    }
    // Hard examples beat easy ones with a perfect probe, and lose to random ones with this poor one.
    assert!(simulations[1] < simulations[2] && simulations[3] > simulations[5], "{simulations:?}");
}

/// Slope of ln(error) on ln(alpha) between neighbours.
fn slopes(points: &[(f64, f64)]) -> Vec<f64> {
    points.windows(2).map(|w| (w[1].1 / w[0].1).ln() / (w[1].0 / w[0].0).ln()).collect()
}

#[test]
fn the_frontier_falls_faster_than_a_power_law() {
    let alphas = [0.7, 1.0, 1.4, 1.9];
    let shares: Vec<f64> = (0..7).map(|i| 0.7f64.powi(i)).collect();
    let best: Vec<(f64, f64)> = alphas.iter().map(|a| (*a, frontier(*a, 0.0, &shares).unwrap().1.error)).collect();
    let random: Vec<(f64, f64)> = alphas.iter().map(|a| (*a, theory(*a, 1.0, 0.0, End::Random))).collect();
    let (steep, plain) = (slopes(&best), slopes(&random));
    eprintln!("frontier {best:?} {steep:?}\nrandom {random:?} {plain:?}");
    // Each slope along the frontier is steeper than the one before, and the share to keep falls as data grows.
    assert!(steep.windows(2).all(|w| w[1] < w[0] - 0.1) && steep[2] < -1.5, "{steep:?}");
    // Random sets never get steeper than the inverse of their size.
    let far: Vec<(f64, f64)> = [20.0, 40.0].map(|a| (a, theory(a, 1.0, 0.0, End::Random))).to_vec();
    assert!(plain.iter().all(|s| *s > -0.6) && (slopes(&far)[0] + 1.0).abs() < 0.03, "{plain:?} {far:?}");
}

#[test]
fn a_poor_probe_puts_a_floor_under_the_share() {
    // At 20 degrees and four kept examples per dimension, ever harder ones are worse from some share on.
    let shares = [1.0, 0.7, 0.5, 0.35, 0.2];
    let at: Vec<f64> = shares.iter().map(|f| theory(4.0 / f, *f, 20.0, End::Hard)).collect();
    eprintln!("{at:?}");
    let best = (0..5).min_by(|a, b| at[*a].total_cmp(&at[*b])).unwrap();
    assert!(best > 0 && best < 4 && at[4] > at[0], "{at:?}");
    // A perfect probe has none there.
    assert!(theory(20.0, 0.2, 0.0, End::Hard) < theory(8.0, 0.5, 0.0, End::Hard));
}
