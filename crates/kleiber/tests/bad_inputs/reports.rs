//! Places that cannot be written to, and formats that do not exist.

use crate::case::{Case, case};

fn fit(options: &[&str]) -> Case {
    case(format!("fit {}", options.join(" ")), &[&["fit", "runs.csv", "--bootstrap", "0"], options].concat())
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        fit(&["--report", "r.pdf"]).fails("is not .html, .md, .svg or .png", "r.html"),
        fit(&["--report", "r"]).fails("is not .html, .md, .svg or .png", "r.html"),
        fit(&["--report", "no/r.html"]).fails("cannot write no/", "create the folder no"),
        fit(&["--report", "runs.csv/r.html"]).fails("cannot write runs.csv/", "choose a path"),
        fit(&["--report", "/proc/r.html"]).fails("cannot write /proc/", "help:"),
        fit(&["-o", "no/law.json"]).fails("no/law.json: cannot write", "the folder exists"),
        fit(&["-o", "."]).fails("cannot write", "help:"),
        fit(&["-o", "runs.csv"]).fails("runs.csv", "help:"),
        fit(&["-o", "/proc/law.json"]).fails("cannot write", "writable"),
        case("compare to a picture", &["compare", "runs.csv", "--law", "kaplan", "--report", "r.pdf"])
            .fails("is not .html, .md, .svg or .png", "r.html"),
        case("manual pages below a file", &["man", "runs.csv/man"]).fails("cannot write", "the folder exists"),
    ]
}
