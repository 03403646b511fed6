//! Objects to ELF, in clang's dialect.

use std::collections::HashMap;

use skep_btf::BtfExt;
use skep_insn::{Endian, RawInsn};

use super::dialect;
use super::raw::{
    EHDR_SIZE, ELFCLASS64, ELFDATA2LSB, ELFDATA2MSB, EM_BPF, ET_REL, EV_CURRENT, REL_SIZE, SHDR_SIZE,
    SHF_ALLOC, SHF_EXECINSTR, SHF_INFO_LINK, SHF_MERGE, SHF_STRINGS, SHF_WRITE, SHN_ABS, SHN_LORESERVE,
    SHN_UNDEF, SHN_XINDEX, SHT_NOBITS, SHT_PROGBITS, SHT_REL, SHT_STRTAB, SHT_SYMTAB, SHT_SYMTAB_SHNDX,
    STB_GLOBAL, STB_LOCAL, STB_WEAK, STT_FUNC, STT_NOTYPE, STT_OBJECT, STT_SECTION, STV_DEFAULT, STV_HIDDEN,
    SYM_SIZE, Writer,
};
use crate::object::{
    Binding, Contents, Object, Place, Reloc, RelocKind, Section, SectionKind, Symbol, SymbolKind,
};

/// Writes an object as an ELF64 relocatable file, in the byte order of the object.
///
/// The object must be in the normal form that [`Object::index`] gives it; what [`read`](super::read) makes of the
/// result equals it, but for its name and remarks. The same object gives the same bytes.
#[must_use]
pub fn write(object: &Object) -> Vec<u8> {
    let mut file = Out::new(object.endian);
    let sections: Vec<u32> = object.sections.iter().map(|section| file.section(object, section)).collect();
    file.types(object);
    if !dialect::is_told(object) || !object.divisible {
        file.comment(object.divisible);
    }
    let symtab = file.symbols(object, &sections);
    file.relocations(symtab);
    file.finish()
}

/// A file in the making: the header stands, contents are appended, the section headers follow at the end.
struct Out {
    bytes: Writer,
    names: StringTable,
    headers: Vec<Header>,
}

/// A section header.
#[derive(Default)]
struct Header {
    name: u32,
    ty: u32,
    flags: u64,
    offset: u64,
    size: u64,
    link: u32,
    info: u32,
    align: u64,
    entsize: u64,
}

impl Out {
    fn new(endian: Endian) -> Out {
        let mut bytes = Writer::new(endian);
        bytes.bytes.resize(usize::try_from(EHDR_SIZE).unwrap_or_default(), 0);
        Out { bytes, names: StringTable::new(), headers: vec![Header::default()] }
    }

    /// Adds a section, whose contents are what `fill` appends; returns its index.
    fn add(&mut self, header: Header, fill: impl FnOnce(&mut Writer)) -> u32 {
        // Where a section begins in the file is a matter of taste: more than this serves nobody.
        self.bytes.align(header.align.min(16));
        let offset = self.bytes.len();
        fill(&mut self.bytes);
        let size = if header.ty == SHT_NOBITS { header.size } else { self.bytes.len() - offset };
        let index = index(self.headers.len());
        self.headers.push(Header { offset, size, ..header });
        index
    }

    /// A section of the program, and the one with its relocations.
    fn section(&mut self, object: &Object, section: &Section) -> u32 {
        let (ty, size) = match section.contents {
            Contents::Zeros(len) => (SHT_NOBITS, len),
            _ => (SHT_PROGBITS, 0),
        };
        let flags = match section.kind {
            SectionKind::Code => SHF_ALLOC | SHF_EXECINSTR,
            SectionKind::Rodata => SHF_ALLOC,
            _ => SHF_ALLOC | SHF_WRITE,
        };
        let name = self.names.add(&section.name);
        let header = Header { name, ty, flags, size, align: section.align, ..Header::default() };
        let index = self.add(header, |out| out.bytes.extend(patched(section, object.endian)));
        if !section.relocs.is_empty() {
            let name = self.names.add(&format!(".rel{}", section.name));
            // The symbol table comes later, see `relocations`.
            let header = Header {
                name,
                ty: SHT_REL,
                flags: SHF_INFO_LINK,
                info: index,
                align: 8,
                entsize: REL_SIZE,
                ..Header::default()
            };
            self.add(header, |out| section.relocs.iter().for_each(|reloc| write_reloc(out, reloc)));
        }
        index
    }

    fn types(&mut self, object: &Object) {
        let endian = match object.endian {
            Endian::Little => skep_btf::Endian::Little,
            Endian::Big => skep_btf::Endian::Big,
        };
        let btf = object.btf.as_ref().map(|btf| (".BTF", btf.to_bytes(endian)));
        let ext = object.btf_ext.as_ref().filter(|ext| **ext != BtfExt::default());
        let ext = ext.map(|ext| (".BTF.ext", ext.to_bytes(endian)));
        for (name, bytes) in btf.into_iter().chain(ext) {
            let name = self.names.add(name);
            let header = Header { name, ty: SHT_PROGBITS, align: 4, ..Header::default() };
            self.add(header, |out| out.bytes.extend(bytes));
        }
    }

    /// Says who wrote it, which settles the dialect, and whether sections must stay whole. libbpf talks about sections
    /// that it does not know, so only objects that need it have one.
    fn comment(&mut self, divisible: bool) {
        let name = self.names.add(".comment");
        let flags = SHF_MERGE | SHF_STRINGS;
        let header = Header { name, ty: SHT_PROGBITS, flags, align: 1, entsize: 1, ..Header::default() };
        let whole = if divisible { String::new() } else { format!("; {}", dialect::WHOLE) };
        let text = format!("\0skep {}{whole}\0", env!("CARGO_PKG_VERSION"));
        self.add(header, |out| out.bytes.extend(text.into_bytes()));
    }

    /// The symbol table and, if there are very many sections, the table of indices that do not fit in it.
    fn symbols(&mut self, object: &Object, sections: &[u32]) -> u32 {
        let locals = object.symbols.partition_point(|symbol| symbol.binding == Binding::Local);
        let header = Header {
            name: self.names.add(".symtab"),
            ty: SHT_SYMTAB,
            // The string table is the last section; there may be another table before it.
            info: index(locals + 1),
            align: 8,
            entsize: SYM_SIZE,
            ..Header::default()
        };
        let names: Vec<u32> = object.symbols.iter().map(|symbol| self.symbol_name(symbol)).collect();
        let mut indices = vec![0];
        let symtab = self.add(header, |out| {
            out.bytes.resize(out.bytes.len() + usize::try_from(SYM_SIZE).unwrap_or_default(), 0);
            for (symbol, name) in object.symbols.iter().zip(names) {
                indices.push(write_symbol(out, symbol, name, sections));
            }
        });
        if indices.iter().any(|&index| index != 0) {
            let name = self.names.add(".symtab_shndx");
            let header = Header {
                name,
                ty: SHT_SYMTAB_SHNDX,
                link: symtab,
                align: 4,
                entsize: 4,
                ..Header::default()
            };
            self.add(header, |out| indices.iter().for_each(|&index| out.u32(index)));
        }
        symtab
    }

    /// Section symbols have the name of their section, and none of their own.
    fn symbol_name(&mut self, symbol: &Symbol) -> u32 {
        if symbol.kind == SymbolKind::Section { 0 } else { self.names.add(&symbol.name) }
    }

    fn relocations(&mut self, symtab: u32) {
        self.headers.iter_mut().filter(|header| header.ty == SHT_REL).for_each(|header| header.link = symtab);
    }

    fn finish(mut self) -> Vec<u8> {
        let name = self.names.add(".strtab");
        let strings = std::mem::take(&mut self.names.bytes);
        let header = Header { name, ty: SHT_STRTAB, align: 1, ..Header::default() };
        let strtab = self.add(header, |out| out.bytes.extend(strings));
        self.headers
            .iter_mut()
            .filter(|header| header.ty == SHT_SYMTAB)
            .for_each(|header| header.link = strtab);
        // Numbers that do not fit into the file header stand in section 0.
        let count = index(self.headers.len());
        let fits = |number: u32| u16::try_from(number).ok().filter(|&number| number < SHN_LORESERVE);
        if fits(count).is_none() {
            self.headers[0].size = count.into();
        }
        if fits(strtab).is_none() {
            self.headers[0].link = strtab;
        }
        self.bytes.align(8);
        let table = self.bytes.len();
        self.headers.iter().for_each(|header| write_header(&mut self.bytes, header));

        let mut head = Writer::new(self.bytes.endian);
        let data = if head.endian == Endian::Little { ELFDATA2LSB } else { ELFDATA2MSB };
        head.bytes.extend(*b"\x7fELF");
        head.bytes.extend([ELFCLASS64, data, EV_CURRENT]);
        head.align(16);
        head.u16(ET_REL);
        head.u16(EM_BPF);
        head.u32(EV_CURRENT.into());
        head.u64(0);
        head.u64(0);
        head.u64(table);
        head.u32(0);
        [EHDR_SIZE, 0, 0, SHDR_SIZE]
            .iter()
            .for_each(|&size| head.u16(u16::try_from(size).unwrap_or_default()));
        head.u16(fits(count).unwrap_or(0));
        head.u16(fits(strtab).unwrap_or(SHN_XINDEX));
        self.bytes.bytes[..head.bytes.len()].copy_from_slice(&head.bytes);
        self.bytes.bytes
    }
}

/// The contents of a section, with the addends of its relocations in place.
fn patched(section: &Section, endian: Endian) -> Vec<u8> {
    match &section.contents {
        Contents::Zeros(_) => Vec::new(),
        Contents::Code(slots) => {
            let mut slots = slots.clone();
            section.relocs.iter().for_each(|reloc| patch_code(&mut slots, reloc));
            slots.iter().flat_map(|slot| slot.to_bytes(endian)).collect()
        }
        Contents::Bytes(bytes) => {
            let mut bytes = bytes.clone();
            section.relocs.iter().for_each(|reloc| patch_data(&mut bytes, reloc, endian));
            bytes
        }
    }
}

fn patch_code(slots: &mut [RawInsn], reloc: &Reloc) {
    let at = usize::try_from(reloc.offset / 8).unwrap_or(usize::MAX);
    match (slots.get_mut(at..).unwrap_or_default(), reloc.kind) {
        ([call, ..], RelocKind::Call) => {
            call.imm = i32::try_from(reloc.addend / 8 - 1).unwrap_or(-1);
        }
        ([first, second, ..], RelocKind::LoadImm64) => match i32::try_from(reloc.addend) {
            // As clang does: 32 bits, which the reader extends.
            Ok(addend) => first.imm = addend,
            Err(_) => {
                let [low, high] = [reloc.addend & 0xffff_ffff, reloc.addend >> 32];
                first.imm = u32::try_from(low).unwrap_or_default().cast_signed();
                second.imm = i32::try_from(high).unwrap_or_default();
            }
        },
        _ => {}
    }
}

fn patch_data(bytes: &mut [u8], reloc: &Reloc, endian: Endian) {
    let mut addend = Writer::new(endian);
    match reloc.kind {
        RelocKind::Abs32 => addend.u32(i32::try_from(reloc.addend).unwrap_or_default().cast_unsigned()),
        _ => addend.u64(reloc.addend.cast_unsigned()),
    }
    let at = usize::try_from(reloc.offset).unwrap_or(usize::MAX);
    if let Some(place) = bytes.get_mut(at..).and_then(|tail| tail.get_mut(..addend.bytes.len())) {
        place.copy_from_slice(&addend.bytes);
    }
}

fn write_reloc(out: &mut Writer, reloc: &Reloc) {
    out.u64(reloc.offset);
    // ELF's null symbol comes before ours.
    out.u64((u64::from(reloc.symbol.0) + 1) << 32 | u64::from(reloc.kind.number()));
}

/// Writes a symbol; returns its section index if that does not fit.
fn write_symbol(out: &mut Writer, symbol: &Symbol, name: u32, sections: &[u32]) -> u32 {
    let kind = match symbol.kind {
        SymbolKind::NoType => STT_NOTYPE,
        SymbolKind::Object => STT_OBJECT,
        SymbolKind::Func => STT_FUNC,
        SymbolKind::Section => STT_SECTION,
    };
    let binding = match symbol.binding {
        Binding::Local => STB_LOCAL,
        Binding::Global => STB_GLOBAL,
        Binding::Weak => STB_WEAK,
    };
    let (section, more) = match symbol.place {
        Place::Undefined => (SHN_UNDEF, 0),
        Place::Absolute => (SHN_ABS, 0),
        Place::Section(id) => {
            let index = sections.get(id.0 as usize).copied().unwrap_or_default();
            match u16::try_from(index) {
                Ok(index) if index < SHN_LORESERVE => (index, 0),
                _ => (SHN_XINDEX, index),
            }
        }
    };
    out.u32(name);
    out.bytes.extend([binding << 4 | kind, if symbol.hidden { STV_HIDDEN } else { STV_DEFAULT }]);
    out.u16(section);
    out.u64(symbol.value);
    out.u64(symbol.size);
    more
}

fn write_header(out: &mut Writer, header: &Header) {
    out.u32(header.name);
    out.u32(header.ty);
    out.u64(header.flags);
    out.u64(0);
    out.u64(header.offset);
    out.u64(header.size);
    out.u32(header.link);
    out.u32(header.info);
    out.u64(header.align);
    out.u64(header.entsize);
}

/// Names of sections and symbols, each once.
struct StringTable {
    bytes: Vec<u8>,
    known: HashMap<String, u32>,
}

impl StringTable {
    fn new() -> StringTable {
        StringTable { bytes: vec![0], known: HashMap::from([(String::new(), 0)]) }
    }

    fn add(&mut self, name: &str) -> u32 {
        if let Some(&at) = self.known.get(name) {
            return at;
        }
        let at = index(self.bytes.len());
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.known.insert(name.to_owned(), at);
        at
    }
}

/// An index or offset in a table that has 32 bits for it; an object with more does not fit in memory.
fn index(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
