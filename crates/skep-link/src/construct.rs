//! Copies what is kept into an image: code, data, maps and records. Where something is referred to stands nothing.

use skep_btf::CoreKind;
use skep_insn::{Endian, RawInsn};
use skep_object::Image;
use skep_object::image::{Data, Func, Import, Map, Var};
use skep_object::object::{Contents, SymbolKind};

use crate::code::{CALL, PSEUDO_SUBPROG};
use crate::error::Error;
use crate::layout::{Layout, Section, Wanted};
use crate::objects::{FuncIndex, In, JUMP_TABLES};
use crate::options::Options;
use crate::reachable::CodeRef;
use crate::referent::Referent;
use crate::types::Types;

/// The image, but for its references.
///
/// # Errors
/// If the types of all objects are more than one set can hold.
pub(crate) fn copy(layout: &Layout<'_>, options: &Options) -> Result<Image, Error> {
    let objects = &layout.kept.objects;
    let first = objects.first();
    let mut types = Types::new(layout, options.keep())?;
    let vars = vars(layout);
    let funcs = layout.funcs.iter().map(|&id| func(layout, &mut types, id)).collect();
    let maps = layout.maps.iter().map(|&id| types.map(id, &objects.map(id).def));
    let maps = maps.map(|def| Map { def, values: Vec::new() }).collect();
    let data =
        layout.data.iter().zip(vars).map(|(section, vars)| data(layout, &types, section, vars)).collect();
    let imports = layout.imports.iter().map(|wanted| import(layout, &types, wanted)).collect();
    let (btf, files) = types.finish()?;
    Ok(Image {
        name: first.name.clone(),
        endian: first.endian,
        funcs,
        data,
        maps,
        imports,
        license: layout.kept.symbols.license().map(str::to_owned),
        btf,
        files,
    })
}

fn func(layout: &Layout<'_>, types: &mut Types<'_>, id: In<FuncIndex>) -> Func {
    let kept = layout.kept;
    let objects = &kept.objects;
    let info = objects.func(id);
    let section = &objects.section(id.other(info.section)).name;
    let mut code = objects.object(id.object).code(info).to_vec();
    for r in kept.code_refs(id) {
        blank(&mut code, r);
    }
    let core = types.core(id);
    for record in core.iter().filter(|record| record.kind == CoreKind::TypeIdLocal) {
        // The compiler put the id in its own set there.
        if let Some(insn) = code.get_mut(record.at.index()) {
            insn.imm = record.ty.0.cast_signed();
        }
    }
    let own = id.other(info.symbol);
    let exported = kept.exported.get(&id).map_or(&[][..], Vec::as_slice);
    let named = if exported.contains(&own) { own } else { exported.first().copied().unwrap_or(own) };
    let name = |symbol: In<_>| objects.symbol(symbol).name.clone();
    Func {
        name: name(named),
        aliases: exported.iter().filter(|&&symbol| symbol != named).map(|&symbol| name(symbol)).collect(),
        section: section.clone(),
        exported: !exported.is_empty(),
        code,
        refs: Vec::new(),
        lines: types.lines(id),
        core,
        ty: types.func(id),
    }
}

/// Takes out of an instruction what the compiler left there, or puts a number there that is known by now.
fn blank(code: &mut [RawInsn], r: &CodeRef) {
    let at = r.at.index();
    let RawInsn { code: opcode, .. } = code[at];
    let dst = code[at].dst();
    if let Referent::Helper(number) = r.referent {
        code[at] = RawInsn::new(CALL, dst, 0, code[at].off, number);
        return;
    }
    if r.is_call {
        code[at] = RawInsn::new(CALL, dst, PSEUDO_SUBPROG, code[at].off, -1);
        return;
    }
    let value = match r.referent {
        Referent::Number(value) => value,
        _ => 0,
    };
    let [low, high] = halves(value);
    code[at] = RawInsn::new(opcode, dst, 0, code[at].off, low);
    if let Some(second) = code.get_mut(at + 1) {
        second.imm = high;
    }
}

fn halves(value: u64) -> [i32; 2] {
    let [b0, b1, b2, b3, b4, b5, b6, b7] = value.to_le_bytes();
    [i32::from_le_bytes([b0, b1, b2, b3]), i32::from_le_bytes([b4, b5, b6, b7])]
}

/// The named places of each data section, ordered by offset.
fn vars(layout: &Layout<'_>) -> Vec<Vec<Var>> {
    let kept = layout.kept;
    let objects = &kept.objects;
    let mut vars: Vec<Vec<Var>> = layout.data.iter().map(|_| Vec::new()).collect();
    for id in kept.symbols.counting().flat_map(|object| objects.symbols(object)) {
        let symbol = objects.symbol(id);
        if symbol.kind == SymbolKind::Section || symbol.name.is_empty() {
            continue;
        }
        // What has lost its name to another definition is kept if something else leads to it.
        let Ok(Referent::Data(piece, offset)) = kept.symbols.own_referent(id, 0) else { continue };
        let Some((data, start)) = layout.place(piece) else { continue };
        let offset = start.saturating_add_signed(offset);
        // A symbol that reaches beyond its section is damage that nothing depends on.
        if offset.checked_add(symbol.size).is_some_and(|end| end <= layout.data[data.0 as usize].size) {
            vars[data.0 as usize].push(Var {
                name: symbol.name.clone(),
                offset,
                size: symbol.size,
                exported: kept.symbols.is_exported(id),
            });
        }
    }
    vars.iter_mut().for_each(|vars| vars.sort_by_key(|var| var.offset));
    vars
}

fn data(layout: &Layout<'_>, types: &Types<'_>, section: &Section<'_>, vars: Vec<Var>) -> Data {
    Data {
        name: section.name.to_owned(),
        read_only: section.read_only,
        align: section.align,
        bytes: bytes(layout, section),
        size: section.size,
        refs: Vec::new(),
        vars,
        ty: types.datasec(section.name),
    }
}

/// What a data section begins with. Where a reference stands is nothing, or the number that is known by now.
fn bytes(layout: &Layout<'_>, section: &Section<'_>) -> Vec<u8> {
    let kept = layout.kept;
    let mut bytes = Vec::new();
    // What stands in jump tables are offsets into code sections, which an image does not have.
    if section.zeros || section.name == JUMP_TABLES {
        return bytes;
    }
    bytes.resize(usize::try_from(section.size).unwrap_or_default(), 0);
    for &(id, offset) in &section.pieces {
        let piece = kept.objects.piece(id);
        let (_, input) = kept.objects.section_of(id);
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let own = bytes.get_mut(start..).unwrap_or_default();
        if let Contents::Bytes(contents) = &input.contents
            && let Ok(from) = usize::try_from(piece.start)
            && let Ok(len) = usize::try_from(piece.len())
            && let Some((place, contents)) = own.get_mut(..len).zip(contents.get(from..from + len))
        {
            place.copy_from_slice(contents);
        }
        for pointer in kept.pointers(id) {
            let value = match pointer.referent {
                Referent::Number(value) => value,
                _ => 0,
            };
            let word = match kept.objects.first().endian {
                Endian::Little => value.to_le_bytes(),
                Endian::Big => value.to_be_bytes(),
            };
            let at = usize::try_from(pointer.at).ok();
            if let Some(place) = at.and_then(|at| own.get_mut(at..)?.first_chunk_mut()) {
                *place = word;
            }
        }
    }
    bytes
}

fn import(layout: &Layout<'_>, types: &Types<'_>, wanted: &Wanted) -> Import {
    let name = layout.kept.objects.symbol(wanted.symbol).name.clone();
    Import { kind: wanted.kind, weak: wanted.weak, ty: types.import(wanted.symbol), name }
}
