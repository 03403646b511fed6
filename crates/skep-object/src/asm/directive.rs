//! Directives: one table of names, one function each.
//!
//! To add a directive: a row here, a function here or in [`super::data`], a row in `docs/assembly.md`, a case in the
//! tests.

use skep_insn::Endian;

use crate::nearest::{did_you_mean, nearest};
use crate::object::{Binding, SymbolKind};

use super::cursor::{Cursor, Name};
use super::data;
use super::diag::{Fault, Parsed};
use super::map;
use super::section::{self, Flags, Role};
use super::symbols::Def;
use super::unit::Unit;

/// Reads what follows a directive's name.
pub(super) type Handler = for<'s> fn(&mut Unit<'s>, &Name<'s>, &mut Cursor<'s>) -> Parsed<()>;

/// All directives.
const DIRECTIVES: &[(&[&str], Handler)] = &[
    (
        &[".byte", ".2byte", ".short", ".hword", ".half", ".value", ".4byte", ".long", ".word", ".int"],
        data::numbers,
    ),
    (&[".8byte", ".quad", ".xword", ".dword"], data::numbers),
    (&[".ascii", ".asciz", ".string"], data::strings),
    (&[".zero", ".skip", ".space"], data::space),
    (&[".fill"], data::fill),
    (&[".org"], data::org),
    (&[".uleb128", ".sleb128"], data::leb128),
    (&[".align", ".balign", ".p2align"], data::align),
    (&[".section"], section_directive),
    (&[".text", ".data", ".bss", ".rodata"], named_section),
    (&[".previous"], previous),
    (&[".pushsection"], push_section),
    (&[".popsection"], pop_section),
    (&[".globl", ".global", ".weak", ".local", ".extern", ".hidden", ".internal"], visibility),
    (&[".protected"], protected),
    (&[".type"], type_directive),
    (&[".size"], size),
    (&[".set", ".equ", ".equiv"], set),
    (&[".comm", ".lcomm"], common),
    (&[".file"], file),
    (&[".loc"], loc),
    (&[".license"], license),
    (&[".map"], map::map),
    (&[".endian"], endian),
    (&[".ident", ".addrsig", ".addrsig_sym", ".cfi_sections", ".cfi_startproc", ".cfi_endproc"], ignored),
    (&[".cfi_def_cfa_offset", ".cfi_def_cfa", ".cfi_offset", ".cfi_def_cfa_register", ".version"], ignored),
    (
        &[".macro", ".endm", ".rept", ".endr", ".irp", ".include", ".if", ".ifdef", ".else", ".endif"],
        preprocess,
    ),
    (&[".incbin"], incbin),
];

/// The names of all.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    DIRECTIVES.iter().flat_map(|(names, _)| names.iter().copied())
}

/// Reads a directive.
pub(super) fn directive<'s>(unit: &mut Unit<'s>, name: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    let lower;
    let text: &str = if name.text.bytes().any(|b| b.is_ascii_uppercase()) {
        lower = name.text.to_ascii_lowercase();
        &lower
    } else {
        &name.text
    };
    let Some((_, handler)) = DIRECTIVES.iter().find(|(names, _)| names.contains(&text)) else {
        if unit.is_ignored() {
            return Ok(());
        }
        let near = did_you_mean(&nearest(text, names()));
        let near = if near.is_empty() { "; docs/assembly.md lists all".to_string() } else { near };
        return Err(Fault::new(name.span, format!("unknown directive '{}'{near}", name.text)));
    };
    let name = Name { text: text.to_string().into(), span: name.span };
    handler(unit, &name, cursor)
}

/// `.text`
fn named_section<'s>(unit: &mut Unit<'s>, name: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    cursor.expect_end()?;
    unit.enter(name.text.clone(), name.span, None);
    Ok(())
}

/// `.section NAME[,"flags"[,@type[,...]]]`
fn section_directive<'s>(unit: &mut Unit<'s>, _: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    let (name, flags) = section_arguments(cursor)?;
    check_flags(unit, &name, flags)?;
    unit.enter(name.text, name.span, flags);
    Ok(())
}

fn section_arguments<'s>(cursor: &mut Cursor<'s>) -> Parsed<(Name<'s>, Option<Flags>)> {
    let name = section_name(cursor)?;
    if !cursor.eat(",") {
        cursor.expect_end()?;
        return Ok((name, None));
    }
    let (letters, at) = cursor.string()?;
    let letters = String::from_utf8_lossy(&letters).into_owned();
    let mut flags = section::flags(&letters).map_err(|letter| {
        Fault::new(
            at,
            format!(
                "unknown section flag '{letter}'; expected some of a (allocated), w (written), x (code), M, S"
            ),
        )
    })?;
    if cursor.eat(",") {
        if !cursor.eat("@") && !cursor.eat("%") {
            return Err(cursor.expected("'@progbits' or '@nobits'"));
        }
        let at = cursor.next_span();
        match cursor.name()? {
            Some(kind) if kind.text == "nobits" => flags.nobits = true,
            Some(kind)
                if matches!(
                    &*kind.text,
                    "progbits" | "note" | "init_array" | "fini_array" | "llvm_bb_addr_map" | "unwind"
                ) => {}
            None if cursor.peek().is_some_and(|c| c.is_ascii_digit()) => {}
            _ => return Err(Fault::new(at, "unknown section type; expected '@progbits' or '@nobits'")),
        }
        // Sizes of entries, group names and such: they matter to linkers that merge strings.
        cursor.take_rest();
    }
    cursor.expect_end()?;
    Ok((name, Some(flags)))
}

/// The name of a section: in quotes, or anything up to a comma or blank.
fn section_name<'s>(cursor: &mut Cursor<'s>) -> Parsed<Name<'s>> {
    if cursor.peek() == Some('"') {
        return cursor.expect_name("the name of a section");
    }
    let rest = cursor.rest();
    let len = rest.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(rest.len());
    if len == 0 {
        return Err(cursor.expected("the name of a section"));
    }
    let (text, span) = cursor.take(len);
    if text.contains('"') {
        return Err(Fault::new(span, "a name with quotes in it; quote all of it or nothing"));
    }
    Ok(Name { text: text.into(), span })
}

fn check_flags(unit: &Unit<'_>, name: &Name<'_>, flags: Option<Flags>) -> Parsed<()> {
    let Some(section) = unit.section_by_name(&name.text).map(|id| &unit.sections[id.0]) else {
        return Ok(());
    };
    match (section.flags, flags) {
        (Some(before), Some(now)) if before != now => {
            let line = unit.source.line(section.at.start);
            Err(Fault::new(
                name.span,
                format!(
                    "section '{}' has other flags in line {line}; leave the flags out here, or make them equal",
                    name.text
                ),
            ))
        }
        (None, Some(now))
            if section.len() > 0
                && section::Section::new(name.text.clone(), name.span, Some(now)).role != section.role =>
        {
            let line = unit.source.line(section.at.start);
            Err(Fault::new(
                name.span,
                format!(
                    "section '{}' began without these flags in line {line}; put the flags there",
                    name.text
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// `.previous`
fn previous<'s>(unit: &mut Unit<'s>, _: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    cursor.expect_end()?;
    std::mem::swap(&mut unit.current, &mut unit.previous);
    Ok(())
}

/// `.pushsection NAME...`
fn push_section<'s>(unit: &mut Unit<'s>, name: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    if unit.stack.len() >= 1024 {
        return Err(Fault::new(name.span, "1024 sections are pushed and not popped"));
    }
    let saved = (unit.current, unit.previous);
    section_directive(unit, name, cursor)?;
    unit.stack.push(saved);
    Ok(())
}

/// `.popsection`
fn pop_section<'s>(unit: &mut Unit<'s>, name: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    cursor.expect_end()?;
    let Some((current, previous)) = unit.stack.pop() else {
        return Err(Fault::new(name.span, "'.popsection' without a '.pushsection' before it"));
    };
    (unit.current, unit.previous) = (current, previous);
    Ok(())
}

/// `.globl NAME, ...` and its like.
fn visibility<'s>(unit: &mut Unit<'s>, directive: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    loop {
        let name = cursor.expect_name("the name of a symbol")?;
        unit.check_name(&name)?;
        let at = name.span;
        let id = unit.symbol(name);
        let sym = unit.symbols.get_mut(id);
        let binding = match &*directive.text {
            ".weak" => Some(Binding::Weak),
            ".local" => Some(Binding::Local),
            ".hidden" | ".internal" => {
                sym.hidden = true;
                None
            }
            ".extern" => {
                sym.declared = true;
                None
            }
            _ => Some(Binding::Global),
        };
        // `.globl` after `.weak` changes nothing, as in LLVM.
        let conflict = matches!(
            (sym.binding, binding),
            (Some(Binding::Local), Some(Binding::Global | Binding::Weak))
                | (Some(Binding::Global | Binding::Weak), Some(Binding::Local))
        );
        if conflict {
            return Err(Fault::new(
                at,
                format!("'{}' cannot be both local and global; keep one of the two directives", sym.name),
            ));
        }
        if binding == Some(Binding::Weak) || sym.binding.is_none() {
            sym.binding = binding.or(sym.binding);
        }
        sym.declared |= binding.is_some_and(|binding| binding != Binding::Local);
        if !cursor.eat(",") {
            return cursor.expect_end();
        }
    }
}

fn protected<'s>(_: &mut Unit<'s>, name: &Name<'s>, _: &mut Cursor<'s>) -> Parsed<()> {
    Err(Fault::new(name.span, "'.protected' has no meaning in BPF objects; expected '.hidden' or nothing"))
}

/// `.type NAME, @function`
fn type_directive<'s>(unit: &mut Unit<'s>, _: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    let name = cursor.expect_name("the name of a symbol")?;
    cursor.eat(",");
    let quoted = !cursor.eat("@") && !cursor.eat("%");
    let at = cursor.next_span();
    let what = cursor.name()?;
    let what = what.as_ref().map_or("", |what| &what.text);
    let kind = match what.trim_start_matches("STT_").to_ascii_lowercase().as_str() {
        "function" | "func" => SymbolKind::Func,
        "object" | "tls_object" | "common" | "gnu_unique_object" => SymbolKind::Object,
        "notype" => SymbolKind::NoType,
        _ => {
            let at = if quoted { cursor.since(at) } else { at };
            return Err(Fault::new(at, "unknown type of symbol; expected '@function' or '@object'"));
        }
    };
    cursor.expect_end()?;
    let id = unit.symbol(name);
    unit.symbols.get_mut(id).kind = Some(kind);
    Ok(())
}

/// `.size NAME, expression`
fn size<'s>(unit: &mut Unit<'s>, _: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    let name = cursor.expect_name("the name of a symbol")?;
    cursor.expect(",", "',' and a size")?;
    let start = cursor.next_span();
    let expr = unit.expr(cursor)?;
    cursor.expect_end()?;
    let at = cursor.since(start);
    let id = unit.symbol(name);
    // Sizes in sections that are not read mean nothing.
    if !unit.is_ignored() {
        unit.symbols.get_mut(id).size = Some((expr, at));
    }
    Ok(())
}

/// `.set NAME, expression`
fn set<'s>(unit: &mut Unit<'s>, directive: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    let name = cursor.expect_name("the name of a symbol")?;
    cursor.expect(",", "',' and a value")?;
    unit.assign(name, cursor, directive.text != ".equiv")
}

/// `.comm NAME, size[, align]`: memory that begins as zeros.
fn common<'s>(unit: &mut Unit<'s>, directive: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    let name = cursor.expect_name("the name of a symbol")?;
    cursor.expect(",", "',' and a size in bytes")?;
    let (size, size_at) = unit.number(cursor)?;
    let align = match cursor.eat(",") {
        true => data::alignment(unit, cursor, 1)?,
        false => 1,
    };
    cursor.expect_end()?;
    let size = u64::try_from(size)
        .map_err(|_| Fault::new(size_at, format!("a size of {size} bytes; expected 0 or more")))?;
    unit.check_name(&name)?;
    let at = name.span;
    let known = unit.symbols.find(&name.text).map(|id| unit.symbols.get(id).binding);
    if directive.text == ".comm" && known != Some(Some(Binding::Local)) {
        let text = &name.text;
        return Err(Fault::new(
            at,
            format!(
                "'{text}' is a common symbol, which a linker would have to place; \
                 put '.local {text}' in front of it, or '{text}: .zero {size}' into '.bss'"
            ),
        ));
    }
    let bss = unit.find_or_add(".bss".into(), at, None);
    let section = &mut unit.sections[bss.0];
    section.pad(align, 0, unit.endian, at)?;
    let offset = section.len();
    section.push_zeros(size, size_at)?;
    let id = unit.symbol(name.clone());
    unit.define(name, Def::Label(super::symbols::Loc { section: bss, offset }))?;
    let sym = unit.symbols.get_mut(id);
    sym.kind = sym.kind.or(Some(SymbolKind::Object));
    sym.size = Some((super::expr::Expr::Number(size.cast_signed()), size_at));
    Ok(())
}

/// `.file "name"`, `.file 1 "directory" "name" md5 0x...`
fn file<'s>(unit: &mut Unit<'s>, _: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    if cursor.peek() == Some('"') {
        cursor.string()?;
        return cursor.expect_end();
    }
    let (number, at) = unit.number(cursor)?;
    let number = u32::try_from(number)
        .map_err(|_| Fault::new(at, format!("file number {number}; expected 0 to 4294967295")))?;
    let (first, _) = cursor.string()?;
    let mut path = String::from_utf8_lossy(&first).into_owned();
    if cursor.peek() == Some('"') {
        let (second, _) = cursor.string()?;
        let second = String::from_utf8_lossy(&second);
        path = if second.starts_with('/') || path.is_empty() {
            second.into_owned()
        } else {
            format!("{path}/{second}")
        };
    }
    // A checksum and the text of the file may follow.
    cursor.take_rest();
    match unit.files.iter_mut().find(|(known, _)| *known == number) {
        Some(known) => known.1 = path,
        None => unit.files.push((number, path)),
    }
    Ok(())
}

/// `.loc file line [column] ...`
fn loc<'s>(unit: &mut Unit<'s>, _: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    let mut next = |what: &str, unit: &mut Unit<'s>| {
        let (number, at) = unit.number(cursor)?;
        u32::try_from(number)
            .map_err(|_| Fault::new(at, format!("{what} {number}; expected 0 to 4294967295")))
    };
    let file_at = next("file number", unit);
    let file = file_at?;
    let line = next("line", unit)?;
    let column = match cursor.peek() {
        Some(c) if c.is_ascii_digit() => {
            let (number, at) = unit.number(cursor)?;
            u32::try_from(number)
                .map_err(|_| Fault::new(at, format!("column {number}; expected 0 to 4294967295")))?
        }
        _ => 0,
    };
    if !unit.files.iter().any(|(known, _)| *known == file) {
        let at = cursor.since(cursor.rest_span());
        return Err(Fault::new(at, format!("no '.file {file} \"name\"' stands before this")));
    }
    // What may follow (`prologue_end`, `is_stmt 0`) is for debuggers of native code.
    cursor.take_rest();
    unit.loc = Some((file, line, column));
    Ok(())
}

/// `.license "GPL"`
fn license<'s>(unit: &mut Unit<'s>, name: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    let (mut text, at) = cursor.string()?;
    cursor.expect_end()?;
    if text.contains(&0) {
        return Err(Fault::new(at, "a licence has no zero byte in it; one is added behind it"));
    }
    let id = unit.find_or_add("license".into(), name.span, None);
    let section = &mut unit.sections[id.0];
    if section.len() > 0 {
        return Err(Fault::new(name.span, "the licence is given twice; expected one '.license'"));
    }
    text.push(0);
    section.push_bytes(&text, at)
}

/// `.endian big`
fn endian<'s>(unit: &mut Unit<'s>, name: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    let at = cursor.next_span();
    let endian = match &*cursor.expect_name("'little' or 'big'")?.text {
        "little" => Endian::Little,
        "big" => Endian::Big,
        _ => return Err(Fault::new(at, "unknown byte order; expected 'little' or 'big'")),
    };
    cursor.expect_end()?;
    if endian != unit.endian && unit.sections.iter().any(|section| section.len() > 0) {
        return Err(Fault::new(name.span, "'.endian' must stand before all code and data"));
    }
    unit.endian = endian;
    Ok(())
}

/// What other tools need and BPF objects do not hold.
fn ignored<'s>(_: &mut Unit<'s>, _: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    cursor.take_rest();
    Ok(())
}

fn preprocess<'s>(_: &mut Unit<'s>, name: &Name<'s>, _: &mut Cursor<'s>) -> Parsed<()> {
    Err(Fault::new(
        name.span,
        format!(
            "'{}' is not supported: there are no macros; \
             run the file through a preprocessor first, such as `clang -E -P -x assembler-with-cpp`",
            name.text
        ),
    ))
}

fn incbin<'s>(_: &mut Unit<'s>, name: &Name<'s>, _: &mut Cursor<'s>) -> Parsed<()> {
    Err(Fault::new(
        name.span,
        "'.incbin' is not supported: the assembler reads no other files; write the bytes with '.byte'",
    ))
}

impl Role {
    /// Whether `.BTF` or `.BTF.ext` stand here: there, a symbol counts for its offset in its section.
    pub(super) fn is_types(self) -> bool {
        matches!(self, Role::Btf | Role::BtfExt)
    }
}
