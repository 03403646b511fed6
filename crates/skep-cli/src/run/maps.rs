//! `--dump-maps`: the contents of maps.

use std::io::{Result, Write};

use skep::btf::TypeId;
use skep::btf::maps::MapType;
use skep::object::image;
use skep::{Image, Map, Unit};

use super::value::Value;

/// Prints all entries of all maps. Where nothing was ever written, in the zeros of an array and on other CPUs, nothing
/// is shown. Records of ring buffers are taken out.
pub(crate) fn dump(out: &mut impl Write, unit: &Unit) -> Result<()> {
    let image = unit.image();
    image.maps.iter().zip(unit.maps()).try_for_each(|(source, map)| Dump { image, source, map }.print(out))
}

struct Dump<'a> {
    image: &'a Image,
    source: &'a image::Map,
    map: &'a Map,
}

impl Dump<'_> {
    fn print(&self, out: &mut impl Write) -> Result<()> {
        let def = self.map.def();
        let kind = def.ty.short_name().unwrap_or("unknown").to_ascii_lowercase();
        write!(out, "map '{}' ({kind}): ", def.name)?;
        match def.ty {
            MapType::RINGBUF => self.records(out),
            MapType::PROG_ARRAY => self.programs(out),
            MapType::ARRAY | MapType::PERCPU_ARRAY => {
                let is_set = |(_, value): &(Vec<u8>, Vec<u8>)| value.iter().any(|&byte| byte != 0);
                let entries: Vec<_> = self.map.iter().filter(is_set).collect();
                writeln!(out, "{} of {} entries are not zero", entries.len(), def.max_entries)?;
                self.entries(out, &entries)
            }
            MapType::QUEUE | MapType::STACK => {
                let values: Vec<_> = self.map.iter().map(|(_, value)| value).collect();
                writeln!(out, "{} of {} entries, the next one first", values.len(), def.max_entries)?;
                values.iter().try_for_each(|value| writeln!(out, "  {}", self.value(value)))
            }
            _ => {
                let entries: Vec<_> = self.map.iter().collect();
                writeln!(out, "{} of {} entries", entries.len(), def.max_entries)?;
                self.entries(out, &entries)
            }
        }
    }

    fn entries(&self, out: &mut impl Write, entries: &[(Vec<u8>, Vec<u8>)]) -> Result<()> {
        for (key, value) in entries {
            write!(out, "  ")?;
            self.key(out, key)?;
            if !self.map.is_per_cpu() {
                writeln!(out, " = {}", self.value(value))?;
                continue;
            }
            let size = usize::try_from(self.map.def().value_size).unwrap_or(usize::MAX);
            let is_set = |(_, value): &(usize, &[u8])| value.iter().any(|&byte| byte != 0);
            let mut values = value.chunks(size).enumerate().filter(is_set).peekable();
            if values.peek().is_none() {
                writeln!(out, " = 0 on all CPUs")?;
                continue;
            }
            let shown = values.map(|(cpu, value)| format!("{} on CPU {cpu}", self.value(value)));
            writeln!(out, " = {}", shown.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }

    /// A key; of a trie the bytes, and how many bits of them count.
    fn key(&self, out: &mut impl Write, key: &[u8]) -> Result<()> {
        if let (MapType::LPM_TRIE, Some((len, bytes))) = (self.map.def().ty, key.split_first_chunk::<4>()) {
            bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
            return write!(out, "/{}", u32::from_ne_bytes(*len));
        }
        write!(out, "{}", self.typed(key, self.source.def.key_type))
    }

    fn value<'v>(&'v self, bytes: &'v [u8]) -> Value<'v> {
        self.typed(bytes, self.source.def.value_type)
    }

    fn typed<'v>(&'v self, bytes: &'v [u8], ty: Option<TypeId>) -> Value<'v> {
        Value { bytes, ty: self.image.btf.as_deref().zip(ty) }
    }

    fn records(&self, out: &mut impl Write) -> Result<()> {
        let mut records = Vec::new();
        // It is a ring buffer; what a broken one held before that is shown.
        let _ = self.map.consume(|record| records.push(record.to_vec()));
        writeln!(out, "{} records", records.len())?;
        records.iter().try_for_each(|record| writeln!(out, "  {}", Value { bytes: record, ty: None }))
    }

    fn programs(&self, out: &mut impl Write) -> Result<()> {
        let slots: Vec<_> =
            (0..self.map.def().max_entries).filter(|&slot| self.map.prog_slot(slot).is_some()).collect();
        writeln!(out, "{} of {} entries", slots.len(), self.map.def().max_entries)?;
        for slot in slots {
            let target = self.source.values.iter().find(|(known, _)| *known == slot);
            let name = target.map_or("a program".to_owned(), |(_, target)| self.image.target_name(*target));
            writeln!(out, "  {slot} = {name}")?;
        }
        Ok(())
    }
}
