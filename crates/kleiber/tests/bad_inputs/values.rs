//! Tables that can be read but hold values, units or designs that support no answer.

use crate::case::{Case, case, fit};
use crate::common::{csv, edited, runs_csv, simulated};
use kleiber_laws::simulate::Design;

/// The loss of every row changed.
fn losses(change: impl Fn(f64) -> String) -> String {
    edited(|_, name, cell| if name == "loss" { change(cell.parse().unwrap()) } else { cell.into() })
}

/// One cell changed, in data row 3.
fn cell(column: &str, value: &str) -> String {
    edited(|row, name, cell| if row == 3 && name == column { value.into() } else { cell.into() })
}

/// Runs of these sizes and tokens, as CSV.
fn design(runs: impl IntoIterator<Item = (f64, f64)>) -> String {
    csv(&simulated(&Design { runs: runs.into_iter().collect() }))
}

pub(crate) fn cases() -> Vec<Case> {
    let good = runs_csv();
    let head = |n: usize| good.lines().take(n + 1).collect::<Vec<_>>().join("\n");
    let equal = format!("params,tokens,loss\n{}", "1e9,2e10,3.0\n".repeat(30));
    let twice = format!("{good}{}\n", good.lines().nth(4).unwrap());
    let sizes = |i: i32| 1e7 * 1.8f64.powi(i);
    let named = |from: &str, to: &str, text: &str| text.replacen(from, to, 1);
    let bits = named("loss", "bits_per_byte", &losses(|l| (l / 4.0 * std::f64::consts::LOG2_E).to_string()));
    vec![
        fit("missing column", "t.csv", named("tokens", "words", &named("flops", "joules", &good)))
            .with(&["--law", "chinchilla"])
            .fails("no column `tokens`", "--map tokens="),
        fit("misspelt column", "t.csv", named("loss", "loos", &good)).fails("no column `loss`", "did you mean `loos`"),
        fit("text in a number", "t.csv", cell("loss", "diverged"))
            .fails("t.csv, row 3, column `loss`: found \"diverged\", expected a number", "--where"),
        fit("a thousands separator", "t.csv", cell("params", "\"1,300\""))
            .fails("row 3, column `params`: found \"1,300\"", "--where"),
        fit("a decimal comma", "t.csv", good.replace(',', ";").replace('.', ","))
            .fails("row 1, column `loss`", "expected a number"),
        fit("NaN", "t.csv", cell("loss", "NaN")).refuses("non-finite", "row 3, column `loss`", "--where"),
        fit("an empty cell", "t.csv", cell("tokens", "")).refuses("non-finite", "row 3, column `tokens`", "--where"),
        fit("inf", "t.csv", cell("loss", "inf")).refuses("non-finite", "found inf", "--where"),
        fit("1e999", "t.csv", cell("tokens", "1e999")).refuses(
            "non-finite",
            "row 3, column `tokens`: found inf",
            "--where",
        ),
        fit("zero", "t.csv", cell("params", "0")).refuses("non-positive", "row 3, column `params`: found 0", "--where"),
        fit("negative size", "t.csv", cell("tokens", "-2e9")).refuses(
            "non-positive",
            "row 3, column `tokens`",
            "--where",
        ),
        fit("negative loss", "t.csv", cell("loss", "-2.5")).refuses(
            "non-positive",
            "row 3, column `loss`: found -2.5",
            "--where",
        ),
        fit("all losses missing", "t.csv", losses(|_| String::new())).refuses("non-finite", "column `loss`", "--where"),
        fit("1e300 everywhere", "t.csv", edited(|_, n, c| if n == "loss" { c.into() } else { "1e300".into() }))
            .refuses("single-size", "params", "add runs"),
        fit("1 row", "t.csv", head(1)).refuses("too-few-rows", "1 row cannot determine 5", "at least 6"),
        fit("5 rows", "t.csv", head(5)).refuses("too-few-rows", "5 rows cannot determine 5", "--fix"),
        fit("a row twice", "t.csv", twice).refuses("duplicate-rows", "rows 4 and 31 are equal", "remove them"),
        fit("all rows equal", "t.csv", equal).refuses("duplicate-rows", "rows 1 and 2 are equal", "remove them"),
        fit("one size", "t.csv", design((0..12).map(|i| (1e9, 1e9 * 1.7f64.powi(i))))).refuses(
            "single-size",
            "params = 1B",
            "add runs that vary it",
        ),
        fit("one budget", "t.csv", design((0..12).map(|i| (sizes(i), 1e20 / 6.0 / sizes(i))))).refuses(
            "single-budget",
            "same compute",
            "other budgets",
        ),
        fit("tokens tied to params", "t.csv", design((0..12).map(|i| (sizes(i), 20.0 * sizes(i))))).refuses(
            "tokens-tied-to-params",
            "tokens ~ params^1.00",
            "tokens-per-parameter",
        ),
        fit("one loss everywhere", "t.csv", losses(|_| "3.0".into())).refuses(
            "unidentified",
            "does not determine",
            "add runs",
        ),
        fit("a loss that rises", "t.csv", losses(|l| (9.0 - l).to_string())).refuses(
            "unidentified",
            "does not determine",
            "add runs",
        ),
        fit("bits per byte as loss", "t.csv", bits).with(&["--map", "loss=bits_per_byte"]).refuses(
            "loss-unit",
            "bits",
            "0.6931",
        ),
        fit("perplexity values", "t.csv", losses(|l| l.exp().to_string())).refuses(
            "loss-domain",
            "perplexity",
            "ln(perplexity)",
        ),
        fit("perplexity by name", "t.csv", named("loss", "val_ppl", &good)).with(&["--map", "loss=val_ppl"]).refuses(
            "loss-unit",
            "perplexity",
            "ln({val_ppl})",
        ),
        fit("percent accuracy as loss", "t.csv", losses(|l| (100.0 - 10.0 * l).to_string())).refuses(
            "loss-domain",
            "outside 0.3 to 15",
            "--force",
        ),
        fit("percent error", "t.csv", named("loss", "error", &losses(|l| (20.0 * l).to_string())))
            .with(&["--law", "downstream-error", "--map", "loss=error/20"])
            .refuses("response-domain", "percentage", "/100"),
        fit("accuracy as loss", "t.csv", losses(|l| (1.0 / l / 2.0).to_string())).refuses(
            "loss-domain",
            "outside 0.3 to 15",
            "--force",
        ),
        fit(
            "mixed FLOP conventions",
            "t.csv",
            edited(
                |r, n, c| {
                    if n == "flops" && r % 2 == 0 { (c.parse::<f64>().unwrap() * 1.6).to_string() } else { c.into() }
                },
            ),
        )
        .refuses("mixed-flop-conventions", "without pattern", "recompute"),
        case("nothing satisfies --where", &["fit", "runs.csv", "--where", "loss > 100"])
            .fails("no row satisfies --where", "loosen"),
        case("everything held out", &["fit", "runs.csv", "--holdout", "loss > 0", "--bootstrap", "0"]).refuses(
            "too-few-rows",
            "0 rows",
            "add runs",
        ),
        case("a sigma of zero", &["fit", "runs.csv", "--map", "s=0*loss", "--sigma", "s", "--bootstrap", "0"]).refuses(
            "non-positive",
            "column `s`: found 0",
            "--where",
        ),
        case("compare on five rows", &["compare", "t.csv", "--law", "chinchilla"]).file("t.csv", head(5)).refuses(
            "too-few-rows",
            "rows",
            "add runs",
        ),
    ]
}
