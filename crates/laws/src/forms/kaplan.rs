//! Kaplan's joint law of model and data size.

use crate::form::{Coefficient, Form, Info, Input, LOSS, Variable};
use crate::objective::Objective;
use crate::published::{Of, Preset, Printed, Published};
use crate::real::Real;

const PRESETS: &[Preset] = &[Preset {
    name: "kaplan/webtext2",
    source: "Kaplan et al. 2020 (arXiv 2001.08361), table 2",
    coefficients: &[6.4e13, 1.8e13, 0.076, 0.103],
    ranges: &[(768.0, 1.5e9), (22e6, 23e9)],
    note: "parameters without embeddings; tokens are of the data set, passed over until the test loss rises; nats per token of 50,257",
    compat: false,
    printed: &[
        Printed { of: Of::Derived("data_exponent"), value: 0.74, tolerance: 0.005, place: "eq. 4.4" },
        Printed {
            of: Of::Derived("data_factor"),
            value: 5e3,
            tolerance: 0.12,
            place: "eq. 4.4; one digit, from exponents of two",
        },
    ],
}];

/// Loss above that of unlimited data which Kaplan et al. take for the scatter of seeds.
const OVERFIT: f64 = 0.02;

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
                    tested: "generated tables of known coefficients; the runs of Gordon et al. 2021",
                    notes: &[
                        "Fits of this form to translation runs (Gordon et al. 2021; bytes of text instead of tokens) have alphaN 0.11 to 0.12 and \
                         alphaD 0.38 to 0.42. A sum of two terms without a floor fits them half as well.",
                    ],
                    presets: PRESETS,
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
    /// where N^(1+p) ~ C. Also D = `data_factor` N^`data_exponent`, the tokens that keep the loss within 2% of that of
    /// unlimited data (eq. 4.2 to 4.4).
    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        let a = c[3] / (c[2] + c[3]);
        let power = c[2] / c[3];
        let factor = c[1] * c[0].powf(-power) / ((1.0 + OVERFIT).powf(1.0 / c[3]) - 1.0);
        vec![("a", a), ("b", 1.0 - a), ("data_exponent", power), ("data_factor", factor)]
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
