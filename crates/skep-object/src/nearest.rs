//! "Did you mean": the names nearest to one that does not exist.

/// How many are offered.
const MAX: usize = 3;
/// Longer names are not compared: it takes time that grows with the square, and input may be hostile.
const LONGEST: usize = 128;

/// The names most like `name`, the nearest first: at most three, none that differs in more than a third of its
/// letters, in upper or lower case.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let limit = (name.chars().count() / 3).clamp(1, 4);
    if name.len() > LONGEST {
        return Vec::new();
    }
    let lower = name.to_lowercase();
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter(|other| !other.is_empty() && *other != name && other.len().abs_diff(name.len()) <= 4 * limit)
        .map(|other| (strsim::osa_distance(&lower, &other.to_lowercase()), other))
        .filter(|&(distance, _)| distance <= limit)
        .collect();
    near.sort_unstable();
    near.dedup();
    // What is much farther than the best is no help.
    let best = near.first().map_or(0, |&(distance, _)| distance);
    near.into_iter()
        .take_while(|&(distance, _)| distance <= best + 1)
        .take(MAX)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Words for the end of a message: `; did you mean 'a' or 'b'?`, or nothing.
#[must_use]
pub fn did_you_mean(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("; did you mean '{one}'?"),
        [first @ .., last] => format!("; did you mean '{}' or '{last}'?", first.join("', '")),
    }
}

#[cfg(test)]
mod tests {
    use super::{did_you_mean, nearest};

    #[test]
    fn the_best_come_first_and_the_far_not_at_all() {
        let names = ["malloc", "calloc", "realloc", "free", "memcpy", "memcmp", "main", "exit"];
        for (name, expected) in [
            ("mallok", &["malloc", "calloc"][..]),
            ("memcp", &["memcmp", "memcpy"]),
            ("mian", &["main"]),
            ("Main", &["main"]),
            ("main", &[]),
            ("zzz", &[]),
            ("", &[]),
            (&"m".repeat(1 << 20), &[]),
        ] {
            assert_eq!(nearest(name, names), expected, "{name:.20}");
        }
    }

    #[test]
    fn up_to_three_names_make_words() {
        let words =
            |names: &[&str]| did_you_mean(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(words(&[]), "");
        assert_eq!(words(&["a"]), "; did you mean 'a'?");
        assert_eq!(words(&["a", "b", "c"]), "; did you mean 'a', 'b' or 'c'?");
    }
}
