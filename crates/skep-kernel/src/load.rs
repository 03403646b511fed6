//! The way of an image into the kernel.

use std::ffi::CString;

use skep_insn::Endian;
use skep_object::{Image, check};

use crate::assemble::Addresses;
use crate::attach;
use crate::data::{self, Sections};
use crate::error::Error;
use crate::imports;
use crate::loaded::Loaded;
use crate::maps;
use crate::options::Options;
use crate::select;
use crate::struct_ops;
use crate::sys;
use crate::types;
use crate::verify;
use crate::vmlinux::KernelTypes;

/// Loads the programs of an image, with its maps and data.
///
/// Functions of sections that no kernel program type is named after (`BEGIN`, `.text`) are loaded only as far as
/// programs call them. Maps are made whether programs use them or not; data sections if programs use them, or if
/// they have variables that are visible by name.
///
/// # Errors
/// What the kernel refuses, or what it would not understand: see [`Error`]. Whatever had been loaded is unloaded again.
pub fn load(image: &Image, options: &Options) -> Result<Loaded, Error> {
    check(image)?;
    let selection = select::programs(image, options)?;
    let mut kernel = KernelTypes::default();
    let struct_ops = struct_ops::plan(image, &selection, &mut kernel)?;
    let targets = attach::resolve(&selection.programs, &struct_ops.programs, &mut kernel)?;
    let imports = imports::resolve(image, &selection, &mut kernel)?;
    let types = types::load(image, &selection);
    let maps = maps::create(image, options, &types)?;
    let data = Sections::create(image, options, &selection, &types, &maps)?;
    let config = data::constants(".kconfig", &imports.config, options)?;
    let addresses =
        Addresses { image, maps: &maps, data: &data, imports: &imports.found, config: config.as_ref() };
    let license = license(image)?;
    let mut programs = Vec::with_capacity(selection.programs.len());
    for (program, target) in selection.programs.iter().zip(targets) {
        programs.push(verify::load(program, target, &addresses, &types, &license, options)?);
    }
    maps::fill_prog_arrays(image, &maps, &selection, &programs)?;
    let struct_ops = struct_ops.create(&selection, &programs, &types, options)?;
    Ok(Loaded::new(programs, maps, data, struct_ops, types.remarks()))
}

fn check(image: &Image) -> Result<(), Error> {
    check::image(image).map_err(Error::Image)?;
    if image.endian != sys::HOST {
        let name = |endian| match endian {
            Endian::Little => "little-endian",
            Endian::Big => "big-endian",
        };
        return Err(Error::Endian { found: name(image.endian), host: name(sys::HOST) });
    }
    Ok(())
}

fn license(image: &Image) -> Result<CString, Error> {
    let license = image.license.as_deref().unwrap_or_default();
    CString::new(license).map_err(|_| Error::License { license: license.to_owned() })
}
