//! "Did you mean": the names nearest to one that does not exist.

/// Words for the end of a message: `; did you mean 'a' or 'b'?`, or nothing.
pub(super) fn did_you_mean<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    let limit = (name.chars().count() / 3).clamp(1, 4);
    let mut near: Vec<(usize, &str)> = names
        .into_iter()
        .filter(|other| !other.is_empty() && *other != name)
        .filter_map(|other| distance(name, other, limit).map(|d| (d, other)))
        .collect();
    near.sort_unstable();
    near.dedup();
    match near[..] {
        [] => String::new(),
        [(_, one)] => format!("; did you mean '{one}'?"),
        [(_, one), (_, two), ..] => format!("; did you mean '{one}' or '{two}'?"),
    }
}

/// How many characters to insert, remove, replace or swap with their neighbour, if at most `limit`.
fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > 4 * limit || a.len() > 256 || b.len() > 256 {
        return None;
    }
    let a: Vec<char> = a.chars().map(|c| c.to_ascii_lowercase()).collect();
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut next = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = row[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            next[j] = replaced.min(row[j] + 1).min(next[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                next[j] = next[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut row, next);
    }
    Some(row[b.len()]).filter(|&d| d <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered() {
        let names = ["loop", "done", "main", "loops"];
        assert_eq!(did_you_mean("lopo", names), "; did you mean 'loop'?");
        assert_eq!(did_you_mean("Loop", names), "; did you mean 'loop' or 'loops'?");
        assert_eq!(did_you_mean("elsewhere", names), "");
        assert_eq!(did_you_mean("", names), "");
    }
}
