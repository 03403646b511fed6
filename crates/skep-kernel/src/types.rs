//! The types of an image, as the kernel takes them.
//!
//! An object's types describe what is to be linked; the kernel wants what is there. So: what is defined elsewhere
//! becomes something without a place, functions have the linkage that they are to be verified with, and each function
//! that needs a type and has none gets one. Ids stay what they are: types are changed in place or appended.

mod records;
mod rewrite;

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use skep_btf::{Btf, TypeId};
use skep_object::Image;
use skep_object::image::FuncId;

use crate::log::{WHOLE, with_log};
use crate::select::Selection;
use crate::sys;

pub(crate) use records::{Header, records, string};

/// The types that were loaded, if they were.
#[derive(Debug, Default)]
pub(crate) struct Types {
    fd: Option<OwnedFd>,
    /// The FUNC of each function that is part of a program.
    pub(crate) funcs: HashMap<FuncId, TypeId>,
    /// Where the name of each file of the image stands among the strings.
    pub(crate) files: Vec<u32>,
    /// `u32`, and types for values of these sizes; for maps that must have types but do not say any.
    pub(crate) plain: Vec<(u32, TypeId)>,
    /// What the kernel did not take.
    pub(crate) remarks: Vec<String>,
}

impl Types {
    /// The types in the kernel.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(AsFd::as_fd)
    }

    /// A type of that size; `None` if types could not be loaded.
    pub(crate) fn plain(&self, size: u32) -> Option<TypeId> {
        self.fd.as_ref()?;
        self.plain.iter().find(|(known, _)| *known == size).map(|&(_, ty)| ty)
    }
}

/// Loads the types. If the kernel refuses them, that is only a remark: few programs need them.
pub(crate) fn load(image: &Image, selection: &Selection<'_>) -> Types {
    let is_needed =
        selection.is_callback.iter().any(|&is| is) || image.maps.iter().any(|map| needs_types(map.def.ty));
    let empty = || Btf::builder().build().ok();
    let Some(btf) = image.btf.as_deref().cloned().or_else(|| empty().filter(|_| is_needed)) else {
        return Types::default();
    };
    let rewritten = rewrite::for_kernel(image, &btf, selection);
    let mut types =
        Types { funcs: rewritten.funcs, files: rewritten.files, plain: rewritten.plain, ..Types::default() };
    match sys::btf_load(&rewritten.bytes, &mut []).0 {
        Ok(fd) => types.fd = Some(fd),
        Err(error) => types.remarks.push(refusal(&error, &rewritten.bytes)),
    }
    types
}

/// Why the kernel refuses the types.
fn refusal(error: &io::Error, bytes: &[u8]) -> String {
    let (_, log) = with_log(WHOLE, |log| sys::btf_load(bytes, log));
    let said = log.lines().rev().find(|line| !line.trim().is_empty());
    format!(
        "the kernel does not take the types (BTF): {error}{}",
        said.map_or(String::new(), |said| format!(": {said}"))
    )
}

/// Maps that the kernel makes only of what has types.
pub(crate) fn needs_types(ty: skep_btf::maps::MapType) -> bool {
    use skep_btf::maps::MapType;
    matches!(ty, MapType::SK_STORAGE | MapType::INODE_STORAGE | MapType::TASK_STORAGE | MapType::CGRP_STORAGE)
}
