//! What must hold for whatever bytes are read: for this crate's tests, and for fuzzers.
//!
//! Each function panics if a promise of the crate is broken; that the bytes are refused breaks none.

use crate::maps::{self, Unknown};
use crate::{Btf, BtfBuilder, BtfExt, ByteOff, Endian, Error, dump, layout};

/// How many bytes of memory a byte of input may take, beside a fixed amount.
const MEMORY_PER_BYTE: usize = 8;
const MEMORY: usize = 4096;

/// Reads the bytes as a `.BTF` section and calls every accessor.
///
/// # Errors
///
/// If the bytes are refused, as they may be.
pub fn btf(bytes: &[u8]) -> Result<Btf, Error> {
    let btf = Btf::parse(bytes).inspect_err(readable)?;
    assert!(btf.footprint() <= MEMORY + MEMORY_PER_BYTE * bytes.len(), "{} bytes held", btf.footprint());
    lookups(&btf);
    texts(&btf);
    for endian in [Endian::Little, Endian::Big] {
        let written = btf.to_bytes(endian);
        assert!(written.len() <= bytes.len(), "what is written is no longer than what was read");
        assert_eq!(Endian::of_section(&written), Some(endian));
        let again = Btf::parse(&written).expect("what is written can be read");
        assert!(again == btf, "what is read back is what was written");
        assert!(again.to_bytes(endian) == written, "writing is stable");
    }
    assert!(
        BtfBuilder::from(btf.clone()).build().as_ref() == Ok(&btf),
        "a builder keeps what it starts from"
    );
    for unknown in [Unknown::Refuse, Unknown::Ignore] {
        match maps::read(&btf, unknown) {
            Ok(maps) => maps.iter().for_each(|map| assert_eq!(map.name, btf.name(map.var))),
            Err(error) => readable(&error),
        }
    }
    Ok(btf)
}

/// How many layouts are made: each may be large.
const LAYOUTS: usize = 2;

/// Every text of the types has an end.
fn texts(btf: &Btf) {
    let mut sink = std::io::sink();
    dump::raw(btf, btf.ids(), &mut sink).expect("nothing fails to be thrown away");
    dump::json(btf, btf.ids(), &mut sink).expect("nothing fails to be thrown away");
    let header = dump::Header::new(btf).asserts(true).symbols(true);
    header.write(btf.ids(), &mut sink).expect("nothing fails to be thrown away");
    let reader = layout::Reader::new(btf).expand(true);
    for layout in layout::ids(btf).take(LAYOUTS).filter_map(|id| reader.read(id)) {
        assert!(!layout.to_string().is_empty());
        assert!(!layout.name.is_empty() || layout.typedef.is_some());
    }
    assert!(layout::suggest(btf, "task_struct", 3).len() <= 3);
}

fn lookups(btf: &Btf) {
    let count = btf.count();
    assert_eq!(btf.iter().map(|(id, _)| id).collect::<Vec<_>>(), btf.ids().collect::<Vec<_>>());
    for (id, ty) in btf.iter() {
        assert!(btf.get(id) == Some(ty) && btf.ty(id) == ty);
        assert!(btf.kind(id) == ty.kind());
        ty.references(|other, field, _| assert!(other.0 <= count, "{id}: {field} is {other} of {count}"));
        ty.names(|name, field, _| {
            assert!(btf.get_string(name).is_some(), "{id}: the name of {field} is {name}")
        });
        let name = btf.get_string(btf.name_ref(id)).expect("each name is in the table");
        assert_eq!(name, btf.name(id));
        if let (false, Some(kind)) = (name.is_empty(), ty.kind()) {
            let first = btf.find_by_name(kind, name).expect("what has a name is found by it");
            assert!(first <= id && btf.kind(first) == Some(kind) && btf.name(first) == name);
        }
        match btf.resolve(id) {
            Some(end) => assert!(btf.ty(end).modified().is_none() && btf.resolve(end) == Some(end)),
            None => assert_eq!(btf.size_of(id), None),
        }
        if let (Some(size), Some(end)) = (btf.size_of(id), btf.resolve(id)) {
            assert_eq!(btf.size_of(end), Some(size));
        }
    }
}

/// Reads the bytes as the `.BTF.ext` section that belongs to the types, and calls every accessor.
///
/// # Errors
///
/// If the bytes are refused, as they may be.
pub fn btf_ext(bytes: &[u8], btf: &Btf) -> Result<BtfExt, Error> {
    let ext = BtfExt::parse(bytes, btf).inspect_err(readable)?;
    for endian in [Endian::Little, Endian::Big] {
        let written = ext.to_bytes(endian);
        assert!(BtfExt::parse(&written, btf).as_ref() == Ok(&ext), "what is read back is what was written");
    }
    for block in &ext.line_info {
        let name = btf.get_string(block.section).expect("each name is in the table");
        let lines = ext.lines_of(btf, name);
        assert!(lines.records().len() >= block.records.len());
        assert!(lines.records().is_sorted_by_key(|record| record.at));
        for record in &block.records {
            assert_eq!(lines.at(record.at).map(|line| line.at), Some(record.at));
            assert!(lines.starting_at(record.at).any(|line| line == lines.show(record)));
        }
        assert_eq!(lines.within(ByteOff(0)..ByteOff(u32::MAX)).len(), lines.records().len());
    }
    let records = ext.func_info.iter().map(|block| block.records.len()).sum::<usize>();
    let mut sections: Vec<_> = ext.func_info.iter().map(|block| btf.string(block.section)).collect();
    sections.sort_unstable();
    sections.dedup();
    assert_eq!(sections.iter().map(|name| ext.funcs_of(btf, name).count()).sum::<usize>(), records);
    Ok(ext)
}

/// An error is one line, fit to follow others, whatever the names that it quotes.
fn readable(error: &Error) {
    let text = error.to_string();
    assert!(!text.is_empty() && !text.ends_with('.') && !text.contains(char::is_control), "{text:?}");
}
