//! The header, and where it says that types and strings are.

use super::blob::Parts;
use super::refusal::{Fault, Rule};
use crate::bytes::index;

/// The most that a kernel reads, in bytes.
const MAX_BLOB: usize = 16 << 20;
/// What the kernel knows of the header, in bytes.
const HEADER: usize = 24;

/// Finds types and strings.
pub(super) fn parts(bytes: &[u8]) -> Result<Parts<'_>, Fault> {
    let blob = |rule, found: String| Err(Fault::new(rule, 0, found));
    if bytes.len() > MAX_BLOB {
        return blob(Rule::BlobSize, format!("it has {} bytes", bytes.len()));
    }
    let Some(&len) = bytes.get(4..).and_then(|rest| rest.first_chunk()) else {
        return blob(Rule::HeaderLength, format!("it has {} bytes", bytes.len()));
    };
    let declared = index(u32::from_ne_bytes(len));
    let Some(given) = bytes.get(..declared) else {
        return blob(Rule::HeaderBytes, format!("it has {} bytes, and a header of {declared}", bytes.len()));
    };
    if let Some(at) = given.iter().skip(HEADER).position(|&byte| byte != 0) {
        return blob(
            Rule::HeaderTail,
            format!("byte {} of its header is {:#x}", at + HEADER, given[at + HEADER]),
        );
    }
    let header = Header::new(given);
    let magic = header.half(0);
    if magic != 0xeb9f {
        return blob(Rule::Magic, format!("it begins with {magic:#x}"));
    }
    let [version, flags] = header.half(2).to_ne_bytes();
    if version != 1 {
        return blob(Rule::Version, format!("it has version {version}"));
    }
    if flags != 0 {
        return blob(Rule::Flags, format!("it has flags {flags:#x}"));
    }
    let base = header.word(4);
    let data = bytes.get(index(base)..).unwrap_or_default();
    if data.is_empty() {
        return blob(Rule::NoData, "there is nothing behind the header".to_owned());
    }
    let types = Section { name: "types", start: header.word(8), len: header.word(12) };
    let strings = Section { name: "strings", start: header.word(16), len: header.word(20) };
    check_places(types, strings, base, data.len())?;
    let parts = Parts { types: types.of(data), strings: strings.of(data) };
    let strings_end = index(strings.start) + index(strings.len);
    if strings_end != data.len() {
        let found = format!("strings end {} bytes before it does", data.len() - strings_end);
        return blob(Rule::StringsPlace, found);
    }
    if parts.strings.first() != Some(&0) || parts.strings.last() != Some(&0) {
        let ends = [parts.strings.first(), parts.strings.last()];
        let found = match ends {
            [Some(first), Some(last)] => format!("strings begin with {first:#x} and end with {last:#x}"),
            _ => "there are no strings".to_owned(),
        };
        return blob(Rule::StringBytes, found);
    }
    if !types.start.is_multiple_of(4) {
        return blob(Rule::TypesAlign, format!("types begin at {}", types.start));
    }
    if types.len == 0 {
        return blob(Rule::NoTypes, "it has no types".to_owned());
    }
    Ok(parts)
}

/// The header as far as it is given; what is missing is zero.
struct Header([u8; HEADER]);

impl Header {
    fn new(given: &[u8]) -> Header {
        let mut header = [0; HEADER];
        let len = given.len().min(HEADER);
        header[..len].copy_from_slice(&given[..len]);
        Header(header)
    }

    fn half(&self, at: usize) -> u16 {
        u16::from_ne_bytes([self.0[at], self.0[at + 1]])
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_ne_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }
}

/// A part behind the header, from where it ends, in bytes.
#[derive(Clone, Copy)]
struct Section {
    name: &'static str,
    start: u32,
    len: u32,
}

impl Section {
    fn of(self, data: &[u8]) -> &[u8] {
        data.get(index(self.start)..).and_then(|rest| rest.get(..index(self.len))).unwrap_or_default()
    }
}

/// Whether the two sections fill the data, which begins at `base`.
fn check_places(types: Section, strings: Section, base: u32, total: usize) -> Result<(), Fault> {
    let wrong = |rule, found: String| Err(Fault::new(rule, 0, found));
    let mut sections = [types, strings];
    // In the order that the kernel sees, which subtracts numbers of 32 bits.
    let distance = |a: u32, b: u32| a.wrapping_sub(b).cast_signed().cmp(&0);
    sections.sort_by(|a, b| distance(a.start, b.start).then(distance(a.len, b.len)));
    let is_outside = |section: &Section| section.start.checked_add(base).is_none();
    if let Some(Section { name, start, .. }) = sections.iter().find(|section| is_outside(section)) {
        let found = format!("{name} begin at {start}, and {total} bytes follow the header");
        return wrong(Rule::SectionOffset, found);
    }
    let mut end = 0;
    for Section { name, start, len } in sections {
        let (start, len) = (index(start), index(len));
        if start > total {
            let found = format!("{name} begin at {start}, and {total} bytes follow the header");
            return wrong(Rule::SectionOffset, found);
        }
        if start > end {
            let found = format!("{name} begin at {start}, {} bytes behind what is before", start - end);
            return wrong(Rule::SectionGap, found);
        }
        if start < end {
            let found = format!("{name} begin at {start}, and what is before ends at {end}");
            return wrong(Rule::SectionOverlap, found);
        }
        if len > total - start {
            return wrong(
                Rule::SectionLength,
                format!("{name} have {len} bytes, and {} are left", total - start),
            );
        }
        end = start + len;
    }
    if end != total {
        return wrong(Rule::SectionGap, format!("{} bytes are behind the last section", total - end));
    }
    Ok(())
}
