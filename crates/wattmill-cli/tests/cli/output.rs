//! What is left behind: a whole file under its name, or nothing.

use std::io::{BufRead, BufReader};

use crate::support::{Dir, ENGINE, MILL, TRACE, mill};

#[test]
fn files_that_cannot_be_written() {
    let dir = Dir::with("t.csv", TRACE);
    dir.write("mill.toml", MILL);
    let replay = format!("replay t.csv {ENGINE}");
    for line in [
        format!("{replay} --out none/out.parquet"),
        format!("{replay} --html none/page.html"),
        "run mill.toml --html none/page.html".to_owned(),
        "zoom mill.toml --at 2026-08-01T00:00 --for 1s --html none/page.html".to_owned(),
    ] {
        let run = dir.run(&line);
        run.ended(4);
        run.says(&["failed to write none/"]);
    }
    let run = dir.run(&format!("{replay} --out ."));
    run.refuses(2, &[". is not the name of a file"]);
    assert_eq!(dir.names(), ["mill.toml", "t.csv"]);
}

#[test]
fn pages_are_whole_and_need_nothing_else() {
    let dir = Dir::with("t.csv", TRACE);
    dir.write("mill.toml", MILL);
    for line in [
        format!("replay t.csv {ENGINE} --html page.html"),
        "run mill.toml --html page.html".to_owned(),
        "zoom mill.toml --at 2026-08-01T00:00 --for 10s --html page.html".to_owned(),
    ] {
        dir.run(&line).answer();
        let page = std::fs::read_to_string(dir.path("page.html")).expect("a page");
        assert!(
            page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"),
            "{line}"
        );
        assert!(page.contains("<svg"), "`{line}` draws nothing");
        for outside in ["src=\"http", "href=\"http", "url(http", "@import", "<script src"] {
            assert!(!page.contains(outside), "`{line}` needs {outside}");
        }
        assert_eq!(dir.names(), ["mill.toml", "page.html", "t.csv"]);
        std::fs::remove_file(dir.path("page.html")).expect("a file");
    }
}

#[test]
fn a_file_that_is_there_stays_until_the_new_one_is_whole() {
    let dir = Dir::with("t.csv", "a,b\n");
    dir.write("out.parquet", "old");
    let replay = format!("replay t.csv {ENGINE} --out out.parquet");
    dir.run(&replay).ended(3);
    assert_eq!(std::fs::read_to_string(dir.path("out.parquet")).expect("a file"), "old");
    dir.write("t.csv", TRACE);
    dir.run(&replay).answer();
    assert!(std::fs::read(dir.path("out.parquet")).expect("a file").starts_with(b"PAR1"));
    assert_eq!(dir.names(), ["out.parquet", "t.csv"]);
}

/// As with `wattmill … | head -1`.
#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let dir = Dir::new();
    for line in ["run hundred-megawatt --sites", "catalog list"] {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        let mut child = dir.command(&arguments).spawn().expect("the program starts");
        // Closed before the program has anything to say.
        drop(child.stdout.take());
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        let mut said = String::new();
        stderr.read_line(&mut said).expect("UTF-8");
        assert_eq!(said, "", "`wattmill {line}`");
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(0), "`wattmill {line}`");
    }
}

#[test]
fn programs_get_one_document() {
    let dir = Dir::with("t.csv", TRACE);
    dir.write("mill.toml", MILL);
    for line in [
        format!("replay t.csv {ENGINE}"),
        "run mill.toml".to_owned(),
        "zoom mill.toml --at 2026-08-01T00:00 --for 10s".to_owned(),
    ] {
        let document = dir.run(&format!("{line} --json"));
        document.ended(0);
        let hash = document.document()["answer_hash"].clone();
        assert_eq!(hash, dir.run(&line).hash(), "`wattmill {line}` has two answers");
    }
    for line in ["check mill.toml --json", "catalog list --json", "catalog show h100-sxm --json"] {
        let run = dir.run(line);
        run.ended(0);
        run.document();
    }
}

#[test]
fn programs_get_problems_as_data() {
    let dir = Dir::with("t.csv", "arrived_at_s,prefill_tokens,decode_tokens\n0,0,5\n1,-3,5\n");
    dir.write("mill.toml", mill("\"1 MW\"", "\"-1 MW\"").replace("1e6", "-5"));
    for (line, places) in [
        (format!("replay t.csv {ENGINE} --json"), [(2, 3), (3, 3)]),
        ("run mill.toml --json".to_owned(), [(13, 9), (21, 30)]),
        ("check mill.toml --json".to_owned(), [(13, 9), (21, 30)]),
        ("zoom mill.toml --at 2026-08-01T00:00 --for 10s --json".to_owned(), [(13, 9), (21, 30)]),
    ] {
        let run = dir.run(&line);
        run.ended(3);
        let document = run.document();
        assert_eq!(document["valid"], false);
        for (index, (row, column)) in places.into_iter().enumerate() {
            let problem = &document["diagnostics"][index];
            assert_eq!((&problem["line"], &problem["column"]), (&row.into(), &column.into()));
            for text in ["message", "label", "help"] {
                assert!(problem[text].as_str().is_some_and(|t| !t.is_empty()), "{problem}");
            }
        }
    }
}

#[test]
fn nobody_need_listen() {
    let dir = Dir::with("t.toml", "name = 3\n");
    for (line, code) in [("check t.toml --json", 3), ("check nvl72-rack", 0), ("run --bad", 2)] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let mut child = dir.command(&arguments).spawn().expect("the program starts");
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().expect("it ends").code(), Some(code), "{line}");
    }
}
