//! `--dump-maps`: the contents of maps.

use std::io::{Result, Write};

use skep::Map;

/// Prints all entries of all maps.
pub(crate) fn dump(out: &mut impl Write, maps: &[Map]) -> Result<()> {
    for map in maps {
        let def = map.def();
        let kind = def.ty.short_name().unwrap_or("unknown");
        let entries: Vec<_> = map.iter().collect();
        writeln!(out, "map '{}' ({kind}): {} of {} entries", def.name, entries.len(), def.max_entries)?;
        for (key, value) in entries {
            writeln!(out, "  {} = {}", Bytes(&key), Bytes(&value))?;
        }
    }
    Ok(())
}

/// Bytes as a number if they are as many as one has, as text if they are that, else in hex.
struct Bytes<'a>(&'a [u8]);

impl std::fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.0;
        let number = match *bytes {
            [a] => Some(u64::from(a)),
            [a, b] => Some(u16::from_ne_bytes([a, b]).into()),
            [a, b, c, d] => Some(u32::from_ne_bytes([a, b, c, d]).into()),
            [a, b, c, d, e, g, h, i] => Some(u64::from_ne_bytes([a, b, c, d, e, g, h, i])),
            _ => None,
        };
        if let Some(number) = number {
            return number.fmt(f);
        }
        let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        let padding = bytes.iter().skip(text.len()).all(|&byte| byte == 0);
        if padding && !text.is_empty() && text.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return write!(f, "\"{}\"", text.escape_ascii());
        }
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
