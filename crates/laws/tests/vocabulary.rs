//! The vocabulary law on the 60 released training runs of Tao et al. 2024 and on tables of known coefficients.
#![allow(missing_docs)]

mod common;

use common::{assert_close, data, has, law, numbers, quick, select, value};
use kleiber_core::table::{Selection, Table};
use kleiber_laws::vocabulary::{
    Budget, Parametric, RunPoint, TokenizationCurve, envelope, flops_identity, optimal_flops, width_of,
};
use kleiber_laws::{Fit, Options};

fn released() -> Option<Table> {
    let table = data("vocabulary/exp_data.csv")?;
    Some(select(&table, &["vocab_params=vocab_size*embed_dim"], Some("FLOPs >= 2.18e17")))
}

/// The table with tokens by the published curve at V, or, as the released code has it, at V/1000.
fn with_tokens(table: &Table, divide: f64) -> Table {
    let curve = TokenizationCurve::published();
    let (vocab, chars) = (table.numbers("vocab_size").unwrap(), table.numbers("num_characters").unwrap());
    let tokens = vocab.iter().zip(&chars).map(|(v, h)| curve.tokens(*h, v / divide)).collect();
    table.with_column(numbers("tokens", tokens)).unwrap()
}

fn thousands(fit: &Fit, params: f64) -> f64 {
    let law = Parametric::new(&fit.point());
    law.best(params, Budget::Flops(optimal_flops(params)), 1.0).unwrap() / width_of(params) / 1e3
}

#[test]
fn probe() {
    let Some(table) = released() else { return };
    let fit = law("vocabulary").fit(&with_tokens(&table, 1.0), &quick()).unwrap();
    eprintln!("{:?} {:?} {:?} {:?}", fit.point(), fit.objective, fit.reasons, fit.warnings);
    for n in [302e6, 2.87e9, 3e9, 7e9, 13e9, 70e9] { eprintln!("{n} {}", thousands(&fit, n)); }
    let odd = with_tokens(&table, 1000.0);
    let fit = law("vocabulary").fit(&odd, &quick()).unwrap();
    eprintln!("{:?} {:?}", fit.reasons, fit.warnings);
    let fit = law("vocabulary").fit(&odd, &Options { force: true, ..quick() }).unwrap();
    eprintln!("{:?} {:?} {:?} {:?}", fit.point(), fit.objective, fit.reasons, fit.warnings);
    for n in [302e6, 2.87e9, 3e9, 7e9, 13e9, 70e9] { eprintln!("{n} {}", thousands(&fit, n)); }
    let table = data("vocabulary/exp_data.csv").unwrap();
    let c = |n: &str| table.numbers(n).unwrap();
    let (v, d, n, f, l) = (c("vocab_size"), c("embed_dim"), c("Non_vocab_parameters"), c("FLOPs"), c("Lossu"));
    let points: Vec<RunPoint> = (0..1200).map(|i| RunPoint { run: i / 20, params: n[i], vocab_params: v[i] * d[i], flops: f[i], loss: l[i] }).collect();
    eprintln!("{:?}\n{:?}", envelope(&points, true), envelope(&points, false));
    let t = data("vocabulary/tokenization_points.csv").unwrap();
    let (v, a, b) = (t.numbers("vocab_size").unwrap(), t.numbers("tokens_billion").unwrap(), t.numbers("chars_billion").unwrap());
    let p: Vec<(f64, f64)> = (0..24).map(|i| (v[i], a[i] / b[i])).collect();
    for k in 18..=24 { for j in 0..3 { eprintln!("{j}..{k} {:?}", TokenizationCurve::quadratic(&p[j..k]).unwrap().coefficients()); } }
}
