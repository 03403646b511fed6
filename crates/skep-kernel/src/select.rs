//! Which programs to load, and what they need.

use std::collections::{HashMap, HashSet};
use std::iter;

use skep_btf::{DeclTag, Type, TypeId};
use skep_object::Image;
use skep_object::image::{DataId, Func, FuncId, ImportId, Target};
use skep_object::nearest::nearest;
use skep_object::section::{ProgType, ProgramSection, is_kernel_section};

use crate::error::Error;
use crate::options::Options;

/// A program to load.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    pub(crate) id: FuncId,
    pub(crate) func: &'a Func,
    pub(crate) section: ProgramSection<'a>,
    /// What it consists of: itself, and behind it each function that it reaches.
    pub(crate) parts: Vec<FuncId>,
}

/// What is to be loaded.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    pub(crate) programs: Vec<Program<'a>>,
    /// The imports that programs refer to, in order.
    pub(crate) imports: Vec<ImportId>,
    /// By data section: which places in it programs refer to.
    pub(crate) data: Vec<Vec<i64>>,
    /// By function: whether it is part of a program.
    pub(crate) is_loaded: Vec<bool>,
    /// By function: whether its address is taken, as callbacks are.
    pub(crate) is_callback: Vec<bool>,
}

/// Chooses the programs of an image, and follows what they refer to.
pub(crate) fn programs<'a>(image: &'a Image, options: &Options) -> Result<Selection<'a>, Error> {
    let mut selection = Selection {
        programs: Vec::new(),
        imports: Vec::new(),
        data: vec![Vec::new(); image.data.len()],
        is_loaded: vec![false; image.funcs.len()],
        is_callback: vec![false; image.funcs.len()],
    };
    let named = options.only.iter().chain(&options.skip).chain(options.types.iter().map(|(name, _)| name));
    for name in named {
        let Some((_, func)) = image.func_by_name(name) else { return Err(no_function(image, name)) };
        let is_typed = options.types.iter().any(|(typed, _)| is_called(func, typed));
        if options.only.contains(name) && !is_typed && !is_kernel_section(&func.section) {
            return Err(Error::Program {
                program: name.clone(),
                section: func.section.clone(),
                problem: "the section does not tell a program type; say one by `Options::program_type`"
                    .to_owned(),
            });
        }
    }
    let entries = Entries::new(image);
    let handlers = exception_handlers(image);
    for (id, func) in (0..).map(FuncId).zip(&image.funcs) {
        if let Some(section) = wanted(func, options, entries.is_entry(id, func)) {
            let handler = func.ty.and_then(|ty| handlers.get(&ty).copied());
            let parts = selection.reach(image, iter::once(id).chain(handler));
            selection.programs.push(Program { id, func, section, parts });
        }
    }
    selection.imports.sort_unstable();
    selection.imports.dedup();
    Ok(selection)
}

/// What a function is loaded as, if it is.
fn wanted<'a>(func: &'a Func, options: &Options, is_entry: bool) -> Option<ProgramSection<'a>> {
    let is_named = |names: &[String]| names.iter().any(|name| is_called(func, name));
    let ty = options.types.iter().find(|(name, _)| is_called(func, name)).map(|&(_, ty)| ty);
    let section = match (ProgramSection::parse(&func.section), ty) {
        (Some(section), None) => section,
        (Some(section), Some(ty)) if section.ty == ty => section,
        (_, Some(ty)) => by_hand(ty),
        (None, None) => return None,
    };
    let is_wanted = match &options.only[..] {
        [] => (is_entry || ty.is_some()) && section.autoload,
        only => is_named(only),
    };
    (is_wanted && !is_named(&options.skip)).then_some(section)
}

/// A section that says nothing but the type.
fn by_hand(ty: ProgType) -> ProgramSection<'static> {
    // Programs of this type must be able to sleep.
    let sleepable = ty == ProgType::SYSCALL;
    ProgramSection { ty, attach: None, target: None, sleepable, frags: false, autoload: true }
}

fn is_called(func: &Func, name: &str) -> bool {
    func.name == name || func.aliases.iter().any(|alias| alias == name)
}

fn no_function(image: &Image, name: &str) -> Error {
    let near = nearest(name, image.funcs.iter().map(|func| func.name.as_str()));
    Error::NoSuch { what: "function", name: name.to_owned(), near, there: Vec::new() }
}

/// Which functions of a program section are programs: those that others see, and those that nothing else uses.
struct Entries {
    used: HashSet<FuncId>,
}

impl Entries {
    fn new(image: &Image) -> Entries {
        let refs = image.funcs.iter().flat_map(|func| &func.refs).map(|r| r.target);
        let used = refs.filter_map(|target| match target {
            Target::Func(func) => Some(func),
            _ => None,
        });
        Entries { used: used.collect() }
    }

    fn is_entry(&self, id: FuncId, func: &Func) -> bool {
        func.exported || !self.used.contains(&id)
    }
}

/// The functions that a program goes to when it throws: nothing refers to them but a tag on the program's type.
fn exception_handlers(image: &Image) -> HashMap<TypeId, FuncId> {
    let mut handlers = HashMap::new();
    let Some(btf) =
        image.btf.as_deref().filter(|_| image.imports.iter().any(|import| import.name == "bpf_throw"))
    else {
        return handlers;
    };
    for (id, ty) in btf.iter() {
        let Type::DeclTag(DeclTag { target, component: None, .. }) = ty else { continue };
        let handler =
            btf.name(id).strip_prefix("exception_callback:").and_then(|name| image.func_by_name(name));
        if let Some((handler, _)) = handler {
            handlers.insert(target, handler);
        }
    }
    handlers
}

impl Selection<'_> {
    /// The functions and all that they reach, each once, depth first; notes what they refer to.
    fn reach(&mut self, image: &Image, entries: impl DoubleEndedIterator<Item = FuncId>) -> Vec<FuncId> {
        let mut seen = HashSet::new();
        let mut parts = Vec::new();
        let mut stack: Vec<FuncId> = entries.rev().collect();
        while let Some(id) = stack.pop() {
            if !seen.insert(id) {
                continue;
            }
            parts.push(id);
            let func = image.func(id);
            let is_new = !std::mem::replace(&mut self.is_loaded[id.0 as usize], true);
            for r in func.refs.iter().rev() {
                match r.target {
                    Target::Func(callee) => {
                        let is_call = func.code[r.at.index()].code == CALL;
                        self.is_callback[callee.0 as usize] |= !is_call;
                        stack.push(callee);
                    }
                    Target::Data { data: DataId(data), offset } if is_new => {
                        self.data[data as usize].push(offset);
                    }
                    Target::Import { import, .. } if is_new => self.imports.push(import),
                    _ => {}
                }
            }
        }
        parts
    }
}

/// The opcode of `call`.
pub(crate) const CALL: u8 = 0x85;
