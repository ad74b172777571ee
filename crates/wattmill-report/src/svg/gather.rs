//! Of more parts than can be told apart, the smallest as one.

use std::borrow::Cow;

use super::sheet::MOST_FILLS;
use super::{Series, drawable};

/// The parts of a stack: all of them, or the largest and the sum of the others, which says how many it is.
pub(super) fn gathered(parts: &[Series]) -> Cow<'_, [Series]> {
    if parts.len() <= MOST_FILLS {
        return Cow::Borrowed(parts);
    }
    let values = |part: &Series| -> Vec<f64> {
        part.values.iter().map(|value| drawable(*value).unwrap_or(0.0)).collect()
    };
    let size = |part: &Series| values(part).iter().map(|value| value.abs()).sum::<f64>();
    let mut places: Vec<usize> = (0..parts.len()).collect();
    places.sort_by(|a, b| size(&parts[*b]).total_cmp(&size(&parts[*a])).then(a.cmp(b)));
    let rest = places.split_off(MOST_FILLS - 1);
    places.sort_unstable();
    let mut sum: Vec<f64> = Vec::new();
    for part in &rest {
        let values = values(&parts[*part]);
        sum.resize(sum.len().max(values.len()), 0.0);
        sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }
    let kept = places.into_iter().map(|place| parts[place].clone());
    kept.chain([Series::new(format!("{} others", rest.len()), sum).as_loss()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_of_many_are_one_and_nothing_is_lost() {
        let few: Vec<Series> =
            (0..MOST_FILLS).map(|i| Series::new(format!("{i}"), vec![1.0])).collect();
        assert_eq!(gathered(&few).len(), MOST_FILLS);
        let many: Vec<Series> = (0..40)
            .map(|i| Series::new(format!("{i}"), vec![f64::from(i * 7 % 40), f64::NAN]))
            .collect();
        let shown = gathered(&many);
        assert_eq!(shown.len(), MOST_FILLS);
        let others = &shown[MOST_FILLS - 1];
        assert_eq!((others.name.as_str(), others.loss), ("17 others", true));
        // 0 to 16 are the smallest.
        assert_eq!(others.values, [136.0, 0.0]);
        let all: f64 = shown.iter().map(|part| part.values[0]).sum();
        assert_eq!(all, 780.0);
    }
}
