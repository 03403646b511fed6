//! Names that somebody may have meant.

/// How many are offered.
const MAX: usize = 3;

/// The names nearest to `name`, best first; none that differ in more than a third.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let limit = (name.chars().count() / 3).max(1);
    let mut near: Vec<_> = candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|&(distance, _)| distance <= limit)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(MAX).map(|(_, candidate)| candidate.to_owned()).collect()
}

/// How many characters must be added, removed, replaced or swapped with their neighbour to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let mut rows = [vec![0; a.len() + 1], (0..=a.len()).collect::<Vec<_>>(), vec![0; a.len() + 1]];
    let mut before = None;
    for (i, c) in b.chars().enumerate() {
        let [older, old, new] = &mut rows;
        new[0] = i + 1;
        for (j, &d) in a.iter().enumerate() {
            let edited = (old[j] + usize::from(c != d)).min(old[j + 1] + 1).min(new[j] + 1);
            let swapped = j > 0 && a[j - 1] == c && before == Some(d);
            new[j + 1] = if swapped { edited.min(older[j - 1] + 1) } else { edited };
        }
        rows.rotate_left(1);
        before = Some(c);
    }
    rows[1][a.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distance_counts_edits() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("main", "main", 0),
            ("main", "mian", 1),
            ("main", "man", 1),
            ("abc", "xyz", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn the_nearest_come_first() {
        assert_eq!(nearest("mian", ["exit", "man", "main", "min", "pain"]), ["main", "man", "min"]);
        assert!(nearest("x", ["main", "exit"]).is_empty());
    }
}
