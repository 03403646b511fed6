//! Copies what is kept into an image: code, data, maps and records. Where something is referred to stands nothing.

use std::collections::HashMap;
use std::sync::Arc;

use skep_insn::{Endian, RawInsn};
use skep_object::Image;
use skep_object::image::{Data, Func, Import, Map, Var};
use skep_object::object::{Contents, Place, SectionId, SectionKind, SymbolKind};

use crate::code::{CALL, PSEUDO_SUBPROG};
use crate::layout::{Layout, Section, Wanted};
use crate::objects::{FuncIndex, In, JUMP_TABLES};
use crate::reachable::CodeRef;
use crate::referent::Referent;
use crate::types::Types;

/// The image, but for its references.
pub(crate) fn copy(layout: &Layout<'_>) -> Image {
    let objects = &layout.kept.objects;
    let first = objects.first();
    let mut types = Types::new(layout);
    let mut vars = vars(layout);
    let funcs = layout.funcs.iter().map(|&id| func(layout, &mut types, id)).collect();
    let maps = layout.maps.iter().map(|&id| types.map(id, &objects.map(id).def));
    Image {
        name: first.name.clone(),
        endian: first.endian,
        funcs,
        maps: maps.map(|def| Map { def, values: Vec::new() }).collect(),
        data: layout.data.iter().zip(&mut vars).map(|(section, vars)| data(layout, section, vars)).collect(),
        imports: layout.imports.iter().map(|wanted| import(layout, &types, wanted)).collect(),
        license: layout.kept.symbols.license().map(str::to_owned),
        btf: None,
        files: Vec::new(),
    }
}

fn func(layout: &Layout<'_>, types: &mut Types<'_>, id: In<FuncIndex>) -> Func {
    let kept = layout.kept;
    let inputs = &kept.inputs;
    let info = inputs.func(id);
    let section = &inputs.section(id.other(info.section)).name;
    let mut code = inputs.object(id.object).code(info).to_vec();
    for r in kept.code_refs(id) {
        blank(&mut code, r);
    }
    let own = id.other(info.symbol);
    let exported = kept.exported.get(&id).map_or(&[][..], Vec::as_slice);
    let named = if exported.contains(&own) { own } else { exported.first().copied().unwrap_or(own) };
    let name = |symbol: In<_>| inputs.symbol(symbol).name.clone();
    Func {
        name: name(named),
        aliases: exported.iter().filter(|&&symbol| symbol != named).map(|&symbol| name(symbol)).collect(),
        section: section.clone(),
        exported: !exported.is_empty(),
        code,
        refs: Vec::new(),
        lines: types.lines(section, info.start, info.len),
        ty: types.func(section, info.start, inputs.func_name(id)),
    }
}

/// Takes out of an instruction what the compiler left there, or puts a number there that is known by now.
fn blank(code: &mut [RawInsn], r: &CodeRef) {
    let at = r.at.index();
    let RawInsn { code: opcode, .. } = code[at];
    let dst = code[at].dst();
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

/// The named places of each data section that is kept, ordered by offset.
fn vars(layout: &Layout<'_>) -> HashMap<In<SectionId>, Vec<Var>> {
    let kept = layout.kept;
    let mut vars: HashMap<_, Vec<Var>> = layout.data.iter().map(|&id| (id, Vec::new())).collect();
    for id in kept.inputs.symbols() {
        let symbol = kept.inputs.symbol(id);
        let Place::Section(section) = symbol.place else { continue };
        let Some(vars) = vars.get_mut(&id.other(section)) else { continue };
        let size = kept.inputs.section(id.other(section)).contents.len();
        // A symbol that reaches beyond its section is damage that nothing depends on.
        let is_inside = symbol.value.checked_add(symbol.size).is_some_and(|end| end <= size);
        if symbol.kind != SymbolKind::Section && !symbol.name.is_empty() && is_inside {
            vars.push(Var {
                name: symbol.name.clone(),
                offset: symbol.value,
                size: symbol.size,
                exported: kept.symbols.is_exported(id),
            });
        }
    }
    vars.values_mut().for_each(|vars| vars.sort_by_key(|var| var.offset));
    vars
}

fn data(layout: &Layout<'_>, types: &Types<'_>, id: In<SectionId>, vars: Vec<Var>) -> Data {
    let kept = layout.kept;
    let section = kept.inputs.section(id);
    let is_jump_tables = section.name == JUMP_TABLES;
    let mut bytes = match &section.contents {
        // What stands in there are offsets into code sections, which an image does not have.
        _ if is_jump_tables => Vec::new(),
        Contents::Bytes(bytes) => bytes.clone(),
        Contents::Code(_) | Contents::Zeros(_) => Vec::new(),
    };
    for pointer in kept.pointers(id) {
        let value = match pointer.referent {
            Referent::Number(value) => value,
            _ => 0,
        };
        let word = match kept.inputs.object(id.object).endian {
            Endian::Little => value.to_le_bytes(),
            Endian::Big => value.to_be_bytes(),
        };
        let at = usize::try_from(pointer.at).ok();
        if let Some(place) = at.and_then(|at| bytes.get_mut(at..)?.first_chunk_mut()) {
            *place = word;
        }
    }
    Data {
        name: section.name.clone(),
        read_only: is_jump_tables || matches!(section.kind, SectionKind::Rodata | SectionKind::Note),
        align: if is_jump_tables { section.align.max(8) } else { section.align },
        bytes,
        size: section.contents.len(),
        refs: Vec::new(),
        vars,
        ty: types.datasec(&section.name),
    }
}

fn import(layout: &Layout<'_>, types: &Types<'_>, wanted: &Wanted) -> Import {
    let name = layout.kept.inputs.symbol(wanted.symbol).name.clone();
    Import { kind: wanted.kind, weak: wanted.weak, ty: types.import(&name), name }
}
