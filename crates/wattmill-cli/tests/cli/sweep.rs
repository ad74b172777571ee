//! `wattmill sweep`.

use std::fs::File;
use std::process::Command;
use std::time::{Duration, Instant};

use parquet::basic::Type;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use crate::support::{Dir, MILL, Run, mill, yard};

const PRICE: &str = "site.hall.grid.price=20..90 USD/MWh";

fn sweep(dir: &Dir, more: &[&str]) -> Run {
    let mut arguments = vec!["sweep", "mill.toml", "--vary", PRICE, "--out", "points.parquet"];
    arguments.extend(more);
    Run::of("sweep", dir.command(&arguments).output().expect("the program starts"))
}

fn rows(dir: &Dir) -> i64 {
    let file = File::open(dir.path("points.parquet")).expect("a table");
    let reader = SerializedFileReader::new(file).expect("Parquet");
    reader.metadata().file_metadata().num_rows()
}

#[test]
fn a_second_run_computes_only_what_is_missing() {
    let dir = Dir::with("mill.toml", MILL);
    let first = sweep(&dir, &["--points", "5", "--json"]).document();
    assert_eq!((&first["points_computed"], &first["points_known"]), (&5.into(), &0.into()));
    let energy = first["figures"].as_array().expect("figures").iter();
    let cost = energy.clone().find(|f| f["figure"] == "energy cost").expect("a cost");
    let (low, high) = (cost["low"].as_f64(), cost["high"].as_f64());
    assert!((high.expect("a cost") / low.expect("a cost") - 4.5).abs() < 1e-9, "{cost}");
    assert_eq!(cost["low_at"][0], "20 USD/MWh");
    let again = sweep(&dir, &["--points", "5", "--json"]).document();
    assert_eq!((&again["points_computed"], &again["points_known"]), (&0.into(), &5.into()));
    assert_eq!(again["answer_hash"], first["answer_hash"]);
    // Nine values have the five of before among them.
    let more = sweep(&dir, &["--points", "9", "--json"]).document();
    assert_eq!((&more["points_computed"], &more["points_known"]), (&4.into(), &5.into()));
    assert_eq!(rows(&dir), 9);
    dir.write("mill.toml", MILL.replace("299 g/kWh", "100 g/kWh"));
    sweep(&dir, &["--points", "5"]).refuses(3, &["of another factory", "--out"]);
}

/// Quantities of a list are numbers in one unit, whatever units they are written in, and one that is
/// written twice is one point.
#[test]
fn a_list_of_quantities_is_a_column_of_numbers() {
    let dir = Dir::with("mill.toml", MILL);
    let listed = "site.hall.grid.price=50 USD/MWh, 0.06 USD/kWh, 0.05 USD/kWh";
    let arguments = ["sweep", "mill.toml", "--vary", listed, "--out", "points.parquet", "--json"];
    let run = Run::of("sweep", dir.command(&arguments).output().expect("the program starts"));
    assert_eq!(run.document()["points_computed"], 2);
    assert_eq!(rows(&dir), 2);
    let file = File::open(dir.path("points.parquet")).expect("a table");
    let reader = SerializedFileReader::new(file).expect("Parquet");
    let columns: Vec<(String, Type)> = reader
        .metadata()
        .file_metadata()
        .schema_descr()
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), column.physical_type()))
        .collect();
    assert_eq!(columns[2], ("site_hall_grid_price_usd_per_mwh".to_owned(), Type::DOUBLE));
    let named = |name: &str| columns.iter().any(|(known, _)| known == name);
    assert!(named("tokens_per_mwh") && !named("tokens_per_mwh_tokens_per_mwh"));
    let price = |row: parquet::record::Row| match row.get_column_iter().nth(2) {
        Some((_, Field::Double(price))) => *price,
        other => panic!("{other:?}"),
    };
    let rows = reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row"));
    assert_eq!(rows.map(price).collect::<Vec<f64>>(), [50.0, 60.0]);
}

/// A plan that earns too little has no rate of return: that is nothing in the table, and the answer is
/// the same from there.
#[test]
fn what_is_no_number_is_the_same_when_it_is_read_again() {
    let priced = mill("name = \"chat\"", "name = \"chat\"\nprice = \"0.01 USD/M tokens\"");
    let dir = Dir::with("mill.toml", priced);
    let first = sweep(&dir, &["--points", "2", "--json"]).document();
    let again = sweep(&dir, &["--points", "2", "--json"]).document();
    assert_eq!(again["points_known"], 2);
    assert_eq!(again["answer_hash"], first["answer_hash"]);
}

#[test]
fn what_cannot_be_varied_is_refused_with_what_is_near() {
    let dir = Dir::with("mill.toml", MILL);
    let vary = |what: &str| {
        let arguments = ["sweep", "mill.toml", "--out", "p.parquet", "--vary", what];
        Run::of("sweep", dir.command(&arguments).output().expect("the program starts"))
    };
    vary("site.hall.grid.prize=20..90 USD/MWh").refuses(3, &["`site.hall.grid.price`"]);
    vary("site.hall.grid.price").refuses(3, &["PATH=LOW..HIGH UNIT"]);
    vary("site.hall.grid.price=20..90 MW")
        .refuses(3, &["no point of the sweep is a sound factory"]);
    assert_eq!(dir.names(), ["mill.toml"]);
    // Some points may be unsound: they are in the table with what is wrong.
    let some = sweep(&dir, &["--vary", "phase.nodes.power=5..15 MW", "--points", "3", "--json"]);
    let document = some.document();
    assert_eq!(document["points_refused"], 3, "15 MW are beyond the connection");
    assert!(document["first_refusal"].as_str().expect("a reason").contains("beyond its power"));
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_keeps_what_is_done() {
    let dir = Dir::with("mill.toml", MILL);
    let arguments =
        ["sweep", "mill.toml", "--vary", PRICE, "--points", "1000000", "--out", "points.parquet"];
    let child = dir.command(&arguments).spawn().expect("the program starts");
    let patience = Instant::now() + Duration::from_secs(120);
    while !dir.path("points.parquet").exists() {
        assert!(Instant::now() < patience, "nothing is computed");
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.expect("kill").success());
    let run = Run::of("sweep", child.wait_with_output().expect("it ends"));
    run.ended(130);
    assert!(run.stdout.contains("PARTIAL: run the same again"), "{}", run.stdout);
    let done = rows(&dir);
    assert!(done > 0 && done < 1_000_000);
    assert_eq!(dir.names(), ["mill.toml", "points.parquet"]);
}

/// Prices of hours are in a file: it is read for every point, and other prices are other points.
#[test]
fn a_factory_of_files_is_swept_and_its_files_are_part_of_a_point() {
    let dir = yard();
    // Prices as the files have them, not scaled to a mean.
    let text = std::fs::read_to_string(dir.path("yard.toml")).expect("it was written");
    dir.write("yard.toml", text.replace("price = \"47 USD/MWh\", ", ""));
    let hours: String = (0..8760).map(|hour| format!("{}\n", 60 + hour % 24)).collect();
    dir.write("dear.csv", format!("price_usd_per_mwh\n{hours}"));
    let run = |more: &[&str]| {
        let mut arguments = vec!["sweep", "yard.toml", "--out", "points.parquet"];
        arguments.extend(more);
        Run::of("sweep", dir.command(&arguments).output().expect("the program starts"))
    };
    let cost = |run: &Run| {
        let document = run.document();
        assert_eq!(document["points_refused"], 0, "{document}");
        let all = document["figures"].as_array().expect("figures").clone();
        let cost = all.into_iter().find(|f| f["figure"] == "energy cost").expect("a cost");
        (cost["low"].as_f64().expect("a cost"), cost["high"].as_f64().expect("a cost"))
    };
    let battery = ["--vary", "site.hall.battery.energy=400..600 kWh", "--points", "2"];
    let told = [&battery[..], &["--json"]].concat();
    let first = run(&told);
    assert!(cost(&first).0 > 0.0);
    let again = run(&told).document();
    assert_eq!((&again["points_computed"], &again["points_known"]), (&0.into(), &2.into()));
    // The same file says other prices: nothing of before is known.
    std::fs::rename(dir.path("prices.csv"), dir.path("cheap.csv")).expect("it is there");
    std::fs::copy(dir.path("dear.csv"), dir.path("prices.csv")).expect("it is there");
    run(&battery).refuses(3, &["of another factory", "--out"]);
    std::fs::remove_file(dir.path("points.parquet")).expect("it is there");
    let files = run(&["--vary", "site.hall.grid.hourly=cheap.csv, dear.csv", "--json"]);
    let (low, high) = cost(&files);
    assert!(high > low * 1.3, "prices of 30 to 53 against 60 to 83: {low} {high}");
    let missing = ["--vary", "site.hall.grid.hourly=nowhere.csv, not-here.csv"];
    std::fs::remove_file(dir.path("points.parquet")).expect("it was written");
    run(&missing).refuses(3, &["there is no `nowhere.csv`"]);
}
