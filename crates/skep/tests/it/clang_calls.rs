//! Calls between what clang compiles and what the builder makes, of narrow arguments and results: each side relies on what the
//! other one does with the upper bits of a register.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use skep::build::core;
use skep::codegen::Target;
use skep::{Checked, Cpu, Engine, Hosts, Opt, Options};

/// Name in Rust and in C.
const TYPES: [(&str, &str); 7] = [
    ("i8", "signed char"),
    ("u8", "unsigned char"),
    ("i16", "short"),
    ("u16", "unsigned short"),
    ("i32", "int"),
    ("u32", "unsigned int"),
    ("bool", "_Bool"),
];

const INPUTS: [i64; 14] = [
    0,
    1,
    -1,
    -3,
    0x7f,
    0x80,
    -0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff_8001,
    0x1_0000_0000,
    0x1234_5678_9abc_def0,
    i64::MIN,
];

/// What of a number is left in a type, and has its value as 64 bits again.
fn through(name: &str, x: i64) -> i64 {
    let [b0, b1, b2, b3, ..] = x.to_le_bytes();
    match name {
        "i8" => i8::from_le_bytes([b0]).into(),
        "u8" => b0.into(),
        "i16" => i16::from_le_bytes([b0, b1]).into(),
        "u16" => u16::from_le_bytes([b0, b1]).into(),
        "i32" => i32::from_le_bytes([b0, b1, b2, b3]).into(),
        "u32" => u32::from_le_bytes([b0, b1, b2, b3]).into(),
        _ => i64::from(x != 0),
    }
}

/// For each type `t`: `X_take_t` gets one and returns it wide, `X_give_t` makes one; `X_pass_t` and `X_want_t` call those of the
/// other side, `X_back_t` calls the other
/// side's taker by a pointer, and `X_const_t` with a constant. X is `c` here and `m` there.
fn c_source() -> String {
    let mut text = String::from("#define NO __attribute__((noinline))\n");
    for (name, ty) in TYPES {
        let _ = writeln!(
            text,
            "NO long c_take_{name}({ty} x) {{ return x; }}
NO {ty} c_give_{name}(long x) {{ return x; }}
long m_take_{name}({ty} x);
{ty} m_give_{name}(long x);
NO long c_pass_{name}(long x) {{ return m_take_{name}(x); }}
NO long c_want_{name}(long x) {{ return m_give_{name}(x); }}"
        );
    }
    text
}

fn module() -> core::Module {
    let mut m = core::Module::new("calls.rs");
    let long = m.signed(64);
    for (name, _) in TYPES {
        let ty = match name {
            "bool" => m.bool(),
            _ if name.starts_with('i') => m.signed(name[1..].parse().unwrap()),
            _ => m.unsigned(name[1..].parse().unwrap()),
        };
        let narrow = |b: &mut core::FuncBuilder<'_>, x| {
            if name != "bool" {
                return b.cast(x, ty);
            }
            let zero = b.int(long, 0);
            b.cmp(core::Cmp::Ne, x, zero)
        };
        let (taker, giver) = (m.func_type(long, &[("x", ty)]), m.func_type(ty, &[("x", long)]));
        let plain = m.func_type(long, &[("x", long)]);
        let take = m.import(&format!("c_take_{name}"), taker);
        let give = m.import(&format!("c_give_{name}"), giver);

        let f = m.declare(&format!("m_take_{name}"), taker);
        let mut b = m.define(f);
        let x = b.param(0);
        let x = b.cast(x, long);
        b.ret(Some(x));
        b.finish();

        let f = m.declare(&format!("m_give_{name}"), giver);
        let mut b = m.define(f);
        let x = b.param(0);
        let x = narrow(&mut b, x);
        b.ret(Some(x));
        b.finish();

        let f = m.declare(&format!("m_pass_{name}"), plain);
        let mut b = m.define(f);
        let x = b.param(0);
        let x = narrow(&mut b, x);
        let result = b.call(take, &[x]);
        b.ret(Some(result));
        b.finish();

        let f = m.declare(&format!("m_want_{name}"), plain);
        let mut b = m.define(f);
        let x = b.param(0);
        let result = b.call(give, &[x]);
        let result = b.cast(result, long);
        b.ret(Some(result));
        b.finish();

        let f = m.declare(&format!("m_back_{name}"), plain);
        let mut b = m.define(f);
        let x = b.param(0);
        let x = narrow(&mut b, x);
        let address = b.func_address(take);
        // What is called is not known to the compiler.
        let address = b.pin(address);
        let result = b.call_pointer(address, &[x]);
        b.ret(Some(result));
        b.finish();

        let f = m.declare(&format!("m_const_{name}"), plain);
        let mut b = m.define(f);
        let x = b.int(long, -3);
        let x = narrow(&mut b, x);
        let result = b.call(take, &[x]);
        b.ret(Some(result));
        b.finish();
    }
    m
}

/// Runs a tool; what it says if it fails, and nothing if it is not there.
fn run(tool: &str, args: &[&std::ffi::OsStr]) -> Option<()> {
    let output = match Command::new(tool).args(args).output() {
        Ok(output) => output,
        Err(error) => {
            crate::skip(&format!("{tool}: {error}"));
            return None;
        }
    };
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    Some(())
}

/// The C side, compiled for a cpu, and the module, at a level, as one object.
fn joined(dir: &Path, cpu: Cpu, opt: Opt) -> Option<skep::Object> {
    let name = format!("{cpu:?}{opt:?}").to_lowercase();
    let path = |end: &str| dir.join(format!("{name}{end}"));
    let (c, ours, joined) = (path(".c.o"), path(".m.o"), path(".o"));
    let options = Options::new().cpu(cpu).opt(opt).target(Target::User).validate(true);
    std::fs::write(&ours, module().compile(&options).unwrap().elf()).unwrap();
    let target = format!("-mcpu={cpu:?}").to_lowercase();
    let clang = ["--target=bpfel", "-g", "-O2", "-c", &target, "-o"].map(std::ffi::OsStr::new);
    let source = dir.join("calls.c");
    run("clang-22", &[&clang[..], &[c.as_os_str(), source.as_os_str()]].concat())?;
    let gen_object = ["gen", "object"].map(std::ffi::OsStr::new);
    run("bpftool", &[&gen_object[..], &[joined.as_os_str(), c.as_os_str(), ours.as_os_str()]].concat())?;
    Some(skep::read(&name, &std::fs::read(&joined).unwrap()).unwrap())
}

#[test]
fn clang_and_the_builder_call_each_other() {
    let dir = std::env::temp_dir().join(format!("skep-calls-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("calls.c"), c_source()).unwrap();
    let mut checked = 0;
    'all: for cpu in [Cpu::V1, Cpu::V2, Cpu::V3, Cpu::V4] {
        for opt in [Opt::O0, Opt::O2] {
            let Some(object) = joined(&dir, cpu, opt) else { break 'all };
            let engine: Engine<Checked> = Engine::checked(Hosts::new());
            let unit = engine.add(&skep::link(&object).unwrap()).unwrap();
            for (name, _) in TYPES {
                for who in ["c_pass", "c_want", "m_pass", "m_want", "m_back", "m_const"] {
                    let func = format!("{who}_{name}");
                    let run = unit.func(&func).unwrap_or_else(|| panic!("no {func}"));
                    for x in INPUTS {
                        let result = run.call(&[x.cast_unsigned()]).unwrap().cast_signed();
                        let expected = through(name, if who == "m_const" { -3 } else { x });
                        assert_eq!(result, expected, "{func}({x:#x}) for {cpu:?} at {opt:?}");
                        checked += 1;
                    }
                }
            }
        }
    }
    let _ = std::fs::remove_dir_all(&dir);
    eprintln!("{checked} calls between clang's code and ours");
    assert!(checked == 0 || checked == 4 * 2 * TYPES.len() * 6 * INPUTS.len(), "{checked}");
}
