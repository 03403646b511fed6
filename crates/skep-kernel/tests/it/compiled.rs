//! What clang compiles.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use skep_btf::maps::MapType;
use skep_derive::BpfType;
use skep_kernel::{Error, Options, Prog, RingBuffer, TestRun, load};
use skep_object::{Image, elf};

use crate::support::{may_load, run, skip};

/// The image of a file of `tests/it/c`; `None`, and a line that says so, if there is no clang.
pub(crate) fn compiled(source: &str, args: &[&str]) -> Option<Image> {
    let object = elf::read(source, &std::fs::read(&compile(source, args)?.path).unwrap()).unwrap();
    Some(skep_link::link(&object, &skep_link::Options::new()).unwrap())
}

/// The object of a file of `tests/it/c`, as clang writes it.
pub(crate) fn object_file(source: &str, args: &[&str]) -> Option<Vec<u8>> {
    Some(std::fs::read(&compile(source, args)?.path).unwrap())
}

fn compile(source: &str, args: &[&str]) -> Option<Temp> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/c").join(source);
    let object = Temp::new();
    let fixed = ["-target", "bpf", "-O2", "-c", "-o"];
    let output = match Command::new("clang-22").args(fixed).arg(&object.path).arg(&path).args(args).output() {
        Ok(output) => output,
        Err(error) => {
            skip(&format!("clang-22: {error}"));
            return None;
        }
    };
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(object)
}

/// A file that goes when its name does.
struct Temp {
    path: PathBuf,
}

impl Temp {
    fn new() -> Temp {
        Temp { path: env::temp_dir().join(format!("{}.o", unique())) }
    }
}

/// A name that no other test has.
fn unique() -> String {
    let thread = std::thread::current();
    let name: String = thread.name().unwrap_or("test").chars().filter(char::is_ascii_alphanumeric).collect();
    format!("skep_kernel_{}_{name}", std::process::id())
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// As in `parts.c`.
#[derive(BpfType, Clone, Copy, Debug)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Key {
    a: u32,
    b: u32,
}

#[derive(BpfType, Clone, Copy, Debug)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Value {
    n: u64,
    name: [u8; 5],
}

#[test]
fn all_parts_of_a_program_work_together() {
    if !may_load() {
        return;
    }
    for args in
        [&["-g", "-mcpu=v3"][..], &["-g", "-mcpu=v1"], &["-g", "-mcpu=v4"], &["-g", "-ffunction-sections"]]
    {
        let Some(image) = compiled("parts.c", args) else { return };
        let loaded = match load(&image, &Options::new()) {
            Ok(loaded) => loaded,
            Err(Error::Refused(refusal)) => panic!("{args:?}: {refusal}\n{}", refusal.log),
            Err(error) => panic!("{args:?}: {error}: {:?}", std::error::Error::source(&error)),
        };
        assert_eq!(loaded.remarks(), [""; 0]);
        // visible: 23, invisible: -1, hidden: 1006, sum: 6 + "hell"
        let sum: u32 = (0..4).sum::<u32>() + b"hell".iter().map(|&c| u32::from(c)).sum::<u32>();
        assert_eq!(run(&loaded, "prog"), 23 - 1 + 1006 + sum + 10000, "{args:?}");
        loaded.global::<i32>("counter").unwrap().set(0).unwrap();
        let table = loaded.map::<Key, Value>("table").unwrap();
        table.set(Key { a: 1, b: 2 }, Value { n: 100, name: *b"hello" }).unwrap();
        assert_eq!(
            table.iter().map(|(key, value)| (key.b, value.name)).collect::<Vec<_>>(),
            [(2, *b"hello")]
        );
        assert_eq!(run(&loaded, "prog"), 20 + 100 + 1006 + sum + 20000, "{args:?}");
        assert_eq!(loaded.global::<i32>("runs").unwrap().get().unwrap(), 2);
    }
}

#[test]
fn a_function_that_the_kernel_lacks_is_named() {
    if !may_load() {
        return;
    }
    let Some(image) = compiled("missing.c", &["-g"]) else { return };
    let Err(Error::Refused(refusal)) = load(&image, &Options::new()) else { panic!("it was loaded") };
    let place = refusal.place.as_ref().unwrap();
    assert_eq!(place.insn, "call bpf_no_such_function");
    assert_eq!(place.text, "return bpf_no_such_function(3);");
    assert!(refusal.remedy.starts_with("the kernel has no function of this name"), "{refusal}");
    // Without weakness it is missed before anything is loaded.
    let mut image = image;
    for import in &mut image.imports {
        import.weak = false;
    }
    let error = load(&image, &Options::new()).map(drop).unwrap_err().to_string();
    assert!(
        error.starts_with("'bpf_no_such_function' is needed by 'missing', but neither the image nor the kernel has such a function, with these parameters"),
        "{error}"
    );
}

#[test]
fn a_variable_of_the_kernel_is_found_by_its_type() {
    if !may_load() {
        return;
    }
    let Some(image) = compiled("variable.c", &["-g"]) else { return };
    match load(&image, &Options::new()) {
        Ok(loaded) => assert_eq!(run(&loaded, "variable"), 1),
        // The id was right, but not every kernel knows where its variables are.
        Err(Error::Refused(refusal)) => {
            assert_eq!(refusal.reason, "ldimm64 failed to find the address for kernel symbol 'runqueues'.");
            assert!(refusal.remedy.contains("CONFIG_KALLSYMS_ALL"), "{refusal}");
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn pointers_in_data_are_told_where_programs_use_them() {
    if !may_load() {
        return;
    }
    let Some(image) = compiled("data.c", &["-g"]) else { return };
    let error = load(&image, &Options::new().only("follows")).map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "data section '.data': a pointer to 'number' stands in 'pointer', which programs in the kernel cannot \
         follow; use an index, or choose with `switch`"
    );
    let loaded = load(&image, &Options::new().only("does_not")).unwrap();
    assert_eq!(run(&loaded, "does_not"), 12);
}

#[test]
fn jump_tables_are_refused_where_the_kernel_lacks_them() {
    if !may_load() {
        return;
    }
    let Some(image) = compiled("data.c", &["-g", "-mcpu=v3"]) else { return };
    assert_eq!(run(&load(&image, &Options::new().only("jumps")).unwrap(), "jumps"), 64);
    let Some(image) = compiled("data.c", &["-g", "-mcpu=v4", "-mllvm", "-bpf-min-jump-table-entries=4"])
    else {
        return;
    };
    if !image.data.iter().any(|data| data.name == ".jumptables") {
        skip("clang-22 makes no jump tables");
        return;
    }
    let error = load(&image, &Options::new().only("jumps")).map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "data section '.jumptables': jump tables need a kernel that has `gotox`; compile without them, for `-mcpu=v3`"
    );
}

#[derive(BpfType, Clone, Copy, Debug, PartialEq)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Settings {
    on: bool,
    /// A bit-field of 3 bits, which only C can name.
    bits: [u8; 3],
    limit: u64,
}

#[test]
fn variables_may_be_structs() {
    if !may_load() {
        return;
    }
    let Some(image) = compiled("parts.c", &["-g"]) else { return };
    let settings = Settings { on: true, bits: [2, 0, 0], limit: 50 };
    let loaded = load(&image, &Options::new().only("limited").value("settings", settings)).unwrap();
    assert_eq!(run(&loaded, "limited"), 52);
    let shared = loaded.global::<Settings>("settings").unwrap();
    assert_eq!(shared.get().unwrap(), settings);
    shared.set(Settings { on: false, ..settings }).unwrap();
    assert_eq!(run(&loaded, "limited"), 0);
    let bytes = loaded.map_raw(".data").unwrap().lookup(&[0; 4]).unwrap().unwrap();
    loaded.map_raw(".data").unwrap().update(&[0; 4], &bytes.iter().map(|_| 7).collect::<Vec<u8>>()).unwrap();
    let error = shared.get().unwrap_err();
    assert_eq!(error.to_string(), "variable 'settings' is no value of its type");
    assert!(std::error::Error::source(&error).is_some());
}

/// What libbpf made of the program `name` of an object file: it must come to the same instructions.
fn by_libbpf(object: &Path, name: &str) -> Option<String> {
    let pinned = Path::new("/sys/fs/bpf").join(unique());
    let mut bpftool = Command::new("bpftool");
    bpftool.args(["prog", "loadall"]).arg(object).arg(&pinned);
    let output = match bpftool.output() {
        Ok(output) => output,
        Err(error) => {
            skip(&format!("bpftool: {error}"));
            return None;
        }
    };
    let program = Prog::open(pinned.join(name));
    let _ = std::fs::remove_dir_all(&pinned);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(instructions(&program.unwrap()))
}

/// What the kernel has, as text, without numbers of maps and addresses of the kernel, which differ.
fn instructions(program: &Prog) -> String {
    let mut code = program.xlated().unwrap();
    for at in 0..code.len() {
        let is_address = code.get(at + 1).is_some_and(|next| next.imm.cast_unsigned() >> 16 == 0xffff);
        match (code[at].code, code[at].src()) {
            // BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE
            (0x18, 1 | 2) => code[at].imm = 0,
            (0x18, 0) if is_address => (code[at].imm, code[at + 1].imm) = (0, 0),
            _ => {}
        }
    }
    code.iter().enumerate().map(|(at, raw)| format!("{at}: {raw:?}\n")).collect()
}

#[test]
fn libbpf_comes_to_the_same_instructions() {
    if !may_load() {
        return;
    }
    for (source, name) in [
        ("parts.c", "prog"),
        ("parts.c", "limited"),
        ("features.c", "first"),
        ("features.c", "last"),
        ("kconfig.c", "look"),
    ] {
        for args in [&["-g", "-mcpu=v2"][..], &["-g", "-mcpu=v3"], &["-g", "-mcpu=v4"], &["-g", "-O1"]] {
            let Some(object) = compile(source, args) else { return };
            let Some(expected) = by_libbpf(&object.path, name) else { return };
            let object = elf::read(source, &std::fs::read(&object.path).unwrap()).unwrap();
            let image = skep_link::link(&object, &skep_link::Options::new()).unwrap();
            let loaded = load(&image, &Options::new()).unwrap();
            assert_eq!(loaded.remarks(), [""; 0]);
            let found = instructions(loaded.program(name).unwrap());
            let difference = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
            assert_eq!(difference, None, "{source} {name} {args:?}");
            assert_eq!(found.len(), expected.len(), "{source} {name} {args:?}");
        }
    }
}

#[test]
fn what_needs_types_has_them() {
    if !may_load() {
        return;
    }
    let Some(image) = compiled("features.c", &["-g"]) else { return };
    let loaded = load(&image, &Options::new()).unwrap_or_else(|error| panic!("{error}"));
    let locks = loaded.map::<u32, [u64; 2]>("locks").unwrap();
    for key in 0..4 {
        locks.set(key, [0, 0]).unwrap();
    }
    let inner = loaded.map_raw("inner").unwrap();
    loaded.map_raw("outer").unwrap().put(0, inner).unwrap();
    inner.update(&[0; 4], &1000_u64.to_ne_bytes()).unwrap();
    let mut events = RingBuffer::new(loaded.map_raw("events").unwrap()).unwrap();
    assert_eq!(run(&loaded, "first"), 77);
    let total = (1 + 2 + 3) + (0..10).sum::<u64>() + u64::from(b'7') + 1000;
    assert_eq!(loaded.global::<u64>("sum").unwrap().get().unwrap(), total);
    assert_eq!(events.next().unwrap()[..], total.to_ne_bytes());
    assert_eq!(locks.get(0).unwrap().unwrap()[1], 1);
    assert_eq!(loaded.global::<[u32; 8]>("calls").unwrap().get().unwrap()[..2], [1, 1]);
    // The timer fires when it likes, but soon.
    let timers = loaded.map::<u32, [u64; 3]>("timers").unwrap();
    let fired = || timers.get(0).unwrap().unwrap()[2];
    let start = Instant::now();
    while fired() == 0 {
        assert!(start.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
}

#[test]
fn programs_go_to_their_exception_callbacks() {
    if !may_load() {
        return;
    }
    let Some(image) = compiled("throw.c", &["-g"]) else { return };
    let loaded = load(&image, &Options::new()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(run(&loaded, "throws"), 42);
    assert_eq!(run(&loaded, "plain"), 7);
}

#[test]
fn the_flavor_of_a_function_is_chosen_by_its_parameters() {
    if !may_load() {
        return;
    }
    let Some(image) = compiled("missing.c", &["-g"]) else { return };
    assert_eq!(run(&load(&image, &Options::new().only("flavors")).unwrap(), "flavors"), 2);
}

#[derive(BpfType, Clone, Copy, Debug, PartialEq)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Seen {
    version: u32,
    bpf_syscall: u8,
    cookie: u8,
    net: u8,
    missing: u8,
    hz: u64,
    bpf: u32,
    hostname: [u8; 4],
}

#[test]
fn the_kernels_configuration_is_known() {
    if !may_load() {
        return;
    }
    let Some(mut image) = compiled("kconfig.c", &["-g"]) else { return };
    let loaded = match load(&image, &Options::new()) {
        Err(error) if error.to_string().contains("the kernel's configuration is not known") => {
            skip(&error.to_string());
            return;
        }
        loaded => loaded.unwrap_or_else(|error| panic!("{error}")),
    };
    assert_eq!(run(&loaded, "look"), u32::from(cfg!(target_arch = "x86_64")));
    let seen = loaded.global::<Seen>("seen").unwrap().get().unwrap();
    assert!(seen.version >= 5 << 16 && [100, 250, 300, 1000].contains(&seen.hz), "{seen:?}");
    assert_eq!((seen.bpf_syscall, seen.cookie, seen.net, seen.missing, seen.bpf), (1, 1, b'y', 0, 1));
    assert_eq!(seen.hostname[3], 0);
    for import in &mut image.imports {
        import.weak = false;
    }
    let error = load(&image, &Options::new()).map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "'CONFIG_NO_SUCH_THING' is needed by 'look', but the kernel's configuration has no such value; declare it \
         `__weak` to read 0 there"
    );
}

#[test]
fn structs_of_functions_become_the_kernels() {
    if !may_load() {
        return;
    }
    let Some(mut image) = compiled("struct_ops.c", &["-g"]) else { return };
    let loaded = load(&image, &Options::new()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(loaded.programs().len(), 5);
    for name in ["dummy", "control"] {
        assert_eq!(loaded.map_raw(name).unwrap().ty(), MapType::STRUCT_OPS);
    }
    // The first argument leads to a struct, which the kernel reads and writes.
    let mut state = 41_i32.to_ne_bytes();
    let words = [state.as_mut_ptr().expose_provenance() as u64, 3, 0, 0, 4];
    let arguments: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let test = |name: &str, len: usize| {
        loaded.program(name).unwrap().test_run(TestRun::new().ctx(&arguments[..len])).unwrap().retval
    };
    assert_eq!((test("test_1", 8), test("test_2", 40)), (41, 7));
    assert_eq!(i32::from_ne_bytes(std::hint::black_box(state)), 42);
    // This one the kernel has for tests alone: it is never in use.
    let error = loaded.attach("dummy").map(drop).unwrap_err();
    assert!(error.to_string().starts_with("cannot write map 'dummy' (struct_ops, key 4, value "), "{error}");

    // A part of a struct can be loaded, but not used as one.
    let part = load(&image, &Options::new().only("test_1")).unwrap();
    assert_eq!((part.programs().len(), part.map_raw("dummy").is_err()), (1, true));
    let error = |image: &Image, options: &Options| load(image, options).map(drop).unwrap_err().to_string();
    assert_eq!(
        error(&image, &Options::new().only("lonely")),
        "program 'lonely' (section '?struct_ops/x'): no variable in `.struct_ops` or `.struct_ops.link` points \
         to it"
    );
    let ops = image.data.iter_mut().find(|data| data.name == ".struct_ops").unwrap();
    ops.bytes[16] = 1;
    assert_eq!(
        error(&image, &Options::new()),
        "data section '.struct_ops': 'dummy' is no 'bpf_dummy_ops' of this kernel: member 'no_such_member' does not \
         exist there, and is not zero here"
    );
}

#[test]
fn variables_may_be_in_an_arena() {
    if !may_load() {
        return;
    }
    let Some(mut image) = compiled("arena.c", &["-g"]) else { return };
    let loaded =
        load(&image, &Options::new().value("counter", 10_u64)).unwrap_or_else(|error| panic!("{error}"));
    let bump = || loaded.program("bump").unwrap().test_run(TestRun::new()).unwrap().retval;
    assert_eq!(bump(), 12);
    let counter = loaded.global::<u64>("counter").unwrap();
    assert_eq!(counter.get().unwrap(), 12);
    counter.set(100).unwrap();
    assert_eq!(bump(), 102);
    assert_eq!(loaded.global::<[u32; 3]>("numbers").unwrap().get().unwrap(), [1, 102, 3]);
    image.maps[0].def.flags |= 1 << 17;
    assert_eq!(
        load(&image, &Options::new()).map(drop).unwrap_err().to_string(),
        "data section '.addr_space.1': with BPF_F_SEGV_ON_FAULT, only programs may allocate pages of the arena"
    );
    image.maps[0].def.ty = MapType::RINGBUF;
    image.maps[0].def.flags = 0;
    assert_eq!(
        load(&image, &Options::new()).map(drop).unwrap_err().to_string(),
        "data section '.addr_space.1': its variables need a map of type BPF_MAP_TYPE_ARENA to be in, and only one"
    );
}
