//! A small object with a bit of everything, made without a compiler.

use skep_btf::maps::{self, MapDecl, MapType, Part};
use skep_btf::{
    Block, Btf, BtfExt, ByteOff, Func, FuncInfo, FuncProto, IntEncoding, LineInfo, Linkage, Param, SecVar,
    Type,
};
use skep_insn::{Endian, RawInsn};
use skep_object::Object;
use skep_object::object::{ObjectBuilder, Reloc, RelocKind, SectionKind, Symbol, SymbolId};

/// `call` and `ld_imm64` with nothing in their places, and `exit`.
pub(crate) const CALL: RawInsn = RawInsn::new(0x85, 0, 1, 0, -1);
pub(crate) const LD_IMM64: [RawInsn; 2] = [RawInsn::new(0x18, 1, 0, 0, 0), RawInsn::new(0, 0, 0, 0, 0)];
pub(crate) const EXIT: RawInsn = RawInsn::new(0x95, 0, 0, 0, 0);

pub(crate) fn reloc(offset: u64, kind: RelocKind, symbol: SymbolId, addend: i64) -> Reloc {
    Reloc { offset, kind, symbol, addend }
}

/// ```text
/// .text   f: mov; exit          g: call f; exit
/// socket  prog: lddw counts; lddw .data+4; call g; call .text+0x10; call puts; exit
/// .data   x: 4 bytes, 4 bytes of padding, p: pointer to x+4
/// .maps   counts: hash of u32 -> 8 bytes, 16 entries
/// ```
pub(crate) fn sample(endian: Endian) -> Object {
    let mut b = ObjectBuilder::new("sample.o", endian);
    b.divisible();
    let text = b.section(".text", SectionKind::Code);
    let socket = b.section("socket", SectionKind::Code);
    let data = b.section(".data", SectionKind::Data);
    let bss = b.section(".bss", SectionKind::Bss);
    let map_section = b.section(".maps", SectionKind::Maps);
    let license = b.section("license", SectionKind::Note);
    let version = b.section("version", SectionKind::Note);

    b.code(text).extend([RawInsn::new(0xbf, 0, 1, 0, 0), EXIT, CALL, EXIT]);
    let f = b.symbol(Symbol::func("f", text, 0, 16).global());
    b.symbol(Symbol::func("g", text, 16, 16));
    b.reloc(text, reloc(16, RelocKind::Call, f, 0));

    let in_data = b.section_symbol(data);
    let in_text = b.section_symbol(text);
    let counts = b.symbol(Symbol::object("counts", map_section, 0, 32).global());
    let puts = b.symbol(Symbol::undefined("puts"));
    b.symbol(Symbol::func("prog", socket, 0, 64).global());
    b.code(socket).extend(LD_IMM64.iter().chain(&LD_IMM64).chain(&[CALL, CALL, CALL, EXIT]));
    b.reloc(socket, reloc(0, RelocKind::LoadImm64, counts, 0));
    b.reloc(socket, reloc(16, RelocKind::LoadImm64, in_data, 4));
    b.reloc(socket, reloc(32, RelocKind::Call, f, 0));
    b.reloc(socket, reloc(40, RelocKind::Call, in_text, 16));
    b.reloc(socket, reloc(48, RelocKind::Call, puts, 0));

    b.bytes(data).extend([7, 0, 0, 0, 0, 0, 0, 0]);
    b.bytes(data).extend([0; 8]);
    b.align(data, 8);
    let x = b.symbol(Symbol::object("x", data, 0, 4).global());
    b.symbol(Symbol::object("p", data, 8, 8).global());
    b.reloc(data, reloc(8, RelocKind::Abs64, x, 4));
    b.section_mut(bss).contents = skep_object::object::Contents::Zeros(0x40);
    b.symbol(Symbol::object("zeros", bss, 0, 0x40).weak());
    b.bytes(map_section).extend([0; 32]);
    b.bytes(license).extend(*b"GPL\0");
    let number = 0x0006_0c00_u32;
    b.bytes(version).extend(if endian == Endian::Little {
        number.to_le_bytes()
    } else {
        number.to_be_bytes()
    });

    let (btf, ext) = types();
    b.btf(btf);
    b.btf_ext(ext);
    b.finish().unwrap()
}

/// The map and the function `prog`, with a line for each instruction.
fn types() -> (Btf, BtfExt) {
    let mut types = Btf::builder();
    let key = types.int("unsigned int", 4, IntEncoding::Unsigned);
    let int = types.int("int", 4, IntEncoding::Signed);
    let decl = MapDecl {
        key: Part::Typed { ty: key, size: 4 },
        value: Part::Size(8),
        max_entries: 16,
        ..MapDecl::new(MapType::HASH)
    };
    let counts = maps::declare(&mut types, "counts", &decl);
    let var = SecVar { var: counts.var, offset: 0, size: counts.size };
    assert_eq!(counts.size, 32);
    types.datasec(maps::SECTION, 32, &[var]);
    let ctx = types.ptr(skep_btf::TypeId::VOID);
    let params = [Param { name: types.string("ctx"), ty: ctx }];
    let proto = types.add("", Type::FuncProto(FuncProto { ret: int, params: &params }));
    let func = types.add("prog", Type::Func(Func { proto, linkage: Linkage::Global }));
    let section = types.string("socket");
    let (file, text) = (types.string("sample.c"), types.string("    counts[x] = puts();"));
    let line = |at, line| LineInfo { at: ByteOff(at), file, text, line, column: 5 };
    let ext = BtfExt {
        func_info: vec![Block { section, records: vec![FuncInfo { at: ByteOff(0), func }] }],
        line_info: vec![Block { section, records: vec![line(0, 3), line(32, 4), line(56, 5)] }],
        core_relo: Vec::new(),
    };
    (types.build().unwrap(), ext)
}

/// An ELF file of the test, whose fields can be found by name and changed.
pub(crate) struct Elf {
    pub(crate) bytes: Vec<u8>,
}

impl Elf {
    /// The sample, in little endian.
    pub(crate) fn sample() -> Elf {
        Elf { bytes: skep_object::elf::write(&sample(Endian::Little)) }
    }

    pub(crate) fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    pub(crate) fn u64(&self, at: usize) -> usize {
        usize::try_from(u64::from_le_bytes(self.bytes[at..at + 8].try_into().unwrap())).unwrap()
    }

    pub(crate) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Where the header of a section is; `index` 0 is the null section.
    pub(crate) fn header_at(&self, index: usize) -> usize {
        self.u64(40) + index * 64
    }

    fn count(&self) -> usize {
        usize::from(u16::from_le_bytes(self.bytes[60..62].try_into().unwrap()))
    }

    fn string(&self, at: usize) -> &str {
        let len = self.bytes[at..].iter().position(|&b| b == 0).unwrap();
        std::str::from_utf8(&self.bytes[at..at + len]).unwrap()
    }

    fn find(&self, name: &str) -> Option<usize> {
        let names = usize::from(u16::from_le_bytes(self.bytes[62..64].try_into().unwrap()));
        let names = self.u64(self.header_at(names) + 24);
        let is_it = |index: &usize| self.string(names + self.u32(self.header_at(*index)) as usize) == name;
        (0..self.count()).find(is_it)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    pub(crate) fn index(&self, name: &str) -> usize {
        self.find(name).unwrap_or_else(|| panic!("no section {name}"))
    }

    /// Where the header of this section is.
    pub(crate) fn header(&self, name: &str) -> usize {
        self.header_at(self.index(name))
    }

    /// Where the contents of this section are.
    pub(crate) fn contents(&self, name: &str) -> usize {
        self.u64(self.header(name) + 24)
    }

    /// Where the symbol of this name is.
    pub(crate) fn symbol(&self, name: &str) -> usize {
        let (table, strings) = (self.contents(".symtab"), self.contents(".strtab"));
        let end = table + self.u64(self.header(".symtab") + 32);
        (table..end)
            .step_by(24)
            .find(|at| self.string(strings + self.u32(*at) as usize) == name)
            .unwrap_or_else(|| panic!("no symbol {name}"))
    }
}
