//! Text to blobs that may break any rule.
//!
//! A line is a type: kind, name, third word, and the words behind it.
//!
//! ```text
//! INT int 4 0x01000020
//! STRUCT s 8 a 1 0 b 1 32
//! x3 CONST - >1
//! ```
//!
//! * Numbers stand for themselves, all else for the offset of that string; `-` is offset 0, `@9` offset 9, `'a b\x09'` a
//!   string with any bytes, `a{512}` a repeated one.
//! * Behind a kind, `!` sets `kind_flag`, `*9` sets `vlen`, which else is counted, `^20000000` flips bits of `info`. The kind
//!   may be a number.
//! * `x3` repeats the type. In the third word and behind it, `>1` is the id of the type after this one, `<1` of the one
//!   before.
//! * `% str_off=3` sets a field of the header, `% strings=00` the string section, `% append=00`, `% cut=24` and `% tail=001000`
//!   (bytes behind the 24 of the header) change the bytes.

use skep_btf::Kind;

/// The blob of the types in the text, in the byte order of this machine.
pub(crate) fn blob(text: &str) -> Vec<u8> {
    let mut blob = Blob { strings: vec![0], ..Blob::default() };
    let mut settings = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("% ") {
            Some(setting) => settings.push(setting.split_once('=').expect("a setting")),
            None => blob.types(line),
        }
    }
    blob.finish(&settings)
}

#[derive(Default)]
struct Blob {
    types: Vec<u32>,
    strings: Vec<u8>,
    count: u32,
}

impl Blob {
    fn types(&mut self, line: &str) {
        let mut words = words(line);
        let times = words[0].strip_prefix('x').and_then(|times| times.parse().ok());
        if times.is_some() {
            words.remove(0);
        }
        for _ in 0..times.unwrap_or(1) {
            self.count += 1;
            self.one(&words);
        }
    }

    fn one(&mut self, words: &[String]) {
        let name = self.offset(&words[1]);
        let tail: Vec<u32> = words[2..].iter().map(|word| self.value(word)).collect();
        let end = words[0].find(['!', '*', '^']).unwrap_or(words[0].len());
        let (kind, mut marks) = words[0].split_at(end);
        let named = Kind::ALL.iter().find(|known| known.short_name() == kind);
        let number = named.map_or_else(|| kind.parse().expect("a kind"), |kind| kind.number());
        let element = named.map_or(0, |kind| kind.encoded_size(1) - kind.encoded_size(0)) / 4;
        let mut info =
            number << 24 | u32::try_from((tail.len() - 1).checked_div(element).unwrap_or(0)).unwrap();
        while !marks.is_empty() {
            let end = marks[1..].find(['!', '*', '^']).map_or(marks.len(), |at| at + 1);
            match &marks[..1] {
                "!" => info |= 1 << 31,
                "*" => info = info & 0xffff_0000 | marks[1..end].parse::<u32>().expect("a vlen"),
                _ => info ^= u32::from_str_radix(&marks[1..end], 16).expect("hex"),
            }
            marks = &marks[end..];
        }
        self.types.extend([name, info]);
        self.types.extend(tail);
    }

    fn value(&mut self, word: &str) -> u32 {
        let digits = word.strip_prefix(['-', '<', '>']).filter(|rest| !rest.is_empty()).unwrap_or(word);
        let number = match digits.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        };
        match (number, &word[..1]) {
            (Some(number), ">") => self.count + number,
            (Some(number), "<") => self.count - number,
            (Some(number), "-") => number.wrapping_neg(),
            (Some(number), _) => number,
            (None, _) => self.offset(word),
        }
    }

    fn offset(&mut self, word: &str) -> u32 {
        if let Some(offset) = word.strip_prefix('@') {
            let hex = offset.strip_prefix("0x").map(|hex| u32::from_str_radix(hex, 16).unwrap());
            return hex.unwrap_or_else(|| offset.parse().unwrap());
        }
        let string = bytes(word);
        if string.is_empty() {
            return 0;
        }
        let terminated = [&[0], &string[..], &[0]].concat();
        let known = self.strings.windows(terminated.len()).position(|window| window == terminated);
        let at = known.map_or(self.strings.len(), |at| at + 1);
        if known.is_none() {
            self.strings.extend(&terminated[1..]);
        }
        u32::try_from(at).unwrap()
    }

    fn finish(self, settings: &[(&str, &str)]) -> Vec<u8> {
        let set = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let types: Vec<u8> = self.types.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let strings = set("strings").map_or(self.strings, hex);
        let tail = set("tail").map_or(Vec::new(), hex);
        let field = |name, or: usize| {
            let value = set(name).map(|value| match value.strip_prefix("0x") {
                Some(hex) => u32::from_str_radix(hex, 16).unwrap(),
                None => value.parse().unwrap(),
            });
            value.unwrap_or_else(|| u32::try_from(or).unwrap())
        };
        let preamble = field("magic", 0xeb9f) | field("version", 1) << 16 | field("flags", 0) << 24;
        let preamble =
            if cfg!(target_endian = "little") { preamble } else { preamble.swap_bytes().rotate_left(16) };
        let header = [
            preamble,
            field("hdr_len", 24 + tail.len()),
            field("type_off", 0),
            field("type_len", types.len()),
            field("str_off", types.len()),
            field("str_len", strings.len()),
        ];
        let mut out: Vec<u8> = header.iter().flat_map(|word| word.to_ne_bytes()).collect();
        out.extend([tail, types, strings, set("append").map_or(Vec::new(), hex)].concat());
        out.truncate(set("cut").map_or(out.len(), |cut| cut.parse().unwrap()));
        out
    }
}

fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Separated by blanks, which quotes keep together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            ' ' if !quoted => words.push(String::new()),
            _ => {
                quoted ^= c == '\'';
                words.last_mut().unwrap().push(c);
            }
        }
    }
    words
}

/// The bytes of a string.
fn bytes(word: &str) -> Vec<u8> {
    if word == "-" {
        return Vec::new();
    }
    if let Some((string, times)) = word.strip_suffix('}').and_then(|word| word.split_once('{')) {
        return string.repeat(times.parse().unwrap()).into_bytes();
    }
    let inner = word.strip_prefix('\'').and_then(|word| word.strip_suffix('\'')).unwrap_or(word);
    let mut bytes = Vec::new();
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend(before.bytes());
        bytes.push(u8::from_str_radix(&after[..2], 16).unwrap());
        rest = &after[2..];
    }
    bytes.extend(rest.bytes());
    bytes
}
