//! `wattmill replay` of clients, conversations and shaped traffic.

use crate::support::{Dir, ENGINE, Run, TRACE};

const CLIENTS: &str = "\
client,window_start_s,rate_rps,cv,pattern,param1,param2
1,0,2.0,1.4,Gamma,0.5,1.0
1,600,1.0,1.4,Gamma,0.5,2.0
6,600,3.0,1.3,Weibull,0.8,0.3
";
const LENGTHS: &str = "\
{\"client\": 1, \"window_start_s\": 0, \"input_tokens\": {\"100\": 1}, \"output_tokens\": {\"5\": 1}}
";

fn hash(run: &Run) -> String {
    run.document()["answer_hash"].as_str().expect("an answer has a hash").to_owned()
}

/// Requests and prompt tokens that were finished.
fn answered(run: &Run) -> (u64, u64) {
    let document = run.document();
    let number = |name: &str| document[name].as_u64().unwrap_or_else(|| panic!("{document}"));
    (number("requests"), number("input_tokens"))
}

#[test]
fn clients_are_superposed() {
    let dir = Dir::with("clients.csv", CLIENTS);
    dir.write("lengths.jsonl", LENGTHS);
    let replay =
        |flags: &str| dir.run(&format!("replay {ENGINE} --clients clients.csv --json {flags}"));
    let run = replay("--lengths lengths.jsonl --duration 1h");
    let (requests, tokens) = answered(&run);
    // 1,200 + 600 + 1,800 are expected.
    assert!((3_000..4_200).contains(&requests), "{requests}");
    assert_eq!(tokens, 100 * requests, "all clients have the lengths of the one that has some");
    let inputs = &run.document()["inputs"];
    assert_eq!(inputs["clients"]["clients"], 2);
    assert!(inputs["trace"].is_null() && inputs["synthetic"].is_null());
    let later = replay("--lengths lengths.jsonl --duration 1h --from 10min");
    let (later, _) = answered(&later);
    assert!((1_900..2_900).contains(&later), "{later}");
    assert_eq!(answered(&replay("--lengths 300:2 --duration 1min")).1 % 300, 0);
    assert_eq!(hash(&replay("--seed 4")), hash(&replay("--seed 4")));
    assert_ne!(hash(&replay("--seed 4")), hash(&replay("--seed 5")));
}

#[test]
fn what_is_wrong_with_clients_is_told() {
    let dir = Dir::with("clients.csv", CLIENTS.replace("0.8", "-1"));
    let line = format!("replay {ENGINE} --clients clients.csv");
    dir.run(&line).refuses(3, &["clients.csv:4:23", "`-1` is not the shape of a Weibull"]);
    dir.write("clients.csv", CLIENTS);
    dir.write("lengths.jsonl", LENGTHS.replace("{\"5\": 1}", "{\"5\": 0.3}"));
    let line = format!("{line} --lengths lengths.jsonl");
    dir.run(&line).refuses(3, &["lengths.jsonl:1:", "the probabilities add up to 0.300"]);
    dir.write("lengths.jsonl", LENGTHS.replace("\"client\": 1", "\"client\": 2"));
    dir.run(&line).refuses(3, &["lengths of none of the clients"]);
    dir.write("lengths.jsonl", LENGTHS);
    dir.run(&format!("{line} --from 1day")).refuses(2, &["after the clients' last window"]);
    dir.run(&line.replace("lengths.jsonl", "gone.jsonl")).refuses(4, &["gone.jsonl"]);
    dir.run(&line.replace("lengths.jsonl", "nothing")).refuses(3, &["`nothing`"]);
}

#[test]
fn conversations_ask_more_with_every_turn() {
    let dir = Dir::new();
    let replay = |flags: &str| {
        dir.run(&format!("replay {ENGINE} --json --rate 0.5 --duration 10min {flags}"))
    };
    let refuses = |name: &str, code: i32, said: &[&str]| {
        dir.run(&format!("replay {ENGINE} --rate 0.5 --sessions {name}")).refuses(code, said);
    };
    let run = replay("--sessions chat");
    let (requests, tokens) = answered(&run);
    let sessions = &run.document()["inputs"]["sessions"];
    assert_eq!(sessions["name"], "chat");
    assert!(requests > 300, "{requests}");
    assert!(tokens / requests > 1_000, "system prompts and earlier turns are in every prompt");
    let (kept, _) = answered(&replay("--sessions chat --keep 50%"));
    assert!(kept > requests / 4 && kept < requests * 3 / 4, "{kept} of {requests}");
    let (_, text) = wattmill::config::BUILTIN_SESSIONS[0];
    dir.write("mine.toml", text.replace("name    = \"chat\"", "name = \"mine\""));
    let mine = replay("--sessions mine.toml");
    assert_eq!(hash(&mine), hash(&run), "what they say has no part in when they say it");
    dir.write("mine.toml", text.replace("turns = [[0, 1]", "turns = [[0, 0]"));
    refuses("mine.toml", 3, &["mine.toml:9:9", "is not a distribution"]);
    refuses("agents", 4, &["built-in sessions are chat, agent"]);
}

#[test]
fn traces_are_shaped() {
    let dir = Dir::with("t.csv", TRACE);
    let replay = |flags: &str| dir.run(&format!("replay {ENGINE} t.csv --json {flags}"));
    let plain = replay("");
    assert_eq!(answered(&plain), (3, 1_400));
    assert_eq!(hash(&replay("--speed 1 --keep 1 --repeat 1 --growth 0")), hash(&plain));
    assert_eq!(answered(&replay("--repeat 5")), (15, 7_000));
    assert_eq!(answered(&replay("--repeat 5 --duration 1s")), (2, 400));
    // The same trace at half the time between its requests, written out.
    dir.write("half.csv", TRACE.replace("0.5,", "0.25,").replace("1.25,", "0.625,"));
    let half = dir.run(&format!("replay {ENGINE} half.csv --json"));
    assert_eq!(hash(&replay("--speed 2")), hash(&half));
    assert_eq!(hash(&replay("--burst 2@0s+1h")), hash(&half));
    assert_eq!(hash(&replay("--week 2,1,1,1,1,1,1")), hash(&half));
    let shaping = &replay("--speed 2 --keep 90%").document()["inputs"]["shaping"];
    assert_eq!(shaping, &serde_json::json!(["keep 0.9", "speed 2"]));
    // Who is kept of a share is kept of a larger one.
    let kept = |share: &str| answered(&replay(&format!("--repeat 100 --keep {share}"))).0;
    assert!(kept("10%") < kept("50%") && kept("50%") < 300);
    let told = dir.run(&format!("replay {ENGINE} t.csv --speed 2"));
    assert!(told.answer().contains("3 requests of t.csv; speed 2"), "{}", told.stdout);
}

#[test]
fn block_lists_that_do_not_match_are_told() {
    let line =
        "{\"timestamp\": 0, \"input_length\": 1100, \"output_length\": 2, \"hash_ids\": [0]}\n";
    let dir = Dir::with("t.jsonl", line);
    dir.run(&format!("replay {ENGINE} t.jsonl"))
        .refuses(3, &["t.jsonl:1:", "1 block id for a prompt of 1100 tokens, which has 3 blocks"]);
}
