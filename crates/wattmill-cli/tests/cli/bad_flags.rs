//! Flags that are unknown, impossible or do not go together.

use crate::support::{Dir, ENGINE, TRACE};

#[test]
fn flags_that_do_not_go_together() {
    let dir = Dir::with("t.csv", TRACE);
    for (line, said) in [
        (format!("replay t.csv {ENGINE} --rate 3"), "cannot be used with"),
        (format!("replay t.csv {ENGINE} --users 3"), "cannot be used with"),
        (format!("replay {ENGINE} --rate 3 --users 3"), "cannot be used with"),
        (format!("replay t.csv {ENGINE} --step-table s.json"), "cannot be used with"),
        ("replay t.csv --kv-blocks 3".to_owned(), "--step-table"),
        (format!("replay {ENGINE}"), "give a TRACE, --rate or --users, or --clients"),
        (format!("replay t.csv {ENGINE} --sessions chat"), "cannot be used with"),
        (format!("replay {ENGINE} --clients c.csv --rate 3"), "cannot be used with"),
        (format!("replay {ENGINE} --sessions chat"), "--sessions needs --rate"),
        (format!("replay {ENGINE} --rate 1 --repeat 3"), "needs a TRACE"),
        (format!("replay {ENGINE} --rate 1 --from 1h"), "--clients"),
        ("replay t.csv".to_owned(), "give --model and --system"),
        ("replay t.csv --system dgx-h100".to_owned(), "give --model"),
        ("replay t.csv --model llama-3.1-8b".to_owned(), "--system"),
    ] {
        dir.run(&line).refuses(2, &["error: ", said]);
    }
    assert_eq!(dir.names(), ["t.csv"]);
}

#[test]
fn values_that_cannot_be() {
    let dir = Dir::with("t.csv", TRACE);
    for (flags, said) in [
        ("--rate nan", "above 0"),
        ("--rate=-1", "above 0"),
        ("--rate inf", "above 0"),
        ("--users 0", "above 0"),
        ("--rate 1 --duration 0s", "above zero"),
        ("t.csv --slo-ttft 0s", "above zero"),
        ("t.csv --slo-tpot=-1ms", "above zero"),
        ("t.csv --kv-blocks 3", "cannot be used with"),
        ("t.csv --max-seqs 64 --max-tokens 32", "raise the one or lower the other"),
        ("--rate 1 --duration 900years", "at most 366 days"),
        ("--rate 1 --duration 5", "`5` has no unit"),
        ("--rate 1 --lengths 0:5", "from 1 to"),
        ("--rate 1 --keep 0", "above 0 and up to 1"),
        ("--rate 1 --keep 101%", "above 0 and up to 1"),
        ("--rate 1 --speed 0", "give a factor from"),
        ("--rate 1 --week 1,1,1", "seven factors"),
        ("--rate 1 --week 0,0,0,0,0,0,0", "not all 0"),
        ("--rate 1 --growth -100%", "above -100%"),
        ("--rate 1 --burst 3@10min", "FACTOR@START+LENGTH"),
        ("--rate 1 --burst 3@10+1min", "`10` has no unit"),
        ("--rate 1 --clock 24h", "less than 24h"),
        ("--rate 0 --sessions chat", "above 0"),
        ("--rate 1 --arrivals gamma:0", "coefficient of variation"),
        ("--rate 1 --replicas 0", "0 is not in 1..=1000000"),
        ("--rate 1 --max-seqs 0", "0 is not in"),
        ("--rate 1 --precision int8", "bf16, fp8, fp4"),
        ("--rate 1 --seed -1", "-1"),
        ("t.csv --slo-ttft 5", "`5` has no unit"),
    ] {
        dir.run(&format!("replay {ENGINE} {flags}")).refuses(2, &["error: ", said]);
    }
    dir.run("run hgx-node --html page.html --week 2050-01-03")
        .refuses(2, &["no week that begins on 2050-01-03", "a day from"]);
    for line in ["frobnicate", "run --frobnicate", "run a b", "catalog list chips", "catalog show"]
    {
        dir.run(line).refuses(2, &["error: "]);
    }
}

#[test]
fn names_that_the_catalogue_does_not_have() {
    let dir = Dir::with("t.csv", TRACE);
    for (line, said) in [
        ("replay t.csv --model llama-3.1-405 --system dgx-h100", "did you mean llama-3.1-405b"),
        ("replay t.csv --model llama-3.1-8b --system dgx-h10", "did you mean dgx-h100"),
        ("replay --rate 1 --model llama-3.1-8b --system dgx-h100 --shape flap", "--shape `flap`"),
        (
            "replay --rate 1 --model llama-3.1-8b --system dgx-h100 --lengths azure",
            "--lengths `azure`",
        ),
        ("catalog show h100-sxn", "did you mean h100-sxm"),
        ("explain --model llama-3.1-8b --system l40 --decodes 1 --context 9", "did you mean l40s"),
    ] {
        dir.run(line).refuses(3, &["is not in the catalogue", said, "wattmill catalog list"]);
    }
}

#[test]
fn layouts_that_cannot_be() {
    let dir = Dir::with("t.csv", TRACE);
    for (flags, said) in [
        ("--model llama-3.1-405b --system dgx-h100 --tp 2", "it fits with tensor = 8"),
        ("--model llama-3.1-8b --system dgx-h100 --tp 3", "use one of 1 or 2 or 4"),
        ("--model llama-3.1-8b --system dgx-h100 --tp 0", "at least 1"),
        ("--model llama-3.1-8b --system dgx-h100 --ep 7", "has no experts"),
        ("--model llama-3.1-8b --system dgx-h100 --pp 33", "use at most 32"),
        ("--model gpt-oss-120b --system dgx-h100 --tp 4 --ep 3", "does not divide the 128 experts"),
        (
            "--model gpt-oss-120b --system dgx-h100 --tp 2 --ep 4",
            "does not divide the 2 accelerators",
        ),
        ("--model llama-3.1-8b --system dgx-h100 --tp 65536 --dp 65536", "at most 65536"),
        (
            "--model llama-3.1-8b --system dgx-h100 --tp 4294967295 --pp 4294967295 --dp 4294967295",
            "at most 65536",
        ),
        ("--model kimi-k3 --system gb300-nvl72", "cannot be priced"),
    ] {
        let run = dir.run(&format!("replay t.csv {flags} --out out.parquet"));
        run.refuses(3, &["error: ", said]);
    }
    assert_eq!(dir.names(), ["t.csv"]);
}

#[test]
fn windows_that_cannot_be() {
    let dir = Dir::new();
    for (flags, said) in [
        ("--at 2020-01-01T00:00 --for 1min", "runs from 2026-07-01 to 2027-06-30"),
        ("--at 2027-07-01T00:00 --for 1min", "runs from 2026-07-01 to 2027-06-30"),
        ("--at 2026-08-01T00:00 --for 0s", "--for 10min"),
        ("--at 2026-08-01T00:00 --for 2days", "at most a day"),
        ("--at 2026-08-01T00:00 --for 10", "has no unit"),
        ("--at soon --for 10min", "--at"),
        ("--for 10min", "--at"),
        ("--at 2026-08-01T00:00 --for 10min --site x", "no site `x`; it has server room"),
        ("--at 2026-08-01T00:00 --for 10min --service x", "no service `x`; it has assistant"),
    ] {
        dir.run(&format!("zoom hgx-node {flags}")).refuses(2, &["error: ", said]);
    }
}
