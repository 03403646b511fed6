//! Text on its way out.

use std::io::{self, Write};

/// How much is collected before it is passed on, in bytes.
const FULL: usize = 1 << 16;

/// Collects text in memory and passes it on in large pieces.
pub(crate) struct Out<'w> {
    text: Vec<u8>,
    to: &'w mut dyn Write,
}

impl<'w> Out<'w> {
    pub(crate) fn new(to: &'w mut dyn Write) -> Out<'w> {
        Out { text: Vec::with_capacity(FULL + FULL / 4), to }
    }

    pub(crate) fn str(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.text.extend_from_slice(bytes);
        self
    }

    pub(crate) fn number(&mut self, number: impl Into<i128>) -> &mut Self {
        let number = number.into();
        if number < 0 {
            self.text.push(b'-');
        }
        match u64::try_from(number.unsigned_abs()) {
            Ok(small) => decimal(&mut self.text, small),
            Err(_) => self.text.extend_from_slice(number.unsigned_abs().to_string().as_bytes()),
        }
        self
    }

    /// Passes on what has been collected, if it is much. To be called now and then.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub(crate) fn pass_on(&mut self) -> io::Result<()> {
        if self.text.len() >= FULL { self.flush() } else { Ok(()) }
    }

    /// Passes on the rest.
    ///
    /// # Errors
    ///
    /// As [`pass_on`](Out::pass_on).
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.write_all(&self.text)?;
        self.text.clear();
        Ok(())
    }
}

fn decimal(text: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        // A digit is a byte.
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::Out;

    #[test]
    fn numbers_are_decimal() {
        let mut text = Vec::new();
        let mut out = Out::new(&mut text);
        out.number(0).str(" ").number(-1).str(" ").number(u64::MAX).str(" ").number(i128::MIN);
        out.finish().unwrap();
        let expected = format!("0 -1 {} {}", u64::MAX, i128::MIN);
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
