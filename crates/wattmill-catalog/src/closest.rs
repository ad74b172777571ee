//! What a mistyped name may have meant.

/// Case and the choice between `_`, `-` and blank do not tell names apart.
fn normal(name: &str) -> String {
    name.trim().to_lowercase().replace(['_', ' '], "-")
}

/// Up to `most` of `names` that resemble `wrong`, the nearest first; names equally near keep their
/// order.
pub fn closest<'a>(
    wrong: &str,
    names: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Vec<&'a str> {
    let wrong = normal(wrong);
    let limit = (wrong.chars().count() / 3).max(2);
    let mut near: Vec<(usize, &str)> = names
        .into_iter()
        .filter_map(|name| {
            let other = normal(name);
            // A name cut short is a better guess than its distance says.
            let part = wrong.len() >= 3 && (other.contains(&wrong) || wrong.contains(&other));
            let distance = distance(&wrong, &other);
            let rank = if part { distance.min(limit) } else { distance };
            (rank <= limit && rank < wrong.len().max(1)).then_some((rank, name))
        })
        .collect();
    near.sort_by_key(|(rank, _)| *rank);
    near.truncate(most);
    near.into_iter().map(|(_, name)| name).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut older = vec![0; b.len() + 1];
    let mut old: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut new = vec![i];
        for j in 1..=b.len() {
            let replace = old[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(old[j] + 1).min(new[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(older[j - 2] + 1);
            }
            new.push(best);
        }
        older = std::mem::replace(&mut old, new);
    }
    old[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("hopper", "hopper"), 0);
        assert_eq!(distance("hoper", "hopper"), 1);
        assert_eq!(distance("hpoper", "hopper"), 1);
        assert_eq!(distance("é", "e"), 1);
    }

    #[test]
    fn suggests_what_resembles_and_nothing_else() {
        let names = ["h100-sxm", "h200-sxm", "gb200-nvl72", "vr-nvl72"];
        assert_eq!(closest("H100_SXM5", names, 2), ["h100-sxm", "h200-sxm"]);
        assert_eq!(closest("nvl72", names, 3), ["gb200-nvl72", "vr-nvl72"]);
        assert_eq!(closest("toaster", names, 3), [""; 0]);
        assert_eq!(closest("", names, 3), [""; 0]);
    }
}
