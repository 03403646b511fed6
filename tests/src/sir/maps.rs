//! Maps for the interpreter of the IR, as far as random modules use them.

use std::collections::BTreeMap;

use skep_btf::maps::MapType;
use skep_codegen::ir::{SymbolId, SymbolKind};

use super::eval::{Host, Machine};
use super::memory::Name;

/// A host that knows array and hash maps, and two helpers: `bpf_map_lookup_elem` and `bpf_map_update_elem`.
#[derive(Clone, Debug, Default)]
pub struct Maps {
    /// Where the value of a key lies.
    values: BTreeMap<(SymbolId, Vec<u8>), u64>,
}

const LOOKUP: u32 = 1;
const UPDATE: u32 = 2;
const E2BIG: i64 = 7;

impl Host for Maps {
    fn helper(&mut self, machine: &mut Machine<'_>, number: u32, args: &[u64]) -> Result<u64, String> {
        let (&[map, key], rest) = args.split_first_chunk().ok_or("too few arguments")?;
        let Some(Name::Symbol(symbol)) = machine.memory.name(map) else {
            return Err(format!("{map:#x} is no map"));
        };
        let SymbolKind::Map(decl) = &machine.module().symbol(symbol).kind else {
            return Err(format!("'{}' is no map", machine.module().symbol(symbol).name));
        };
        let decl = &decl.decl;
        let size = decl.value.size() as usize;
        let fault = |fault: super::memory::Fault| fault.to_string();
        let key = machine.memory.read(key, decl.key.size() as usize).map_err(fault)?.to_vec();
        let is_array = decl.ty == MapType::ARRAY;
        let beyond = is_array && machine.memory.load(args[1], 4).map_err(fault)? >= decl.max_entries.into();
        let known = self.values.get(&(symbol, key.clone())).copied();
        match (number, rest) {
            (LOOKUP, []) => match known {
                _ if beyond => Ok(0),
                Some(value) => Ok(value),
                None if is_array => Ok(self.add(machine, symbol, key, vec![0; size])),
                None => Ok(0),
            },
            (UPDATE, [value, 0]) => {
                let value = machine.memory.read(*value, size).map_err(fault)?.to_vec();
                if beyond || (known.is_none() && self.len(symbol) >= decl.max_entries as usize) {
                    return Ok((-E2BIG).cast_unsigned());
                }
                match known {
                    Some(at) if is_array => machine.memory.write(at, &value).map_err(fault)?,
                    // Another element takes the place of the one that was there; who still has that, has lost it.
                    other => {
                        other.into_iter().for_each(|gone| machine.memory.end(gone));
                        self.add(machine, symbol, key, value);
                    }
                }
                Ok(0)
            }
            _ => Err(format!("no helper {number} with {} arguments", args.len())),
        }
    }
}

impl Maps {
    fn add(&mut self, machine: &mut Machine<'_>, symbol: SymbolId, key: Vec<u8>, value: Vec<u8>) -> u64 {
        let at = machine.memory.add(Name::Host, value, false);
        self.values.insert((symbol, key), at);
        at
    }

    fn len(&self, symbol: SymbolId) -> usize {
        self.values.keys().filter(|(of, _)| *of == symbol).count()
    }
}
