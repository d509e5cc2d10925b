//! Capacities: tokens an attacker on activations forces, and states of recurrent models.
#![allow(missing_docs)]

mod common;

use common::{law, numbers, quick, relative, value};
use kleiber_core::rng::Rng;
use kleiber_core::table::Table;
use kleiber_laws::control::{Attack, Control, Shape, forced, token_resistance};
use kleiber_laws::recurrent::{Window, collapse, mamba2_state};
use kleiber_laws::{Fit, Options};

fn attacks(seed: u32, noise: f64, of: impl Fn(f64) -> f64) -> Vec<Attack> {
    let mut rng = Rng::new(seed.into(), "attacks", 0);
    let amounts = [1.0, 2.0, 4.0, 8.0, 16.0];
    let all = amounts.iter().flat_map(|a| [*a; 3]);
    all.map(|a| Attack { controlled: a, forced: of(a) * (1.0 + noise * rng.normal()) }).collect()
}

#[test]
fn forced_tokens_are_proportional_or_said_not_to_be() {
    let found = Control::of(&attacks(1, 0.0, |a| 24.2 * a), 0.95).unwrap();
    assert!((found.kappa - 24.2).abs() < 1e-9 && (found.exponent - 1.0).abs() < 1e-6 && found.r_squared > 0.999_999);
    // Pythia-70m as it is recalled: 24.2 tokens per token of width 512 are 21.7 bits per bit.
    assert!((found.resistance(512.0, 50_304.0).0 - 21.67).abs() < 0.01);
    let (mut held, mut straight) = (0, 0);
    for seed in 0..100 {
        let found = Control::of(&attacks(seed, 0.05, |a| 7.3 * a), 0.95).unwrap();
        held += u32::from(found.interval.0 <= 7.3 && 7.3 <= found.interval.1);
        straight += u32::from(found.best == Shape::Proportional && (found.exponent - 1.0).abs() < 0.25);
    }
    assert!(held >= 86 && straight >= 70, "{held} {straight}");
    // A square root, and an offset, are not proportional.
    let root = Control::of(&attacks(1, 0.02, |a| 30.0 * a.sqrt()), 0.95).unwrap();
    assert!(root.best == Shape::Power && (root.exponent - 0.5).abs() < 0.05, "{root:?}");
    let offset = Control::of(&attacks(1, 0.02, |a| 40.0 + 5.0 * a), 0.95).unwrap();
    assert!(offset.best == Shape::Affine && offset.r_squared < 0.97, "{offset:?}");
    assert!(Control::of(&attacks(1, 0.0, |a| a)[..6], 0.95).is_err());
    assert_eq!(token_resistance(20.0, 1.0), 20.0);
}

#[test]
fn half_of_the_tokens_is_where_it_is() {
    assert_eq!(forced(&[(8.0, 0.9), (32.0, 0.1), (16.0, 0.7)]).unwrap(), 16.0 + 16.0 / 3.0);
    assert!(forced(&[(8.0, 0.9), (16.0, 0.6)]).unwrap_err().to_string().contains("longer"));
    assert!(forced(&[(8.0, 0.3), (16.0, 0.2)]).unwrap_err().to_string().contains("shorter"));
    assert!(forced(&[(8.0, 1.3)]).is_err());
}

#[test]
fn the_resistance_is_fitted_over_widths() {
    let rows: Vec<(f64, f64)> = [32.0, 64.0, 128.0].iter().flat_map(|d| [(1.0, *d), (2.0, *d), (4.0, *d)]).collect();
    let of = |r: &(f64, f64)| law("activation-control").predict(&[20.0], &[r.0, r.1, 128.0]);
    // .114 d tokens per token at 7 bits: 3.7, 7.3 and 14.6.
    assert!((of(&(1.0, 128.0)) - 14.63).abs() < 0.01);
    let columns = vec![
        numbers("controlled_tokens", rows.iter().map(|r| r.0).collect()),
        numbers("width", rows.iter().map(|r| r.1).collect()),
        numbers("vocab", rows.iter().enumerate().map(|(i, _)| if i % 2 == 0 { 128.0 } else { 256.0 }).collect()),
        numbers(
            "forced_tokens",
            rows.iter().enumerate().map(|(i, r)| if i % 2 == 0 { of(r) } else { of(r) * 7.0 / 8.0 }).collect(),
        ),
    ];
    let fit = law("activation-control").fit(&Table::new("t", columns).unwrap(), &quick()).unwrap();
    assert!(relative(value(&fit, "chi"), 20.0) < 1e-8, "{}", value(&fit, "chi"));
}

/// State in millions, training length and recall in thousands of tokens, off the figure; the origin is a state of one.
const POINTS: [(f64, f64, f64); 6] =
    [(1e-6, 0.0, 0.0), (1.1, 1.0, 1.0), (1.6, 2.0, 2.0), (2.4, 8.0, 4.0), (4.85, 16.0, 16.0), (12.91, 64.0, 256.0)];

fn fitted(name: &str, points: &[(f64, f64, f64)], of: impl Fn(&(f64, f64, f64)) -> f64, options: &Options) -> Fit {
    let columns = vec![
        numbers("state", points.iter().map(|p| p.0 * 1e6).collect()),
        numbers("context", points.iter().map(|p| 1e3 * of(p)).collect()),
    ];
    law(name).fit(&Table::new("t", columns).unwrap(), options).unwrap()
}

#[test]
fn the_figures_of_states_are_refitted() {
    let forget = fitted("state-forget", &POINTS, |p| p.1, &quick());
    assert!(
        relative(value(&forget, "slope"), 5.172e-3) < 0.01 && relative(value(&forget, "intercept"), -4469.0) < 0.02
    );
    // Least squares of the rounded points by hand.
    assert!(
        relative(value(&forget, "slope"), 5.155_473e-3) < 1e-5
            && relative(value(&forget, "intercept"), -4475.686) < 1e-5
    );
    let recall = fitted("state-recall", &POINTS, |p| p.2, &quick());
    assert!(relative(value(&recall, "base"), 1.365) < 0.005, "{}", value(&recall, "base"));
    // A scan of the base in steps of .0001 elsewhere: 1.3671, 4.613 and -.691.
    assert!(relative(value(&recall, "height"), 4613.0) < 1e-3 && relative(value(&recall, "offset"), -691.0) < 1e-2);
}

#[test]
fn without_its_largest_point_the_exponential_says_something_else() {
    let options = Options { bootstrap: 300, ..quick() };
    let of = |points: &[(f64, f64, f64)]| fitted("state-recall", points, |p| p.2, &options);
    let (six, five) = (of(&POINTS), of(&POINTS[..5]));
    let base = |fit: &Fit| {
        let profile = &fit.profiles["base"];
        (profile.low.unwrap(), profile.high.unwrap())
    };
    let (all, without) = (base(&six), base(&five));
    assert!(all.0 < 1.365 && 1.365 < all.1, "{all:?}");
    // Many times less certain, and even so certain of another base: the sixth point decides alone.
    assert!(without.1 - without.0 > 5.0 * (all.1 - all.0) && without.0 > 1.365, "{without:?} {all:?}");
    let c: Vec<f64> = ["height", "base", "offset"].map(|n| value(&five, n)).to_vec();
    let sixth = law("state-recall").predict(&c, &[12.91e6]);
    assert!(sixth > 2.0 * 256e3, "{sixth}");
}

#[test]
fn states_are_counted_and_windows_opened() {
    // Mamba-2 130M and 370M, 4.85M and 12.91M in the figure.
    assert_eq!(mamba2_state(24, 768, 128, 2), 4_847_616);
    assert_eq!(mamba2_state(48, 1024, 128, 2), 12_914_688);
    // Recall over 16K needs ln(1 + 16742/4756) / ln 1.365 = 4.848 million, which forgets from 20.6K.
    let window = Window::of(16e3, 32e3).unwrap();
    assert!((window.smallest / 1e6 - 4.848_245).abs() < 1e-5 && (window.training - 20_606.0).abs() < 5.0, "{window:?}");
    assert!(window.is_open() && !window.extrapolated && (window.largest - 36_469.0 / 5.172e-3).abs() < 1.0);
    let closed = Window::of(256e3, 8e3).unwrap();
    assert!(!closed.is_open() && closed.training > 8e3 && !closed.extrapolated, "{closed:?}");
    assert!(Window::of(1e6, 256e3).unwrap().extrapolated && Window::of(0.0, 1.0).is_err());
}

#[test]
fn collapse_is_loss_that_rises_and_stays() {
    let flat = vec![2.0; 4096];
    assert_eq!(collapse(&flat, 1024, 256).unwrap(), None);
    let rising: Vec<f64> = (0..4096).map(|t| if t < 1600 { 2.0 } else { 2.0 + (t - 1600) as f64 / 500.0 }).collect();
    let at = collapse(&rising, 1024, 256).unwrap().unwrap();
    assert!((1700..2050).contains(&at), "{at}");
    // A bump that comes back is none.
    let bump: Vec<f64> = (0..4096).map(|t| if (1500..2500).contains(&t) { 4.0 } else { 2.0 }).collect();
    assert_eq!(collapse(&bump, 1024, 256).unwrap(), None);
    // From the start.
    let broken: Vec<f64> = (0..4096).map(|t| if t < 1024 { 2.0 } else { 9.0 }).collect();
    assert_eq!(collapse(&broken, 1024, 256).unwrap(), Some(1024));
    assert!(collapse(&flat[..1100], 1024, 256).is_err());
}
