//! How long `list` and `get` take from start to end (L5), beside `age -d` of the same file and a program that does
//! nothing, all in turns on the same machine: `cargo bench --bench start`.
#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]
#![allow(clippy::disallowed_methods, reason = "it runs programs in a home of its own")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_credbench");
const TURNS: usize = 31;

fn main() {
    println!("{:>12}  {:>10}  {:>10}  {:>8}", "credentials", "command", "median", "age -d");
    for count in [10, 1_000, 10_000] {
        let home = tempfile::tempdir().expect("a folder for the vault");
        let home = home.path();
        run(home, &mut credbench(&["init", "--plain-identity"]));
        std::fs::write(home.join("in.json"), documents(count)).expect("the documents are written");
        let file = home.join("in.json").display().to_string();
        run(home, &mut credbench(&["put", "--no-test", "--json-file", &file]));
        let mut age = Command::new("age");
        age.args(["-d", "-i", "config/credbench/identity.age", "data/credbench/vault.age"]);
        let mut programs = [
            ("nothing", Command::new("true")),
            ("age -d", age),
            ("list", credbench(&["list"])),
            ("get", credbench(&["get", "key.5"])),
        ];
        let mut times = vec![Vec::new(); programs.len()];
        for _ in 0..TURNS {
            for ((_, program), times) in programs.iter_mut().zip(&mut times) {
                times.push(run(home, program));
            }
        }
        let medians: Vec<Duration> = times.iter_mut().map(|times| median(times)).collect();
        for ((name, _), time) in programs.iter().zip(&medians) {
            let ratio = time.as_secs_f64() / medians[1].as_secs_f64();
            println!("{count:>12}  {name:>10}  {:>7.1} ms  {ratio:>7.2}x", time.as_secs_f64() * 1e3);
        }
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn credbench(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    command
}

/// From the start of a program to its end.
fn run(home: &Path, program: &mut Command) -> Duration {
    program
        .current_dir(home)
        .env("HOME", home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    for (name, folder) in
        [("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state")]
    {
        program.env(name, home.join(folder));
    }
    let start = Instant::now();
    let status = program.status().expect("age is installed");
    let time = start.elapsed();
    assert!(status.success(), "{program:?}");
    time
}

fn document(key: &str) -> String {
    format!(
        r#"{{"key":"{key}","name":"Number {key}","kind":"api_key","service":"intern","tags":["prod"],"config":{{"base_url":"https://api.example","api_key":"a-secret-of-24-characters"}}}}"#
    )
}

fn documents(count: usize) -> String {
    let documents: Vec<String> = (0..count).map(|number| document(&format!("key.{number}"))).collect();
    format!("[{}]", documents.join(","))
}
