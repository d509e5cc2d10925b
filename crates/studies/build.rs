//! Lists the declarations and results below `studies/` of the repository, so that the binary holds them and a new study is a
//! new folder.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../studies");
    // The folder stands for all below it; a file that is not there, as most results, would be new at every build.
    println!("cargo:rerun-if-changed={}", root.display());
    let mut folders: Vec<PathBuf> = std::fs::read_dir(&root)
        .expect("the folder `studies` is beside `crates`")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("study.toml").is_file())
        .collect();
    folders.sort();
    let mut list = String::from("&[\n");
    for folder in folders {
        let slug = folder.file_name().and_then(|name| name.to_str()).expect("a study has a plain name");
        let text = |name: &str| {
            let path = folder.join(name);
            path.is_file().then(|| format!("include_str!({:?})", path.display().to_string()))
        };
        let declaration = text("study.toml").expect("found above");
        let result = text("result.json").map_or("None".into(), |text| format!("Some({text})"));
        writeln!(list, "    Embedded {{ slug: {slug:?}, declaration: {declaration}, result: {result} }},")
            .expect("text can be written");
    }
    list.push(']');
    let out = std::env::var_os("OUT_DIR").expect("Cargo says where");
    std::fs::write(Path::new(&out).join("studies.rs"), list).expect("the build's own folder can be written");
}
