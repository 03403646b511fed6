//! Test cases that are files of assembly: directives in comments, and what comes out behind them.
//!
//! ```text
//! # One sentence that says what the case is about.
//! # run: host checked kernel     where to run it; this is what is meant without a directive
//! # args: 1 -2 0x30              r1 to r5
//! # memory: 01 02 ff             r1 is its address, r2 its length
//! # budget: 1000                 instructions until the end of the run
//! # depth: 8                     frames at most
//! # calls: 3                     calls the function so often; the last one counts
//! main:   r0 = 1
//!         exit
//! #= r0 = 0x1
//! ```
//!
//! Lines with `#=` are the expectation: what `main` returns and which bytes of the memory have changed, or the trap, or
//! the error. What differs from engine to engine stands behind a line with its name: `#= [checked]`.
//!
//! Wherever a case returns something and needs neither data nor maps nor imports, the oracle has to return the same.
//! `!kernel` says that the kernel must refuse it; `!oracle` that the case does what the oracle does not know: helpers,
//! loops that only `may_goto` ends.
#![expect(unsafe_code, reason = "host mode trusts the cases")]

use std::error::Error as StdError;
use std::fmt::Write as _;

use skep_insn::Endian;
use skep_object::image::Target;
use skep_object::{Image, asm};
use skep_vm::{Hosts, Memory as Mode, Trap};

use crate::engine::{self, Engine, Memory};
use crate::oracle::{self, Addresses};
use crate::slot::{CALL, EXIT, Slot, insn};

/// What the lines of an expectation begin with.
pub const EXPECTS: &str = "#=";

/// What no case comes near; `may_goto` alone allows a loop 2^23 rounds.
const MAX_INSNS: u64 = 100_000_000;

/// A case, as it stands in its file.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// Its name, for messages of the assembler.
    pub name: String,
    /// The whole text.
    pub text: String,
    run: Vec<String>,
    args: [u64; 5],
    memory: Option<Vec<u8>>,
    budget: Option<u64>,
    depth: Option<u32>,
    calls: u32,
}

/// What came of a case on each engine that it ran on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes(Vec<(String, String)>);

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// If a directive has no meaning.
    pub fn parse(name: &str, text: &str) -> Result<Case, String> {
        let mut case = Case { name: name.to_owned(), text: text.to_owned(), calls: 1, ..Case::default() };
        case.run = ["host", "checked", "kernel"].map(str::to_owned).to_vec();
        let directives = text.lines().filter_map(|line| line.strip_prefix("# "));
        for (key, value) in directives.filter_map(|line| line.split_once(": ")) {
            let words = || value.split_whitespace();
            let wrong = |what: &str| format!("{key}: '{value}' is {what}");
            match key {
                "run" => case.run = words().map(str::to_owned).collect(),
                "args" => {
                    for (arg, word) in case.args.iter_mut().zip(words()) {
                        *arg = number(word).ok_or_else(|| wrong("no list of numbers"))?;
                    }
                }
                "memory" => {
                    let bytes = words().map(|word| u8::from_str_radix(word, 16));
                    let bytes: Result<Vec<u8>, _> = bytes.collect();
                    case.memory = Some(bytes.map_err(|_| wrong("no list of bytes"))?);
                }
                "budget" => case.budget = Some(number(value).ok_or_else(|| wrong("no number"))?),
                "depth" => case.depth = Some(value.parse().map_err(|_| wrong("no number"))?),
                "calls" => case.calls = value.parse().map_err(|_| wrong("no number"))?,
                _ => {} // a sentence with a colon
            }
        }
        let known = ["host", "checked", "kernel", "!kernel", "!oracle"];
        match case.run.iter().find(|word| !known.contains(&word.as_str())) {
            Some(word) => Err(format!("run: '{word}' is none of {}", known.join(", "))),
            None => Ok(case),
        }
    }

    /// Whether the kernel is asked.
    #[must_use]
    pub fn wants_kernel(&self) -> bool {
        self.run.iter().any(|word| word.ends_with("kernel"))
    }

    /// What the file expects, line by line.
    #[must_use]
    pub fn expected(&self) -> String {
        let lines = self.text.lines().filter_map(|line| line.strip_prefix(EXPECTS));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }

    /// The text with this expectation.
    #[must_use]
    pub fn blessed(&self, expectation: &str) -> String {
        let kept: Vec<&str> = self.text.lines().filter(|line| !line.starts_with(EXPECTS)).collect();
        let mut text = kept.join("\n").trim_end().to_owned();
        text.push_str("\n\n");
        for line in expectation.lines() {
            let _ = writeln!(text, "{}", format!("{EXPECTS} {line}").trim_end());
        }
        text
    }

    /// Runs it wherever it says.
    ///
    /// # Errors
    /// If engines disagree that must not: forms of the same mode, the oracle, or a kernel that takes what it must refuse.
    pub fn outcomes(&self, kernel: Option<&dyn Engine>) -> Result<Outcomes, String> {
        let image = match self.link() {
            Ok(image) => image,
            Err(error) => return Ok(Outcomes(vec![("all".to_owned(), error)])),
        };
        let mut outcomes = Outcomes::default();
        for mode in &self.run {
            let outcome = match mode.as_str() {
                "host" => self.forms(&image, trusting)?,
                "checked" => {
                    let hosts = Hosts::new().libc("strlen").and_then(|hosts| hosts.libc("memcmp"));
                    let hosts = hosts.map_err(|error| error.to_string())?;
                    self.forms(&image, || skep_vm::Engine::checked(hosts.clone()))?
                }
                "!oracle" => continue,
                kernel_or_not => match kernel {
                    None => continue,
                    Some(kernel) => {
                        let flat = Flat::of(self, &image)?;
                        match (kernel.load(&flat.slots), kernel_or_not) {
                            (Ok(mut loaded), "kernel") => {
                                let mut memory = flat.memory(self);
                                loaded.run(&mut memory)?;
                                flat.outcome(self, &memory)
                            }
                            (Err(_), "!kernel") => continue,
                            (Ok(_), _) => return Err("the kernel takes it, but must not".to_owned()),
                            (Err(refused), _) => {
                                return Err(format!("the kernel refuses it: {}", refused.reason));
                            }
                        }
                    }
                },
            };
            outcomes.0.push((mode.clone(), outcome));
        }
        let by_oracle = !self.run.iter().any(|word| word == "!oracle");
        if let (true, Some(returned), Ok(flat)) = (by_oracle, outcomes.returned(), Flat::of(self, &image)) {
            let found = flat.by_oracle(self)?;
            if found != returned {
                return Err(format!("the oracle says\n{found}\nbut the engines\n{returned}"));
            }
        }
        Ok(outcomes)
    }

    fn link(&self) -> Result<Image, String> {
        let object = asm::assemble(&self.name, &self.text).map_err(|error| described(&error))?;
        skep_link::link(&object, &skep_link::Options::new()).map_err(|error| described(&error))
    }

    /// Runs it in both forms of the interpreter, which must do the same.
    fn forms<M: Mode>(
        &self,
        image: &Image,
        engine: impl Fn() -> skep_vm::Engine<M>,
    ) -> Result<String, String> {
        let depth = |engine: skep_vm::Engine<M>| match self.depth {
            Some(depth) => engine.max_depth(depth),
            None => engine,
        };
        let fast = || self.interpret(image, &depth(engine()), None);
        let stepped = |budget| self.interpret(image, &depth(engine()), Some(budget));
        match self.budget {
            Some(budget) => stepped(budget),
            None => match (fast()?, stepped(MAX_INSNS)?) {
                (fast, stepped) if fast == stepped => Ok(fast),
                (fast, stepped) => Err(format!("the fast form says\n{fast}\nthe stepped one\n{stepped}")),
            },
        }
    }

    fn interpret<M: Mode>(
        &self,
        image: &Image,
        engine: &skep_vm::Engine<M>,
        budget: Option<u64>,
    ) -> Result<String, String> {
        let unit = match engine.add(image) {
            Ok(unit) => unit,
            Err(error) => return Ok(described(&error)),
        };
        let func = unit.func("main").ok_or("there is no function 'main'")?;
        let mut memory = self.memory.clone().unwrap_or_default();
        let mut result = Ok(0);
        for _ in 0..self.calls {
            memory = self.memory.clone().unwrap_or_default();
            let call = func.prepare().args(&self.args);
            let call = if self.memory.is_some() { call.memory(&mut memory) } else { call };
            result = match budget {
                Some(insns) => call.budget(insns).call(),
                None => call.call(),
            };
        }
        still_alive(engine)?;
        Ok(match result {
            Ok(r0) => returned(r0, self.memory.as_deref().unwrap_or_default(), &memory),
            Err(trap) => trapped(&trap),
        })
    }
}

/// An engine whose programs may use the C library.
fn trusting() -> skep_vm::Engine<skep_vm::Host> {
    // SAFETY: the cases are as trusted as this program.
    unsafe { skep_vm::Engine::trusting(Hosts::new().process()) }
}

/// Whatever a program did, the next one runs.
fn still_alive<M: Mode>(engine: &skep_vm::Engine<M>) -> Result<(), String> {
    let program = [insn(0xb7, 0, 0, 0, 42), insn(EXIT, 0, 0, 0, 0)];
    let image = engine::link(&program).map_err(|refused| refused.reason)?;
    let unit = engine.add(&image).map_err(|error| error.to_string())?;
    match unit.func("main").map(|func| func.call(&[])) {
        Some(Ok(42)) => Ok(()),
        other => Err(format!("afterwards the engine returns {other:?}, expected 42")),
    }
}

impl Outcomes {
    /// Line by line as in a file.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.0[..] {
            [(_, first), rest @ ..] if rest.iter().all(|(_, other)| other == first) => first.clone(),
            all => all.iter().map(|(name, text)| format!("[{name}]\n{text}")).collect::<Vec<_>>().join("\n"),
        }
    }

    /// What all engines returned.
    #[must_use]
    pub fn returned(&self) -> Option<&str> {
        let (_, first) = self.0.first()?;
        (first.starts_with("r0 = ") && self.0.iter().all(|(_, other)| other == first)).then_some(first)
    }

    /// Whether an engine of this name ran it.
    #[must_use]
    pub fn ran_on(&self, engine: &str) -> bool {
        self.0.iter().any(|(name, _)| name == engine)
    }
}

/// The functions of an image in one piece of code, for engines that know nothing of images.
struct Flat {
    slots: Vec<Slot>,
}

/// Where the program in front of a flat one leaves what `main` returns.
const RETURNED: i16 = 0;
/// Where it finds the arguments.
const ARGS: i16 = 8;

impl Flat {
    /// Puts a program in front that calls `main`, and stores what it returns: the kernel alone would keep 32 bits of it.
    fn of(case: &Case, image: &Image) -> Result<Flat, String> {
        let (main, _) = image.func_by_name("main").ok_or("there is no function 'main'")?;
        let mut slots = vec![insn(0x7b, 10, 1, -8, 0), insn(0xbf, 6, 1, 0, 0)];
        for reg in [2u8, 3, 4, 5, 1] {
            slots.push(insn(0x79, reg, 6, ARGS + 8 * (i16::from(reg) - 1), 0));
        }
        if let Some(memory) = &case.memory {
            let [len, at] = [memory.len(), Memory::LEN - memory.len()].map(|n| i32::try_from(n).unwrap_or(0));
            slots.extend([insn(0xbf, 1, 6, 0, 0), insn(0x07, 1, 0, 0, at), insn(0xb7, 2, 0, 0, len)]);
        }
        let call = slots.len();
        let behind = [insn(0x79, 1, 10, -8, 0), insn(0x7b, 1, 0, RETURNED, 0), insn(0xb7, 0, 0, 0, 0)];
        slots.push(insn(0, 0, 0, 0, 0));
        slots.extend(behind);
        slots.push(insn(EXIT, 0, 0, 0, 0));
        let mut starts = Vec::new();
        for func in &image.funcs {
            starts.push(slots.len());
            slots.extend(func.code.iter().map(|raw| raw.to_bytes(Endian::Little)));
        }
        let relative = |at: usize, func: usize| {
            i32::try_from(starts[func].cast_signed() - at.cast_signed() - 1).unwrap_or(0)
        };
        slots[call] = insn(CALL, 0, 1, 0, relative(call, main.0 as usize));
        for (func, start) in image.funcs.iter().zip(&starts) {
            for r in &func.refs {
                let at = start + r.at.index();
                let Target::Func(target) = r.target else {
                    return Err("it needs more than functions, which only user space has here".to_owned());
                };
                let imm = relative(at, target.0 as usize);
                slots[at] = match slots[at][0] {
                    CALL => insn(CALL, 0, 1, 0, imm),
                    code => insn(code, slots[at][1] & 15, 4, 0, imm),
                };
            }
        }
        Ok(Flat { slots })
    }

    fn memory(&self, case: &Case) -> Memory {
        let mut memory = Memory::new();
        for (at, arg) in (usize::from(ARGS.unsigned_abs())..).step_by(8).zip(case.args) {
            memory.set_word(at, arg);
        }
        let bytes = case.memory.as_deref().unwrap_or_default();
        // At the very end, so that an access behind it is one outside.
        memory.0[Memory::LEN - bytes.len()..].copy_from_slice(bytes);
        memory
    }

    fn outcome(&self, case: &Case, memory: &Memory) -> String {
        let before = case.memory.as_deref().unwrap_or_default();
        returned(
            memory.word(usize::from(RETURNED.unsigned_abs())),
            before,
            &memory.0[Memory::LEN - before.len()..],
        )
    }

    fn by_oracle(&self, case: &Case) -> Result<String, String> {
        let mut memory = self.memory(case);
        let addresses = Addresses { memory: 0x10_0000, frame: 0x20_0000 };
        oracle::run(&self.slots, &mut memory.0, addresses, MAX_INSNS)
            .map_err(|fault| format!("the oracle says {fault:?}"))?;
        Ok(self.outcome(case, &memory))
    }
}

fn returned(r0: u64, before: &[u8], after: &[u8]) -> String {
    let mut text = format!("r0 = {r0:#x}");
    let mut at = 0;
    while at < after.len() {
        let changed = after[at..].iter().zip(&before[at..]).take_while(|(a, b)| a != b).count();
        if changed > 0 {
            let bytes: Vec<String> =
                after[at..at + changed].iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = write!(text, "\nmemory[{at}] = {}", bytes.join(" "));
        }
        at += changed.max(1);
    }
    text
}

fn trapped(trap: &Trap) -> String {
    let mut text = format!("trap: {}", trap.kind);
    for (index, location) in trap.trace.iter().take(4).enumerate() {
        let word = if index == 0 { "at" } else { "called at" };
        let _ = write!(text, "\n  {word} {location}");
    }
    if trap.trace.len() > 4 {
        text.push_str("\n  ...");
    }
    without_addresses(&text)
}

/// An error and its causes.
fn described(error: &dyn StdError) -> String {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    without_addresses(text.trim_end())
}

/// Addresses differ from run to run.
fn without_addresses(text: &str) -> String {
    let mut result = String::new();
    for (index, piece) in text.split("0x").enumerate() {
        let digits = piece.chars().take_while(char::is_ascii_hexdigit).count();
        match (index, digits) {
            (0, _) => result.push_str(piece),
            (_, 11..) => {
                result.push_str("ADDRESS");
                result.push_str(&piece[digits..]);
            }
            _ => {
                result.push_str("0x");
                result.push_str(piece);
            }
        }
    }
    result
}

fn number(word: &str) -> Option<u64> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some(if negative { value.wrapping_neg() } else { value })
}
