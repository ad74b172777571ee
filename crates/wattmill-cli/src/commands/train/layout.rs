//! Layouts as they are typed: `tp=8,pp=4,vpp=5,cp=2,ep=8,dp=16,zero=1`.

use wattmill::perf::{Sharding, TrainingLayout};

const ALLOWED: &str = "use tp, pp, vpp, cp, ep, etp, dp, zero, shard, sp, such as \
                       `tp=8,pp=4,cp=2,zero=1`, or `auto`";

/// The layout of `text` on `gpus` accelerators; what is not said is 1, and `dp` follows.
pub(super) fn parse(text: &str, gpus: u32) -> Result<TrainingLayout, String> {
    let mut layout = TrainingLayout::data(0);
    let (mut data, mut zero, mut shard, mut sequence) = (None, None, None, None);
    let mut seen: Vec<&str> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let Some((key, value)) = part.split_once('=') else {
            return Err(format!("--layout: `{part}` is no degree; {ALLOWED}"));
        };
        let (key, value) = (key.trim(), value.trim());
        if seen.contains(&key) {
            return Err(format!("--layout: `{key}` is there twice; say it once"));
        }
        seen.push(key);
        let least = u32::from(key != "zero" && key != "sp");
        let count = match value.parse::<u32>() {
            Ok(n) if n >= least => n,
            _ => {
                return Err(format!(
                    "--layout: `{part}` cannot be; write a whole number from {least} to {}",
                    u32::MAX
                ));
            }
        };
        match key {
            "tp" => layout.tensor = count,
            "pp" => layout.pipeline = count,
            "vpp" => layout.virtual_stages = count,
            "cp" => layout.context = count,
            "ep" => layout.expert = count,
            "etp" => layout.expert_tensor = count,
            "dp" => data = Some(count),
            "zero" => zero = Some(count),
            "shard" => shard = Some(count),
            "sp" => sequence = Some(count > 0),
            _ => return Err(format!("--layout: `{key}` is not known; {ALLOWED}")),
        }
    }
    let copy = layout.model_parallel();
    let whole = u64::from(gpus).checked_rem(copy) == Some(0);
    let follows = u64::from(gpus) / copy.max(1);
    let stated = data.map_or(whole, |data| u64::from(data).checked_mul(copy) == Some(gpus.into()));
    if !stated {
        let product = match data {
            Some(data) => format!("tp x cp x pp x dp = {}", u128::from(copy) * u128::from(data)),
            None => format!("tp x cp x pp = {copy}"),
        };
        let way_out = if whole {
            format!("use dp={follows}")
        } else {
            let fewer = follows * copy;
            if fewer > 0 { format!("use --gpus {fewer}") } else { format!("use --gpus {copy}") }
        };
        return Err(format!("--layout: {product} does not make --gpus {gpus}; {way_out}"));
    }
    // It divides a u32, so it is one.
    layout.data = u32::try_from(follows).unwrap_or(u32::MAX);
    layout.sequence_parallel = sequence.unwrap_or(layout.tensor > 1);
    let all = layout.data.saturating_mul(layout.context);
    let group = shard.unwrap_or(all);
    layout.sharding = match zero.unwrap_or(1) {
        0 => Sharding::None,
        1 => Sharding::Optimizer,
        2 => Sharding::Gradients { group },
        3 => Sharding::Full { group },
        other => return Err(format!("--layout: `zero={other}` cannot be; use 0, 1, 2 or 3")),
    };
    Ok(layout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_typed() {
        for text in ["tp=8,pp=4,vpp=5,cp=2,dp=16,zero=1", "tp=1,pp=1,dp=1024,zero=3,shard=8"] {
            assert_eq!(parse(text, 1024).unwrap().to_string(), text);
        }
        assert_eq!(parse("tp=8", 64).unwrap().data, 8);
    }

    #[test]
    fn degrees_that_contradict_each_other_are_refused() {
        let wrong = |text, gpus| parse(text, gpus).unwrap_err();
        assert!(wrong("tp=8,dp=4", 64).ends_with("does not make --gpus 64; use dp=8"));
        assert!(
            wrong("tp=3", 64).ends_with("tp x cp x pp = 3 does not make --gpus 64; use --gpus 63")
        );
        assert!(wrong("tp=128", 64).ends_with("use --gpus 128"));
        assert!(wrong("tp=8,tp=4", 64).contains("twice"));
        assert!(wrong("tp=0", 64).contains("from 1"));
        assert!(wrong("tq=8", 64).contains("`tq` is not known"));
        assert!(wrong("tp", 64).contains("no degree"));
        assert!(wrong("tp=4294967295,pp=4294967295,cp=4294967295", 64).contains("does not make"));
        assert!(wrong("zero=7", 64).contains("0, 1, 2 or 3"));
    }
}
