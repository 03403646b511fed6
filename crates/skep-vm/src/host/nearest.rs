//! Names that a mistyped one may have meant.

/// The names most like `name`, the nearest first: at most three, none that differs in more than a third of its letters.
pub(super) fn to<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<String> {
    if name.len() > 128 {
        return Vec::new();
    }
    let limit = (name.len() / 3).max(1);
    let mut near: Vec<(usize, &str)> = candidates
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= limit)
        .map(|candidate| (distance(name.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, candidate)| *distance <= limit && *candidate != name)
        .collect();
    near.sort_unstable();
    near.dedup();
    // What is much farther than the best is no help.
    let best = near.first().map_or(0, |(distance, _)| *distance);
    near.into_iter()
        .take_while(|(distance, _)| *distance <= best + 1)
        .take(3)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// How many letters to insert, delete, replace, or swap with their neighbour.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1; b.len() + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, to};

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("printf", "prinft", 1),
            ("printf", "printff", 1),
            ("printf", "prntf", 1),
            ("puts", "gets", 2),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
            assert_eq!(distance(b.as_bytes(), a.as_bytes()), expected, "{b} {a}");
        }
    }

    #[test]
    fn the_best_come_first_and_the_far_not_at_all() {
        let names = ["malloc", "calloc", "realloc", "free", "memcpy", "memcmp"];
        assert_eq!(to("mallok", names.into_iter()), ["malloc", "calloc"]);
        assert_eq!(to("memcp", names.into_iter()), ["memcmp", "memcpy"]);
        assert_eq!(to("zzz", names.into_iter()), Vec::<String>::new());
        assert_eq!(to(&"m".repeat(1 << 20), names.into_iter()), Vec::<String>::new());
    }
}
