//! SIGINT: what was done is on the output and says that it is a part.

#![cfg(unix)]

use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::support::{Dir, ENGINE, Run};

#[test]
fn a_replay_that_is_interrupted_tells_what_it_has() {
    let dir = Dir::new();
    let line = format!(
        "replay {ENGINE} --rate 50 --duration 366days --lengths 100:20 --replicas 4 --out out.parquet"
    );
    let arguments: Vec<&str> = line.split_whitespace().collect();
    let child = dir.command(&arguments).spawn().expect("the program starts");
    // It simulates once it has begun its file; before that SIGINT may find no handler.
    let patience = Instant::now() + Duration::from_secs(20);
    while dir.names().is_empty() {
        assert!(Instant::now() < patience, "nothing is simulated");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(300));
    let pid = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &pid]).status().expect("kill");
    assert!(killed.success());
    let run = Run::of(&line, child.wait_with_output().expect("it ends"));
    run.ended(130);
    run.says(&["interrupted"]);
    assert!(run.stdout.contains("PARTIAL"), "{}", run.stdout);
    assert!(run.line("requests ").contains("finished"), "{}", run.stdout);
    // A whole file of what was done, or none: never a part under another name.
    for name in dir.names() {
        assert_eq!(name, "out.parquet");
        let file = File::open(dir.path(&name)).expect("a file");
        let file = SerializedFileReader::new(file).expect("Parquet");
        assert!(file.metadata().file_metadata().num_rows() > 0);
    }
}

#[test]
fn a_validation_that_is_interrupted_tells_what_it_has() {
    let header = "model,gpu,backend,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms,tp_size\n";
    // Each takes milliseconds, all of them minutes.
    let rows = "llama-3.1-8b,h100,vllm,1024,8192,128,100,8,1\n".repeat(20_000);
    let dir = Dir::with("m.csv", header.to_owned() + &rows);
    let arguments = ["validate", "m.csv", "--csv", "rows.csv"];
    let child = dir.command(&arguments).spawn().expect("the program starts");
    // It predicts once it has read the table, which takes a small part of this.
    std::thread::sleep(Duration::from_secs(3));
    let pid = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &pid]).status().expect("kill");
    assert!(killed.success());
    let run = Run::of("validate m.csv", child.wait_with_output().expect("it ends"));
    run.ended(130);
    run.says(&["interrupted"]);
    assert!(run.stdout.contains("PARTIAL"), "{}", run.stdout);
    assert_eq!(dir.names(), ["m.csv", "rows.csv"]);
}
