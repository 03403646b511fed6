//! Types and lines: what BTF and .BTF.ext say about the code.

use skep_btf::{Block, Btf, BtfBuilder, BtfExt, ByteOff, FuncInfo, IntEncoding, LineInfo, Linkage, TypeId};

use super::section::LineMark;
use super::source::Source;

/// A function, as far as types go.
pub(super) struct Function<'f> {
    pub(super) name: &'f str,
    /// Where it starts, in bytes from the start of its section.
    pub(super) offset: u64,
    /// The kernel checks a global function alone; all others inside their callers.
    pub(super) global: bool,
}

/// A section of code, as far as types go.
pub(super) struct Code<'f> {
    pub(super) name: &'f str,
    /// In order.
    pub(super) functions: Vec<Function<'f>>,
    pub(super) lines: &'f [LineMark],
}

/// Adds functions and lines to the types of maps.
pub(super) fn describe(
    mut types: BtfBuilder,
    code: &[Code<'_>],
    source: &Source<'_>,
    files: &[(u32, String)],
) -> Result<(Btf, BtfExt), skep_btf::Error> {
    let mut ext = BtfExt::default();
    let proto = proto(&mut types);
    for part in code {
        let section = types.string(part.name);
        let funcs = part.functions.iter().map(|function| {
            let linkage = if function.global { Linkage::Global } else { Linkage::Static };
            let func = types.func(&identifier(function.name), proto, linkage);
            FuncInfo { at: place(function.offset), func }
        });
        let records: Vec<FuncInfo> = funcs.collect();
        if !records.is_empty() {
            ext.func_info.push(Block { section, records });
        }
        let records = lines(&mut types, part, source, files);
        if !records.is_empty() {
            ext.line_info.push(Block { section, records });
        }
    }
    Ok((types.build()?, ext))
}

/// `int (void *ctx)`: what every program is, and what the kernel takes for a static function too.
pub(super) fn proto(types: &mut BtfBuilder) -> TypeId {
    let int = types.int("int", 4, IntEncoding::Signed);
    let pointer = types.ptr(TypeId::VOID);
    let ctx = types.param("ctx", pointer);
    types.func_proto(int, &[ctx])
}

fn lines(
    types: &mut BtfBuilder,
    code: &Code<'_>,
    source: &Source<'_>,
    files: &[(u32, String)],
) -> Vec<LineInfo> {
    let mut records: Vec<LineInfo> = Vec::with_capacity(code.lines.len());
    let mut starts = code.functions.iter().map(|function| function.offset).peekable();
    for mark in code.lines {
        // The kernel wants a line for the first instruction of each function.
        let mut first = false;
        while starts.next_if(|&start| start <= mark.offset).is_some() {
            first = true;
        }
        let (file, text) = match mark.file {
            Some(number) => {
                let path = files.iter().find(|(known, _)| *known == number).map_or("", |(_, path)| path);
                (types.string(&printable(path)), types.string(""))
            }
            None => (
                types.string(&printable(source.name)),
                types.string(&printable(source.line_text(mark.line).trim())),
            ),
        };
        let record = LineInfo { at: place(mark.offset), file, text, line: mark.line, column: mark.column };
        let same = records.last().is_some_and(|last| {
            (last.file, last.text, last.line, last.column)
                == (record.file, record.text, record.line, record.column)
        });
        if first || !same {
            records.push(record);
        }
    }
    records
}

/// A string of the string table has no zero byte in it.
fn printable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn place(offset: u64) -> ByteOff {
    ByteOff(u32::try_from(offset).unwrap_or(u32::MAX))
}

/// A name as the kernel takes it: letters, digits, `_` and `.`.
fn identifier(name: &str) -> String {
    let part = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') { c } else { '_' };
    let name: String = name.chars().map(part).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}
