//! AdamW over the flat buffer of a model's parameters.

use crate::kernels::adamw::{self, Step};
use crate::kernels::linear::square_norm;
use crate::parameters::Parameters;

/// Moments of AdamW for every parameter, and the number of steps made.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamW {
    /// First moments.
    pub first: Vec<f32>,
    /// Second moments.
    pub second: Vec<f32>,
    /// Steps made.
    pub count: u64,
}

/// Settings of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay, times the factor of each array's group.
    pub decay: f64,
    /// Largest norm of all gradients together; infinite for no clipping.
    pub clip: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, decay: 0.1, clip: 1.0 }
    }
}

impl AdamW {
    /// Zero moments for `len` parameters.
    pub fn new(len: usize) -> Self {
        Self { first: vec![0.0; len], second: vec![0.0; len], count: 0 }
    }

    /// Norm of all gradients together.
    pub fn norm(gradients: &[Option<Vec<f32>>]) -> f64 {
        gradients.iter().flatten().map(|g| square_norm(g)).sum::<f64>().sqrt()
    }

    /// One step at learning rate `rate`; `gradients` holds the gradient of each array of `parameters` in order, and
    /// `None` leaves an array as it is. `norm` is their [`AdamW::norm`], which clipping goes by.
    ///
    /// # Panics
    /// When the gradients do not fit the parameters.
    pub fn step(
        &mut self,
        parameters: &mut Parameters,
        gradients: &[Option<Vec<f32>>],
        norm: f64,
        rate: f64,
        settings: Settings,
    ) {
        let scale = if norm > settings.clip { settings.clip / norm } else { 1.0 };
        self.count += 1;
        let spans: Vec<_> = parameters.entries().iter().map(|e| (e.offset, e.len(), e.group)).collect();
        assert!(spans.len() == gradients.len());
        let values = parameters.values_mut();
        for ((offset, len, group), gradient) in spans.into_iter().zip(gradients) {
            let Some(gradient) = gradient else { continue };
            let step = Step {
                rate: rate * group.rate,
                beta1: settings.beta1,
                beta2: settings.beta2,
                epsilon: settings.epsilon,
                decay: settings.decay * group.decay,
                count: self.count,
                scale,
            };
            let at = offset..offset + len;
            adamw::step(step, &mut values[at.clone()], gradient, &mut self.first[at.clone()], &mut self.second[at]);
        }
    }
}

/// Exponential moving average of a model's parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Average {
    /// Share of the average that a step keeps.
    pub keep: f64,
    /// The averaged parameters.
    pub values: Vec<f32>,
}

impl Average {
    /// An average that begins with these values.
    pub fn new(keep: f64, values: &[f32]) -> Self {
        Self { keep, values: values.to_vec() }
    }

    /// Takes the values after a step in. Early on less is kept, `(1 + step) / (10 + step)`, so that the random start
    /// is forgotten.
    ///
    /// # Panics
    /// When the number of values changed.
    pub fn take(&mut self, values: &[f32], step: u64) {
        let keep = self.keep.min((1.0 + step as f64) / (10.0 + step as f64)) as f32;
        adamw::blend(keep, &mut self.values, values);
    }
}
