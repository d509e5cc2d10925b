//! A law given as text: `E + A*params^-alpha + B*tokens^-beta`.

use crate::LawError;
use crate::form::{Coefficient, Form, Info, Input, LOSS, Response, Starts, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;
use kleiber_core::expr::{Expr, Function, Operation};
use kleiber_core::table::canonical;
use std::str::FromStr;

/// Most nodes a formula may have.
const MAX_NODES: usize = 64;

/// Bounds of a coefficient of a formula: `alpha=0..2`, open ends allowed (`E=0..`).
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// Coefficient.
    pub name: String,
    /// Smallest value.
    pub lower: f64,
    /// Largest value.
    pub upper: f64,
}

impl FromStr for Bound {
    type Err = LawError;

    fn from_str(text: &str) -> Result<Self, LawError> {
        let fail = || LawError::Option { option: "bounds", found: text.into(), expected: "NAME=LOW..HIGH".into() };
        let (name, range) = text.split_once('=').ok_or_else(fail)?;
        let (low, high) = range.split_once("..").ok_or_else(fail)?;
        let number = |text: &str, open: f64| {
            if text.trim().is_empty() { Some(open) } else { kleiber_core::units::parse_quantity(text) }
        };
        let lower = number(low, f64::NEG_INFINITY).ok_or_else(fail)?;
        let upper = number(high, f64::INFINITY).ok_or_else(fail)?;
        if lower.is_nan() || upper.is_nan() || lower >= upper {
            return Err(fail());
        }
        Ok(Self { name: name.trim().into(), lower, upper })
    }
}

/// A form compiled from text. Names that are columns are variables, all others coefficients;
/// coefficients are positive unless bounds say otherwise.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::formula("E + A*params^-alpha", &["params"], &[]).unwrap();
/// assert_eq!(law.predict(&[1.5, 8.0, 0.5], &[4.0]), 5.5);
/// ```
pub struct Formula {
    info: Info,
    tape: Vec<Node>,
}

/// One step of the compiled formula; operands are positions of earlier steps.
#[derive(Debug, Clone, Copy)]
enum Node {
    Constant(f64),
    Variable(usize),
    Coefficient(usize),
    VariablePower(usize, usize),
    Power(usize, usize),
    Whole(usize, i32),
    Unary(Function, usize),
    Binary(Operation, usize, usize),
}

impl Formula {
    /// Compiles `text`, optionally `response = formula`. `columns` are the table's columns; canonical
    /// column names are variables whether the table has them or not.
    ///
    /// # Errors
    /// [`LawError::Formula`] for a text without coefficients or variables or with an operator that has
    /// no derivative, [`LawError::UnknownCoefficient`] for a bound on a name that is not there.
    pub fn parse(text: &str, columns: &[&str], bounds: &[Bound]) -> Result<Self, LawError> {
        let fail = |why: String| LawError::Formula { text: text.into(), why };
        let (response, body) = split_response(text);
        let tree = Expr::parse(body)?;
        let is_variable = |name: &str| columns.contains(&name) || canonical(name).is_some();
        let (variables, names): (Vec<&str>, Vec<&str>) = tree.names().into_iter().partition(|n| is_variable(n));
        if names.is_empty() {
            return Err(fail("it has no coefficient: every name in it is a column".into()));
        }
        if variables.is_empty() {
            return Err(fail("it has no variable: name at least one column, such as params or tokens".into()));
        }
        if variables.contains(&response) {
            return Err(fail(format!("it uses `{response}`, the column it predicts")));
        }
        let mut compiler = Compiler { variables: &variables, names: &names, tape: Vec::new() };
        compiler.compile(&tree).map_err(fail)?;
        let mut coefficients: Vec<Coefficient> = Vec::new();
        for name in &names {
            coefficients.push(coefficient(name, bounds.iter().find(|b| b.name == *name)));
        }
        if let Some(stray) = bounds.iter().find(|b| !names.contains(&b.name.as_str())) {
            return Err(LawError::UnknownCoefficient {
                name: stray.name.clone(),
                law: text.into(),
                known: names.iter().map(|n| (*n).to_string()).collect(),
            });
        }
        let response = if response == "loss" {
            LOSS
        } else {
            Response { name: response.to_string().into(), unit: "as given", domain: (f64::NEG_INFINITY, f64::INFINITY) }
        };
        let mut formula = Self {
            tape: compiler.tape,
            info: Info {
                name: text.into(),
                title: "a formula given by the user".into(),
                paper: "user".into(),
                equation: format!("{} = {body}", response.name),
                variables: variables
                    .iter()
                    .map(|v| if *v == "params" { Variable::params() } else { Variable::named(v) })
                    .collect(),
                response,
                coefficients,
                objective: Objective::LOG_HUBER,
                curve: false,
                published: Published::default(),
            },
        };
        formula.find_linear();
        Ok(formula)
    }

    /// Marks a set of coefficients in which the formula is jointly affine, by second differences.
    fn find_linear(&mut self) {
        let count = self.info.coefficients.len();
        let row: Vec<Input> = (0..self.info.variables.len()).map(|i| Input::new(1.7 + 0.6 * i as f64)).collect();
        let base: Vec<f64> = (0..count).map(|i| 0.4 + 0.11 * i as f64).collect();
        let value = |moves: &[(usize, f64)]| {
            let mut c = base.clone();
            moves.iter().for_each(|&(i, by)| c[i] += by);
            self.predict(&c[..], &row)
        };
        let here = value(&[]);
        let flat = |a: usize, b: usize| {
            let (up, other) = (value(&[(a, 0.3)]), value(&[(b, 0.3)]));
            let both = value(&[(a, 0.3), (b, 0.3)]);
            (both - up - other + here).abs() <= 1e-10 * (both.abs() + up.abs() + other.abs() + here.abs())
        };
        let mut chosen: Vec<usize> = Vec::new();
        for i in 0..count {
            if flat(i, i) && chosen.iter().all(|&j| flat(i, j)) {
                chosen.push(i);
            }
        }
        for i in 0..count {
            let c = &mut self.info.coefficients[i];
            c.linear = chosen.contains(&i);
            if c.linear {
                c.starts = Starts::Solved;
            }
        }
    }
}

fn split_response(text: &str) -> (&str, &str) {
    match text.split_once('=') {
        Some((left, right))
            if !left.trim().is_empty()
                && !right.starts_with('=')
                && left.trim().chars().all(|c| c.is_alphanumeric() || c == '_') =>
        {
            (left.trim(), right.trim())
        }
        _ => ("loss", text.trim()),
    }
}

fn coefficient(name: &str, bound: Option<&Bound>) -> Coefficient {
    let meaning = "coefficient of the user's formula";
    let starts = [-3.0, -1.2, -0.5, 0.5];
    match bound {
        None => Coefficient::positive(name, meaning).starting_at(&starts),
        Some(b) if b.lower >= 0.0 && b.upper.is_infinite() => {
            let at: Vec<f64> = starts.iter().map(|s| if b.lower > 0.0 { b.lower.ln() + s + 3.1 } else { *s }).collect();
            Coefficient::positive(name, meaning).within(b.lower.max(1e-12), 1e80).starting_at(&at)
        }
        Some(b) => {
            let (low, high) = (b.lower.max(-1e12), b.upper.min(1e12));
            let near = if b.lower.is_finite() && b.upper.is_finite() {
                (low, high)
            } else {
                (low.max(-2.0), high.min(2.0).max(low + 1.0))
            };
            let at = |f: f64| near.0 + f * (near.1 - near.0);
            let c = Coefficient::plain(name, meaning, low, high).starting_at(&[0.1, 0.3, 0.5, 0.7, 0.9].map(at));
            if b.lower.is_finite() && b.upper.is_finite() { c.scanned(at(0.01), at(0.99)) } else { c }
        }
    }
}

struct Compiler<'a> {
    variables: &'a [&'a str],
    names: &'a [&'a str],
    tape: Vec<Node>,
}

impl Compiler<'_> {
    fn compile(&mut self, tree: &Expr) -> Result<usize, String> {
        let place = |list: &[&str], name: &str| list.iter().position(|n| *n == name);
        let node = match tree {
            Expr::Number(v) => Node::Constant(*v),
            Expr::Text(t) => return Err(format!("the text \"{t}\" has no place in a formula")),
            Expr::Name(n) => match (place(self.variables, n), place(self.names, n)) {
                (Some(i), _) => Node::Variable(i),
                (None, Some(i)) => Node::Coefficient(i),
                (None, None) => return Err(format!("unknown name `{n}`")),
            },
            Expr::Unary(f @ (Function::Not | Function::Floor | Function::Round), _) => {
                return Err(format!("{f:?} has no useful derivative"));
            }
            Expr::Unary(f, a) => Node::Unary(*f, self.compile(a)?),
            Expr::Binary(Operation::Power, base, exponent) => match (base.as_ref(), whole(exponent)) {
                (_, Some(n)) => Node::Whole(self.compile(base)?, n),
                (Expr::Name(v), None) if place(self.variables, v).is_some() => {
                    let exponent = self.compile(exponent)?;
                    Node::VariablePower(place(self.variables, v).unwrap_or_default(), exponent)
                }
                _ => {
                    let base = self.compile(base)?;
                    Node::Power(base, self.compile(exponent)?)
                }
            },
            Expr::Binary(
                op @ (Operation::Add | Operation::Subtract | Operation::Multiply | Operation::Divide),
                a,
                b,
            ) => {
                let a = self.compile(a)?;
                Node::Binary(*op, a, self.compile(b)?)
            }
            Expr::Binary(op, ..) => return Err(format!("{op:?} has no place in a formula")),
        };
        if self.tape.len() == MAX_NODES {
            return Err(format!("it has more than {MAX_NODES} terms and factors"));
        }
        self.tape.push(node);
        Ok(self.tape.len() - 1)
    }
}

fn whole(exponent: &Expr) -> Option<i32> {
    let (sign, number) = match exponent {
        Expr::Unary(Function::Negate, inner) => (-1.0, inner.as_ref()),
        other => (1.0, other),
    };
    match number {
        Expr::Number(n) if n.fract() == 0.0 && n.abs() <= 16.0 => Some((sign * n) as i32),
        _ => None,
    }
}

impl Form for Formula {
    fn info(&self) -> &Info {
        &self.info
    }

    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let mut done = [T::constant(0.0); MAX_NODES];
        for (i, node) in self.tape.iter().enumerate() {
            done[i] = match *node {
                Node::Constant(v) => T::constant(v),
                Node::Variable(v) => T::constant(row[v].value),
                Node::Coefficient(k) => c[k],
                Node::VariablePower(v, e) => row[v].pow(done[e]),
                Node::Power(b, e) => done[b].pow(done[e]),
                Node::Whole(b, n) => power(done[b], n),
                Node::Unary(f, a) => unary(f, done[a]),
                Node::Binary(Operation::Add, a, b) => done[a] + done[b],
                Node::Binary(Operation::Subtract, a, b) => done[a] - done[b],
                Node::Binary(Operation::Multiply, a, b) => done[a] * done[b],
                Node::Binary(_, a, b) => done[a] / done[b],
            };
        }
        done[self.tape.len() - 1]
    }
}

fn power<T: Real>(base: T, n: i32) -> T {
    let product = (0..n.unsigned_abs()).fold(T::constant(1.0), |p, _| p * base);
    if n < 0 { T::constant(1.0) / product } else { product }
}

fn unary<T: Real>(function: Function, x: T) -> T {
    match function {
        Function::Negate => -x,
        Function::Ln => x.ln(),
        Function::Log2 => x.ln().scale(std::f64::consts::LOG2_E),
        Function::Log10 => x.ln().scale(std::f64::consts::LOG10_E),
        Function::Exp => x.exp(),
        Function::Sqrt => x.ln().scale(0.5).exp(),
        Function::Abs if x.value() < 0.0 => -x,
        Function::Abs => x,
        // Refused when the formula is compiled.
        Function::Not | Function::Floor | Function::Round => T::constant(f64::NAN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linear(text: &str) -> Vec<String> {
        let formula = Formula::parse(text, &["N", "D"], &[]).unwrap();
        formula.info.coefficients.iter().filter(|c| c.linear).map(|c| c.name.clone()).collect()
    }

    #[test]
    fn columns_are_variables_and_the_rest_coefficients() {
        let f = Formula::parse("E + A*N^-alpha + B*D^-beta", &["N", "D", "loss"], &[]).unwrap();
        let names: Vec<&str> = f.info.coefficients.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["E", "A", "alpha", "B", "beta"]);
        let y = f.predict(&[1.0, 2.0, 0.5, 3.0, 1.0], &[Input::new(4.0), Input::new(6.0)]);
        assert_eq!(y, 2.5);
        assert_eq!(linear("E + A*N^-alpha + B*D^-beta"), ["E", "A", "B"]);
        assert_eq!(linear("E + A*B*N^-alpha"), ["E", "A"]);
        assert_eq!(linear("(A*N)^-alpha"), Vec::<String>::new());
        let g = Formula::parse("error = eps - k*exp(-gamma*loss)", &[], &[]).unwrap();
        assert_eq!((g.info.response.name.as_ref(), g.info.variables[0].name.as_str()), ("error", "loss"));
    }

    #[test]
    fn operators_mean_what_they_say() {
        let y = |text: &str| {
            let f = Formula::parse(text, &["x"], &[]).unwrap();
            f.predict(&[2.0], &[Input::new(9.0)])
        };
        assert!((y("k*sqrt(x) - log10(x/9*100) + (x-10)^2 + abs(k-x)/7") - 6.0).abs() < 1e-12);
        assert!((y("k*ln(exp(1)) + log2(x-1) - x^-1*9") - 4.0).abs() < 1e-12);
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, part) in [
            ("x + 3", "no coefficient"),
            ("a + b", "no variable"),
            ("a*loss", "the column it predicts"),
            ("a*(x>3)", "Greater"),
            ("a*floor(x)", "derivative"),
            ("a*x*'c4'", "no place"),
            ("a*x +", ""),
        ] {
            let error = Formula::parse(text, &["x"], &[]).err().unwrap_or_else(|| panic!("{text}")).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        let bound: Bound = "alpha=0..2".parse().unwrap();
        assert_eq!((bound.lower, bound.upper), (0.0, 2.0));
        assert!(Formula::parse("a*x", &["x"], &[bound]).is_err());
        assert!("alpha=2..1".parse::<Bound>().is_err() && "alpha".parse::<Bound>().is_err());
    }
}
