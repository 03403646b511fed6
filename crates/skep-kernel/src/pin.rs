//! Names in the BPF file system.

use std::ffi::CString;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::error::Error;
use crate::sys;

/// Gives something a name.
pub(crate) fn pin(fd: BorrowedFd<'_>, path: &Path) -> Result<(), Error> {
    let fail = |source| error("pin something at", path, source);
    sys::pin(fd, &c_path(path).map_err(fail)?).map_err(fail)
}

/// What has a name; `None` if nothing has it.
pub(crate) fn open(path: &Path) -> Result<Option<OwnedFd>, Error> {
    let fail = |source| error("open", path, source);
    match sys::open_pinned(&c_path(path).map_err(fail)?) {
        Ok(fd) => Ok(Some(fd)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(fail(error)),
    }
}

/// What has a name.
pub(crate) fn open_existing(path: &Path) -> Result<OwnedFd, Error> {
    open(path)?.ok_or_else(|| error("open", path, io::Error::from_raw_os_error(libc::ENOENT)))
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(io::Error::other)
}

fn error(doing: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Pin { doing, path: path.display().to_string(), source }
}
