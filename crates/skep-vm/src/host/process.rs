//! Names of the process itself.
#![expect(unsafe_code, reason = "asks the dynamic linker")]

use std::ffi::CString;

/// The address that a function or variable of this process has by name.
pub(super) fn find(name: &str) -> Option<usize> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name is a C string; the lookup has no other precondition.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then(|| address.expose_provenance())
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn finds_functions_and_data() {
        assert!(find("strlen").is_some());
        assert!(find("environ").is_some());
        assert_eq!(find("no such name"), None);
        assert_eq!(find("strlen\0x"), None);
    }
}
