//! A loss as a function of the mixture, by any of the methods, and how well it orders mixtures it has not seen.

use super::{Boosted, Exponential, Linear, Points, TreeOptions};
use crate::LawError;
use crate::rank::{kendall, spearman};
use kleiber_core::rng::Rng;
use rayon::prelude::*;

/// How a loss is regressed on domain shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Least squares on the shares.
    Linear,
    /// Least squares on the shares and their square roots.
    SquareRoot,
    /// Boosted trees.
    Trees(TreeOptions),
    /// `c + exp(sum t_i w_i)`.
    Exponential,
}

impl Method {
    /// Name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::SquareRoot => "sqrt",
            Self::Trees(_) => "trees",
            Self::Exponential => "exponential",
        }
    }

    /// Coefficients of so many domains; nothing for trees.
    pub fn coefficients(&self, domains: usize) -> Option<usize> {
        match self {
            Self::Linear => Some(domains),
            Self::SquareRoot => Some(2 * domains),
            Self::Exponential => Some(domains + 1),
            Self::Trees(_) => None,
        }
    }
}

/// A fitted regression.
#[derive(Debug, Clone)]
pub enum Regression {
    /// [`Method::Linear`] and [`Method::SquareRoot`].
    Linear(Linear),
    /// [`Method::Trees`].
    Trees(Boosted),
    /// [`Method::Exponential`].
    Exponential(Exponential),
}

impl Regression {
    /// Fits the method to mixtures and their losses.
    ///
    /// # Errors
    /// [`LawError::Request`] for too few rows or rows that cannot be used.
    pub fn fit(method: &Method, x: &Points, y: &[f64]) -> Result<Self, LawError> {
        if x.len() != y.len() {
            return Err(LawError::Request(format!("{} mixtures but {} losses", x.len(), y.len())));
        }
        if let Some(needed) = method.coefficients(x.width()).filter(|n| y.len() <= *n) {
            return Err(LawError::Request(format!(
                "{} rows cannot determine the {needed} coefficients of --method {}: more than {needed} are needed; \
                 add runs or take a method with fewer coefficients",
                y.len(),
                method.name()
            )));
        }
        Ok(match method {
            Method::Linear => Self::Linear(Linear::fit(x, y, false)?),
            Method::SquareRoot => Self::Linear(Linear::fit(x, y, true)?),
            Method::Trees(options) => Self::Trees(Boosted::fit(x, y, options)?),
            Method::Exponential => Self::Exponential(Exponential::fit(x, y)?),
        })
    }

    /// The value at a mixture.
    pub fn predict(&self, shares: &[f64]) -> f64 {
        match self {
            Self::Linear(law) => law.predict(shares),
            Self::Trees(trees) => trees.predict(shares),
            Self::Exponential(law) => law.predict(shares),
        }
    }

    /// The values at many mixtures, in order, appended to `out`.
    pub fn predict_into<'a>(&self, points: impl Iterator<Item = &'a [f64]>, out: &mut Vec<f64>) {
        match self {
            Self::Linear(law) => out.extend(points.map(|row| law.predict(row))),
            Self::Trees(trees) => trees.predict_into(points, out),
            Self::Exponential(law) => out.extend(points.map(|row| law.predict(row))),
        }
    }

    /// The values at many mixtures.
    pub fn predict_all(&self, points: &Points) -> Vec<f64> {
        let mut out = Vec::with_capacity(points.len());
        self.predict_into(points.iter(), &mut out);
        out
    }
}

/// Predictions of rows by models that have not seen them.
#[derive(Debug, Clone)]
pub struct HeldOut {
    /// One prediction per row.
    pub predicted: Vec<f64>,
    /// Spearman's rank correlation with what was measured.
    pub spearman: f64,
    /// Kendall's tau-b with what was measured.
    pub kendall: f64,
    /// Root of the mean squared error.
    pub error: f64,
    /// The model of each fold.
    pub models: Vec<Regression>,
}

/// Leaves out each of `folds` random parts of the rows in turn.
///
/// # Errors
/// As [`Regression::fit`] on the rows that remain, or for fewer than two folds.
pub fn held_out(method: &Method, x: &Points, y: &[f64], folds: usize, seed: u64) -> Result<HeldOut, LawError> {
    if folds < 2 || folds > y.len() {
        return Err(LawError::Request(format!("{folds} folds of {} rows: ask for 2 folds up to one per row", y.len())));
    }
    let mut order: Vec<usize> = (0..y.len()).collect();
    let mut rng = Rng::new(seed, "mixture folds", 0);
    (1..order.len()).rev().for_each(|i| order.swap(i, rng.below(i + 1)));
    let part = |fold: usize, inside: bool| -> Vec<usize> {
        order.iter().enumerate().filter(|(i, _)| (i % folds == fold) == inside).map(|(_, row)| *row).collect()
    };
    let fit = |fold: usize| -> Result<(Vec<usize>, Vec<f64>, Regression), LawError> {
        let (rest, out) = (part(fold, false), part(fold, true));
        let losses: Vec<f64> = rest.iter().map(|&i| y[i]).collect();
        let model = Regression::fit(method, &x.take(&rest), &losses)?;
        let predicted = model.predict_all(&x.take(&out));
        Ok((out, predicted, model))
    };
    let found: Vec<_> = (0..folds).into_par_iter().map(fit).collect::<Result<_, _>>()?;
    let (mut predicted, mut models) = (vec![0.0; y.len()], Vec::new());
    for (rows, values, model) in found {
        rows.iter().zip(values).for_each(|(&i, v)| predicted[i] = v);
        models.push(model);
    }
    let squares: f64 = predicted.iter().zip(y).map(|(p, y)| (p - y).powi(2)).sum();
    Ok(HeldOut {
        spearman: spearman(&predicted, y),
        kendall: kendall(&predicted, y),
        error: (squares / y.len() as f64).sqrt(),
        predicted,
        models,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixture::Dirichlet;

    fn runs(n: u32) -> (Points, Vec<f64>) {
        let source = Dirichlet::new(&[0.6; 4]);
        let mut values = vec![0.0; 4 * n as usize];
        for (i, row) in values.chunks_exact_mut(4).enumerate() {
            source.sample(&mut Rng::new(2, "regression", i as u32), row);
        }
        let x = Points::new(4, values);
        let y = x.iter().map(|w| 2.0 + (1.0 - 2.0 * w[0] - 0.5 * w[1] + w[3]).exp()).collect();
        (x, y)
    }

    #[test]
    fn every_method_orders_what_it_has_not_seen() {
        let (x, y) = runs(200);
        let trees = TreeOptions { trees: 200, rate: 0.05, rows: 5, ..TreeOptions::default() };
        let rho = |method| held_out(&method, &x, &y, 5, 1).unwrap().spearman;
        let (linear, exact) = (rho(Method::Linear), rho(Method::Exponential));
        assert!(linear > 0.9 && exact > 0.9999 && exact > linear, "{linear} {exact}");
        assert!(rho(Method::SquareRoot) > 0.9 && rho(Method::Trees(trees)) > 0.95);
    }

    #[test]
    fn folds_hide_their_rows() {
        // Losses that say nothing: a model that had seen its rows would order them.
        let (x, _) = runs(120);
        let mut rng = Rng::new(9, "noise", 0);
        let noise: Vec<f64> = (0..120).map(|_| rng.uniform()).collect();
        let trees = Method::Trees(TreeOptions { trees: 200, rows: 3, rate: 0.1, ..TreeOptions::default() });
        let seen = Regression::fit(&trees, &x, &noise).unwrap().predict_all(&x);
        let hidden = held_out(&trees, &x, &noise, 4, 0).unwrap();
        assert!(spearman(&seen, &noise) > 0.9 && hidden.spearman.abs() < 0.35, "{}", hidden.spearman);
        assert_eq!(hidden.models.len(), 4);
    }

    #[test]
    fn too_few_rows_are_refused() {
        let (x, y) = runs(8);
        let refused = Regression::fit(&Method::SquareRoot, &x, &y).unwrap_err().to_string();
        assert!(refused.contains("8 rows cannot determine the 8 coefficients"), "{refused}");
        assert!(held_out(&Method::Linear, &x, &y, 1, 0).is_err() && held_out(&Method::Linear, &x, &y, 9, 0).is_err());
    }
}
