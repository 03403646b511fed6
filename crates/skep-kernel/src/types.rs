//! The types of an image, as the kernel takes them.
//!
//! An object's types describe what is to be linked; the kernel wants what is there. So: what is defined elsewhere
//! becomes something without a place, functions have the linkage that they are to be verified with, and each function
//! that needs a type and has none gets one. Ids stay what they are: types are changed in place or appended.

mod records;
mod rewrite;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use skep_btf::{Btf, TypeId};
use skep_object::Image;
use skep_object::image::FuncId;

use crate::btf::btf_load;
use crate::options::Log;
use crate::select::Selection;

use rewrite::Keep;

pub(crate) use records::{ById, DEPTH, Header, names, string};

/// The types of an image in the kernel.
#[derive(Debug)]
pub(crate) struct Types<'a> {
    image: &'a Image,
    selection: &'a Selection<'a>,
    set: Option<TypeSet>,
    /// Types of functions alone, for what the kernel does not verify with those of the image.
    plain: OnceCell<Option<TypeSet>>,
    /// What the kernel did not take.
    remarks: RefCell<Vec<String>>,
}

/// A set of types in the kernel.
#[derive(Debug)]
pub(crate) struct TypeSet {
    fd: OwnedFd,
    about: About,
    /// With the types of the image, under their ids; else only with those of functions.
    is_whole: bool,
}

/// What a set says about the image.
#[derive(Debug, Default)]
pub(crate) struct About {
    /// The FUNC of each function that is part of a program.
    pub(crate) funcs: HashMap<FuncId, TypeId>,
    /// Where the name of each file of the image stands among the strings.
    pub(crate) files: Vec<u32>,
    /// Types for values of these sizes; for maps that must have types but do not say any.
    pub(crate) sized: Vec<(u32, TypeId)>,
}

impl TypeSet {
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(crate) fn about(&self) -> &About {
        &self.about
    }

    /// A type of that size.
    pub(crate) fn sized(&self, size: u32) -> Option<TypeId> {
        self.about.sized.iter().find(|(known, _)| *known == size).map(|&(_, ty)| ty)
    }

    /// A type of the image, if the set has them.
    pub(crate) fn of_image(&self, ty: Option<TypeId>) -> Option<TypeId> {
        ty.filter(|_| self.is_whole)
    }
}

/// Loads the types. If the kernel refuses them, that is only a remark: few programs need more than those of functions.
pub(crate) fn load<'a>(image: &'a Image, selection: &'a Selection<'a>) -> Types<'a> {
    let mut types =
        Types { image, selection, set: None, plain: OnceCell::new(), remarks: RefCell::default() };
    let is_needed =
        || selection.is_callback.iter().any(|&is| is) || image.maps.iter().any(|map| needs_types(map.def.ty));
    types.set = match image.btf.as_deref() {
        Some(btf) => types.load(btf, Keep::Types).or_else(|| types.load(btf, Keep::Strings)),
        None if is_needed() => Btf::builder().build().ok().and_then(|btf| types.load(&btf, Keep::Strings)),
        None => None,
    };
    types
}

impl Types<'_> {
    /// What was loaded, if it was.
    pub(crate) fn set(&self) -> Option<&TypeSet> {
        self.set.as_ref()
    }

    /// Types by which each function is verified in its callers; `None` if they are so already.
    pub(crate) fn plain(&self) -> Option<&TypeSet> {
        self.set.as_ref().filter(|set| set.is_whole)?;
        self.plain.get_or_init(|| self.load(self.image.btf.as_deref()?, Keep::Strings)).as_ref()
    }

    /// Notes what was not taken, but is not needed.
    pub(crate) fn remark(&self, remark: String) {
        self.remarks.borrow_mut().push(remark);
    }

    pub(crate) fn remarks(&self) -> Vec<String> {
        self.remarks.borrow().clone()
    }

    fn load(&self, btf: &Btf, keep: Keep) -> Option<TypeSet> {
        let (bytes, about) = rewrite::for_kernel(self.image, btf, self.selection, keep);
        match btf_load(&bytes, Log::OnFailure) {
            Ok(types) => Some(TypeSet { fd: types.into_fd(), about, is_whole: keep == Keep::Types }),
            Err(error) => {
                self.remark(error.to_string());
                None
            }
        }
    }
}

/// Maps that the kernel makes only of what has types.
pub(crate) fn needs_types(ty: skep_btf::maps::MapType) -> bool {
    use skep_btf::maps::MapType;
    matches!(ty, MapType::SK_STORAGE | MapType::INODE_STORAGE | MapType::TASK_STORAGE | MapType::CGRP_STORAGE)
}

/// A name without its flavor: what stands behind the last `___`, by which a program tells several declarations of one
/// thing of the kernel's apart.
pub(crate) fn essential(name: &str) -> &str {
    match name.rsplit_once("___") {
        Some((essential, flavor)) if !essential.is_empty() && !flavor.is_empty() => essential,
        _ => name,
    }
}
