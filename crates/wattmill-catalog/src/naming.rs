//! When two spellings are one name.

/// Words at the end of a checkpoint's name that leave its architecture alone.
const CHECKPOINT: [&str; 10] =
    ["base", "chat", "instruct", "it", "thinking", "bf16", "fp8", "fp4", "nvfp4", "mxfp4"];

/// The form under which a name is looked up.
///
/// Case, the choice of separator and the `v` of a version do not tell names apart, nor does a
/// separator, except between digits: `LLaMA v3.3 70B` is `llama-3.3-70b`, `TPU-v4` is `tpu_v4`, and
/// `glm-4-5` is not `glm-45`.
pub(crate) fn key(name: &str) -> String {
    joined(&parts(name))
}

/// The forms under which the architecture of a checkpoint is looked up, the fullest first: as
/// written, without its owner (`owner/name`), and without the words at its end that name a tuning,
/// a number format or a date.
pub(crate) fn checkpoint_keys(name: &str) -> Vec<String> {
    let mut keys = vec![key(name)];
    let bare = name.rsplit_once('/').map_or(name, |(_, name)| name);
    let parts = parts(bare);
    let kept = parts.iter().rev().take_while(|part| is_checkpoint_word(part)).count();
    for end in (1..=parts.len()).rev().take(kept + 1) {
        keys.push(joined(&parts[..end]));
    }
    keys
}

fn is_checkpoint_word(part: &str) -> bool {
    let is_date = part.len() == 4 && part.bytes().all(|b| b.is_ascii_digit());
    is_date || CHECKPOINT.contains(&part)
}

fn parts(name: &str) -> Vec<String> {
    let separators = ['-', '_', ' ', '/'];
    let lower = name.trim().to_lowercase();
    lower.split(separators).filter(|part| !part.is_empty()).map(unversioned).collect()
}

fn unversioned(part: &str) -> String {
    let number = part.strip_prefix('v').filter(|rest| rest.starts_with(|c: char| c.is_numeric()));
    number.unwrap_or(part).to_owned()
}

fn joined(parts: &[String]) -> String {
    let mut text = String::new();
    for part in parts {
        let digit = |c: Option<char>| c.is_some_and(char::is_numeric);
        if digit(text.chars().last()) && digit(part.chars().next()) {
            text.push('-');
        }
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_meet() {
        assert_eq!(key("LLaMA v3.3 70B"), key("llama-3.3-70b"));
        assert_eq!(key("Qwen3_30B_a3B"), key("qwen3-30b-a3b"));
        assert_eq!(key("DeepSeek-V3/R1 671B"), key("deepseek-v3-r1-671b"));
        assert_eq!(key("deepseek3-671b"), key("DeepSeek-V3 671B"));
        assert_eq!(key(" TPU-v5e "), "tpu5e");
        assert_eq!(key("--"), "");
    }

    #[test]
    fn digits_stay_apart() {
        assert_ne!(key("glm-4-5"), key("glm-45"));
        assert_ne!(key("llama-3-70b"), key("llama-370b"));
        assert_ne!(key("llama-3.1-8b"), key("llama-3-1.8b"));
        assert_eq!(key("vr200"), "vr200");
    }

    #[test]
    fn a_checkpoint_sheds_its_owner_and_its_last_words() {
        assert_eq!(
            checkpoint_keys("Qwen/Qwen3-30B-A3B-Instruct-2507"),
            [
                "qwenqwen3-30ba3binstruct2507",
                "qwen3-30ba3binstruct2507",
                "qwen3-30ba3binstruct",
                "qwen3-30ba3b"
            ]
        );
        assert_eq!(checkpoint_keys("fp8"), ["fp8", "fp8"]);
        assert_eq!(checkpoint_keys(""), [""]);
    }
}
