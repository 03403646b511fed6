//! Bytes of a section, read in order.

/// What a reading function says when the bytes are not what they should be: what was expected. Where is the cursor's
/// position.
pub(crate) type Expected = &'static str;

/// How far numbers are padded at most: assemblers fill a few bytes, not sections.
const MAX_SHIFT: u32 = 7 * 32;

/// A place in a section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'a> {
    data: &'a [u8],
    pos: usize,
    big: bool,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(data: &'a [u8], pos: usize, big: bool) -> Cursor<'a> {
        Cursor { data, pos, big }
    }

    pub(crate) fn pos(&self) -> usize {
        self.pos
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.pos >= self.data.len()
    }

    /// The same cursor, with nothing behind `end`.
    pub(crate) fn until(self, end: usize) -> Cursor<'a> {
        Cursor { data: self.data.get(..end).unwrap_or(self.data), ..self }
    }

    #[inline]
    pub(crate) fn skip(&mut self, len: usize) -> Result<(), Expected> {
        match self.pos.checked_add(len) {
            Some(end) if end <= self.data.len() => {
                self.pos = end;
                Ok(())
            }
            _ => Err("more bytes in the section"),
        }
    }

    /// The number in the `len` (1 to 8) bytes that start `at` bytes from here.
    #[inline]
    pub(crate) fn peek(&self, at: usize, len: usize) -> Result<u64, Expected> {
        let rest = self.data.get(self.pos.saturating_add(at)..).ok_or("more bytes in the section")?;
        let little = match len {
            1 => rest.first().map(|&byte| u64::from(byte)),
            2 => rest.first_chunk().map(|&bytes| self.u16(bytes).into()),
            4 => rest.first_chunk().map(|&bytes| self.u32(bytes).into()),
            8 => rest.first_chunk().map(|&bytes| self.u64(bytes)),
            _ => rest.get(..len).map(|bytes| {
                let add = |word, &byte| word << 8 | u64::from(byte);
                if self.big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
            }),
        };
        little.ok_or("more bytes in the section")
    }

    #[inline]
    pub(crate) fn fixed(&mut self, len: usize) -> Result<u64, Expected> {
        let value = self.peek(0, len)?;
        self.pos += len;
        Ok(value)
    }

    #[inline]
    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Expected> {
        let start = self.pos;
        self.skip(len)?;
        Ok(&self.data[start..self.pos])
    }

    #[inline]
    pub(crate) fn uleb(&mut self) -> Result<u64, Expected> {
        let mut value = 0;
        for shift in (0_u32..).step_by(7) {
            let &byte = self.data.get(self.pos).ok_or("more bytes in the section")?;
            self.pos += 1;
            let bits = u64::from(byte & 0x7f);
            // Padding beyond 64 bits may only be zero.
            if shift < 64 {
                value |= bits << shift;
            }
            if (shift == 63 && bits > 1) || (shift > 63 && bits != 0) || shift > MAX_SHIFT {
                return Err("a number of at most 64 bits");
            }
            if byte < 0x80 {
                break;
            }
        }
        Ok(value)
    }

    pub(crate) fn sleb(&mut self) -> Result<i64, Expected> {
        let mut value = 0_u64;
        for shift in (0_u32..).step_by(7) {
            let &byte = self.data.get(self.pos).ok_or("more bytes in the section")?;
            self.pos += 1;
            if shift < 64 {
                value |= u64::from(byte & 0x7f) << shift;
            } else if shift > MAX_SHIFT {
                return Err("a number of at most 64 bits");
            }
            if byte < 0x80 {
                if byte & 0x40 != 0 && shift + 7 < 64 {
                    value |= u64::MAX << (shift + 7);
                }
                break;
            }
        }
        Ok(value.cast_signed())
    }

    #[inline]
    pub(crate) fn skip_leb(&mut self) -> Result<(), Expected> {
        let rest = self.data.get(self.pos..).unwrap_or_default();
        let len = rest.iter().position(|&byte| byte < 0x80).ok_or("the end of a number")?;
        self.pos += len + 1;
        Ok(())
    }

    /// The string that starts here, terminator excluded.
    #[inline]
    pub(crate) fn c_str(&mut self) -> Result<&'a [u8], Expected> {
        let rest = self.data.get(self.pos..).unwrap_or_default();
        let len = rest.iter().position(|&byte| byte == 0).ok_or("a terminated string")?;
        self.pos += len + 1;
        Ok(&rest[..len])
    }

    fn u16(&self, bytes: [u8; 2]) -> u16 {
        if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    fn u32(&self, bytes: [u8; 4]) -> u32 {
        if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn u64(&self, bytes: [u8; 8]) -> u64 {
        if self.big { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) }
    }
}

/// An offset or count of a file as an index into its bytes; what does not fit is behind every end.
#[inline]
pub(crate) fn index(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

/// A number that has been seen to be small; anything else becomes the largest, which no list is long enough for.
#[inline]
pub(crate) fn word(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

/// The low and the high half.
#[inline]
pub(crate) fn halves(number: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
    (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
}

#[cfg(test)]
mod tests {
    use super::Cursor;

    #[test]
    fn numbers_of_any_length_and_order() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        for (len, little, big) in
            [(1, 1, 1), (2, 0x0201, 0x0102), (3, 0x03_0201, 0x01_0203), (4, 0x0403_0201, 0x0102_0304)]
        {
            assert_eq!(Cursor::new(&bytes, 0, false).fixed(len), Ok(little));
            assert_eq!(Cursor::new(&bytes, 0, true).fixed(len), Ok(big));
        }
        assert!(Cursor::new(&bytes, 1, false).fixed(8).is_err());
    }

    #[test]
    fn leb128_takes_padding_and_refuses_more_than_64_bits() {
        let read = |bytes: &[u8]| Cursor::new(bytes, 0, false).uleb().ok();
        assert_eq!(read(&[0xe5, 0x8e, 0x26]), Some(624_485));
        assert_eq!(read(&[0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00]), Some(1));
        assert_eq!(read(&[0xff; 9].into_iter().chain([1]).collect::<Vec<u8>>()), Some(u64::MAX));
        assert_eq!(read(&[0xff; 9].into_iter().chain([2]).collect::<Vec<u8>>()), None);
        assert_eq!(read(&[0x80]), None);
        let signed = |bytes: &[u8]| Cursor::new(bytes, 0, false).sleb().ok();
        for (bytes, expected) in
            [(&[0x7f][..], -1), (&[0x80, 0x7f], -128), (&[0x3f], 63), (&[0xc0, 0xbb, 0x78], -123_456)]
        {
            assert_eq!(signed(bytes), Some(expected));
        }
    }
}
