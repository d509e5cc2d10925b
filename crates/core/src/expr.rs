//! One expression language for `--map`, `--where`, `--holdout` and `--law`: parsed by the `exmex`
//! crate into a small tree that columns, rows and dual numbers can all be pushed through.
//!
//! `+ - * / ^`, comparisons, `&& || !`, `"text"`, numbers with units (`300M`, `1e18`), names (in
//! `{braces}` when they hold spaces) and the functions of [`Function`]. A power of a negated or
//! powered base (`-x^2`, `x^2^3`) is refused, because languages disagree on its meaning.

use crate::{CoreError, units};
use exmex::{BinOp, Express, FlatEx, MakeOperators, MatchLiteral, Operator};
use std::str::FromStr;
use std::sync::Arc;

/// Longest accepted expression, in bytes.
const MAX_LENGTH: usize = 4096;
/// Deepest accepted nesting of parentheses.
const MAX_DEPTH: usize = 64;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A number.
    Number(f64),
    /// A quoted text.
    Text(Arc<str>),
    /// A column or coefficient.
    Name(Arc<str>),
    /// A function or sign applied to one operand.
    Unary(Function, Arc<Expr>),
    /// An operator between two operands.
    Binary(Operation, Arc<Expr>, Arc<Expr>),
}

/// Functions of one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Function {
    Negate,
    Not,
    Ln,
    Log2,
    Log10,
    Exp,
    Sqrt,
    Abs,
    Floor,
    Round,
}

/// Operators between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

/// The value of an expression on one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number; `NaN` where a cell is empty.
    Number(f64),
    /// A text.
    Text(Arc<str>),
    /// A truth value.
    Bool(bool),
}

impl Expr {
    /// Parses `text`.
    ///
    /// # Errors
    /// [`CoreError::Expression`] with the reason; never panics, whatever the text.
    ///
    /// ```
    /// use kleiber_core::expr::{Expr, Value};
    /// let e = Expr::parse("flops/(6*params) > 1M && corpus==\"c4\"").unwrap();
    /// assert_eq!(e.names(), ["flops", "params", "corpus"]);
    /// ```
    pub fn parse(text: &str) -> Result<Self, CoreError> {
        let fail = |why: String| CoreError::Expression { text: shorten(text), why };
        let protected = protect(text).map_err(fail)?;
        let parsed = FlatEx::<Node, Operators, Literals>::parse_wo_compile(&protected.text).map_err(|e| {
            fail(word_operator(text).or_else(|| gap(&protected)).unwrap_or_else(|| protected.restore(e.msg())))
        })?;
        let names = parsed.var_names().iter().map(|name| Node(Arc::new(protected.operand(name))));
        let tree = parsed.eval_vec(names.collect()).map_err(|e| fail(protected.restore(e.msg())))?;
        tree.0.check().map_err(fail)?;
        Ok(Arc::unwrap_or_clone(tree.0))
    }

    /// Every name in the expression, each once, in order of appearance.
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.visit(&mut |e| {
            if let Self::Name(n) = e
                && !names.contains(&n.as_ref())
            {
                names.push(n.as_ref());
            }
        });
        names
    }

    /// Value of the expression; `lookup` gives the value of a name.
    ///
    /// # Errors
    /// A reason in words when an operator meets a value of the wrong kind.
    pub fn evaluate(&self, lookup: &dyn Fn(&str) -> Option<Value>) -> Result<Value, String> {
        match self {
            Self::Number(n) => Ok(Value::Number(*n)),
            Self::Text(t) => Ok(Value::Text(t.clone())),
            Self::Name(n) => lookup(n).ok_or_else(|| format!("unknown name `{n}`")),
            Self::Unary(f, a) => f.apply(a.evaluate(lookup)?),
            Self::Binary(op, a, b) => op.apply(a.evaluate(lookup)?, b.evaluate(lookup)?),
        }
    }

    fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Self)) {
        see(self);
        match self {
            Self::Unary(_, a) => a.visit(see),
            Self::Binary(_, a, b) => {
                a.visit(see);
                b.visit(see);
            }
            _ => {}
        }
    }

    fn check(&self) -> Result<(), String> {
        let mut problem = None;
        self.visit(&mut |e| {
            let Self::Binary(Operation::Power, base, _) = e else { return };
            match base.as_ref() {
                Self::Unary(Function::Negate, _) => {
                    problem = Some("a power of a negated base is ambiguous: write -1*(x^2) or (0-x)^2".to_string());
                }
                Self::Binary(Operation::Power, ..) => {
                    problem = Some("a power of a power is ambiguous: write x^(a*b) or x^(a^b)".to_string());
                }
                _ => {}
            }
        });
        problem.map_or(Ok(()), Err)
    }
}

impl Function {
    fn apply(self, value: Value) -> Result<Value, String> {
        if self == Self::Not {
            return match value {
                Value::Bool(b) => Ok(Value::Bool(!b)),
                other => Err(format!("`!` needs a comparison, found {}", other.describe())),
            };
        }
        let Value::Number(x) = value else {
            return Err(format!("{self:?} needs a number, found {}", value.describe()));
        };
        Ok(Value::Number(match self {
            Self::Negate => -x,
            Self::Ln => x.ln(),
            Self::Log2 => x.log2(),
            Self::Log10 => x.log10(),
            Self::Exp => x.exp(),
            Self::Sqrt => x.sqrt(),
            Self::Abs => x.abs(),
            Self::Floor => x.floor(),
            Self::Round => x.round(),
            Self::Not => f64::NAN,
        }))
    }
}

impl Operation {
    fn apply(self, left: Value, right: Value) -> Result<Value, String> {
        use Operation::{
            Add, And, Divide, Equal, Greater, GreaterEqual, Less, LessEqual, Multiply, NotEqual, Or, Power, Subtract,
        };
        match (self, &left, &right) {
            (And, Value::Bool(a), Value::Bool(b)) => Ok(Value::Bool(*a && *b)),
            (Or, Value::Bool(a), Value::Bool(b)) => Ok(Value::Bool(*a || *b)),
            (Equal, Value::Text(a), Value::Text(b)) => Ok(Value::Bool(a == b)),
            (NotEqual, Value::Text(a), Value::Text(b)) => Ok(Value::Bool(a != b)),
            (Equal, Value::Bool(a), Value::Bool(b)) => Ok(Value::Bool(a == b)),
            (NotEqual, Value::Bool(a), Value::Bool(b)) => Ok(Value::Bool(a != b)),
            (_, Value::Number(a), Value::Number(b)) => match self {
                Add => Ok(Value::Number(a + b)),
                Subtract => Ok(Value::Number(a - b)),
                Multiply => Ok(Value::Number(a * b)),
                Divide => Ok(Value::Number(a / b)),
                Power => Ok(Value::Number(a.powf(*b))),
                Less => Ok(Value::Bool(a < b)),
                LessEqual => Ok(Value::Bool(a <= b)),
                Greater => Ok(Value::Bool(a > b)),
                GreaterEqual => Ok(Value::Bool(a >= b)),
                Equal => Ok(Value::Bool(a == b)),
                NotEqual => Ok(Value::Bool(a != b)),
                And | Or => Err(format!("{self:?} needs comparisons on both sides, found numbers")),
            },
            // A text cell in a column of numbers is neither smaller nor larger than anything.
            (Less | LessEqual | Greater | GreaterEqual | Equal, Value::Text(_), Value::Number(_))
            | (Less | LessEqual | Greater | GreaterEqual | Equal, Value::Number(_), Value::Text(_)) => {
                Ok(Value::Bool(false))
            }
            (NotEqual, Value::Text(_), Value::Number(_)) | (NotEqual, Value::Number(_), Value::Text(_)) => {
                Ok(Value::Bool(true))
            }
            _ => Err(format!("{self:?} cannot join {} and {}", left.describe(), right.describe())),
        }
    }
}

impl Value {
    fn describe(&self) -> String {
        match self {
            Self::Number(n) => format!("the number {n}"),
            Self::Text(t) => format!("the text \"{}\"", shorten(t)),
            Self::Bool(b) => format!("the truth value {b}"),
        }
    }
}

/// The parser's operand: evaluating the parsed expression over nodes builds the tree.
#[derive(Debug, Clone)]
struct Node(Arc<Expr>);

impl Default for Node {
    fn default() -> Self {
        Self(Arc::new(Expr::Number(0.0)))
    }
}

impl FromStr for Node {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let value = units::parse_quantity(text).ok_or_else(|| format!("`{text}` is not a number"))?;
        Ok(Self(Arc::new(Expr::Number(value))))
    }
}

#[derive(Debug, Clone)]
struct Literals;

impl MatchLiteral for Literals {
    /// A number and, glued to it, one size suffix.
    fn is_literal(text: &str) -> Option<&str> {
        if text.starts_with(['+', '-']) {
            return None;
        }
        let digits = units::numeric_prefix(text)?;
        let suffix = text[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        Some(&text[..digits + suffix])
    }
}

#[derive(Debug, Clone)]
struct Operators;

macro_rules! binary {
    ($repr:literal, $operation:ident, $priority:literal) => {
        BinOp {
            apply: |a: Node, b: Node| Node(Arc::new(Expr::Binary(Operation::$operation, a.0, b.0))),
            prio: $priority,
            is_commutative: false,
        }
    };
}

macro_rules! unary {
    ($function:ident) => {
        |a: Node| Node(Arc::new(Expr::Unary(Function::$function, a.0)))
    };
}

impl MakeOperators<Node> for Operators {
    fn make<'a>() -> Vec<Operator<'a, Node>> {
        vec![
            Operator::make_bin("||", binary!("||", Or, 0)),
            Operator::make_bin("&&", binary!("&&", And, 1)),
            Operator::make_bin("==", binary!("==", Equal, 2)),
            Operator::make_bin("!=", binary!("!=", NotEqual, 2)),
            Operator::make_bin("<=", binary!("<=", LessEqual, 2)),
            Operator::make_bin(">=", binary!(">=", GreaterEqual, 2)),
            Operator::make_bin("<", binary!("<", Less, 2)),
            Operator::make_bin(">", binary!(">", Greater, 2)),
            Operator::make_bin("+", binary!("+", Add, 3)),
            Operator::make_bin_unary("-", binary!("-", Subtract, 3), unary!(Negate)),
            Operator::make_bin("*", binary!("*", Multiply, 4)),
            Operator::make_bin("/", binary!("/", Divide, 4)),
            Operator::make_bin("^", binary!("^", Power, 5)),
            Operator::make_unary("!", unary!(Not)),
            Operator::make_unary("ln", unary!(Ln)),
            Operator::make_unary("log2", unary!(Log2)),
            Operator::make_unary("log10", unary!(Log10)),
            Operator::make_unary("exp", unary!(Exp)),
            Operator::make_unary("sqrt", unary!(Sqrt)),
            Operator::make_unary("abs", unary!(Abs)),
            Operator::make_unary("floor", unary!(Floor)),
            Operator::make_unary("round", unary!(Round)),
        ]
    }
}

/// The cure for operators written as in other languages.
fn word_operator(text: &str) -> Option<String> {
    let known = [("and", "&&"), ("or", "||"), ("not", "!"), ("**", "^"), ("=", "==")];
    let mut words = text.split_whitespace();
    words.find_map(|word| {
        let (found, sign) = known.iter().find(|(w, _)| word.eq_ignore_ascii_case(w))?;
        Some(format!("`{found}` is no operator here, write `{sign}`"))
    })
}

/// The cure for a name with spaces that lacks its braces.
fn gap(protected: &Protected) -> Option<String> {
    let words: Vec<&str> = protected.text.split_whitespace().collect();
    let name = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    let pair = words.windows(2).find(|pair| name(pair[0]) && name(pair[1]))?;
    let pair = format!("{} {}", protected.restore(pair[0]), protected.restore(pair[1]));
    Some(format!("nothing joins `{pair}`; a column with spaces goes in braces: {{{pair}}}"))
}

/// The expression with every quoted text and braced name replaced by a plain identifier, so that the
/// parser only ever sees a small ASCII alphabet.
struct Protected {
    text: String,
    operands: Vec<Expr>,
}

const STAND_IN: &str = "stand_in_";

impl Protected {
    fn operand(&self, name: &str) -> Expr {
        name.strip_prefix(STAND_IN)
            .and_then(|index| index.parse::<usize>().ok())
            .and_then(|index| self.operands.get(index))
            .cloned()
            .unwrap_or_else(|| Expr::Name(name.into()))
    }

    /// A parser message in the user's own words.
    fn restore(&self, message: &str) -> String {
        let mut message = message.to_string();
        for (index, operand) in self.operands.iter().enumerate().rev() {
            if let Expr::Text(t) | Expr::Name(t) = operand {
                message = message.replace(&format!("{STAND_IN}{index}"), t);
            }
        }
        message
    }
}

fn protect(text: &str) -> Result<Protected, String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("it has {} bytes, the limit is {MAX_LENGTH}", text.len()));
    }
    if text.trim().is_empty() {
        return Err("it is empty".into());
    }
    let mut out = Protected { text: String::with_capacity(text.len()), operands: Vec::new() };
    let mut chars = text.chars();
    let mut depth = 0usize;
    while let Some(c) = chars.next() {
        match c {
            '"' | '\'' | '{' => {
                let (close, what) = if c == '{' { ('}', "brace") } else { (c, "quote") };
                let inner: String = chars.by_ref().take_while(|&x| x != close).collect();
                if !chars.as_str().is_empty() || text.ends_with(close) {
                    let operand =
                        if c == '{' { Expr::Name(inner.as_str().into()) } else { Expr::Text(inner.as_str().into()) };
                    out.text.push_str(&format!(" {STAND_IN}{} ", out.operands.len()));
                    out.operands.push(operand);
                } else {
                    return Err(format!("a {what} is opened and never closed"));
                }
            }
            '(' | ')' => {
                depth = if c == '(' { depth + 1 } else { depth.checked_sub(1).ok_or("a `)` closes nothing")? };
                if depth > MAX_DEPTH {
                    return Err(format!("parentheses are nested deeper than {MAX_DEPTH}"));
                }
                out.text.push(c);
            }
            c if c.is_whitespace() => out.text.push(' '),
            c if c.is_ascii_alphanumeric() || "_.+-*/^<>=!&|".contains(c) => out.text.push(c),
            c => return Err(format!("`{c}` has no meaning here; put a column of that name in {{braces}}")),
        }
    }
    if depth > 0 {
        return Err("a `(` is never closed".into());
    }
    if out
        .text
        .replace(' ', "")
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '(')
        .any(|w| w.starts_with("log("))
    {
        return Err("`log` could mean several things: write ln, log2 or log10".into());
    }
    let bytes = out.text.as_bytes();
    let lone = (0..bytes.len()).find(|&i| {
        bytes[i] == b'='
            && bytes.get(i + 1) != Some(&b'=')
            && !(i > 0 && matches!(bytes[i - 1], b'=' | b'<' | b'>' | b'!'))
    });
    if lone.is_some() {
        return Err("`=` compares nothing; write `==`".into());
    }
    // A run of signs makes the parser recurse once per sign.
    if bytes.windows(MAX_DEPTH).any(|w| w.iter().all(|b| matches!(b, b'-' | b'!' | b' '))) {
        return Err(format!("more than {MAX_DEPTH} signs in a row"));
    }
    Ok(out)
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 120 { text.into() } else { text.chars().take(120).chain("...".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(text: &str) -> f64 {
        match Expr::parse(text).unwrap().evaluate(&|n| (n == "x").then_some(Value::Number(3.0))).unwrap() {
            Value::Number(n) => n,
            other => panic!("{other:?}"),
        }
    }

    fn truth(text: &str) -> bool {
        let lookup = |n: &str| match n {
            "loss" => Some(Value::Number(3.0)),
            "corpus" | "data set" => Some(Value::Text("c4".into())),
            _ => None,
        };
        Expr::parse(text).unwrap().evaluate(&lookup).unwrap() == Value::Bool(true)
    }

    #[test]
    fn arithmetic_has_the_usual_precedence() {
        assert_eq!(number("1+2*x^2"), 19.0);
        assert_eq!(number("10-4-3"), 3.0);
        assert_eq!(number("2*x^-1 + 8/4/2"), 2.0 / 3.0 + 1.0);
        assert_eq!(number("-x+5"), 2.0);
        assert_eq!(number("1/2"), 0.5);
        assert_eq!(number("300M/1e6 + sqrt(16) - ln(exp(2))"), 302.0);
        assert_eq!(number("(x)^2 - .5"), 8.5);
        assert_eq!(number("2^(x-1)*2"), 8.0);
    }

    #[test]
    fn comparisons_and_text() {
        assert!(truth("loss<5 && loss>1e-3 && corpus==\"c4\""));
        assert!(truth("{data set} == 'c4' || loss > 5"));
        assert!(truth("!(loss >= 5) && corpus != \"pile\""));
        assert!(!truth("corpus < 3"));
        assert!(truth("loss<2 || loss==3"));
    }

    #[test]
    fn mistakes_are_explained() {
        for (text, part) in [
            ("", "empty"),
            ("loss = 3", "=="),
            ("(a", "never closed"),
            ("a)", "closes nothing"),
            ("\"c4", "never closed"),
            ("{c4", "never closed"),
            ("-x^2", "ambiguous"),
            ("x^2^3", "ambiguous"),
            ("a $ b", "`$`"),
            ("a b", ""),
            ("1 +", ""),
            ("* 3", ""),
            ("3 apples", ""),
            ("5foo", "not a number"),
            ("2*log (x)", "log10"),
        ] {
            let error = Expr::parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        let deep = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
        assert!(Expr::parse(&deep).is_err());
        assert!(Expr::parse(&format!("{}1", "-".repeat(4000))).is_err());
        assert!(Expr::parse("loss && 3").unwrap().evaluate(&|_| Some(Value::Number(1.0))).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_text_makes_the_parser_panic(text in "[-a-z0-9.+*/^<>=!&|(){}\" 'eE,é]{0,40}") {
            let _ = Expr::parse(&text).map(|e| e.evaluate(&|_| Some(Value::Number(2.0))));
        }

        #[test]
        fn numbers_survive(value in proptest::num::f64::POSITIVE) {
            prop_assert_eq!(Expr::parse(&format!("{value:e}")).unwrap(), Expr::Number(value));
        }
    }
}
