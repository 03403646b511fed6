//! Libraries that are opened while the bench runs, so that it builds and starts without them.
#![expect(unsafe_code, reason = "asks the dynamic linker for libraries and symbols")]

use std::ffi::{CStr, CString, c_void};

/// An open library. It is never closed: what these libraries keep in the process does not survive that.
pub(crate) struct Library {
    handle: *mut c_void,
    name: String,
}

impl Library {
    /// Opens the first of these that there is.
    ///
    /// # Errors
    /// None of them can be opened: the dynamic linker's message about the first.
    pub(crate) fn open(names: &[&str]) -> Result<Self, String> {
        let mut first = None;
        for name in names {
            let c_name = CString::new(*name).map_err(|e| e.to_string())?;
            // SAFETY: `c_name` is a string. The libraries that the bench names have harmless constructors.
            let handle = unsafe { libc::dlopen(c_name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
            if !handle.is_null() {
                return Ok(Self { handle, name: (*name).to_owned() });
            }
            first.get_or_insert_with(error);
        }
        Err(first.unwrap_or_else(|| "no name to open".into()))
    }

    /// The address of a symbol, as a function pointer.
    ///
    /// # Errors
    /// There is no such symbol.
    ///
    /// # Safety
    /// `F` is a pointer to a function of the symbol's type.
    pub(crate) unsafe fn symbol<F: Copy>(&self, name: &CStr) -> Result<F, String> {
        const { assert!(size_of::<F>() == size_of::<*mut c_void>(), "F is a function pointer") };
        // SAFETY: the handle is open, `name` a string.
        let address = unsafe { libc::dlsym(self.handle, name.as_ptr()) };
        if address.is_null() {
            return Err(format!("{} has no symbol {}", self.name, name.to_string_lossy()));
        }
        // SAFETY: the caller vouches for the type; the size is checked above.
        Ok(unsafe { std::mem::transmute_copy::<*mut c_void, F>(&address) })
    }
}

/// Declares a struct of C functions, and how it is filled from a [`Library`].
macro_rules! functions {
    ($(#[$meta:meta])* struct $api:ident { $(fn $name:ident($($arg:ty),*) $(-> $ret:ty)?;)* }) => {
        $(#[$meta])*
        #[allow(non_snake_case, reason = "the names of the C API; some of them are snake case")]
        struct $api { $($name: unsafe extern "C" fn($($arg),*) $(-> $ret)?,)* }

        impl $api {
            /// # Errors
            /// A symbol is missing.
            ///
            /// # Safety
            /// The library defines these functions with these types.
            unsafe fn load(library: &$crate::dl::Library) -> Result<Self, String> {
                Ok(Self {
                    $($name: {
                        let name = concat!(stringify!($name), "\0").as_bytes();
                        let name = std::ffi::CStr::from_bytes_with_nul(name).map_err(|e| e.to_string())?;
                        // SAFETY: the caller vouches for the types.
                        unsafe { library.symbol(name)? }
                    },)*
                })
            }
        }
    };
}
pub(crate) use functions;

/// What the dynamic linker last complained about.
pub(crate) fn error() -> String {
    // SAFETY: dlerror returns null or a string that lives until the next call on this thread.
    unsafe {
        let message = libc::dlerror();
        if message.is_null() {
            return "no message from the dynamic linker".into();
        }
        CStr::from_ptr(message).to_string_lossy().into_owned()
    }
}
