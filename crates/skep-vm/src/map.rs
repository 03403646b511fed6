//! stub
#![allow(missing_docs)]
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct MapError;
#[derive(Clone)]
pub struct Map(std::sync::Arc<skep_object::MapDef>);
impl Map {
    pub fn new(def: &skep_object::MapDef) -> Result<Map, MapError> {
        Ok(Map(std::sync::Arc::new(def.clone())))
    }
    pub fn def(&self) -> &skep_object::MapDef {
        &self.0
    }
    pub fn value_range(&self) -> std::ops::Range<usize> {
        0..0
    }
    pub fn handle(&self) -> u64 {
        std::sync::Arc::as_ptr(&self.0).addr() as u64
    }
    pub fn prog_slot(&self, _: u32) -> Option<u64> {
        None
    }
    pub fn set_prog_slot(&self, _: u32, _: u64) {}
}
