//! What programs need from the kernel by name: kernel functions and variables.

use skep_btf::{Kind, Type, TypeId};
use skep_insn::helper::Helper;
use skep_object::Image;
use skep_object::image::{Func, Import, ImportId, ImportKind, Target};
use skep_object::nearest::did_you_mean;

use crate::compat::same_prototype;
use crate::error::Error;
use crate::kconfig;
use crate::select::Selection;
use crate::types::essential;
use crate::vmlinux::KernelTypes;

/// What an import is in this kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nobody refers to it.
    Unused,
    /// A helper, by number.
    Helper(i32),
    /// A function of the kernel, by the id of its FUNC.
    Kfunc(TypeId),
    /// A variable of the kernel, by the id of its VAR.
    Variable(TypeId),
    /// An address.
    Address(u64),
    /// A value of the kernel's configuration, by its place among them.
    Config(u32),
    /// Weak, and not there.
    Missing,
}

/// What imports are in this kernel.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    /// By index in the image.
    pub(crate) found: Vec<Found>,
    /// The values of the kernel's configuration that are asked for.
    pub(crate) config: Vec<u8>,
}

/// Where an import is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Helper(i32),
    Kfunc,
    Variable,
    Symbol,
    Kconfig,
}

/// Finds what programs refer to.
pub(crate) fn resolve(
    image: &Image,
    selection: &Selection<'_>,
    kernel: &mut KernelTypes,
) -> Result<Imports, Error> {
    let mut found = vec![Found::Unused; image.imports.len()];
    if selection.imports.is_empty() {
        return Ok(Imports { found, config: Vec::new() });
    }
    let used: Vec<(ImportId, &Import, Sort)> = selection
        .imports
        .iter()
        .map(|&id| (id, &image.imports[id.0 as usize]))
        .map(|(id, import)| (id, import, sort(image, import)))
        .collect();
    let typed: Vec<(Kind, &str)> =
        used.iter().filter_map(|(_, import, sort)| wanted(import, *sort)).collect();
    let mut ids = if typed.is_empty() { Vec::new() } else { kernel.find(&typed)? }.into_iter();
    let mut tys: Vec<Option<TypeId>> = used
        .iter()
        .map(|(_, import, sort)| wanted(import, *sort).and_then(|_| ids.next()).flatten())
        .collect();
    drop_others(image, &used, &mut tys, kernel)?;
    let config = config(image, selection, &used, &mut found)?;
    for (&(id, import, sort), ty) in used.iter().zip(tys) {
        if sort == Sort::Kconfig {
            continue;
        }
        let here = match (sort, ty) {
            (Sort::Helper(number), _) => Some(Found::Helper(number)),
            (Sort::Kfunc, Some(ty)) => Some(Found::Kfunc(ty)),
            (Sort::Variable, Some(ty)) => Some(Found::Variable(ty)),
            (Sort::Symbol, _) => symbol(&import.name).map(Found::Address),
            _ => None,
        };
        found[id.0 as usize] = match here {
            Some(here) => here,
            None if import.weak => Found::Missing,
            None => return Err(missing(image, selection, id, sort, kernel)),
        };
    }
    Ok(Imports { found, config })
}

/// The values of the kernel's configuration, and where each of them stands.
fn config(
    image: &Image,
    selection: &Selection<'_>,
    used: &[(ImportId, &Import, Sort)],
    found: &mut [Found],
) -> Result<Vec<u8>, Error> {
    let wanted: Vec<(ImportId, &Import)> = used
        .iter()
        .filter(|(.., sort)| *sort == Sort::Kconfig)
        .map(|&(id, import, _)| (id, import))
        .collect();
    let (Some(btf), false) = (image.btf.as_deref(), wanted.is_empty()) else { return Ok(Vec::new()) };
    let imports: Vec<&Import> = wanted.iter().map(|&(_, import)| import).collect();
    let values =
        kconfig::values(btf, &imports, &|| has_symbol(SYSCALL_WRAPPER)).map_err(|(index, problem)| {
            Error::Import {
                name: imports[index].name.clone(),
                function: user(image, selection, wanted[index].0),
                problem,
            }
        })?;
    for ((id, _), place) in wanted.iter().zip(values.places) {
        found[id.0 as usize] = Found::Config(place);
    }
    Ok(values.bytes)
}

/// The wrapper of bpf(2), where system calls have such.
const SYSCALL_WRAPPER: &str = if cfg!(target_arch = "x86_64") {
    "__x64_sys_bpf"
} else if cfg!(target_arch = "aarch64") {
    "__arm64_sys_bpf"
} else if cfg!(target_arch = "riscv64") {
    "__riscv_sys_bpf"
} else if cfg!(target_arch = "s390x") {
    "__s390x_sys_bpf"
} else {
    ""
};

/// Forgets functions that have another prototype than a program declares, where it can do without, or declares
/// several (`bpf_task_acquire___old`). For all others the verifier is the better judge.
fn drop_others(
    image: &Image,
    used: &[(ImportId, &Import, Sort)],
    found: &mut [Option<TypeId>],
    kernel: &mut KernelTypes,
) -> Result<(), Error> {
    let Some(btf) = image.btf.as_deref() else { return Ok(()) };
    let may_differ = |(_, import, sort): &(ImportId, &Import, Sort)| {
        *sort == Sort::Kfunc && (import.weak || essential(&import.name) != import.name)
    };
    if !used.iter().any(may_differ) {
        return Ok(());
    }
    let types = kernel.by_id()?;
    for (used, found) in used.iter().zip(found).filter(|(used, _)| may_differ(used)) {
        if let (Some(declared), Some(there)) = (used.1.ty, *found)
            && !same_prototype(btf, declared, &types, there)
        {
            *found = None;
        }
    }
    Ok(())
}

fn sort(image: &Image, import: &Import) -> Sort {
    let btf = image.btf.as_deref();
    let ty = import.ty.and_then(|ty| Some((btf?, btf?.ty(ty))));
    match (import.kind, ty) {
        (ImportKind::Func, _) => match Helper::from_name(&import.name) {
            Some(helper) => Sort::Helper(helper.id()),
            None => Sort::Kfunc,
        },
        (ImportKind::Address, Some((_, Type::Func(_)))) => Sort::Kfunc,
        (ImportKind::Address, Some((btf, Type::Var(_)))) if is_kconfig(btf, import) => Sort::Kconfig,
        (ImportKind::Address, Some((btf, Type::Var(var))))
            if !btf.resolve(var.ty).is_none_or(TypeId::is_void) =>
        {
            Sort::Variable
        }
        (ImportKind::Address, _) => Sort::Symbol,
    }
}

fn is_kconfig(btf: &skep_btf::Btf, import: &Import) -> bool {
    btf.datasec(".kconfig")
        .is_some_and(|(_, section)| section.vars.iter().any(|var| Some(var.var) == import.ty))
}

/// What the kernel's types may call it.
fn wanted(import: &Import, sort: Sort) -> Option<(Kind, &str)> {
    match sort {
        Sort::Kfunc => Some((Kind::Func, essential(&import.name))),
        Sort::Variable => Some((Kind::Var, essential(&import.name))),
        Sort::Helper(_) | Sort::Symbol | Sort::Kconfig => None,
    }
}

/// The address of a symbol of the kernel.
fn symbol(name: &str) -> Option<u64> {
    // Zeros stand there for those who may not know.
    find_symbol(name).filter(|&address| address != 0)
}

/// Whether the kernel has a symbol.
fn has_symbol(name: &str) -> bool {
    find_symbol(name).is_some()
}

fn find_symbol(name: &str) -> Option<u64> {
    let symbols = std::fs::read_to_string("/proc/kallsyms").ok()?;
    let address = symbols.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (address, _, symbol) = (words.next()?, words.next()?, words.next()?);
        (symbol == name).then_some(address)
    })?;
    u64::from_str_radix(address, 16).ok()
}

/// A function that refers to an import.
fn user(image: &Image, selection: &Selection<'_>, id: ImportId) -> String {
    let refers = |func: &&Func| {
        func.refs.iter().any(|r| matches!(r.target, Target::Import { import, .. } if import == id))
    };
    let loaded = image.funcs.iter().zip(&selection.is_loaded).filter(|(_, is)| **is).map(|(func, _)| func);
    loaded.filter(refers).map(|func| func.name.clone()).next().unwrap_or_default()
}

fn missing(
    image: &Image,
    selection: &Selection<'_>,
    id: ImportId,
    sort: Sort,
    kernel: &mut KernelTypes,
) -> Error {
    let import = &image.imports[id.0 as usize];
    let problem = match sort {
        Sort::Kfunc => {
            let near = kernel.nearest(Kind::Func, "", &import.name);
            format!("neither the image nor the kernel has such a function, with these parameters{}", did_you_mean(&near))
        }
        Sort::Variable => "the kernel's types have no such variable".to_owned(),
        Sort::Symbol => {
            "no symbol of the kernel has the name, or this process may not see its address (/proc/sys/kernel/kptr_restrict)"
                .to_owned()
        }
        Sort::Helper(_) | Sort::Kconfig => "it was not looked for".to_owned(),
    };
    Error::Import { name: import.name.clone(), function: user(image, selection, id), problem }
}
