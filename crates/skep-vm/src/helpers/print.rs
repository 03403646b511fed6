//! Printing.
#![expect(unsafe_code, reason = "hands a trusted program's format to the C library")]

use std::ffi::CString;

use super::format::{Failure, MAX_TEXT, Style, format};
use super::{Cx, TrapKind, errno, low, memory, refuse, stdio};

/// A format ends within so many bytes.
const MAX_FORMAT: usize = 1 << 16;

/// As many arguments as `bpf_snprintf` and `bpf_trace_vprintk` take.
const MAX_KERNEL_ARGS: u64 = 12;

/// Words of zeros behind the arguments: what a format takes beyond them is 0 and null.
const SPARE: usize = 16;

/// `print(format, args, count)`: C's `printf` with `count` arguments of 64 bits each at `args`. Returns what `printf`
/// returns. In a checked program the directives are those for integers, characters, strings and pointers.
pub(super) fn print(cx: &mut Cx<'_>, [text, args, count, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let text = cx.c_str(text, MAX_FORMAT)?;
    if text.len() == MAX_FORMAT {
        return refuse("print", format!("the format has no end within {MAX_FORMAT} bytes"));
    }
    let mut args = words(cx, args, count)?;
    if !cx.checked() {
        let count = args.len();
        args.resize(count + SPARE, 0);
        // `text` ends before the first NUL.
        let text = CString::new(text.clone()).unwrap_or_default();
        // SAFETY: the program is trusted with its formats as a native one is.
        if let Some(printed) = unsafe { stdio::print(&text, &args) } {
            return Ok(i64::from(printed).cast_unsigned());
        }
        args.truncate(count);
    }
    let out = match format(Style::C, &text, &args, &mut |addr, max| cx.c_str(addr, max.min(MAX_TEXT + 1))) {
        Ok(out) => out,
        Err(Failure::Format(reason)) => return refuse("print", reason),
        Err(Failure::Trap(kind)) => return refuse("print", kind.to_string()),
    };
    let written = stdio::write_out(&out);
    Ok(if written == out.len() { written as u64 } else { (-1_i64).cast_unsigned() })
}

/// `bpf_trace_printk(format, size, arg1, arg2, arg3)`: a line on the standard error stream.
pub(super) fn trace_printk(cx: &mut Cx<'_>, [text, size, a, b, c]: [u64; 5]) -> Result<u64, TrapKind> {
    trace(cx, text, size, &[a, b, c])
}

/// `bpf_trace_vprintk(format, size, data, data_len)`.
pub(super) fn trace_vprintk(
    cx: &mut Cx<'_>,
    [text, size, data, data_len, _]: [u64; 5],
) -> Result<u64, TrapKind> {
    match kernel_args(cx, data, data_len)? {
        Some(args) => trace(cx, text, size, &args),
        None => Ok(errno(libc::EINVAL)),
    }
}

/// `bpf_snprintf(to, size, format, data, data_len)`: returns the length of the whole text with its NUL, even if `size`
/// cut it.
pub(super) fn snprintf(cx: &mut Cx<'_>, [to, size, text, data, data_len]: [u64; 5]) -> Result<u64, TrapKind> {
    let Some(args) = kernel_args(cx, data, data_len)? else {
        return Ok(errno(libc::EINVAL));
    };
    let text = cx.c_str(text, MAX_FORMAT)?;
    let Some(mut out) = kernel_format(cx, &text, &args)? else {
        return Ok(errno(libc::EINVAL));
    };
    let len = out.len() as u64 + 1;
    let size = usize::try_from(low(size)).unwrap_or(usize::MAX);
    if size > 0 {
        out.truncate(size - 1);
        out.push(0);
        cx.write(to, &out)?;
    }
    Ok(len)
}

fn trace(cx: &mut Cx<'_>, text: u64, size: u64, args: &[u64]) -> Result<u64, TrapKind> {
    let text = cx.read_vec(text, low(size).into())?;
    // The kernel wants the NUL inside of `size`.
    let Some(end) = text.iter().position(|byte| *byte == 0) else {
        return Ok(errno(libc::EINVAL));
    };
    let Some(mut out) = kernel_format(cx, &text[..end], args)? else {
        return Ok(errno(libc::EINVAL));
    };
    let len = out.len() as u64;
    if out.last() != Some(&b'\n') {
        out.push(b'\n');
    }
    stdio::write_err(&out);
    Ok(len)
}

/// `None` for a format that the kernel refuses. Strings that cannot be read are empty, as there.
fn kernel_format(cx: &mut Cx<'_>, text: &[u8], args: &[u64]) -> Result<Option<Vec<u8>>, TrapKind> {
    let mut string = |addr, max: usize| Ok(memory::string(cx, addr, max.min(MAX_FORMAT)).unwrap_or_default());
    match format(Style::Kernel, text, args, &mut string) {
        Ok(out) => Ok(Some(out)),
        Err(Failure::Format(_)) => Ok(None),
        Err(Failure::Trap(kind)) => Err(kind),
    }
}

/// The arguments at `data`; `None` if the kernel refuses their size.
fn kernel_args(cx: &mut Cx<'_>, data: u64, len: u64) -> Result<Option<Vec<u64>>, TrapKind> {
    let len = u64::from(low(len));
    if len % 8 != 0 || len > MAX_KERNEL_ARGS * 8 || (len > 0 && data == 0) {
        return Ok(None);
    }
    words(cx, data, len / 8).map(Some)
}

fn words(cx: &mut Cx<'_>, addr: u64, count: u64) -> Result<Vec<u64>, TrapKind> {
    // A format that ends in time has not so many directives.
    let Some(len) = count.checked_mul(8).filter(|_| count <= MAX_FORMAT as u64) else {
        return refuse("print", format!("{count} arguments, expected at most {MAX_FORMAT}"));
    };
    if len == 0 {
        return Ok(Vec::new());
    }
    let bytes = cx.read_vec(addr, len)?;
    Ok(bytes.as_chunks::<8>().0.iter().map(|word| u64::from_ne_bytes(*word)).collect())
}
