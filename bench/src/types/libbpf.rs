//! libbpf's way with types.
#![expect(unsafe_code, reason = "calls a C library that is opened at run time")]

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::null;

use crate::dl::{Library, functions};

enum Set {}

functions! {
    struct Api {
        fn libbpf_set_print(*const c_void) -> *const c_void;
        fn btf__new(*const c_void, u32) -> *mut Set;
        fn btf__new_empty() -> *mut Set;
        fn btf__free(*mut Set);
        fn btf__add_btf(*mut Set, *const Set) -> c_int;
        fn btf__dedup(*mut Set, *const c_void) -> c_int;
        fn btf__raw_data(*const Set, *mut u32) -> *const c_void;
        fn btf__type_cnt(*const Set) -> u32;
        fn btf__find_by_name_kind(*const Set, *const c_char, u32) -> c_int;
    }
}

/// The library.
pub(crate) struct Libbpf(Api);

/// A set of types, which is freed when this is dropped.
struct Owned<'l>(&'l Api, *mut Set);

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        // SAFETY: made by the library, and freed once.
        unsafe { (self.0.btf__free)(self.1) };
    }
}

impl Libbpf {
    /// Opens it.
    ///
    /// # Errors
    /// It is not installed, or too old.
    pub(crate) fn open() -> Result<Self, String> {
        let library = Library::open(&["libbpf.so.1"])?;
        // SAFETY: declared as in btf.h, version 1.
        let api = unsafe { Api::load(&library)? };
        // SAFETY: null switches messages off.
        unsafe { (api.libbpf_set_print)(null()) };
        Ok(Self(api))
    }

    fn read(&self, section: &[u8]) -> Result<Owned<'_>, String> {
        let len = u32::try_from(section.len()).map_err(|e| e.to_string())?;
        // SAFETY: the library copies that many bytes.
        let set = unsafe { (self.0.btf__new)(section.as_ptr().cast(), len) };
        if set.is_null() { Err("btf__new fails".to_owned()) } else { Ok(Owned(&self.0, set)) }
    }

    /// Reads sections, makes one set of them with each type once, and says how many types it has.
    ///
    /// # Errors
    /// The call that fails.
    pub(crate) fn merge(&self, sections: &[&[u8]]) -> Result<u32, String> {
        let sets: Vec<Owned<'_>> =
            sections.iter().map(|section| self.read(section)).collect::<Result<_, _>>()?;
        // SAFETY: no arguments.
        let all = unsafe { (self.0.btf__new_empty)() };
        if all.is_null() {
            return Err("btf__new_empty fails".to_owned());
        }
        let all = Owned(&self.0, all);
        for set in &sets {
            // SAFETY: both are sets.
            if unsafe { (self.0.btf__add_btf)(all.1, set.1) } < 0 {
                return Err("btf__add_btf fails".to_owned());
            }
        }
        // SAFETY: a set, and no options.
        if unsafe { (self.0.btf__dedup)(all.1, null()) } != 0 {
            return Err("btf__dedup fails".to_owned());
        }
        let mut size = 0;
        // SAFETY: a set, and a place for the size.
        if unsafe { (self.0.btf__raw_data)(all.1, &raw mut size) }.is_null() {
            return Err("btf__raw_data fails".to_owned());
        }
        // SAFETY: a set. Void counts as well.
        Ok(unsafe { (self.0.btf__type_cnt)(all.1) }.saturating_sub(1))
    }

    /// Reads a section, and finds a type in it.
    ///
    /// # Errors
    /// The call that fails.
    pub(crate) fn find(&self, section: &[u8], kind: u32, name: &str) -> Result<u32, String> {
        let set = self.read(section)?;
        let name = CString::new(name).map_err(|e| e.to_string())?;
        // SAFETY: a set and a string.
        let id = unsafe { (self.0.btf__find_by_name_kind)(set.1, name.as_ptr(), kind) };
        u32::try_from(id).map_err(|_| "btf__find_by_name_kind finds nothing".to_owned())
    }
}
