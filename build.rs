//! Embeds the catalogue: one entry for each file of `assets/services`, sorted by id.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=assets/services");
    println!("cargo::rerun-if-changed=build.rs");
    let folder = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("assets/services");
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "toml") {
            let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            entries.push(format!("({id:?}, include_str!({:?}))", path.to_string_lossy()));
        }
    }
    entries.sort();
    let list = format!("&[{}]", entries.join(",\n"));
    write(&Path::new(&variable("OUT_DIR")?).join("services.rs"), &list)
}

#[allow(clippy::disallowed_methods, reason = "this is source code for the compiler, not a user's file")]
fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text)
}

#[allow(clippy::disallowed_methods, reason = "cargo speaks to a build script through its environment")]
fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}
