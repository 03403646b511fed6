//! Proves what an image promises, without looking at how it was made.
//!
//! Runtimes index with what stands in an image, and leave checks out because of what is proven here: they ask before they
//! take one. The linker asks itself in its tests.

use std::collections::{HashMap, HashSet};
use std::error::Error as _;

use skep_insn::check::{CheckError, function};
use skep_insn::{Callee, Imm64, Insn, RawInsn, Slot};

use crate::image::{Data, Func, FuncId, Image, ImportKind, Map, Target};

/// A promise that an image breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Broken {
    /// Where: `function 'main'+0x18`, `data .rodata`.
    pub place: String,
    /// What is wrong, and what was expected.
    pub what: String,
}

/// Checks a whole image:
///
/// * every index names something, every slot is the start of an instruction;
/// * code is valid ([`skep_insn::check::function`]), and holds no distances to other functions: each local call has
///   src 1 and imm -1, and each reference of `ld_imm64` src 0 and value 0;
/// * references are in order, one for each local call, none anywhere but on calls and `ld_imm64`;
/// * calls lead to functions and to imports that are called, `ld_imm64` to anything but labels;
/// * pointers lie inside of their data, in order, 8 bytes apart at least, and nothing but zeros stands in their place;
/// * names of exported functions and variables are unique, those of imports too, and nothing is both.
///
/// # Errors
/// The first broken promise.
pub fn image(image: &Image) -> Result<(), Broken> {
    let proof = Proof { image };
    for func in &image.funcs {
        proof.func(func).map_err(|(at, what)| Broken {
            place: format!("function '{}'+{:#x}", func.name, at.bytes()),
            what,
        })?;
    }
    for data in &image.data {
        proof.data(data).map_err(|what| Broken { place: format!("data {}", data.name), what })?;
    }
    for map in &image.maps {
        proof.values(map).map_err(|what| Broken { place: format!("map '{}'", map.def.name), what })?;
    }
    names(image).map_err(|what| Broken { place: format!("image {}", image.name), what })
}

struct Proof<'a> {
    image: &'a Image,
}

/// Whether an instruction starts at a slot of valid code: the second slot of `ld_imm64` has opcode 0, which begins none.
fn starts(code: &[RawInsn], at: Slot) -> bool {
    code.get(at.index()).is_some_and(|raw| raw.code != 0)
}

/// Whether the slot refers to a function of the program: `call` with src 1, `ld_imm64` with src 4.
fn is_local(raw: RawInsn) -> bool {
    matches!((raw.code, raw.src()), (0x85, 1) | (0x18, 4))
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

fn with_cause(error: &CheckError) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

fn index_of(number: u32) -> usize {
    number as usize
}

impl Proof<'_> {
    fn func(&self, func: &Func) -> Result<(), (Slot, String)> {
        let code = &func.code;
        function(code).map_err(|error| (Slot(0), with_cause(&error)))?;
        let mut last = None;
        for r in &func.refs {
            if !starts(code, r.at) || last >= Some(r.at) {
                return Err((r.at, "reference to no instruction, or out of order".to_owned()));
            }
            last = Some(r.at);
            let insn = Insn::decode(&code[r.at.index()..]).map_err(|error| (r.at, error.to_string()))?;
            place(insn).and_then(|()| self.code_target(insn, r.target)).map_err(|what| (r.at, what))?;
        }
        let mut refs = func.refs.iter().map(|r| r.at).peekable();
        for (at, _) in (0..).map(Slot).zip(code).filter(|(_, raw)| is_local(**raw)) {
            while refs.next_if(|of| *of < at).is_some() {}
            if refs.next_if_eq(&at).is_none() {
                let text =
                    Insn::decode(&code[at.index()..]).map_or_else(|e| e.to_string(), |i| i.to_string());
                return Err((at, format!("`{text}` has no reference; functions are referred to by index")));
            }
        }
        let lines = &func.lines;
        if let Some(pair) = lines.windows(2).find(|pair| pair[0].at >= pair[1].at) {
            return Err((pair[1].at, "lines are out of order".to_owned()));
        }
        match lines
            .iter()
            .find(|l| l.at.index() >= func.code.len() || index_of(l.file) >= self.image.files.len())
        {
            Some(line) => {
                Err((line.at, format!("line of no instruction, or of file {}, which is none", line.file)))
            }
            None => Ok(()),
        }
    }

    fn code_target(&self, insn: Insn, target: Target) -> Result<(), String> {
        let is_call = matches!(insn, Insn::Call(_));
        match target {
            Target::Func(_) => self.target(target),
            Target::Import { import, addend } if is_call => {
                self.target(target)?;
                let import = &self.image.imports[index_of(import.0)];
                ensure(import.kind == ImportKind::Func && addend == 0, || {
                    format!("call of import '{}' + {addend}, which is {:?}", import.name, import.kind)
                })
            }
            Target::Data { .. } | Target::Map(_) | Target::Import { .. } if !is_call => self.target(target),
            _ => Err(format!("`{insn}` refers to {target:?}")),
        }
    }

    /// Whether the target exists.
    fn target(&self, target: Target) -> Result<(), String> {
        let image = self.image;
        let exists = match target {
            Target::Func(FuncId(func)) => index_of(func) < image.funcs.len(),
            Target::Code { func: FuncId(func), at } => {
                image.funcs.get(index_of(func)).is_some_and(|func| starts(&func.code, at))
            }
            Target::Data { data, .. } => index_of(data.0) < image.data.len(),
            Target::Map(map) => index_of(map.0) < image.maps.len(),
            Target::Import { import, .. } => index_of(import.0) < image.imports.len(),
        };
        ensure(exists, || format!("{target:?} does not exist"))
    }

    fn data(&self, data: &Data) -> Result<(), String> {
        ensure(data.align.is_power_of_two(), || {
            format!("alignment {}, expected a power of two", data.align)
        })?;
        let len = data.bytes.len() as u64;
        ensure(len <= data.size, || format!("{len} bytes, expected at most {}", data.size))?;
        let mut free = 0;
        for r in &data.refs {
            let fail = |what: &str| Err(format!("pointer at {:#x} {what}", r.at));
            if r.at < free {
                return fail("is out of order, or overlaps the one before");
            }
            match r.at.checked_add(8) {
                Some(end) if end <= data.size => free = end,
                _ => return fail("ends outside"),
            }
            let place = usize::try_from(r.at).ok().and_then(|at| data.bytes.get(at..));
            if place.is_some_and(|bytes| bytes.iter().take(8).any(|&byte| byte != 0)) {
                return fail("stands on bytes that are not zero");
            }
            self.target(r.target)?;
        }
        for pair in data.vars.windows(2) {
            ensure(pair[0].offset <= pair[1].offset, || {
                format!("variable '{}' is out of order", pair[1].name)
            })?;
        }
        for var in &data.vars {
            let end = var.offset.checked_add(var.size);
            ensure(end.is_some_and(|end| end <= data.size), || {
                format!("variable '{}' ends outside", var.name)
            })?;
        }
        Ok(())
    }

    fn values(&self, map: &Map) -> Result<(), String> {
        for &(slot, target) in &map.values {
            self.target(target)?;
            ensure(matches!(target, Target::Func(_) | Target::Map(_)), || {
                format!("slot {slot} holds {target:?}")
            })?;
        }
        let sorted = map.values.is_sorted_by_key(|&(slot, _)| slot);
        ensure(sorted, || "initial values are out of order".to_owned())
    }
}

/// Whether nothing stands where a reference is.
fn place(insn: Insn) -> Result<(), String> {
    match insn {
        Insn::Call(Callee::Subprog(-1)) | Insn::LoadImm64 { imm: Imm64::Value(0), .. } => Ok(()),
        _ => Err(format!("`{insn}` has a reference, expected a call with imm -1 or ld_imm64 of 0")),
    }
}

fn names(image: &Image) -> Result<(), String> {
    let mut exported: HashMap<&str, &str> = HashMap::new();
    let funcs = image.funcs.iter().filter(|func| func.exported);
    let funcs = funcs.flat_map(|func| func.aliases.iter().chain([&func.name]));
    let vars = image.data.iter().flat_map(|data| &data.vars).filter(|var| var.exported);
    let named = funcs.map(|name| (name, "function")).chain(vars.map(|var| (&var.name, "variable")));
    for (name, what) in named {
        if let Some(other) = exported.insert(name, what) {
            return Err(format!("{what} '{name}' has the name of another {other}"));
        }
    }
    let mut imports = HashSet::new();
    for import in &image.imports {
        ensure(imports.insert(&import.name), || format!("'{}' is imported twice", import.name))?;
        ensure(!exported.contains_key(import.name.as_str()), || {
            format!("'{}' is imported, and defined as {}", import.name, exported[import.name.as_str()])
        })?;
    }
    Ok(())
}
