//! Kaplan's joint law of model and data size.

use crate::form::{Coefficient, Form, Info, Input, LOSS, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;

/// L(N,D) = [(Nc/N)^(alphaN/alphaD) + Dc/D]^alphaD (Kaplan et al. 2020, eq. 1.5). N excludes
/// embeddings. The law has no irreducible loss: it falls to zero with size.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("kaplan").unwrap();
/// let loss = law.predict(&[6.4e13, 1.8e13, 0.076, 0.103], &[1e9, 2e10]);
/// assert!((loss - 2.374).abs() < 2e-3, "{loss}");
/// ```
pub struct Kaplan {
    info: Info,
}

impl Kaplan {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "kaplan".into(),
                title: "loss of model size and data size that interact, without a floor".into(),
                paper: "Kaplan et al. 2020 (arXiv 2001.08361), eq. 1.5".into(),
                equation: "L = ((Nc/params)^(alphaN/alphaD) + Dc/tokens)^alphaD".into(),
                variables: vec![Variable::params(), Variable::named("tokens")],
                response: LOSS,
                coefficients: vec![
                    Coefficient::positive("Nc", "model-size scale, in parameters")
                        .starting_at(&[15.0, 25.0, 35.0, 50.0]),
                    Coefficient::positive("Dc", "data-size scale, in tokens").starting_at(&[15.0, 25.0, 35.0, 50.0]),
                    Coefficient::positive("alphaN", "exponent in model size")
                        .within(1e-4, 5.0)
                        .starting_at(&[-3.0, -2.0, -1.0]),
                    Coefficient::positive("alphaD", "exponent in data size")
                        .within(1e-4, 5.0)
                        .starting_at(&[-3.0, -2.0, -1.0]),
                ],
                objective: Objective::LOG_HUBER,
                curve: false,
                published: Published {
                    slug: "fitting-methods",
                    tested: "generated tables of known coefficients",
                    ..Published::default()
                },
            },
        }
    }
}

impl Default for Kaplan {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for Kaplan {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [nc, dc, alpha_n, alpha_d] = [c[0], c[1], c[2], c[3]];
        let model = (alpha_n / alpha_d) * (nc.ln() - T::constant(row[0].ln));
        let data = dc.ln() - T::constant(row[1].ln);
        // ln(e^model + e^data) without overflow at far starts.
        let total = data + (model - data).softplus();
        (alpha_d * total).exp()
    }

    /// Exponents of the optimal allocation: (Nc/N)^p + Dc/D with p = alphaN/alphaD is least at fixed ND
    /// where N^(1+p) ~ C.
    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        let a = c[3] / (c[2] + c[3]);
        vec![("a", a), ("b", 1.0 - a)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_the_single_laws() {
        let c = [6.4e13, 1.8e13, 0.076, 0.103];
        let at = |n: f64, d: f64| Kaplan::new().predict(&c, &[Input::new(n), Input::new(d)]);
        assert!((at(1e8, 1e30) / (6.4e13f64 / 1e8).powf(0.076) - 1.0).abs() < 1e-9);
        assert!((Kaplan::new().derived(&c)[0].1 - 0.5754).abs() < 1e-4);
        assert!((at(1e40, 1e9) / (1.8e13f64 / 1e9).powf(0.103) - 1.0).abs() < 1e-9);
    }
}
