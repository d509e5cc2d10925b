//! Rows held out of a fit: that they are, and how well they are predicted.

use crate::data::Data;
use crate::evaluate::Evaluate;
use crate::fitted::{HeldOut, Holdout};
use crate::reason::{Findings, Reason};
use std::collections::HashSet;

/// A held-out row at the very inputs of a fitted one is no test of extrapolation.
pub(crate) fn check_leak(held: &Data, fitted: &Data, findings: &mut Findings) {
    let key = |data: &Data, i: usize| data.row(i).iter().map(|x| x.value.to_bits()).collect::<Vec<_>>();
    let known: HashSet<Vec<u64>> = (0..fitted.rows()).map(|i| key(fitted, i)).collect();
    if let Some(i) = (0..held.rows()).find(|&i| known.contains(&key(held, i))) {
        findings.refuse(Reason::TargetInFit { label: held.labels()[i].to_string() });
    }
}

/// Prediction errors on rows outside the fit.
pub(crate) fn holdout(form: &dyn Evaluate, c: &[f64], held: &Data) -> Holdout {
    let mut predicted = vec![0.0; held.rows()];
    form.values(c, held.inputs(), &mut predicted);
    let one = |(i, p): (usize, &f64)| HeldOut {
        label: held.labels()[i].to_string(),
        observed: held.response()[i],
        predicted: *p,
        rel_error: p / held.response()[i] - 1.0,
    };
    let mut predictions: Vec<HeldOut> = predicted.iter().enumerate().map(one).collect();
    let errors: Vec<f64> = predictions.iter().map(|p| p.rel_error.abs()).collect();
    predictions.truncate(200);
    Holdout {
        rows: held.rows(),
        mean_abs_rel_error: kleiber_core::stats::mean(&errors),
        max_abs_rel_error: errors.iter().fold(0.0, |m, e| m.max(*e)),
        predictions,
    }
}
