//! The programs' inputs: bytes of a named kind, the same for the same seed on every machine.
//!
//! Frozen together with `programs/*.c` and `corpus/*.c`: another input is another benchmark.

use std::str::FromStr;

/// What a program's buffer holds at the start; the `// input:` line of its source names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Uniformly random bytes.
    Random,
    /// Lower-case words with the letter frequencies of English, spaces and newlines.
    Text,
    /// Rows of numbers, words and quoted fields.
    Csv,
    /// Nested objects and arrays, strings with escapes, numbers, literals.
    Json,
    /// HTTP/1.1 request heads, one after the other.
    Http,
    /// UTF-8 of one to four bytes per character, about one character in 64 damaged.
    Utf8,
    /// Ethernet frames in slots of 64 bytes: IPv4 and IPv6, some with VLAN tags, with TCP, UDP and others.
    Packets,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Ok(match name {
            "random" => Self::Random,
            "text" => Self::Text,
            "csv" => Self::Csv,
            "json" => Self::Json,
            "http" => Self::Http,
            "utf8" => Self::Utf8,
            "packets" => Self::Packets,
            _ => {
                return Err(format!(
                    "unknown input kind '{name}', expected random, text, csv, json, http, utf8 or packets"
                ));
            }
        })
    }
}

/// Makes `len` bytes of input.
pub(crate) fn generate(kind: Kind, len: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng(seed);
    let mut out = Vec::with_capacity(len + 64);
    while out.len() < len {
        match kind {
            Kind::Random => out.extend_from_slice(&rng.next().to_le_bytes()),
            Kind::Text => {
                word(&mut out, &mut rng);
                out.push(if rng.below(10) == 0 { b'\n' } else { b' ' });
            }
            Kind::Csv => csv_row(&mut out, &mut rng),
            Kind::Json => {
                json_value(&mut out, &mut rng, 4);
                out.push(b'\n');
            }
            Kind::Http => http_head(&mut out, &mut rng),
            Kind::Utf8 => utf8_char(&mut out, &mut rng),
            Kind::Packets => frame(&mut out, &mut rng),
        }
    }
    out.truncate(len);
    out
}

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `n`; its slight bias does not matter here.
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        let n = u64::try_from(from.len()).expect("a short list");
        from[usize::try_from(self.below(n)).expect("an index")]
    }

    fn letter(&mut self) -> u8 {
        const LETTERS: &[u8; 64] = b"eeeeeeeettttttaaaaaooooooiiiiinnnnnsssshhhhrrrrddlllluccmmwwfygp";
        LETTERS[usize::try_from(self.below(64)).expect("below 64")]
    }
}

fn word(out: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..1 + rng.below(5) + rng.below(5) {
        out.push(rng.letter());
    }
}

fn number(out: &mut Vec<u8>, rng: &mut Rng) {
    let shift = rng.below(60);
    if rng.below(4) == 0 {
        out.push(b'-');
    }
    out.extend_from_slice((rng.next() >> 4 >> shift).to_string().as_bytes());
}

fn csv_row(out: &mut Vec<u8>, rng: &mut Rng) {
    for column in 0..6 {
        match column {
            0..=2 => number(out, rng),
            3 | 4 => word(out, rng),
            _ => {
                out.push(b'"');
                word(out, rng);
                out.extend_from_slice(b", ");
                word(out, rng);
                out.push(b'"');
            }
        }
        out.push(if column == 5 { b'\n' } else { b',' });
    }
}

fn json_string(out: &mut Vec<u8>, rng: &mut Rng) {
    out.push(b'"');
    word(out, rng);
    if rng.below(4) == 0 {
        out.extend_from_slice(rng.pick(&["\\n", "\\\"", "\\\\", " // ", " /* "]).as_bytes());
        word(out, rng);
    }
    out.push(b'"');
}

fn json_value(out: &mut Vec<u8>, rng: &mut Rng, depth: u32) {
    let choice = if depth == 4 { rng.below(2) } else { rng.below(8) };
    match choice {
        0 | 1 if depth > 0 => {
            let object = choice == 0;
            out.push(if object { b'{' } else { b'[' });
            for i in 0..1 + rng.below(6) {
                if i > 0 {
                    out.extend_from_slice(b", ");
                }
                if object {
                    json_string(out, rng);
                    out.extend_from_slice(b": ");
                }
                json_value(out, rng, depth - 1);
            }
            out.push(if object { b'}' } else { b']' });
        }
        2..=4 => number(out, rng),
        5 => out.extend_from_slice(rng.pick(&["true", "false", "null"]).as_bytes()),
        _ => json_string(out, rng),
    }
}

fn http_head(out: &mut Vec<u8>, rng: &mut Rng) {
    out.extend_from_slice(rng.pick(&["GET", "GET", "GET", "POST", "PUT", "HEAD", "DELETE"]).as_bytes());
    out.push(b' ');
    for _ in 0..1 + rng.below(4) {
        out.push(b'/');
        word(out, rng);
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    for _ in 0..3 + rng.below(6) {
        match rng.below(5) {
            0 => {
                out.extend_from_slice(rng.pick(&["Content-Length: ", "content-length: "]).as_bytes());
                out.extend_from_slice(rng.below(100_000).to_string().as_bytes());
            }
            1 => {
                out.extend_from_slice(b"Connection: ");
                out.extend_from_slice(rng.pick(&["keep-alive", "close"]).as_bytes());
            }
            2 => {
                out.extend_from_slice(b"Host: ");
                word(out, rng);
                out.extend_from_slice(b".example.org");
            }
            _ => {
                out.extend_from_slice(b"X-");
                word(out, rng);
                out.extend_from_slice(b": ");
                word(out, rng);
                out.push(b' ');
                word(out, rng);
            }
        }
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

fn utf8_char(out: &mut Vec<u8>, rng: &mut Rng) {
    let point = match rng.below(8) {
        0..=3 => rng.below(0x80),
        4 | 5 => 0x80 + rng.below(0x780),
        6 => 0x800 + rng.below(0xd000),
        _ => 0x1_0000 + rng.below(0x10_0000),
    };
    let c = u32::try_from(point).ok().and_then(char::from_u32).expect("no surrogate below 0xd800");
    let mut bytes = [0; 4];
    out.extend_from_slice(c.encode_utf8(&mut bytes).as_bytes());
    if rng.below(64) == 0 {
        let last = out.len() - 1;
        out[last] ^= 0xc0;
    }
}

/// A slot of 64 bytes; what a frame does not fill is random.
fn frame(out: &mut Vec<u8>, rng: &mut Rng) {
    let start = out.len();
    for _ in 0..12 {
        out.push(rng.below(256).to_le_bytes()[0]);
    }
    if rng.below(6) == 0 {
        out.extend_from_slice(&[0x81, 0x00, 0x00, 0x07]);
    }
    let protocol = rng.pick(&[&[6], &[6], &[6], &[17], &[17], &[1], &[47], &[132]])[0];
    match rng.below(8) {
        0 => out.extend_from_slice(&[0x08, 0x06]),
        1 | 2 => ip6(out, rng, protocol),
        _ => ip4(out, rng, protocol),
    }
    // Ports, then what may be a TCP header with options.
    out.extend_from_slice(&[0, 80, rng.below(256).to_le_bytes()[0], 53]);
    if protocol == 6 {
        out.extend_from_slice(&[2, 4, 5, 0xb4, 1, 3, 3, 7, 4, 2, 0]);
    }
    while out.len() < start + 64 {
        out.push(rng.below(256).to_le_bytes()[0]);
    }
    out.truncate(start + 64);
}

fn ip4(out: &mut Vec<u8>, rng: &mut Rng, protocol: u8) {
    let words = if rng.below(5) == 0 { 6 } else { 5 };
    let ttl = rng.below(64).to_le_bytes()[0];
    out.extend_from_slice(&[0x08, 0x00, 0x40 | words, 0, 0, 50, 0, 1, 0x40, 0, ttl, protocol]);
    // Checksum, addresses from small networks, options.
    out.extend_from_slice(&rng.next().to_le_bytes()[..2]);
    for _ in 0..2 {
        out.extend_from_slice(&[10, 0, rng.below(4).to_le_bytes()[0], rng.below(256).to_le_bytes()[0]]);
    }
    out.resize(out.len() + 4 * usize::from(words - 5), 1);
}

fn ip6(out: &mut Vec<u8>, rng: &mut Rng, protocol: u8) {
    let extended = rng.below(2) == 0;
    let next = if extended { 60 } else { protocol };
    out.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, next, 64]);
    for _ in 0..4 {
        out.extend_from_slice(&rng.next().to_le_bytes());
    }
    if extended {
        out.extend_from_slice(&[protocol, 0, 1, 4, 0, 0, 0, 0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fnv(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
    }

    /// Another input is another benchmark, so the bytes stay what they are.
    #[test]
    fn inputs_are_frozen() {
        let check = |name: &str, expected: u64| {
            let got = fnv(&generate(name.parse().unwrap(), 4096, 1));
            assert_eq!(got, expected, "{name}: {got:#018x}");
        };
        check("random", 0xd09e_ffa2_3070_fc72);
        check("text", 0x8419_d526_f594_ba3f);
        check("csv", 0xe8c5_8126_a856_62ca);
        check("json", 0x2a23_c6a2_3daf_8c55);
        check("http", 0x9f72_3a5c_800e_3740);
        check("utf8", 0x8413_01b0_4c63_2837);
        check("packets", 0x1035_8221_b057_f2a2);
    }

    /// `programs/FROZEN` holds a hash of each program; new ones may stand beside them.
    #[test]
    fn programs_are_frozen() {
        let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
        let list = std::fs::read_to_string(dir.join("FROZEN")).unwrap();
        assert!(list.lines().count() >= 48);
        for line in list.lines() {
            let (expected, name) = line.split_once(' ').unwrap();
            let got = format!("{:016x}", fnv(&std::fs::read(dir.join(name)).unwrap()));
            assert_eq!(got, expected, "{name} has changed");
        }
    }
}
