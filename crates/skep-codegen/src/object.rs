//! From code to an object.

use skep_object::Object;

use crate::code::Code;
use crate::ir::Module;
use crate::{Diags, Options};

/// The object.
pub(crate) fn write(_module: Module, _code: Vec<Code>, _options: &Options) -> Result<Object, Diags> {
    Ok(Object::default())
}
