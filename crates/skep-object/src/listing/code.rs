//! Functions.

use std::fmt;

use skep_btf::{ByteOff, CoreRelo, LineInfo, Lines};
use skep_insn::helper::{FIRST_USER, Helper, user_name};
use skep_insn::{Callee, Endian, Insn, RawInsn, Slot};

use super::names::{self, Label, Names};
use super::{Listing, Out};
use crate::object::{Binding, Func, Object, Place, Reloc, SectionId, SectionKind, SymbolId, SymbolKind};
use crate::section::ProgramSection;

/// A code section: all its functions that are to be listed.
pub(super) fn section(
    listing: &Listing<'_>,
    names: &Names<'_>,
    id: SectionId,
    out: &mut Out<'_, '_>,
) -> fmt::Result {
    let object = listing.object;
    let section = object.section(id);
    out.column = if listing.bytes { super::BEHIND_BYTES } else { super::BEHIND_CODE };
    let is_listed = |index: &usize| listing.only.is_empty() || listing.only.contains(index);
    let first = object.funcs.partition_point(|func| func.section < id);
    let funcs = (first..).zip(object.funcs_in(id));
    let mut funcs = funcs.filter(|(index, _)| is_listed(index)).peekable();
    if funcs.peek().is_none() {
        return Ok(());
    }
    out.end()?;
    out.directive(format_args!(".section {},\"ax\"", names::spell(&section.name)));
    if let Some(program) = ProgramSection::parse(&section.name) {
        out.note(format_args!("programs of type {}", program.ty));
    }
    out.end()?;
    if section.align > 8 {
        out.directive(format_args!(".balign {}", section.align));
        out.end()?;
    }
    let mut source = Source::new(listing, id);
    for (index, func) in funcs {
        let starts = names::starts_of(object, func);
        Function { listing, names, index, func, starts }.list(&mut source, out)?;
    }
    Ok(())
}

/// Lines and CO-RE relocations of a section, in step with its instructions.
struct Source<'a> {
    lines: Option<Lines<'a>>,
    core: Vec<&'a CoreRelo>,
    file: String,
    /// What stands beside the next instruction.
    beside: Option<String>,
}

impl<'a> Source<'a> {
    fn new(listing: &Listing<'a>, id: SectionId) -> Self {
        let object = listing.object;
        let mut core: Vec<&CoreRelo> = match (&object.btf, &object.btf_ext) {
            (Some(btf), Some(ext)) => ext.relos_of(btf, &object.section(id).name).collect(),
            _ => Vec::new(),
        };
        core.sort_by_key(|relo| relo.at);
        let lines = object.lines(id).filter(|_| listing.source);
        Source { lines, core, file: String::new(), beside: None }
    }

    /// The lines that begin in a function.
    fn of(&self, func: &Func) -> Vec<LineInfo> {
        let [start, end] = [func.offset(), func.offset() + u64::from(func.len) * 8].map(byte_off);
        self.lines.as_ref().map_or(Vec::new(), |lines| lines.within(start..end).to_vec())
    }

    /// Shows a line above the instructions that were made from it; of assembly, where each line is an instruction,
    /// its number beside it.
    fn show(&mut self, line: &LineInfo, out: &mut Out<'_, '_>) -> fmt::Result {
        let Some(lines) = &self.lines else { return Ok(()) };
        let line = lines.show(line);
        if line.file != self.file {
            self.file = line.file.to_owned();
            out.remark(format_args!("file {}", line.file))?;
        }
        let base = line.file.rsplit('/').next().unwrap_or_default();
        if base.ends_with(".s") || base.ends_with(".S") {
            self.beside = Some(format!("{base}:{}", line.line));
            return Ok(());
        }
        // The text of a line holds tabs.
        let text = line.text.trim().replace('\t', " ");
        let gap = if text.is_empty() { "" } else { "  " };
        out.remark(format_args!("{base}:{}{gap}{text}", line.line))
    }
}

fn byte_off(offset: u64) -> ByteOff {
    ByteOff(u32::try_from(offset).unwrap_or(u32::MAX))
}

/// A function as it is listed.
struct Function<'l, 'a> {
    listing: &'l Listing<'a>,
    names: &'l Names<'a>,
    /// Its index in the object.
    index: usize,
    func: &'a Func,
    /// Which of its slots begin an instruction.
    starts: Vec<bool>,
}

impl<'a> Function<'_, 'a> {
    fn object(&self) -> &'a Object {
        self.listing.object
    }

    fn list(&self, source: &mut Source<'_>, out: &mut Out<'_, '_>) -> fmt::Result {
        self.head(out)?;
        let object = self.object();
        let code = object.code(self.func);
        let labels = self.labels(code);
        let mut labels = labels.iter().peekable();
        let lines = source.of(self.func);
        let mut lines = lines.iter().peekable();
        let mut relocs = object.relocs_of(self.func).iter().peekable();
        let first_core = source.core.partition_point(|relo| relo.at < byte_off(self.func.offset()));
        let mut core = first_core;
        let mut shown: Option<&LineInfo> = None;
        let mut others = self.symbols_inside().peekable();
        let mut at = Slot(0);
        while let Some(rest) = code.get(at.index()..).filter(|rest| !rest.is_empty()) {
            let offset = self.func.offset() + at.bytes();
            while let Some(id) = others.next_if(|&id| object.symbol_by_id(id).value <= offset) {
                match offset - object.symbol_by_id(id).value {
                    0 => self.symbol(id, out)?,
                    back => {
                        out.remark(format_args!("'{}' stands {back} bytes back", self.names.symbol(id)))?
                    }
                }
            }
            if let Some((slot, from)) = labels.next_if(|(slot, _)| *slot == at.0) {
                out.text(format_args!("{}:", Label(self.index, *slot)));
                note_sources(from, out);
                out.end()?;
            }
            while let Some(line) = lines.next_if(|line| u64::from(line.at.0) <= offset) {
                if shown.is_none_or(|shown| (shown.file, shown.line) != (line.file, line.line)) {
                    source.show(line, out)?;
                }
                shown = Some(line);
            }
            let reloc = relocs.next_if(|reloc| reloc.offset == offset);
            let relo = source.core.get(core).filter(|relo| u64::from(relo.at.0) == offset);
            core += usize::from(relo.is_some());
            let (relo, beside) = (relo.copied(), source.beside.take());
            at = self.insn(at, rest, reloc, relo, beside, out)?;
        }
        Ok(())
    }

    fn head(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        out.end()?;
        let object = self.object();
        let slots = self.func.len;
        // All names of the place.
        let placed = self.names.placed(self.func.section);
        let start = placed.partition_point(|&id| object.symbol_by_id(id).value < self.func.offset());
        let here =
            placed[start..].iter().take_while(|&&id| object.symbol_by_id(id).value == self.func.offset());
        let plural = if slots == 1 { "" } else { "s" };
        let here: Vec<SymbolId> = here.copied().collect();
        for (&id, left) in here.iter().zip((0..here.len()).rev()) {
            self.directives(id, out)?;
            out.text(format_args!("{}:", self.names.symbol(id)));
            if left == 0 {
                out.note(format_args!("{slots} slot{plural} at {:#x}", self.func.offset()));
            }
            out.end()?;
        }
        Ok(())
    }

    /// Names inside of the function that are no functions of their own.
    fn symbols_inside(&self) -> impl Iterator<Item = SymbolId> {
        let object = self.object();
        let placed = self.names.placed(self.func.section);
        let after = placed.partition_point(|&id| object.symbol_by_id(id).value <= self.func.offset());
        let end = self.func.offset() + u64::from(self.func.len) * 8;
        placed[after..].iter().copied().take_while(move |&id| object.symbol_by_id(id).value < end)
    }

    fn symbol(&self, id: SymbolId, out: &mut Out<'_, '_>) -> fmt::Result {
        self.directives(id, out)?;
        out.line(format_args!("{}:", self.names.symbol(id)))
    }

    fn directives(&self, id: SymbolId, out: &mut Out<'_, '_>) -> fmt::Result {
        let symbol = self.object().symbol_by_id(id);
        let name = self.names.symbol(id);
        visibility(self.object(), id, name, out)?;
        if symbol.kind == SymbolKind::Func && symbol.binding == Binding::Local {
            out.directive(format_args!(".type {name},@function"));
            out.end()?;
        }
        Ok(())
    }

    /// The slots that something refers to, and the jumps among that.
    fn labels(&self, code: &[RawInsn]) -> Vec<(u32, Vec<u32>)> {
        let mut jumps: Vec<(u32, Option<u32>)> =
            self.names.labels_of(self.index).map(|slot| (slot, None)).collect();
        for (&is_start, at) in self.starts.iter().zip(0..) {
            let insn = Insn::decode(&code[Slot(at).index()..]).ok().filter(|_| is_start);
            if let Some(target) = insn.and_then(|insn| self.jump_target(Slot(at), insn.jump_offset()?)) {
                jumps.push((target.0, Some(at)));
            }
        }
        jumps.sort_unstable();
        let groups = jumps.chunk_by(|a, b| a.0 == b.0);
        groups.map(|group| (group[0].0, group.iter().filter_map(|(_, from)| *from).collect())).collect()
    }

    /// Lists an instruction; where the next one begins.
    fn insn(
        &self,
        at: Slot,
        rest: &[RawInsn],
        reloc: Option<&Reloc>,
        core: Option<&CoreRelo>,
        beside: Option<String>,
        out: &mut Out<'_, '_>,
    ) -> Result<Slot, fmt::Error> {
        let (endian, raw) = (self.object().endian, rest[0]);
        out.text(format_args!("{:>6}: ", at.0));
        let insn = match Insn::decode(rest) {
            Ok(insn) => insn,
            Err(error) => {
                let bytes = raw.to_bytes(endian).map(|byte| format!("{byte:#04x}"));
                out.text(format_args!(".byte {}", bytes.join(",")));
                out.note(error.kind);
                out.end()?;
                return Ok(at.next());
            }
        };
        if self.listing.bytes {
            out.text(format_args!("/* {} */ ", Bytes(raw, endian)));
        }
        let symbol = match (insn, reloc) {
            (_, Some(reloc)) => Some(self.reference(reloc, out)),
            (Insn::Call(Callee::Subprog(rel)), None) => self.callee(at, rel, out),
            (Insn::Call(Callee::Helper(id)), None) => self.helper(id, out),
            _ => insn.jump_offset().and_then(|off| self.jump(at, off, out)),
        };
        match symbol {
            Some(name) => out.text(insn.display_with(&name)),
            None => out.text(insn),
        }
        if let Some(relo) = core {
            self.note_core(relo, out);
        }
        if let Some(beside) = beside {
            out.note(beside);
        }
        out.end()?;
        if let (true, 2, Some(&second)) = (self.listing.bytes, insn.slots(), rest.get(1)) {
            out.line(format_args!("        /* {} */", Bytes(second, endian)))?;
        }
        Ok(Slot(at.0 + insn.slots()))
    }

    /// The name of what a relocation refers to; says more about it in the comment.
    fn reference(&self, reloc: &Reloc, out: &mut Out<'_, '_>) -> String {
        let object = self.object();
        let symbol = object.symbol_by_id(reloc.symbol);
        let name = self.names.target(reloc.symbol, reloc.addend);
        let offset = symbol.value.wrapping_add_signed(reloc.addend);
        match symbol.place {
            Place::Undefined => match symbol.binding {
                Binding::Weak => out.note("weak, defined elsewhere"),
                _ => out.note("defined elsewhere"),
            },
            Place::Absolute => {}
            Place::Section(id) => match object.section(id).kind {
                SectionKind::Maps => {
                    if let Some(map) = object.map_at(id, offset) {
                        out.note(format_args!("map, {}", super::tables::short_type(map.def.ty)));
                    }
                }
                SectionKind::Code => {}
                SectionKind::Rodata | SectionKind::Data => {
                    if let Some(text) = names::string_at(object, id, offset) {
                        out.note(text);
                    }
                }
                SectionKind::Bss | SectionKind::Note | SectionKind::Other => {}
            },
        }
        name
    }

    /// The name of a function that is called without a relocation.
    fn callee(&self, at: Slot, rel: i32, out: &mut Out<'_, '_>) -> Option<String> {
        let slot = Slot(self.func.start + at.0).jump(rel);
        let func = slot.and_then(|slot| self.object().func_at(self.func.section, slot.0));
        match (slot, func) {
            (Some(slot), Some(func)) if func.start == slot.0 => {
                Some(self.names.symbol(func.symbol).to_owned())
            }
            (Some(slot), Some(func)) => {
                let offset = Slot(slot.0 - func.start).bytes();
                out.note(format_args!("inside of {}, at +{offset:#x}", self.names.symbol(func.symbol)));
                None
            }
            _ => {
                out.note("outside of the section");
                None
            }
        }
    }

    fn helper(&self, id: i32, out: &mut Out<'_, '_>) -> Option<String> {
        let name = Helper::from_id(id).map(Helper::name);
        // Where a symbol has a helper's name, the number says which is meant.
        match name {
            Some(name) if !self.names.is_symbol(name) => {
                out.note(format_args!("helper {id}"));
                Some(name.to_owned())
            }
            Some(name) => {
                out.note(format_args!("helper {name}"));
                None
            }
            None => {
                let what = if id >= FIRST_USER { "a helper of user space" } else { "unknown helper" };
                out.note(user_name(id).unwrap_or(what));
                None
            }
        }
    }

    fn jump(&self, at: Slot, off: i32, out: &mut Out<'_, '_>) -> Option<String> {
        let target = self.jump_target(at, off);
        if target.is_none() {
            let inside = at.jump(off).is_some_and(|target| target.0 < self.func.len);
            out.note(if inside { "into the middle of an instruction" } else { "leaves the function" });
        }
        target.map(|target| Label(self.index, target.0).to_string())
    }

    /// Where a jump goes, if that is an instruction of the function.
    fn jump_target(&self, at: Slot, off: i32) -> Option<Slot> {
        at.jump(off).filter(|target| self.starts.get(target.index()) == Some(&true))
    }

    fn note_core(&self, relo: &CoreRelo, out: &mut Out<'_, '_>) {
        let Some(btf) = &self.object().btf else { return };
        let ty = super::tables::type_name(btf, relo.ty);
        out.note(format_args!("{} {ty} {}", relo.kind, btf.string(relo.access)));
    }
}

/// `.globl`, `.weak` and `.hidden`.
pub(super) fn visibility(object: &Object, id: SymbolId, name: &str, out: &mut Out<'_, '_>) -> fmt::Result {
    let symbol = object.symbol_by_id(id);
    let binding = match symbol.binding {
        Binding::Local => None,
        Binding::Global => Some(".globl"),
        Binding::Weak => Some(".weak"),
    };
    let hidden = symbol.hidden.then_some(".hidden");
    for directive in binding.into_iter().chain(hidden) {
        out.directive(format_args!("{directive} {name}"));
        out.end()?;
    }
    Ok(())
}

/// `from 3, 7`
fn note_sources(from: &[u32], out: &mut Out<'_, '_>) {
    const SHOWN: usize = 8;
    let shown: Vec<String> = from.iter().take(SHOWN).map(u32::to_string).collect();
    match (from.len(), from.len().saturating_sub(SHOWN)) {
        (0, _) => out.note("its address is taken"),
        (_, 0) => out.note(format_args!("from {}", shown.join(", "))),
        (_, more) => out.note(format_args!("from {} and {more} more", shown.join(", "))),
    }
}

/// The bytes of a slot, as they stand in the file.
struct Bytes(RawInsn, Endian);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.to_bytes(self.1).map(|byte| format!("{byte:02x}"));
        f.write_str(&bytes.join(" "))
    }
}
