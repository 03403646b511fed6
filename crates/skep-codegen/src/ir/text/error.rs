//! Errors, collected: each with the line that it is about.

use std::ops::Range;

use super::{Diag, Errors};

/// How many are kept; a file that has more is something else.
const CAP: usize = 20;
/// How many characters of a line are shown before the place that a message is about, and from there on.
const SHOWN_BEFORE: usize = 60;
const SHOWN_FROM: usize = 100;
/// How many characters a message has at most: names in it can be as long as the file.
const MESSAGE: usize = 500;

/// Something wrong, at bytes of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: Range<usize>,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(at: &Range<usize>, message: impl Into<String>) -> Fault {
        Fault { at: at.clone(), message: message.into() }
    }
}

/// What a part of the parser gives.
pub(super) type Parsed<T> = Result<T, Fault>;

/// All faults, as they are shown: ordered by place, with their lines.
pub(super) fn errors(name: &str, text: &str, mut faults: Vec<Fault>) -> Errors {
    faults.sort_by_key(|fault| fault.at.start);
    faults.dedup();
    let more = faults.len().saturating_sub(CAP);
    faults.truncate(CAP);
    let lines: Vec<usize> =
        std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let list = faults.into_iter().map(|fault| diag(name, text, &lines, fault)).collect();
    Errors { list, more }
}

fn diag(name: &str, text: &str, lines: &[usize], fault: Fault) -> Diag {
    let Range { start, end } = fault.at;
    let line = lines.partition_point(|&first| first <= start).saturating_sub(1);
    let whole = text[lines[line]..].lines().next().unwrap_or_default();
    let before = text[lines[line]..start].chars().count();
    let skipped = if before > SHOWN_FROM { before - SHOWN_BEFORE } else { 0 };
    let shown: String = whole.chars().skip(skipped).take(before - skipped + SHOWN_FROM).collect();
    let marked = text[start..end].lines().next().unwrap_or_default().trim_end();
    let rest = shown.chars().count().saturating_sub(before - skipped);
    let width = marked.chars().take(rest).count().max(1);
    let [line, column, width, skipped] =
        [line + 1, before + 1, width, skipped].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    Diag { file: name.to_owned(), line, column, width, message: shorten(fault.message), text: shown, skipped }
}

/// A message without the middle, if it is too long.
fn shorten(message: String) -> String {
    let chars = message.chars().count();
    if chars <= MESSAGE {
        return message;
    }
    let head = message.chars().take(MESSAGE / 2);
    head.chain("...".chars()).chain(message.chars().skip(chars - MESSAGE / 2)).collect()
}
