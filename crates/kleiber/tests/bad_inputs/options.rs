//! Options that are misspelt, contradict each other or do not suit the table.

use crate::case::{Case, case};

/// `kleiber fit runs.csv --bootstrap 0` and these options.
fn fit(options: &[&str]) -> Case {
    case(
        format!("fit {}", options.join(" ").chars().take(60).collect::<String>()),
        &[&["fit", "runs.csv", "--bootstrap", "0"], options].concat(),
    )
}

fn bare(args: &[&str]) -> Case {
    case(args.join(" "), args)
}

pub(crate) fn cases() -> Vec<Case> {
    let long = format!("loss < {}", "1+".repeat(3000) + "1");
    let deep = format!("{}loss{} < 5", "(".repeat(1000), ")".repeat(1000));
    let terms: String = (0..20).map(|i| format!("c{i}*params^{i} + ")).collect::<String>() + "tokens";
    let many: String = (0..17).map(|i| format!("c{i} + ")).collect::<String>() + "params";
    vec![
        fit(&["--law", "chinchila"]).fails("no law `chinchila`", "did you mean `chinchilla`"),
        fit(&["--law", "zebra"]).fails("no law `zebra`", "the laws are chinchilla"),
        fit(&["--law", "bnsl"]).fails("found `bnsl`", "bnsl:0 to bnsl:4"),
        fit(&["--law", "bnsl:99"]).fails("found `bnsl:99`", "bnsl:0 to bnsl:4"),
        fit(&["--law", "M2", "--map", "x=tokens"]).works(),
        fit(&["--fix", "alpha=0.3", "--fix", "alpha=0.4"]).fails("alpha is held at two values", "help:"),
        fit(&["--where", "loss > 1 and loss < 5"]).fails("`and` is no operator here, write `&&`", "help:"),
        fit(&["--where", "loss > 1 or loss < 5"]).fails("`or` is no operator here, write `||`", "help:"),
        fit(&["--law", ""]).fails("no law ``", "the laws are"),
        fit(&["--law", "data-constrained"]).fails("no column `unique_tokens`", "--map unique_tokens="),
        fit(&["--law", "downstream-error"]).fails("no column `error`", "--map"),
        fit(&["--map", "params=parms"]).fails("no column `parms`", "did you mean `params`"),
        fit(&["--map", "params=parms*2"]).fails("no column `parms`", "did you mean `params`"),
        fit(&["--map", "params"]).fails("NAME=COLUMN", "help:"),
        fit(&["--map", "=loss"]).fails("NAME=COLUMN", "help:"),
        fit(&["--map", "loss="]).fails("NAME=COLUMN", "help:"),
        fit(&["--map", "loss='text'"]).fails("row 1, column `loss`: found \"text\"", "help:"),
        fit(&["--where", "los < 5"]).fails("no column `los`", "did you mean `loss`"),
        fit(&["--where", "loss < (5"]).fails("never closed", "help:"),
        fit(&["--where", "loss < 5)"]).fails("closes nothing", "help:"),
        fit(&["--where", "loss = 5"]).fails("write `==`", "help:"),
        fit(&["--where", "loss $ 5"]).fails("`$` has no meaning", "{braces}"),
        fit(&["--where", "loss"]).fails("true or false", "loss<5"),
        fit(&["--where", "loss <"]).fails("cannot read the expression", "help:"),
        fit(&["--where", ""]).fails("it is empty", "help:"),
        fit(&["--where", "-loss^2 < 3"]).fails("ambiguous", "write"),
        fit(&["--where", "loss && tokens"]).fails("comparisons", "help:"),
        fit(&["--where", &long]).fails("the limit is 4096", "help:"),
        fit(&["--where", &deep]).fails("nested deeper than 64", "help:"),
        fit(&["--where", "\"a\" + 1 > 2"]).fails("cannot join", "help:"),
        fit(&["--holdout", "flops >"]).fails("cannot read the expression", "help:"),
        fit(&["--holdout", "flop > 1"]).fails("no column `flop`", "did you mean `flops`"),
        fit(&["--law", "params + tokens"]).fails("it has no coefficient", "every other name a coefficient"),
        fit(&["--law", "A + B*C1"]).fails("it has no variable", "params or tokens"),
        fit(&["--law", "A*(params > 3)"]).fails("Greater has no place in a formula", "help:"),
        fit(&["--law", "A*floor(params)"]).fails("no useful derivative", "help:"),
        fit(&["--law", "A*loss + B*params"]).fails("the column it predicts", "help:"),
        fit(&["--law", "E + A*params^"]).fails("cannot read the expression", "help:"),
        fit(&["--law", &terms]).fails("more than 64 terms", "help:"),
        fit(&["--law", &many]).fails("at most 16 can be fitted", "--fix"),
        fit(&["--law", "E + A*params^-alpha", "--bounds", "alpha=1..0"]).fails("alpha=1..0", "NAME=LOW..HIGH"),
        fit(&["--law", "E + A*params^-alpha", "--bounds", "alpha"]).fails("alpha", "NAME=LOW..HIGH"),
        fit(&["--law", "E + A*params^-alpha", "--bounds", "alpha=nan..1"]).fails("alpha=nan..1", "NAME=LOW..HIGH"),
        fit(&["--law", "E + A*params^-alpha", "--bounds", "gamma=0..1"]).fails("no coefficient `gamma`", "E, A, alpha"),
        fit(&["--law", "chinchilla", "--bounds", "alpha=0..1"]).fails("--bounds belongs to a formula", "--fix"),
        fit(&["--fix", "omega=1"]).fails("no coefficient `omega`", "E, A, B, alpha, beta"),
        fit(&["--fix", "alpha"]).fails("alpha", "NAME=VALUE"),
        fit(&["--fix", "alpha=x"]).fails("`x` is not", "such as"),
        fit(&["--fix", "A=-3"]).fails("A = -3 is outside", "inside the bounds"),
        fit(&["--fix", "E=nan"]).fails("E = NaN is outside", "inside the bounds"),
        fit(&["--fix", "alpha=1e400"]).fails("alpha = inf is outside", "inside the bounds"),
        fit(&["--fix", "alpha=0.3", "--fix", "beta=0.4", "--tie", "alpha=beta"]).fails("alpha", "help:"),
        fit(&["--tie", "alpha=omega"]).fails("no coefficient `omega`", "E, A, B, alpha, beta"),
        fit(&["--tie", "alpha"]).fails("alpha", "NAME=NAME"),
        fit(&["--sigma", "sd"]).fails("no column `sd`", "help:"),
        fit(&["--cluster", "group"]).fails("no column `group`", "help:"),
        fit(&["--by", "corpus"]).fails("no column `corpus`", "help:"),
        fit(&["--by", "params", "-o", "law.json"]).fails("--by makes several", "--where"),
        bare(&["fit", "runs.csv", "--bootstrap", "-1"]).fails("-1", "--help"),
        bare(&["fit", "runs.csv", "--bootstrap", "many"]).fails("many", "--help"),
        bare(&["fit", "runs.csv", "--bootstrap", "100000000"]).fails("at most 1000000", "help:"),
        bare(&["fit", "runs.csv", "--bootstrap", "99999999999999999999999"]).fails("--bootstrap", "--help"),
        fit(&["--objective", "huber"]).fails("found `huber`", "log-huber"),
        fit(&["--objective", "log-huber:-1"]).fails("found `log-huber:-1`", "log-huber:DELTA"),
        fit(&["--objective", "asym:inf"]).fails("found `asym:inf`", "asym:RATIO"),
        fit(&["--method", "newton"]).fails("found `newton`", "varpro, grid"),
        fit(&["--interval", "normal"]).fails("found `normal`", "percentile, bca or profile"),
        fit(&["--level", "95"]).fails("95", "between 0.5 and 0.999"),
        fit(&["--level", "nan"]).fails("nan", "between 0.5 and 0.999"),
        fit(&["--checkpoints", "first"]).fails("first", "last or all"),
        fit(&["--seed", "-1"]).fails("-1", "--help"),
        fit(&["--threads", "0"]).fails("0", "1..=4096"),
        fit(&["--nonsense"]).fails("--nonsense", "--help"),
        fit(&["--method", "isoflop:parabola"]).refuses(
            "no-interior-minimum",
            "no budget has its lowest loss inside",
            "train smaller and larger models",
        ),
        fit(&["--method", "isoflop:akima", "--where", "params < 1e8"]).refuses(
            "no-interior-minimum",
            "no budget has its lowest loss inside",
            "train smaller and larger models",
        ),
        fit(&["--law", "E + A*exp(-params*alpha)", "--method", "varpro", "--fix", "E=1", "--fix", "A=2"])
            .fails("varpro does not apply", "leave --method out"),
        fit(&["--loss-law", "law.json"])
            .fails("--loss-law is chained before downstream-error", "--law downstream-error"),
        bare(&["compare", "runs.csv", "--law", "zebra"]).fails("no law `zebra`", "the laws are"),
        bare(&["compare", "runs.csv", "--holdout", "loss >"]).fails("cannot read the expression", "help:"),
        bare(&["compare", "runs.csv", "--objective", "x"]).fails("found `x`", "log-huber"),
        bare(&["nonsense"]).fails("nonsense", "--help"),
        bare(&["completions", "klingon"]).fails("klingon", "bash"),
        bare(&["man", "runs.csv"]).fails("runs.csv", "help:"),
    ]
}
