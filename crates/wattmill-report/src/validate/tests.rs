//! What a validation says, in each of its forms.

use std::ops::ControlFlow;

use wattmill_catalog::Catalog;
use wattmill_validate::{Effort, Table, evaluate};

use super::{Validated, Validation, validation_csv, validation_page, validation_text};

fn validation(rows: &str) -> Validation {
    let header = "model,gpu,backend,isl_tokens,osl_tokens,concurrency,ttft_ms,tpot_ms,quality\n";
    let table = Table::read(&(header.to_owned() + rows)).unwrap();
    let go_on = |_| ControlFlow::Continue(());
    let evaluation = evaluate(&table, Catalog::builtin(), Effort::default(), go_on);
    let files = vec![Validated { name: "a,b.csv".to_owned(), evaluation }];
    Validation { files, interrupted: false, calibration: None }
}

const GOOD: &str = "llama-3.1-8b,h100,vllm,100,20,2,20,8,A\n";

#[test]
fn every_row_is_in_every_form() {
    let outside = "llama-3.1-8b,h100,sglang,100,20,2,20,8,B\n";
    let mut validation = validation(&format!("{GOOD}{outside}x,\"h,1\",vllm,1,1,1,1,1,A\n"));
    let text = validation_text(&validation);
    for words in ["3 rows, 2 answered, 1 of them in the headline", "outside", "unknown model"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let csv = validation_csv(&validation);
    // Three figures of each answered row, one line of the other, the header.
    assert_eq!(csv.lines().count(), 2 * 3 + 1 + 1, "{csv}");
    for line in csv.lines().skip(1) {
        let rest = line.strip_prefix("\"a,b.csv\",").expect("the name is quoted");
        assert_eq!(rest.replace("\"h,1\"", "h").matches(',').count(), 18, "{line}");
    }
    assert_eq!(csv.lines().next().map(|line| line.matches(',').count()), Some(19));
    let page = validation_page(&validation);
    assert_eq!(page.matches("<figure>").count(), 3, "one picture of each metric");
    validation.interrupted = true;
    assert!(validation_text(&validation).contains("PARTIAL"));
    assert!(validation_page(&validation).contains("Partial"));
}

#[test]
fn nothing_answered_is_an_answer() {
    let validation = validation("x,h100,vllm,1,1,1,1,1,A\n");
    assert!(validation_text(&validation).contains("1 row, 0 answered"));
    assert!(!validation_page(&validation).contains("<figure>"));
}

#[test]
fn equal_answers_have_equal_hashes() {
    assert_eq!(validation(GOOD).answer_hash(), validation(GOOD).answer_hash());
    let longer = GOOD.replace("100,20", "100,40");
    assert_ne!(validation(GOOD).answer_hash(), validation(&longer).answer_hash());
}
