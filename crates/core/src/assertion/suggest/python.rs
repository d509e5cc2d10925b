//! Assertions as a Python file over pandas.

use crate::CoreError;
use crate::assertion::Assertion;
use toml::{Table, Value};

/// What the statements call.
const HELPERS: &str = r#"import sys
import numpy as np
import pandas as pd

runs = pd.read_csv(sys.argv[1])


def curve(rows, x, y):
    """y in the order of x; of rows at the same x the last stands."""
    return rows[[x, y]].sort_values(x, kind="stable").drop_duplicates(x, keep="last").to_numpy(float).T


def per(rows, by, value):
    """A number of each replicate."""
    return np.array([value(group) for _, group in rows.groupby(by, sort=False)] if by else [value(rows)])


def drop(rows, x, y, share):
    x, y = curve(rows, x, y)
    width = share * (x[-1] - x[0])
    return y[x <= x[0] + width].mean() - y[x >= x[-1] - width].mean()


def tail(rows, x, y, share):
    x, y = curve(rows, x, y)
    late = x >= x[-1] - share * (x[-1] - x[0])
    return np.polyfit(x[late], y[late], 1)[0] * (x[late][-1] - x[late][0])


def spike(rows, x, y):
    y = curve(rows, x, y)[1]
    steps = np.abs(np.diff(y))
    def height(t):
        before = np.median(y[max(t - 5, 0):t])
        behind = np.median(y[t + 1:t + 6]) if t + 1 < len(y) else before
        noise = np.median(steps[max(t - 20, 0):t + 20]) * 1.4826 / 2 ** 0.5
        return (y[t] - max(before, behind)) / max(noise, 1e-12 * np.abs(y).max())
    return max(height(t) for t in range(3, len(y)))


def exponent(rows, x, y):
    return np.polyfit(np.log(rows[x]), np.log(rows[y]), 1)[0]


def straight(rows, x, y):
    return np.corrcoef(np.log(rows[x]), np.log(rows[y]))[0, 1] ** 2
"#;

/// A Python file that checks a table in CSV: `python checks.py runs.csv` fails at the first assertion that is false. It does
/// by value what Kleiber does with intervals.
///
/// # Errors
/// [`CoreError::Assertion`] for a property that has no such form.
pub fn to_python(assertions: &[Assertion]) -> Result<String, CoreError> {
    let mut text = HELPERS.to_string();
    for assertion in assertions {
        let keys = assertion.property.keys();
        let name = assertion.property.info().name;
        let none = || CoreError::Assertion {
            name: assertion.name.clone(),
            why: format!(
                "`{name}` has no form in Python; bound, finite, converged, plateau, spike_free, exponent and monotone have"
            ),
        };
        let mut rows = "runs".to_string();
        for condition in &assertion.filter {
            // Both languages compare numbers alike; what differs is left to Kleiber.
            if condition.contains(['"', '\'', '!', '|', '^']) {
                return Err(none());
            }
            let condition = condition.replace("&&", "and").replace(['{', '}'], "`");
            rows = format!("{rows}.query({})", quoted(&condition));
        }
        let statement = statement(name, &keys, &rows).ok_or_else(none)?;
        let why = if assertion.because.is_empty() { &assertion.name } else { &assertion.because };
        text.push_str(&format!("\n# {}\n{statement}", assertion.name));
        text.push_str(&format!(", {}\n", quoted(&format!("{}: {why}", assertion.name))));
    }
    Ok(text)
}

/// The assert statement up to its message.
fn statement(name: &str, keys: &Table, rows: &str) -> Option<String> {
    let text = |key: &str| keys.get(key).and_then(Value::as_str);
    let number = |key: &str| keys.get(key).and_then(|v| v.as_float().or_else(|| v.as_integer().map(|i| i as f64)));
    let by = text("by").map_or_else(|| "None".to_string(), quoted);
    let each = keys.get("each").and_then(Value::as_bool).unwrap_or(false);
    let y = text("y").map(quoted).unwrap_or_default();
    let x = text("x").map(quoted).unwrap_or_default();
    let between = |value: &str| {
        let low = number("at_least").map_or_else(String::new, |v| format!("{v:?} <= "));
        let high = number("at_most").map_or_else(String::new, |v| format!(" <= {v:?}"));
        format!("{low}{value}{high}")
    };
    let replicated = |value: String| {
        let all = format!("per({rows}, {by}, lambda r: {value})");
        match each {
            true => format!("assert all({} for v in {all})", between("v")),
            false => format!("assert {}", between(&format!("{all}.mean()"))),
        }
    };
    Some(match name {
        "finite" => {
            let names = match keys.get("y")? {
                Value::String(one) => quoted(one),
                Value::Array(several) => {
                    several.iter().filter_map(Value::as_str).map(quoted).collect::<Vec<_>>().join(", ")
                }
                _ => return None,
            };
            format!("assert np.isfinite({rows}[[{names}]].to_numpy(float)).all()")
        }
        "bound" => {
            let value = match text("stat").unwrap_or("mean") {
                "rows" => "len(r)".to_string(),
                stat @ ("mean" | "median" | "min" | "max") => format!("r[{y}].{stat}()"),
                _ => return None,
            };
            replicated(value)
        }
        "converged" => {
            let value = format!("drop(r, {x}, {y}, {:?})", number("share")?);
            if number("at_least").is_some() {
                replicated(value)
            } else {
                format!("assert per({rows}, {by}, lambda r: {value}).mean() > 0")
            }
        }
        "plateau" => {
            let all = format!("per({rows}, {by}, lambda r: tail(r, {x}, {y}, {:?}))", number("share")?);
            let value = if each { format!("np.abs({all}).max()") } else { format!("abs({all}.mean())") };
            format!("assert {value} <= {:?}", number("within")?)
        }
        "spike_free" => format!("assert per({rows}, {by}, lambda r: spike(r, {x}, {y})).max() <= {:?}", number("z")?),
        "exponent" => {
            let slope = replicated(format!("exponent(r, {x}, {y})"));
            match number("straight") {
                Some(least) => format!("{slope} and straight({rows}, {x}, {y}) >= {least:?}"),
                None => slope,
            }
        }
        "monotone" => {
            let way = if text("direction")? == "rises" { "increasing" } else { "decreasing" };
            format!("assert {rows}.groupby({x})[{y}].mean().is_monotonic_{way}")
        }
        _ => return None,
    })
}

/// A text in Python; JSON writes it the same.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_say_what_the_assertion_says() {
        let python = |claim: &str| {
            to_python(&[Assertion::parse(&format!("name = 'c'\n{claim}")).unwrap()])
                .map(|t| t.lines().last().unwrap().to_string())
        };
        assert_eq!(
            python("property = 'bound'\ny = 'loss'\nwhere = 'step >= 90 && step <= 100'\nby = 'seed'\nat_least = 1\nbecause = 'why'").unwrap(),
            "assert 1.0 <= per(runs.query(\"step >= 90 and step <= 100\"), \"seed\", lambda r: r[\"loss\"].mean()).mean(), \"c: why\""
        );
        assert_eq!(
            python("property = 'bound'\ny = 'step'\nstat = 'max'\nby = 'seed'\neach = true\nat_most = 9").unwrap(),
            "assert all(v <= 9.0 for v in per(runs, \"seed\", lambda r: r[\"step\"].max())), \"c: c\""
        );
        assert!(
            python("property = 'rank_correlation'\nx = 'a'\ny = 'b'\nat_least = 0")
                .unwrap_err()
                .to_string()
                .contains("no form in Python")
        );
        assert!(python("property = 'finite'\ny = 'a'\nwhere = 'kind == \"x\"'").is_err());
    }
}
