//! Instructions and source lines, as traces and profiles show them.

use skep::Image;
use skep::insn::helper::Helper;
use skep::insn::{Callee, Insn, Slot};
use skep::object::image::{FuncId, Target};

/// An instruction, its references by name, jumps by where they go.
pub(crate) fn insn(image: &Image, id: FuncId, at: Slot) -> Option<(Insn, String)> {
    let func = image.func(id);
    let insn = Insn::decode(func.code.get(at.index()..)?).ok()?;
    let name = match (func.target_at(at), insn) {
        (Some(target), _) => Some(image.target_name(target)),
        (None, Insn::Call(Callee::Helper(number))) => {
            let kernel = Helper::from_id(number).map(Helper::name);
            kernel.or_else(|| skep::vm::helpers::name(number)).map(str::to_owned)
        }
        (None, _) => insn
            .jump_offset()
            .and_then(|off| at.jump(off))
            .map(|target| format!("{}+{:#x}", func.name, target.bytes())),
    };
    let text = name.map_or_else(|| insn.to_string(), |name| insn.display_with(&name).to_string());
    Some((insn, text))
}

/// Whether an instruction leaves the program: what is called may print.
pub(crate) fn is_host_call(image: &Image, id: FuncId, at: Slot, insn: Insn) -> bool {
    match insn {
        Insn::Call(_) => !matches!(image.func(id).target_at(at), Some(Target::Func(_))),
        Insn::CallX { .. } => true,
        _ => false,
    }
}

/// Where an instruction comes from.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The last part of the file's name.
    pub(crate) file: String,
    pub(crate) line: u32,
    /// The line itself, without indentation; empty if it is not known.
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn of(image: &Image, id: FuncId, at: Slot) -> Option<Source> {
        let (file, line) = image.line_at(id, at)?;
        let text = image.btf.as_ref().map_or("", |btf| btf.string(line.text));
        let file = file.rsplit('/').next().unwrap_or(file).to_owned();
        Some(Source { file, line: line.line, text: text.trim().replace('\t', " ") })
    }

    /// Whether each line is an instruction, so that it needs no line of its own.
    pub(crate) fn is_assembly(&self) -> bool {
        self.file.ends_with(".s") || self.file.ends_with(".S")
    }
}
