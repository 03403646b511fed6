//! Numbers in text, and comparison.

use super::{Cx, TrapKind, errno, low};

/// `bpf_strtol(buf, len, flags, res)`: returns how many bytes were used.
pub(super) fn strtol(cx: &mut Cx<'_>, [buf, len, flags, res, _]: [u64; 5]) -> Result<u64, TrapKind> {
    let text = cx.read_vec(buf, low(len).into())?;
    let parsed = parse(&text, flags).and_then(|number| {
        let limit = if number.negative { 1 << 63 } else { (1 << 63) - 1 };
        if number.value > limit { Err(libc::ERANGE) } else { Ok(number) }
    });
    store(
        cx,
        res,
        parsed.map(|number| {
            let value = if number.negative { number.value.wrapping_neg() } else { number.value };
            (value, number.used)
        }),
    )
}

/// `bpf_strtoul(buf, len, flags, res)`: returns how many bytes were used.
pub(super) fn strtoul(cx: &mut Cx<'_>, [buf, len, flags, res, _]: [u64; 5]) -> Result<u64, TrapKind> {
    let text = cx.read_vec(buf, low(len).into())?;
    let parsed = parse(&text, flags);
    store(
        cx,
        res,
        parsed.and_then(|number| match number.negative {
            true => Err(libc::EINVAL),
            false => Ok((number.value, number.used)),
        }),
    )
}

fn store(cx: &mut Cx<'_>, res: u64, parsed: Result<(u64, usize), i32>) -> Result<u64, TrapKind> {
    match parsed {
        Ok((value, used)) => {
            cx.write(res, &value.to_ne_bytes())?;
            Ok(used as u64)
        }
        Err(code) => Ok(errno(code)),
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Number {
    negative: bool,
    value: u64,
    /// Bytes up to its end.
    used: usize,
}

/// The number that `text` begins with, as the kernel reads it: space, a minus, `0x` or `0` if the base is not given,
/// digits. At most 63 bytes behind the minus count.
fn parse(text: &[u8], flags: u64) -> Result<Number, i32> {
    let mut base = match flags {
        0 | 8 | 10 | 16 => flags,
        _ => return Err(libc::EINVAL),
    };
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r' | 0xa0);
    let mut at = text.iter().take_while(|byte| is_space(byte)).count();
    let negative = text.get(at) == Some(&b'-');
    at += usize::from(negative);
    let rest = &text[at..text.len().min(at + 63)];
    let has_x = rest.len() > 2 && rest[0] == b'0' && rest[1].eq_ignore_ascii_case(&b'x');
    if base == 0 {
        base = match rest {
            [b'0', ..] if has_x && rest[2].is_ascii_hexdigit() => 16,
            [b'0', ..] => 8,
            _ => 10,
        };
    }
    let prefix = if base == 16 && has_x { 2 } else { 0 };
    let digits =
        rest[prefix..].iter().map_while(|byte| char::from(*byte).to_digit(u32::try_from(base).unwrap_or(10)));
    let (mut value, mut count, mut overflow) = (0_u64, 0, false);
    for digit in digits {
        let next = value.checked_mul(base).and_then(|value| value.checked_add(digit.into()));
        overflow |= next.is_none();
        value = next.unwrap_or(value);
        count += 1;
    }
    if overflow {
        Err(libc::ERANGE)
    } else if count == 0 {
        Err(libc::EINVAL)
    } else {
        Ok(Number { negative, value, used: at + prefix + count })
    }
}

/// `bpf_strncmp(s1, size, s2)`.
pub(super) fn strncmp(cx: &mut Cx<'_>, [s1, size, s2, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let size = usize::try_from(low(size)).unwrap_or(usize::MAX);
    let (a, b) = (cx.c_str(s1, size)?, cx.c_str(s2, size)?);
    // Both end where a NUL or the size ends them, so the order of the slices is that of the strings.
    Ok(match a.cmp(&b) {
        std::cmp::Ordering::Less => (-1_i64).cast_unsigned(),
        std::cmp::Ordering::Equal => 0,
        std::cmp::Ordering::Greater => 1,
    })
}

#[cfg(test)]
mod tests {
    use super::{Number, parse};

    #[test]
    fn numbers_are_read_as_in_the_kernel() {
        let ok = |text: &str, flags, value, used| {
            let negative = text.trim_start().starts_with('-');
            assert_eq!(parse(text.as_bytes(), flags), Ok(Number { negative, value, used }), "{text}");
        };
        ok("42", 0, 42, 2);
        ok("  42xyz", 10, 42, 4);
        ok("-7", 0, 7, 2);
        ok("0x1fg", 0, 0x1f, 4);
        ok("0x1f", 16, 0x1f, 4);
        ok("1f", 16, 0x1f, 2);
        ok("0x", 0, 0, 1);
        ok("0xg", 0, 0, 1);
        ok("017", 0, 15, 3);
        ok("018", 0, 1, 2);
        ok("017", 10, 17, 3);
        ok("18446744073709551615", 10, u64::MAX, 20);
        let err = |text: &str, flags, code| assert_eq!(parse(text.as_bytes(), flags), Err(code), "{text}");
        err("", 0, libc::EINVAL);
        err("   ", 0, libc::EINVAL);
        err("-", 0, libc::EINVAL);
        err("x", 0, libc::EINVAL);
        err("9", 8, libc::EINVAL);
        err("1", 7, libc::EINVAL);
        err("1", 32, libc::EINVAL);
        err("18446744073709551616", 10, libc::ERANGE);
    }
}
