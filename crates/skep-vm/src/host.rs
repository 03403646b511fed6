//! stub
#![allow(missing_docs)]
use crate::{Cx, TrapKind};
#[derive(Clone, Default)]
pub struct Hosts;
impl Hosts {
    pub fn new() -> Self {
        Hosts
    }
    pub fn process(self) -> Self {
        self
    }
    pub(crate) fn resolve(
        &self,
        _: &skep_object::image::Import,
        _: Option<&skep_btf::Btf>,
        _: bool,
    ) -> Result<Resolved, HostError> {
        Ok(Resolved::Weak)
    }
    pub(crate) fn helper_by_id(&self, _: i32) -> Option<&HostFn> {
        None
    }
}
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct HostError;
impl HostError {
    pub(crate) fn with_sites(self, _: Vec<String>) -> Self {
        self
    }
}
pub(crate) enum Resolved {
    Func(HostFn),
    #[allow(dead_code)]
    Address(u64),
    Weak,
}
pub(crate) struct HostFn;
impl HostFn {
    pub(crate) fn address(&self) -> Option<u64> {
        None
    }
    pub(crate) fn call(&self, _: &mut Cx<'_>, _: [u64; 5]) -> Result<u64, TrapKind> {
        Ok(0)
    }
}
pub fn flush() {}
