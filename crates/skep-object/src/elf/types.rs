//! `.BTF` and `.BTF.ext`.

use std::collections::HashMap;

use skep_btf::{Btf, BtfExt, Linkage, SecVar, Type, Var};

use super::dialect::Dialect;
use super::header::File;
use super::relocs::{self, Table};
use super::sections::{Kept, Role};
use super::symbols::Symbols;
use crate::error::Error;
use crate::object::{Binding, Object, Place, SectionId};

pub(super) fn read(
    file: &File<'_>,
    object: &mut Object,
    kept: &Kept,
    symbols: &Symbols<'_>,
    tables: &[Table<'_>],
    dialect: Dialect,
) -> Result<(), Error> {
    let bytes = |role| -> Result<Option<Vec<u8>>, Error> {
        let Some(header) = kept.index_of(role).and_then(|index| file.header(index)) else { return Ok(None) };
        let mut bytes = header.contents.to_vec();
        for table in tables.iter().filter(|table| table.role == role) {
            relocs::apply_to_types(&mut bytes, file.endian(), symbols, table, dialect)?;
        }
        Ok(Some(bytes))
    };
    let ext = bytes(Role::BtfExt)?;
    let Some(btf) = bytes(Role::Btf)? else {
        if ext.is_some() {
            object.remarks.push("section '.BTF.ext' is not used: there is no '.BTF'".to_owned());
        }
        return Ok(());
    };
    let mut btf = Btf::parse(&btf).map_err(|source| Error::Btf { section: ".BTF", source })?;
    place_variables(object, &mut btf)?;
    if let Some(ext) = ext {
        let ext = BtfExt::parse(&ext, &btf).map_err(|source| Error::Btf { section: ".BTF.ext", source })?;
        // gcc 12 writes the section without records, and libbpf refuses that.
        object.btf_ext = Some(ext).filter(|ext| *ext != BtfExt::default());
    }
    object.btf = Some(btf);
    Ok(())
}

/// Gives data sections of the BTF their sizes and their variables their places, which compilers leave to the linker.
pub(crate) fn place_variables(object: &Object, btf: &mut Btf) -> Result<(), Error> {
    let mut sections = HashMap::new();
    for (id, section) in (0..).map(SectionId).zip(&object.sections) {
        sections.entry(section.name.as_str()).or_insert((id, section.contents.len()));
    }
    let mut symbols = HashMap::new();
    for symbol in &object.symbols {
        if let (Place::Section(id), Binding::Global | Binding::Weak) = (symbol.place, symbol.binding) {
            symbols.insert((id, symbol.name.as_str()), symbol.value);
        }
    }
    let placed = |section: SectionId, var: &SecVar| {
        let is_global = matches!(btf.get(var.var), Some(Type::Var(Var { linkage: Linkage::Global, .. })));
        let symbol = symbols.get(&(section, btf.name(var.var))).filter(|_| is_global);
        let offset = symbol.and_then(|&value| u32::try_from(value).ok());
        SecVar { offset: offset.unwrap_or(var.offset), ..*var }
    };
    let mut changes = Vec::new();
    for (id, ty) in btf.iter() {
        let Type::Datasec(datasec) = ty else { continue };
        let Some(&(section, len)) = sections.get(btf.name(id)) else { continue };
        let Ok(size) = u32::try_from(len) else { continue };
        let vars: Vec<SecVar> = datasec.vars.iter().map(|var| placed(section, var)).collect();
        if datasec.size != size || datasec.vars != vars {
            changes.push((id, size, vars));
        }
    }
    for (id, size, vars) in changes {
        btf.set_datasec(id, size, &vars).map_err(|source| Error::Btf { section: ".BTF", source })?;
    }
    Ok(())
}
