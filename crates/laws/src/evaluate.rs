//! Laws behind one object-safe trait: values, gradients and Hessian-vector products over many rows.
//!
//! The number of free coefficients is a run-time fact, jets have theirs in the type; the dispatch
//! happens once per batch of rows, not per row.

use crate::coordinates::Coordinates;
use crate::data::Data;
use crate::form::{Form, Info, Input};
use crate::real::{Jet, Real};

/// Most free coefficients a fit may have.
pub const MAX_FREE: usize = 16;
/// Most coefficients a form may have.
pub const MAX_COEFFICIENTS: usize = 24;

/// A [`Form`] with its generic arithmetic already chosen; implemented for every form.
pub trait Evaluate: Send + Sync {
    /// Names, units, bounds and starts.
    fn info(&self) -> &Info;
    /// See [`Form::derived`].
    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)>;
    /// See [`Form::starts`].
    fn starts(&self, data: &Data) -> Option<Vec<Vec<f64>>>;
    /// The prediction at one row of natural inputs for natural coefficients.
    fn predict_one(&self, c: &[f64], row: &[Input]) -> f64;
    /// Predictions for natural coefficients at each row (`inputs` is row-major).
    fn values(&self, c: &[f64], inputs: &[Input], out: &mut [f64]);
    /// Predictions, and their slopes along each free coordinate (`slopes` is rows x free, row-major).
    fn gradients(&self, at: &Coordinates, u: &[f64], inputs: &[Input], out: &mut [f64], slopes: &mut [f64]);
    /// Slopes of the slopes along coordinate `k`: column `k` of each row's Hessian, rows x free.
    fn curvature(&self, at: &Coordinates, u: &[f64], k: usize, inputs: &[Input], out: &mut [f64]);
}

impl<F: Form> Evaluate for F {
    fn info(&self) -> &Info {
        Form::info(self)
    }

    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        Form::derived(self, c)
    }

    fn starts(&self, data: &Data) -> Option<Vec<Vec<f64>>> {
        Form::starts(self, data)
    }

    fn predict_one(&self, c: &[f64], row: &[Input]) -> f64 {
        self.predict(c, row)
    }

    fn values(&self, c: &[f64], inputs: &[Input], out: &mut [f64]) {
        let width = Form::info(self).variables.len();
        for (y, row) in out.iter_mut().zip(inputs.chunks_exact(width)) {
            *y = self.predict(c, row);
        }
    }

    fn gradients(&self, at: &Coordinates, u: &[f64], inputs: &[Input], out: &mut [f64], slopes: &mut [f64]) {
        match u.len() {
            0 => self.values(&at.natural(u), inputs, out),
            1 => gradients::<F, 1>(self, at, u, inputs, out, slopes),
            2 => gradients::<F, 2>(self, at, u, inputs, out, slopes),
            3 => gradients::<F, 3>(self, at, u, inputs, out, slopes),
            4 => gradients::<F, 4>(self, at, u, inputs, out, slopes),
            5 => gradients::<F, 5>(self, at, u, inputs, out, slopes),
            6 => gradients::<F, 6>(self, at, u, inputs, out, slopes),
            7..=8 => gradients::<F, 8>(self, at, u, inputs, out, slopes),
            _ => gradients::<F, MAX_FREE>(self, at, u, inputs, out, slopes),
        }
    }

    fn curvature(&self, at: &Coordinates, u: &[f64], k: usize, inputs: &[Input], out: &mut [f64]) {
        match u.len() {
            0..=5 => curvature::<F, 5>(self, at, u, k, inputs, out),
            6..=8 => curvature::<F, 8>(self, at, u, k, inputs, out),
            _ => curvature::<F, MAX_FREE>(self, at, u, k, inputs, out),
        }
    }
}

fn gradients<F: Form, const N: usize>(
    form: &F,
    at: &Coordinates,
    u: &[f64],
    inputs: &[Input],
    out: &mut [f64],
    slopes: &mut [f64],
) {
    let free = u.len();
    let seeds: [Jet<f64, N>; N] = std::array::from_fn(|k| {
        let mut jet = Jet::constant(u.get(k).copied().unwrap_or(0.0));
        jet.slope[k] = 1.0;
        jet
    });
    let mut c = [Jet::<f64, N>::constant(0.0); MAX_COEFFICIENTS];
    at.natural_into(&seeds[..free], &mut c);
    let info = form.info();
    let c = &c[..info.coefficients.len()];
    let rows = inputs.chunks_exact(info.variables.len());
    if free == N {
        // Arrays of known length are stored without a call to copy memory.
        for ((y, slope), row) in out.iter_mut().zip(slopes.as_chunks_mut::<N>().0).zip(rows) {
            let jet = form.predict(c, row);
            *y = jet.value;
            *slope = jet.slope;
        }
        return;
    }
    for ((y, slope), row) in out.iter_mut().zip(slopes.chunks_exact_mut(free)).zip(rows) {
        let jet = form.predict(c, row);
        *y = jet.value;
        slope.copy_from_slice(&jet.slope[..free]);
    }
}

fn curvature<F: Form, const N: usize>(
    form: &F,
    at: &Coordinates,
    u: &[f64],
    k: usize,
    inputs: &[Input],
    out: &mut [f64],
) {
    let free = u.len();
    let seeds: [Jet<Jet<f64, 1>, N>; N] = std::array::from_fn(|i| {
        let mut jet: Jet<Jet<f64, 1>, N> = Jet::constant(u.get(i).copied().unwrap_or(0.0));
        jet.slope[i] = Jet::constant(1.0);
        jet.value.slope[0] = f64::from(u8::from(i == k));
        jet
    });
    let mut c = [Jet::constant(0.0); MAX_COEFFICIENTS];
    at.natural_into(&seeds[..free], &mut c);
    let info = form.info();
    let c = &c[..info.coefficients.len()];
    for (slope, row) in out.chunks_exact_mut(free).zip(inputs.chunks_exact(info.variables.len())) {
        let jet = form.predict(c, row);
        for (s, second) in slope.iter_mut().zip(&jet.slope[..free]) {
            *s = second.slope[0];
        }
    }
}
