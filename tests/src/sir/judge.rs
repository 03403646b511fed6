//! One module, compiled in every way and run on every engine, against what it means.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use skep_codegen::diag::Code;
use skep_codegen::ir::{Linkage, Module, Op, Signature, Type};
use skep_codegen::{Cpu, Endian, Opt, Options, Target};
use skep_insn::{Insn, Slot};
use skep_object::image::{DataId, Image, Target as ImageTarget};
use skep_object::{Object, elf};
use skep_vm::{Hosts, Unit};

use super::arith;
use super::eval::Machine;
use super::generate::Profile;
use super::maps::Maps;
use super::memory::{Name, Uninit};
use crate::engine::{Memory, Refused};
use crate::flat;
use crate::kernel::Kernel;
use crate::oracle::{self, Addresses};
use crate::report::Counts;
use crate::slot::halves;

/// A module and what it is run on, one after the other: its variables keep what the run before has left.
#[derive(Clone)]
pub struct Case {
    /// The module; its `main` takes memory.
    pub module: Module,
    /// For whom it was made.
    pub profile: Profile,
    /// What the memory holds before each run.
    pub inputs: Vec<Memory>,
}

/// What a run leaves.
#[derive(Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The result of `main`.
    pub result: u64,
    /// The memory.
    pub memory: Memory,
    /// In user space: what the other exported functions give afterwards.
    pub others: Vec<u64>,
}

/// A call of an exported function that takes integers: its name, its arguments as a caller of any language passes them,
/// with whatever in the bits above, and the bits of the result that count.
struct Call {
    name: String,
    args: Vec<u64>,
    mask: u64,
}

/// Calls of all exported functions but `main`.
fn calls(case: &Case, input: &Memory) -> Vec<Call> {
    if case.profile == Profile::Kernel {
        return Vec::new();
    }
    let exported = case.module.funcs.iter().filter_map(|func| {
        let symbol = case.module.symbol(func.symbol);
        (symbol.linkage != Linkage::Local && symbol.name != "main").then_some((&symbol.name, &func.sig))
    });
    let call = |(name, sig): (&String, &Signature)| {
        let args = sig.params.iter().enumerate().map(|(index, ty)| passed(*ty, input.word(8 * index)));
        Call { name: name.clone(), args: args.collect(), mask: sig.ret.map_or(0, Type::mask) }
    };
    exported.map(call).collect()
}

/// A number as a caller passes it: one narrower than 32 bits is extended to 32, above that stands anything.
fn passed(ty: Type, number: u64) -> u64 {
    let low = match ty.bits() {
        bits @ 0..32 => arith::cut(arith::signed(number & ty.mask(), bits), 32),
        _ => return number,
    };
    number & !u64::from(u32::MAX) | low
}

/// A way to compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// How hard to try.
    pub opt: Opt,
    /// For which instructions.
    pub cpu: Cpu,
    /// For which byte order.
    pub endian: Endian,
    /// With what a program for user space may be allowed besides: that nobody replaces its functions, and jump tables.
    pub free: bool,
}

/// Levels of optimization.
pub const LEVELS: [Opt; 4] = [Opt::O0, Opt::O1, Opt::O2, Opt::Os];
/// Levels of instructions.
pub const CPUS: [Cpu; 4] = [Cpu::V1, Cpu::V2, Cpu::V3, Cpu::V4];

impl Way {
    /// All ways for a little-endian machine.
    pub fn all() -> impl Iterator<Item = Way> {
        LEVELS.into_iter().flat_map(|opt| {
            CPUS.into_iter().map(move |cpu| Way { opt, cpu, endian: Endian::Little, free: false })
        })
    }

    fn options(self, profile: Profile) -> Options {
        let target = match profile {
            Profile::User => Target::User,
            Profile::Kernel => Target::Kernel,
        };
        let options = Options::new().opt(self.opt).cpu(self.cpu).endian(self.endian).target(target);
        let free = self.free && profile == Profile::User;
        options.closed_world(free).jump_tables(free).validate(true)
    }
}

/// What is wrong with what the compiler made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Of which kind.
    pub kind: Kind,
    /// How it was compiled, and what happened.
    pub what: String,
}

/// Kinds of disagreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The module means nothing: the generator's fault.
    Meaningless,
    /// The compiler panicked.
    Panic(Way),
    /// The compiler refuses the module.
    Refused(Way),
    /// The linker or an engine refuses the object.
    BadObject(Way),
    /// It does something else than it means, on this engine.
    Differs(Way, &'static str),
}

/// All engines, and what they did so far.
pub struct Judge {
    checked: skep_vm::Engine<skep_vm::Checked>,
    host: skep_vm::Engine<skep_vm::Host>,
    kernel: Option<Kernel>,
    compiled: u64,
    /// Pieces of code that were run in user space.
    pub ran: u64,
    /// Pieces of big-endian code that the judge of all engines has run.
    pub ran_in_big: u64,
    /// Compilations that gave diagnostics which the module has earned: by their code.
    pub told: Counts,
    /// Pieces of code that the kernel ran, by level.
    pub accepted: Counts,
    /// Pieces of code that the kernel has refused: level and reason.
    pub refused: Counts,
    /// Modules that the kernel takes unoptimized, but not at a level: that level, and the reason.
    pub spoiled: Counts,
    /// For each reason for which the kernel has refused something, the first case.
    pub examples: BTreeMap<String, (Way, Case)>,
}

impl Judge {
    /// The engines of user space, and perhaps a kernel.
    #[must_use]
    pub fn with(kernel: Option<Kernel>) -> Judge {
        // SAFETY: what runs there ran in checked mode before, on the same input and with the same outcome.
        #[expect(unsafe_code, reason = "programs of the tests are trusted")]
        let host = unsafe { skep_vm::Engine::trusting(Hosts::new()) };
        Judge {
            checked: skep_vm::Engine::checked(Hosts::new()),
            host,
            kernel,
            compiled: 0,
            ran: 0,
            ran_in_big: 0,
            told: Counts::default(),
            accepted: Counts::default(),
            refused: Counts::default(),
            spoiled: Counts::default(),
            examples: BTreeMap::new(),
        }
    }

    /// Whether there is a kernel to compare with.
    #[must_use]
    pub fn has_kernel(&self) -> bool {
        self.kernel.is_some()
    }

    /// Compiles a case in these ways, and runs what comes of it on all engines.
    ///
    /// # Errors
    /// The first disagreement.
    pub fn compare(&mut self, case: &Case, ways: impl IntoIterator<Item = Way>) -> Result<(), Disagreement> {
        let expected = meaning(case, Endian::Little)?;
        let mut in_big = None;
        let mut seen: Vec<Image> = Vec::new();
        let mut unoptimized = None;
        for way in ways {
            let Some(image) = self.image(case, way)? else { continue };
            if way.endian == Endian::Big {
                if !image.maps.is_empty() {
                    continue; // the oracle knows no helpers
                }
                if in_big.is_none() {
                    in_big = Some(meaning(case, Endian::Big)?);
                }
                run_in_big(case, way, &image, in_big.as_deref().unwrap_or_default())?;
                self.ran_in_big += 1;
                continue;
            }
            if seen.contains(&image) {
                continue;
            }
            self.run(case, way, &image, &expected)?;
            if case.profile == Profile::Kernel && self.kernel.is_some() {
                let refused = self.run_in_kernel(case, way, &image, &expected)?;
                self.count(case, way, &mut unoptimized, refused);
            }
            seen.push(image);
        }
        Ok(())
    }

    fn count(&mut self, case: &Case, way: Way, unoptimized: &mut Option<bool>, refused: Option<Refused>) {
        let level = format!("{:?}", way.opt);
        if way.opt == Opt::O0 {
            *unoptimized = Some(refused.is_none());
        }
        match refused {
            None => self.accepted.add(&level, 1),
            Some(refused) => {
                let reason = format!("{level}: {}", crate::compare::without_numbers(&refused.reason));
                self.refused.add(&reason, 1);
                if *unoptimized == Some(true) {
                    self.spoiled.add(&reason, 1);
                }
                self.examples.entry(reason).or_insert_with(|| (way, case.clone()));
            }
        }
    }

    /// Why the kernel refuses a case that is compiled in this way, with its whole log.
    pub fn refusal(&mut self, case: &Case, way: Way) -> Option<(String, String)> {
        let image = self.image(case, way).ok()??;
        let refused = self.kernel.as_ref()?.load_image(&image, "main").err()?;
        Some((crate::compare::without_numbers(&refused.reason), refused.log))
    }

    /// What is linked from the object, unless the compiler tells why there can be none.
    fn image(&mut self, case: &Case, way: Way) -> Result<Option<Image>, Disagreement> {
        let options = way.options(case.profile);
        let compile = || skep_codegen::compile(case.module.clone(), &options);
        let compiled = catch_unwind(AssertUnwindSafe(compile));
        let compiled = compiled.map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
            Disagreement { kind: Kind::Panic(way), what: text.unwrap_or_default() }
        })?;
        let object = match compiled {
            Ok(object) => object,
            Err(diags) => {
                let earned = |code| {
                    code == Code::NeedsCpu && way.cpu < Cpu::V4
                        || code == Code::FrameTooLarge
                        || code == Code::CallChain
                };
                if diags.0.iter().all(|diag| earned(diag.code)) {
                    for diag in &diags.0 {
                        self.told.add(&format!("{:?} {} {}", way.cpu, diag.code, class(&diag.message)), 1);
                    }
                    return Ok(None);
                }
                return Err(Disagreement { kind: Kind::Refused(way), what: diags.to_string() });
            }
        };
        let bad = |what: String| Disagreement { kind: Kind::BadObject(way), what };
        self.compiled += 1;
        if self.compiled.is_multiple_of(8) && compile().as_ref() != Ok(&object) {
            return Err(bad("compiled again, it is another one".to_owned()));
        }
        markers(&case.module, &object).map_err(bad)?;
        // The kernel wants no function that nothing calls.
        let keep = match case.profile {
            Profile::User => skep_link::Options::new(),
            Profile::Kernel => skep_link::Options::new().entry("main"),
        };
        let image = skep_link::link(&object, &keep);
        let image = image.map_err(|error| bad(chain(&error)))?;
        if self.compiled % 8 == 1 {
            through_file(&object, &image, &keep).map_err(bad)?;
        }
        for func in &image.funcs {
            skep_insn::check::function_with(&func.code, |_, _: Insn| {})
                .map_err(|error| bad(format!("{}: {}", func.name, chain(&error))))?;
            if func.lines.first().is_none_or(|line| line.at != Slot(0)) {
                return Err(bad(format!("{}: no line for its first instruction", func.name)));
            }
        }
        if image.funcs.iter().all(|func| func.code.is_empty()) {
            return Err(bad("no code".to_owned()));
        }
        Ok(Some(image))
    }

    fn run(
        &mut self,
        case: &Case,
        way: Way,
        image: &Image,
        expected: &[Outcome],
    ) -> Result<(), Disagreement> {
        let bad = |what: String| Disagreement { kind: Kind::BadObject(way), what };
        let checked = self.checked.add(image).map_err(|error| bad(chain(&error)))?;
        agree(case, way, "checked", &checked, expected)?;
        let host = self.host.add(image).map_err(|error| bad(chain(&error)))?;
        agree(case, way, "host", &host, expected)?;
        self.ran += 1;
        Ok(())
    }

    /// Why the kernel refuses it, if it does.
    fn run_in_kernel(
        &self,
        case: &Case,
        way: Way,
        image: &Image,
        expected: &[Outcome],
    ) -> Result<Option<Refused>, Disagreement> {
        let Some(kernel) = &self.kernel else { return Ok(None) };
        let mut loaded = match kernel.load_image(image, "main") {
            Ok(loaded) => loaded,
            Err(refused) => return Ok(Some(refused)),
        };
        let differs = |what: String| Disagreement { kind: Kind::Differs(way, "kernel"), what };
        for (input, expected) in case.inputs.iter().zip(expected) {
            let mut memory = input.clone();
            let result = loaded.run(&mut memory).map_err(differs)?;
            // The kernel returns the low half; the memory has all of it.
            let result = result | expected.result & !u64::from(u32::MAX);
            let found = Outcome { result, memory, others: Vec::new() };
            difference(&found, expected).map_or(Ok(()), |what| Err(differs(what)))?;
        }
        Ok(None)
    }
}

/// What is linked from the file of an object is what is linked from the object.
fn through_file(object: &Object, image: &Image, keep: &skep_link::Options) -> Result<(), String> {
    let read = elf::read(&object.name, &elf::write(object)).map_err(|error| chain(&error))?;
    let again = skep_link::link(&read, keep).map_err(|error| chain(&error))?;
    if again == *image { Ok(()) } else { Err("linked from its file, it is another program".to_owned()) }
}

/// The markers that are surely executed are found in the object, each once.
fn markers(module: &Module, object: &Object) -> Result<(), String> {
    let main = module.funcs.iter().find(|func| module.symbol(func.symbol).name == "main");
    let first =
        main.into_iter().flat_map(|func| func.blocks[0].insts.iter().map(|&inst| &func.node(inst).op));
    for op in first {
        let Op::Marker { name, .. } = op else { continue };
        let found = object.symbols.iter().filter(|symbol| symbol.name == **name).count();
        if found != 1 {
            return Err(format!("the marker '{name}' stands {found} times in the object"));
        }
    }
    Ok(())
}

/// What a case means on machines of a byte order.
///
/// # Errors
/// If it means nothing.
pub fn meaning(case: &Case, endian: Endian) -> Result<Vec<Outcome>, Disagreement> {
    let mut machine = Machine::new(&case.module, endian, Uninit::Fault);
    let mut host = Maps::default();
    let mut outcomes = Vec::new();
    for input in &case.inputs {
        let addr = machine.memory.add(Name::Buffer(outcomes.len()), input.0.to_vec(), false);
        let args = [addr, Memory::LEN as u64];
        let args = if case.profile == Profile::User { &args[..] } else { &args[..1] };
        machine.budget = 1_000_000;
        let result = machine.call(&mut host, "main", args);
        let result = result
            .map_err(|fault| Disagreement { kind: Kind::Meaningless, what: fault.to_string() })?
            .unwrap_or(0);
        let mut memory = Memory::new();
        memory.0.copy_from_slice(machine.memory.region(addr).expect("a region").1);
        let mut others = Vec::new();
        // Of a big-endian program, the oracle of instructions runs `main` alone.
        let calls = if endian == Endian::Little { calls(case, input) } else { Vec::new() };
        for call in calls {
            machine.budget = 1_000_000;
            let result = machine.call(&mut host, &call.name, &call.args);
            let result =
                result.map_err(|fault| Disagreement { kind: Kind::Meaningless, what: fault.to_string() })?;
            others.push(result.unwrap_or(0));
        }
        outcomes.push(Outcome { result, memory, others });
    }
    Ok(outcomes)
}

/// Instructions after which an engine gives up: many more than the meaning took steps.
const BUDGET: u64 = 20_000_000;

fn agree(
    case: &Case,
    way: Way,
    engine: &'static str,
    unit: &Unit,
    expected: &[Outcome],
) -> Result<(), Disagreement> {
    let differs = |what: String| Disagreement { kind: Kind::Differs(way, engine), what };
    let func = unit.func("main").ok_or_else(|| differs("no function 'main'".to_owned()))?;
    for (input, expected) in case.inputs.iter().zip(expected) {
        let mut memory = input.clone();
        let result = func.prepare().memory(&mut memory.0).budget(BUDGET).call();
        let result = result.map_err(|trap| differs(chain(&*trap)))?;
        let mut others = Vec::new();
        for call in calls(case, input) {
            let other =
                unit.func(&call.name).ok_or_else(|| differs(format!("no function '{}'", call.name)))?;
            let result = other.prepare().args(&call.args).budget(BUDGET).call();
            let result = result.map_err(|trap| differs(format!("{}: {}", call.name, chain(&*trap))))?;
            others.push(result & call.mask);
        }
        let found = Outcome { result, memory, others };
        difference(&found, expected).map_or(Ok(()), |what| Err(differs(what)))?;
    }
    Ok(())
}

/// Where the memory, and behind it the variables, are said to lie on a big-endian machine; and the stack.
const BIG: Addresses = Addresses { memory: 0x10_0000, frame: 0x20_0000 };

/// Big-endian code is run by the oracle of instructions, the only one here that knows such a machine.
fn run_in_big(case: &Case, way: Way, image: &Image, expected: &[Outcome]) -> Result<(), Disagreement> {
    let bad = |what: String| Disagreement { kind: Kind::BadObject(way), what };
    let differs = |what: String| Disagreement { kind: Kind::Differs(way, "oracle"), what };
    let (main, _) = image.func_by_name("main").ok_or_else(|| bad("no function 'main'".to_owned()))?;
    let mut bytes = vec![0; Memory::LEN];
    let mut places = Vec::new();
    for data in &image.data {
        bytes.resize(bytes.len().next_multiple_of(64), 0);
        places.push(BIG.memory + bytes.len() as u64);
        bytes.extend(&data.bytes);
        let rest = usize::try_from(data.size).map_err(|error| bad(error.to_string()))? - data.bytes.len();
        bytes.resize(bytes.len() + rest, 0);
    }
    let place = |id: DataId, offset: i64| places[id.0 as usize].wrapping_add_signed(offset);
    let starts = flat::starts(image, main);
    for (data, start) in image.data.iter().zip(&places) {
        for reference in &data.refs {
            let address = match reference.target {
                ImageTarget::Func(id) => oracle::code_address(starts[id.0 as usize] as u64),
                ImageTarget::Data { data, offset } => place(data, offset),
                other => return Err(bad(format!("a pointer to {other:?}"))),
            };
            let at = usize::try_from(start - BIG.memory + reference.at).expect("inside of the memory");
            bytes[at..at + 8].copy_from_slice(&address.to_be_bytes());
        }
    }
    let code = flat::flat(image, main, |target| match target {
        ImageTarget::Data { data, offset } => Some((0, halves(place(data, offset)))),
        _ => None,
    });
    let code = code.map_err(bad)?;
    for (input, expected) in case.inputs.iter().zip(expected) {
        bytes[..Memory::LEN].copy_from_slice(&input.0);
        let args = [BIG.memory, Memory::LEN as u64];
        let done = oracle::run_in(oracle::Order::Big, &code, &mut bytes, BIG, args, BUDGET);
        let done = done.map_err(|fault| differs(format!("{fault:?}")))?;
        let mut memory = Memory::new();
        memory.0.copy_from_slice(&bytes[..Memory::LEN]);
        let found = Outcome { result: done.regs[0], memory, others: expected.others.clone() };
        difference(&found, expected).map_or(Ok(()), |what| Err(differs(what)))?;
    }
    Ok(())
}

/// Where two outcomes differ.
#[must_use]
pub fn difference(found: &Outcome, expected: &Outcome) -> Option<String> {
    let words = (0..Memory::LEN).step_by(8);
    let mut text: Vec<String> = words
        .filter(|&at| found.memory.word(at) != expected.memory.word(at))
        .map(|at| {
            let (found, expected) = (found.memory.word(at), expected.memory.word(at));
            format!("memory+{at:#x} is {found:#x}, expected {expected:#x}")
        })
        .collect();
    if found.result != expected.result {
        text.push(format!("returns {:#x}, expected {:#x}", found.result, expected.result));
    }
    if found.others != expected.others {
        text.push(format!("exported functions return {:x?}, expected {:x?}", found.others, expected.others));
    }
    (!text.is_empty()).then(|| text.join("\n"))
}

/// The first words of a message, without what differs from module to module.
fn class(message: &str) -> String {
    crate::compare::without_numbers(message).split_whitespace().take(6).collect::<Vec<_>>().join(" ")
}

/// An error with its causes.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
