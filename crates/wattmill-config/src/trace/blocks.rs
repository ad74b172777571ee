//! `hash_ids` of a line into what its prompt may share.

use std::ops::Range;

use serde_json::value::RawValue;
use wattmill_policy::Segment;

use super::problem::quoted;
use crate::Diagnostic;

/// Tokens that one id of a Mooncake trace names (Qin et al., FAST 2025).
const BLOCK_TOKENS: u32 = 512;

/// The blocks of a prompt of `input` tokens, the last of them as long as is left. Each is named
/// together with those before it: an id that returns behind other blocks shares nothing.
pub(super) fn segments(
    line: &str,
    span: &Range<usize>,
    input: u32,
) -> Result<Vec<Segment>, Vec<Diagnostic>> {
    let text = &line[span.clone()];
    let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(text) else {
        let message = format!("{} is not a list of block ids", quoted(text));
        return Err(vec![
            Diagnostic::error(span.clone(), message, "a list such as [0, 1, 2]").with_help(WAY_OUT),
        ]);
    };
    let mut problems = Vec::new();
    let mut segments: Vec<Segment> = Vec::with_capacity(list.len());
    let mut wrong = list.iter().filter(|id| id.get().parse::<u64>().is_err());
    if let Some(first) = wrong.next() {
        // `get` borrows from the line, so the place of an id is the distance of the two.
        let start = first.get().as_ptr() as usize - line.as_ptr() as usize;
        let others = match wrong.count() {
            0 => String::new(),
            1 => ", nor is another of the list".to_owned(),
            n => format!(", nor are {n} others of the list"),
        };
        problems.push(
            Diagnostic::error(
                start..start + first.get().len(),
                format!("{} is not the id of a block{others}", quoted(first.get())),
                format!("a whole number from 0 to {}", u64::MAX),
            )
            .with_help(WAY_OUT),
        );
    }
    let wanted = input.div_ceil(BLOCK_TOKENS) as usize;
    if list.len() != wanted {
        let counted = |n: usize, of: &str| format!("{n} {of}{}", if n == 1 { "" } else { "s" });
        let (ids, blocks) = (counted(list.len(), "block id"), counted(wanted, "block"));
        let tokens = counted(input as usize, "token");
        problems.push(
            Diagnostic::error(
                span.clone(),
                format!("{ids} for a prompt of {tokens}, which has {blocks}"),
                format!("one id for each {BLOCK_TOKENS} tokens begun"),
            )
            .with_help(WAY_OUT),
        );
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let (mut before, mut left) = (0, input);
    for id in list.iter().filter_map(|id| id.get().parse::<u64>().ok()) {
        let segment = Segment::following(before, id, left.min(BLOCK_TOKENS));
        (before, left) = (segment.content, left - segment.tokens);
        segments.push(segment);
    }
    Ok(segments)
}

const WAY_OUT: &str = "correct the list, or leave `hash_ids` out: then the prompt shares nothing";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use expect_test::expect;

    use super::*;
    use crate::{TraceRequest, read_trace};

    /// Prompts of a trace, each as tokens and names of its blocks.
    fn prompts(text: &str) -> Vec<Vec<(u64, u32)>> {
        let trace = read_trace(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}"));
        let plain = |r: &TraceRequest| r.prompt.iter().map(|s| (s.content, s.tokens)).collect();
        trace.requests.iter().map(plain).collect()
    }

    #[test]
    fn blocks_are_named_with_what_is_before_them() {
        let lines = [
            r#"{"timestamp": 0, "input_length": 1030, "output_length": 5, "hash_ids": [7, 8, 9]}"#,
            r#"{"timestamp": 1, "input_length": 1536, "output_length": 5, "hash_ids": [7, 8, 9]}"#,
            r#"{"timestamp": 2, "input_length": 1024, "output_length": 5, "hash_ids": [6, 8]}"#,
            r#"{"timestamp": 3, "input_length": 1024, "output_length": 5}"#,
            r#"{"timestamp": 4, "input_length": 512, "output_length": 5, "hash_ids": null}"#,
        ];
        let prompts = prompts(&lines.join("\n"));
        let tokens = |i: usize| prompts[i].iter().map(|(_, tokens)| *tokens).collect::<Vec<_>>();
        assert_eq!(
            (tokens(0), tokens(1), tokens(2)),
            (vec![512, 512, 6], vec![512; 3], vec![512; 2])
        );
        assert!(prompts[3].is_empty() && prompts[4].is_empty());
        assert_eq!(prompts[0][..2], prompts[1][..2], "the same beginning");
        assert_ne!(prompts[0][2].0, prompts[1][2].0, "six tokens are not the block");
        assert_ne!(prompts[0][1].0, prompts[2][1].0, "the same id behind another beginning");
    }

    #[test]
    fn block_lists_that_are_not_the_prompt_are_told() {
        let text = [
            r#"{"timestamp": 0, "input_length": 1030, "output_length": 5, "hash_ids": [1, 2]}"#,
            r#"{"timestamp": 1, "input_length": 1, "output_length": 5, "hash_ids": [1, -2, 3.5]}"#,
            r#"{"timestamp": 2, "input_length": 512, "output_length": 5, "hash_ids": []}"#,
            r#"{"timestamp": 3, "input_length": 512, "output_length": 5, "hash_ids": "none"}"#,
            r#"{"timestamp": 2, "input_length": 600, "output_length": 5, "hash_ids": [4]}"#,
        ];
        let errors = read_trace(text.join("\n").as_bytes()).expect_err("none of them is right");
        expect![[r#"
            error: 2 block ids for a prompt of 1030 tokens, which has 3 blocks
             --> t.jsonl:1:72
              |
            1 | {"timestamp": 0, "input_length": 1030, "output_length": 5, "hash_ids": [1, 2]}
              |                                                                        ^^^^^^ one id for each 512 tokens begun
              |
              = help: correct the list, or leave `hash_ids` out: then the prompt shares nothing

            error: `-2` is not the id of a block, nor is another of the list
             --> t.jsonl:2:73
              |
            2 | {"timestamp": 1, "input_length": 1, "output_length": 5, "hash_ids": [1, -2, 3.5]}
              |                                                                         ^^ a whole number from 0 to 18446744073709551615
              |
              = help: correct the list, or leave `hash_ids` out: then the prompt shares nothing

            error: 3 block ids for a prompt of 1 token, which has 1 block
             --> t.jsonl:2:69
              |
            2 | {"timestamp": 1, "input_length": 1, "output_length": 5, "hash_ids": [1, -2, 3.5]}
              |                                                                     ^^^^^^^^^^^^ one id for each 512 tokens begun
              |
              = help: correct the list, or leave `hash_ids` out: then the prompt shares nothing

            error: 0 block ids for a prompt of 512 tokens, which has 1 block
             --> t.jsonl:3:71
              |
            3 | {"timestamp": 2, "input_length": 512, "output_length": 5, "hash_ids": []}
              |                                                                       ^^ one id for each 512 tokens begun
              |
              = help: correct the list, or leave `hash_ids` out: then the prompt shares nothing

            error: `"none"` is not a list of block ids
             --> t.jsonl:4:71
              |
            4 | {"timestamp": 3, "input_length": 512, "output_length": 5, "hash_ids": "none"}
              |                                                                       ^^^^^^ a list such as [0, 1, 2]
              |
              = help: correct the list, or leave `hash_ids` out: then the prompt shares nothing

            error: time goes back: `2` comes after `3`
             --> t.jsonl:5:15
              |
            5 | {"timestamp": 2, "input_length": 600, "output_length": 5, "hash_ids": [4]}
              |               ^ no earlier than the line before
              |
              = help: sort the trace by `timestamp`

            error: 1 block id for a prompt of 600 tokens, which has 2 blocks
             --> t.jsonl:5:71
              |
            5 | {"timestamp": 2, "input_length": 600, "output_length": 5, "hash_ids": [4]}
              |                                                                       ^^^ one id for each 512 tokens begun
              |
              = help: correct the list, or leave `hash_ids` out: then the prompt shares nothing
        "#]].assert_eq(&errors.render("t.jsonl", false));
    }

    /// Of the blocks of Kimi's hour of conversation, 37 % had been seen before (computed from the
    /// trace without this reader; `mooncake_conv_prefix_hit` of the facts).
    #[test]
    fn published_blocks_return_as_often_as_published() {
        let path = "../../../shared/traces/mooncake_conversation.jsonl.gz";
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let Ok(bytes) = std::fs::read(path) else {
            println!("skipped: ../shared absent");
            return;
        };
        let trace = read_trace(bytes.as_slice()).unwrap_or_else(|errors| panic!("{errors}"));
        let (mut seen, mut hits, mut blocks) = (BTreeSet::new(), 0, 0);
        for request in &trace.requests {
            let tokens: u32 = request.prompt.iter().map(|segment| segment.tokens).sum();
            assert_eq!(tokens, request.input_tokens);
            let known = |s: &&Segment| seen.contains(&s.content);
            hits += request.prompt.iter().take_while(known).count();
            blocks += request.prompt.len();
            seen.extend(request.prompt.iter().map(|segment| segment.content));
        }
        let share = hits as f64 / blocks as f64;
        assert!((share - 0.37).abs() < 0.005, "{share}");
    }
}
