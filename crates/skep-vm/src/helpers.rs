//! stub
#![allow(missing_docs)]
use crate::HelperFn;
pub(crate) struct HelperEntry {
    pub(crate) func: HelperFn,
}
pub(crate) fn find(_: i32) -> Option<&'static HelperEntry> {
    None
}
pub(crate) fn unsupported(id: i32) -> String {
    format!("{id}")
}
