//! Errors, collected: each with the line that it is about.

use std::fmt;

use super::source::{Source, Span};

/// How many are kept; a file that has more is no assembly.
pub(super) const CAP: usize = 20;

/// What is wrong with an assembly file: at least one diagnostic, ordered by place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors {
    /// What is wrong.
    pub list: Vec<Diag>,
    /// How many more there are.
    pub more: usize,
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diag {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// How many characters it is about, at least 1.
    pub width: u32,
    /// What was found, what was expected, and the remedy if there is one.
    pub message: String,
    /// The line as it stands in the file, or of a long line the part around the column.
    pub text: String,
    /// How many characters of the line stand before `text`.
    pub skipped: u32,
}

impl std::error::Error for Errors {}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diag) in self.list.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{diag}")?;
        }
        match self.more {
            0 => Ok(()),
            1 => write!(f, "\nand 1 more error"),
            more => write!(f, "\nand {more} more errors"),
        }
    }
}

impl fmt::Display for Diag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Diag { file, line, column, width, message, text, skipped } = self;
        writeln!(f, "{file}:{line}:{column}: {message}")?;
        writeln!(f, "{line:5} | {text}")?;
        write!(f, "      | ")?;
        // Tabs stay tabs, so that the caret stands below what it means whatever a tab's width is.
        let before = (*column as usize).saturating_sub(1 + *skipped as usize);
        for c in text.chars().chain(std::iter::repeat(' ')).take(before) {
            write!(f, "{}", if c == '\t' { '\t' } else { ' ' })?;
        }
        for _ in 0..*width {
            write!(f, "^")?;
        }
        Ok(())
    }
}

/// A fault on its way to the list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) at: Span,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(at: Span, message: impl Into<String>) -> Self {
        Fault { at, message: message.into() }
    }
}

/// What a part of the assembler gives.
pub(super) type Parsed<T> = Result<T, Fault>;

/// The faults found so far.
#[derive(Default)]
pub(super) struct Faults {
    list: Vec<Fault>,
    more: usize,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        // The cap applies to what is shown; the order is by place, and later phases find earlier places.
        if self.list.len() < 16 * CAP {
            self.list.push(fault);
        } else {
            self.more += 1;
        }
    }

    /// Notes a fault, if it is one.
    pub(super) fn check<T>(&mut self, result: Parsed<T>) -> Option<T> {
        result.map_err(|fault| self.add(fault)).ok()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn into_errors(mut self, source: &Source<'_>) -> Errors {
        self.list.sort_by_key(|fault| fault.at.start);
        self.list.dedup();
        let more = self.more + self.list.len().saturating_sub(CAP);
        self.list.truncate(CAP);
        let list = self.list.into_iter().map(|fault| diag(source, fault)).collect();
        Errors { list, more }
    }
}

/// How many characters of a line are shown before the place that a message is about, and from there on.
const SHOWN_BEFORE: usize = 60;
const SHOWN_FROM: usize = 100;
/// How many characters a message has at most: names in it can be as long as the file.
const MESSAGE: usize = 500;

fn diag(source: &Source<'_>, fault: Fault) -> Diag {
    let (line, column) = source.position(fault.at.start);
    let whole = source.line_text(line);
    let before = column as usize - 1;
    let skipped = if before > SHOWN_FROM { before - SHOWN_BEFORE } else { 0 };
    let text: String = whole.chars().skip(skipped).take(before - skipped + SHOWN_FROM).collect();
    let marked = source.text.get(fault.at.start..fault.at.end).unwrap_or_default();
    let marked = marked.lines().next().unwrap_or_default().trim_end();
    let rest = text.chars().count().saturating_sub(before - skipped);
    let width = marked.chars().take(rest).count().max(1);
    let [width, skipped] = [width, skipped].map(|count| u32::try_from(count).unwrap_or(u32::MAX));
    Diag {
        file: source.name.to_string(),
        line,
        column,
        width,
        message: shorten(fault.message),
        text,
        skipped,
    }
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
