//! The rows a law is fitted to: inputs, response, weights and what the rows are called.

use crate::form::Input;
use std::sync::Arc;

/// Inputs and responses of a fit, with everything a row carries.
#[derive(Debug, Clone)]
pub struct Data {
    variables: Vec<String>,
    response_name: String,
    inputs: Vec<Input>,
    response: Vec<f64>,
    ln_response: Vec<f64>,
    /// Factor on each residual: typical noise over the row's noise.
    precision: Vec<f64>,
    /// How often each row counts.
    weights: Vec<f64>,
    /// Rows of one cluster are drawn together.
    clusters: Vec<u32>,
    labels: Vec<Arc<str>>,
    mean_response: f64,
}

impl Data {
    /// Rows given as `(inputs, response)`, each its own cluster.
    pub fn from_rows(variables: &[&str], response: &str, rows: &[(Vec<f64>, f64)]) -> Self {
        let inputs = rows.iter().flat_map(|(x, _)| x.iter().map(|&v| Input::new(v))).collect();
        let labels = (1..=rows.len()).map(|i| format!("row {i}").into()).collect();
        let names = variables.iter().map(|v| (*v).to_string()).collect();
        Self::new(names, response.into(), inputs, rows.iter().map(|r| r.1).collect(), labels)
    }

    pub(crate) fn new(
        variables: Vec<String>,
        response_name: String,
        inputs: Vec<Input>,
        response: Vec<f64>,
        labels: Vec<Arc<str>>,
    ) -> Self {
        let rows = response.len();
        let mean_response = response.iter().map(|y| y.abs()).sum::<f64>() / rows.max(1) as f64;
        Self {
            variables,
            response_name,
            inputs,
            ln_response: response.iter().map(|y| y.ln()).collect(),
            response,
            precision: vec![1.0; rows],
            weights: vec![1.0; rows],
            clusters: (0..rows as u32).collect(),
            labels,
            mean_response,
        }
    }

    /// Known standard deviation of each row's response: residuals are divided by it, relative to
    /// the geometric mean so that the objective keeps its scale. `log` says the residual is of logarithms.
    pub(crate) fn with_noise(mut self, sigma: &[f64], log: bool) -> Self {
        let relative: Vec<f64> = sigma.iter().zip(&self.response).map(|(s, y)| if log { s / y } else { *s }).collect();
        let typical = (relative.iter().map(|s| s.ln()).sum::<f64>() / relative.len() as f64).exp();
        self.precision = relative.iter().map(|s| typical / s).collect();
        self
    }

    pub(crate) fn with_clusters(mut self, labels: &[Arc<str>]) -> Self {
        let mut known = std::collections::HashMap::new();
        self.clusters = labels
            .iter()
            .map(|l| {
                let next = known.len() as u32;
                *known.entry(l.clone()).or_insert(next)
            })
            .collect();
        self
    }

    /// The rows of these indices; each index may come several times and then counts as often.
    pub(crate) fn counted(&self, counts: &[u32]) -> Self {
        let rows: Vec<usize> = (0..self.rows()).filter(|&i| counts[i] > 0).collect();
        let mut picked = self.take(&rows);
        picked.weights = rows.iter().map(|&i| self.weights[i] * f64::from(counts[i])).collect();
        picked
    }

    /// The rows of these indices.
    pub(crate) fn take(&self, rows: &[usize]) -> Self {
        let w = self.width();
        let pick = |v: &[f64]| rows.iter().map(|&i| v[i]).collect::<Vec<_>>();
        Self {
            variables: self.variables.clone(),
            response_name: self.response_name.clone(),
            inputs: rows.iter().flat_map(|&i| self.inputs[i * w..(i + 1) * w].iter().copied()).collect(),
            response: pick(&self.response),
            ln_response: pick(&self.ln_response),
            precision: pick(&self.precision),
            weights: pick(&self.weights),
            clusters: rows.iter().map(|&i| self.clusters[i]).collect(),
            labels: rows.iter().map(|&i| self.labels[i].clone()).collect(),
            mean_response: self.mean_response,
        }
    }

    /// The same rows with other responses.
    pub(crate) fn with_response(&self, response: Vec<f64>) -> Self {
        let ln_response = response.iter().map(|y| y.ln()).collect();
        Self { response, ln_response, ..self.clone() }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.response.len()
    }

    /// Number of variables.
    pub fn width(&self) -> usize {
        self.variables.len()
    }

    /// Names of the variables: the columns they were read from.
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// Name of the response column.
    pub fn response_name(&self) -> &str {
        &self.response_name
    }

    /// All inputs, row-major.
    pub fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Inputs of row `i`.
    pub fn row(&self, i: usize) -> &[Input] {
        &self.inputs[i * self.width()..(i + 1) * self.width()]
    }

    /// Observed responses.
    pub fn response(&self) -> &[f64] {
        &self.response
    }

    /// Natural logarithms of the responses.
    pub fn ln_response(&self) -> &[f64] {
        &self.ln_response
    }

    /// What each row is called: its run, or its number in the file.
    pub fn labels(&self) -> &[Arc<str>] {
        &self.labels
    }

    /// Cluster of each row.
    pub fn clusters(&self) -> &[u32] {
        &self.clusters
    }

    /// Smallest and largest value of variable `v`.
    pub fn range(&self, v: usize) -> (f64, f64) {
        let values = self.inputs.iter().skip(v).step_by(self.width()).map(|i| i.value);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
    }

    pub(crate) fn precision(&self) -> &[f64] {
        &self.precision
    }

    pub(crate) fn weights(&self) -> &[f64] {
        &self.weights
    }

    pub(crate) fn mean_response(&self) -> f64 {
        self.mean_response
    }
}
