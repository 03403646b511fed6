//! A layout as text.

use std::fmt::{self, Write};

use crate::layout::gaps::{self, Gaps, Hole};
use crate::layout::{Layout, Member, Sort, Variants};

/// Bytes that processors fetch together.
const CACHE_LINE: u64 = 64;

/// How wide the columns of types and names are, for members that are not nested; a level of nesting takes a tab.
const TYPE_WIDTH: usize = 26;
const NAME_WIDTH: usize = 21;
const TAB: usize = 8;

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer { f, line: 0 };
        printer.decl(self)?;
        if self.typedef.is_some() {
            printer.f.write_str("typedef ")?;
        }
        printer.head(self, "")?;
        printer.body(self, 1, 0)?;
        printer.stats(self)?;
        printer.f.write_str("}")?;
        if self.packed {
            printer.f.write_str(" __attribute__((__packed__))")?;
        }
        match &self.typedef {
            Some(name) => writeln!(printer.f, " {name};"),
            None => printer.f.write_str(";\n"),
        }
    }
}

struct Printer<'a, 'f> {
    f: &'a mut fmt::Formatter<'f>,
    /// The cache line that has been reached.
    line: u64,
}

impl Printer<'_, '_> {
    fn decl(&mut self, layout: &Layout) -> fmt::Result {
        let Some(decl) = &layout.decl else { return Ok(()) };
        if !decl.unit.is_empty() {
            writeln!(self.f, "/* Used at: {} */", decl.unit)?;
        }
        let die = decl.die.map(|die| format!("<{die:x}>"));
        let place = (!decl.file.is_empty()).then(|| match decl.line {
            0 => decl.file.clone(),
            line => format!("{}:{line}", decl.file),
        });
        let known: Vec<String> = die.into_iter().chain(place).collect();
        if known.is_empty() { Ok(()) } else { writeln!(self.f, "/* {} */", known.join(" ")) }
    }

    /// `struct name {`
    fn head(&mut self, layout: &Layout, qualifiers: &str) -> fmt::Result {
        let word = match layout.sort {
            Sort::Struct => "struct",
            Sort::Union => "union",
            Sort::Enum => "enum",
        };
        let space = if layout.name.is_empty() { "" } else { " " };
        writeln!(self.f, "{qualifiers}{word}{space}{} {{", layout.name)
    }

    fn indent(&mut self, tabs: usize) -> fmt::Result {
        (0..tabs).try_for_each(|_| self.f.write_char('\t'))
    }

    /// What is between the braces; the layout starts `base` bytes from the start of the outermost.
    fn body(&mut self, layout: &Layout, indent: usize, base: u64) -> fmt::Result {
        for constant in &layout.constants {
            self.indent(indent)?;
            writeln!(self.f, "{} = {},", constant.name, constant.value)?;
        }
        match &layout.variants {
            Some(variants) => self.variants(variants, indent, base),
            None => {
                let gaps = gaps::of(layout.sort, layout.size, layout.members.iter().map(Member::span));
                self.members(layout.sort, &layout.members, &gaps, indent, base)
            }
        }
    }

    fn members(
        &mut self,
        sort: Sort,
        members: &[Member],
        gaps: &Gaps,
        indent: usize,
        base: u64,
    ) -> fmt::Result {
        let mut notes: Vec<String> = Vec::new();
        let mut previous: Option<&Member> = None;
        for (i, (member, hole)) in members.iter().zip(&gaps.before).enumerate() {
            let is_last = i > 0 && i + 1 == members.len() && sort == Sort::Struct;
            hole_notes(*hole, &mut notes);
            if let Some(previous) = previous
                && let Some(note) = combined(previous, member)
            {
                notes.push(note);
            }
            self.notes(&mut notes, indent)?;
            self.cache_line(base.saturating_add(member.byte_offset()), indent)?;
            let line = self.line;
            self.member(member, is_last, indent, base)?;
            if sort == Sort::Union {
                self.line = line;
            }
            if member.padding > 0 {
                let padding = member.padding;
                notes.push(format!("XXX last struct has {} of padding", count(padding, "byte")));
            }
            previous = Some(member);
        }
        // What follows begins with a blank line, or is a brace.
        if !notes.is_empty() {
            self.f.write_char('\n')?;
            self.lines(&mut notes, indent)?;
        }
        Ok(())
    }

    /// Comments between blank lines.
    fn notes(&mut self, notes: &mut Vec<String>, indent: usize) -> fmt::Result {
        if notes.is_empty() {
            return Ok(());
        }
        self.f.write_char('\n')?;
        self.lines(notes, indent)?;
        self.f.write_char('\n')
    }

    fn lines(&mut self, notes: &mut Vec<String>, indent: usize) -> fmt::Result {
        for note in notes.drain(..) {
            self.indent(indent)?;
            writeln!(self.f, "/* {note} */")?;
        }
        Ok(())
    }

    fn cache_line(&mut self, offset: u64, indent: usize) -> fmt::Result {
        let line = offset / CACHE_LINE;
        if line <= self.line {
            return Ok(());
        }
        self.line = line;
        self.indent(indent)?;
        write!(self.f, "/* --- cacheline {line} boundary ({} bytes)", line * CACHE_LINE)?;
        match offset % CACHE_LINE {
            0 => {}
            ago => write!(self.f, " was {} ago", count(ago, "byte"))?,
        }
        self.f.write_str(" --- */\n")
    }

    fn member(&mut self, member: &Member, is_last: bool, indent: usize, base: u64) -> fmt::Result {
        let (before, mut declarator) = member.ty.declare(&member.name);
        if is_last && let Some(flexible) = declarator.strip_suffix("[0]") {
            declarator = format!("{flexible}[]");
        }
        let bits = member.bit_size.map(|bits| format!(":{bits}")).unwrap_or_default();
        let offset = base.saturating_add(member.byte_offset());
        self.indent(indent)?;
        let width = TYPE_WIDTH.saturating_sub(TAB * (indent - 1));
        match &member.nested {
            Some(nested) => {
                let (qualifiers, stars) = before.split_at(before.find('*').unwrap_or(before.len()));
                let is_inline = nested.name.is_empty() || nested.members.is_empty();
                let qualifiers = if is_inline && !qualifiers.is_empty() { qualifiers } else { "" };
                let space = if qualifiers.is_empty() || qualifiers.ends_with(' ') { "" } else { " " };
                self.head(nested, &format!("{qualifiers}{space}"))?;
                // A pointer leads elsewhere, where offsets and cache lines start anew.
                let is_pointer = member.ty.is_pointer();
                let line = self.line;
                if is_pointer {
                    self.line = 0;
                }
                self.body(nested, indent + 1, if is_pointer { 0 } else { offset })?;
                if is_pointer {
                    self.line = line;
                }
                self.indent(indent)?;
                let space = if stars.is_empty() && declarator.is_empty() { "" } else { " " };
                let packed = if nested.packed { " __attribute__((__packed__))" } else { "" };
                let end = format!("}}{packed}{space}{stars}{declarator}{bits};");
                write!(self.f, "{end:<0$} ", width + 1 + NAME_WIDTH)?;
            }
            None => {
                // A type without a name that is too deep inside of others to be told.
                let before = if before.is_empty() { "..." } else { &before };
                let text = format!("{before:<width$} {declarator}{bits};");
                write!(self.f, "{text:<0$} ", width + 1 + NAME_WIDTH)?;
            }
        }
        match member.bit_size {
            Some(_) => writeln!(self.f, "/* {offset:5}:{:2} {:2} */", member.bit_in_unit(), member.size),
            None => writeln!(self.f, "/* {offset:5} {:5} */", member.size),
        }
    }

    fn variants(&mut self, variants: &Variants, indent: usize, base: u64) -> fmt::Result {
        if let Some(discriminant) = &variants.discriminant {
            let (before, _) = discriminant.ty.declare("");
            self.indent(indent)?;
            let offset = base.saturating_add(discriminant.byte_offset());
            let text = format!("/* discriminant: {before}");
            let width = (TYPE_WIDTH + 1 + NAME_WIDTH + 3).saturating_sub(TAB * (indent - 1));
            writeln!(self.f, "{text:<width$} {offset:5} {:5} */", discriminant.size)?;
        }
        for variant in &variants.list {
            // Each starts anew at the first cache line.
            let line = self.line;
            self.indent(indent)?;
            self.f.write_str(&variant.name)?;
            match (variant.value, &variants.discriminant) {
                (Some(value), _) => write!(self.f, " = {value}")?,
                (None, Some(_)) => self.f.write_str(" = _")?,
                (None, None) => {}
            }
            if variant.members.is_empty() {
                self.f.write_str(",\n")?;
                continue;
            }
            self.f.write_str(" {\n")?;
            // What is unused in a variant others use.
            let gaps = Gaps { before: vec![Hole::default(); variant.members.len()], end: Hole::default() };
            self.members(Sort::Struct, &variant.members, &gaps, indent + 1, base)?;
            self.indent(indent)?;
            self.f.write_str("},\n")?;
            self.line = line;
        }
        Ok(())
    }

    /// The summary.
    fn stats(&mut self, layout: &Layout) -> fmt::Result {
        if layout.sort == Sort::Enum && layout.variants.is_none() {
            return Ok(());
        }
        let size = layout.size;
        let lines = size.div_ceil(CACHE_LINE);
        let (elements, number) = match &layout.variants {
            Some(variants) => ("variants", variants.list.len()),
            None => ("members", layout.members.len()),
        };
        if !layout.members.is_empty() || layout.variants.is_some() {
            self.f.write_char('\n')?;
        }
        writeln!(self.f, "\t/* size: {size}, cachelines: {lines}, {elements}: {number} */")?;
        if layout.sort == Sort::Struct {
            self.sums(layout)?;
        }
        match size % CACHE_LINE {
            0 => Ok(()),
            last => writeln!(self.f, "\t/* last cacheline: {} */", count(last, "byte")),
        }
    }

    fn sums(&mut self, layout: &Layout) -> fmt::Result {
        let gaps = gaps::of(layout.sort, layout.size, layout.members.iter().map(Member::span));
        let holes = |part: fn(&Hole) -> u64| {
            let each = gaps.before.iter().map(part).filter(|&size| size > 0);
            (each.clone().count(), each.sum::<u64>())
        };
        let ((holes, bytes), (bit_holes, bits)) = (holes(|hole| hole.bytes), holes(|hole| hole.bits));
        let members: u64 =
            layout.members.iter().filter(|member| member.bit_size.is_none()).map(|m| m.size).sum();
        let fields: u64 = layout.members.iter().filter_map(|member| member.bit_size).sum();
        if holes + bit_holes > 0 {
            match holes {
                0 if members == 0 => {}
                0 => writeln!(self.f, "\t/* sum members: {members} */")?,
                _ => writeln!(self.f, "\t/* sum members: {members}, holes: {holes}, sum holes: {bytes} */")?,
            }
            if fields > 0 {
                write!(self.f, "\t/* sum bitfield members: {}", count(fields, "bit"))?;
                if bit_holes == 0 {
                    write!(self.f, " ({})", count(fields / 8, "byte"))?;
                } else {
                    write!(self.f, ", bit holes: {bit_holes}, sum bit holes: {}", count(bits, "bit"))?;
                }
                self.f.write_str(" */\n")?;
            }
        }
        if gaps.end.bytes > 0 {
            writeln!(self.f, "\t/* padding: {} */", gaps.end.bytes)?;
        }
        let paddings = layout.members.iter().map(|member| member.padding).filter(|&padding| padding > 0);
        let (number, sum) = (paddings.clone().count(), paddings.sum::<u64>());
        if number > 0 {
            writeln!(self.f, "\t/* paddings: {number}, sum paddings: {sum} */")?;
        }
        if gaps.end.bits > 0 {
            writeln!(self.f, "\t/* bit_padding: {} */", count(gaps.end.bits, "bit"))?;
        }
        Ok(())
    }
}

fn hole_notes(hole: Hole, notes: &mut Vec<String>) {
    for (size, unit) in [(hole.bits, "bit"), (hole.bytes, "byte")] {
        if size > 0 {
            notes.push(format!("XXX {} hole, try to pack", count(size, unit)));
        }
    }
}

/// What is said where a bit-field's unit has other members in it.
fn combined(previous: &Member, member: &Member) -> Option<String> {
    let (before, now) = (previous.byte_offset(), member.byte_offset());
    if previous.size == 0 {
        return None;
    }
    if now < before || (now == before && previous.bit_size.is_none() && member.bit_size.is_some()) {
        return Some("Bitfield combined with previous fields".to_owned());
    }
    (now > before && now - before < previous.size).then(|| "Bitfield combined with next fields".to_owned())
}

fn count(number: u64, unit: &str) -> String {
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}
