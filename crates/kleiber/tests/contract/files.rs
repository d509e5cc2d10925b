//! Reports, manual pages and completions.

use crate::common::Folder;

#[test]
fn reports_come_in_four_kinds_with_their_data_beside_them() {
    let folder = Folder::with_runs();
    let reports = ["r.html", "m.md", "s.svg", "p.png"];
    let args: Vec<&str> = reports.iter().flat_map(|r| ["--report", r]).collect();
    let outcome = folder.run(&[&["fit", "runs.csv", "--bootstrap", "100"], &args[..]].concat()).ok();
    let starts: [&[u8]; 4] = [b"<!DOCTYPE html>", b"#", b"<svg", b"\x89PNG"];
    for (report, start) in reports.iter().zip(starts) {
        let bytes = std::fs::read(folder.path(report)).unwrap();
        let head = bytes.strip_prefix(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap_or(&bytes);
        assert!(bytes.len() > 500 && head.starts_with(start), "{report}: {:?}", &bytes[..40]);
        assert!(outcome.stderr.contains(&format!("wrote {report}")), "{}", outcome.stderr);
        let stem = report.split('.').next().unwrap();
        let data = names(&folder)
            .into_iter()
            .filter(|n| n.starts_with(&format!("{stem}-")) && n.ends_with(".csv"))
            .collect::<Vec<_>>();
        assert!(!data.is_empty(), "{report} has no data beside it");
        assert!(folder.read(&data[0]).lines().count() > 5, "{}", data[0]);
    }
    let html = folder.read("r.html");
    assert!(!html.contains("<script src") && !html.contains("<link "), "the report loads something from elsewhere");
    folder
        .run(&[
            "compare",
            "runs.csv",
            "--law",
            "chinchilla",
            "--law",
            "kaplan",
            "--report",
            "c.html",
            "--report",
            "c.md",
        ])
        .ok();
    assert!(folder.read("c.md").contains("kaplan") && folder.read("c.html").contains("kaplan"));
    assert!(names(&folder).iter().all(|n| !n.contains(".tmp")));
}

fn names(folder: &Folder) -> Vec<String> {
    std::fs::read_dir(folder.root()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn manual_pages_are_written() {
    let folder = Folder::new();
    folder.run(&["man", "man/man1"]).ok();
    for page in [
        "kleiber",
        "kleiber-fit",
        "kleiber-compare",
        "kleiber-predict",
        "kleiber-plan",
        "kleiber-plan-compute",
        "kleiber-size",
        "kleiber-data",
        "kleiber-data-build",
        "kleiber-doctor",
    ] {
        let text = folder.read(&format!("man/man1/{page}.1"));
        assert!(text.contains(".SH NAME") && text.contains(".SH OPTIONS"), "{page}");
    }
}

#[test]
fn completions_name_the_commands() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish"] {
        let text = folder.run(&["completions", shell]).ok().stdout;
        assert!(text.contains("predict") && text.contains("bootstrap"), "{shell}");
    }
}
