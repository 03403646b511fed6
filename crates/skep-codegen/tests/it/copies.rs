//! Copies and fills of all lengths, around those where pieces and loops begin: what they write, and nothing beside it.

use skep_codegen::ir::text;
use skep_codegen::{Cpu, Opt, Options, Target};
use skep_vm::{Checked, Engine, Hosts};

const SIZES: [usize; 14] = [0, 1, 7, 8, 63, 64, 65, 4095, 4096, 4097, 4160, 16_385, 40_000, 1 << 20];

/// Copies `size` bytes, sets as many behind them, and returns a number that came over the copy in a register.
fn module(size: usize, align: u8) -> String {
    format!(
        "fn @f(ptr, ptr, ptr) -> i64 {{
b0(v0: ptr, v1: ptr, v2: ptr):
  v3 = load.u8 i64 [v1]
  br.eq v3, 300, b1, b2
b1:
  ret 0
b2:
  copy v0, v1, {size} align {align}
  v4 = load.u8 i64 [v2]
  fill v2, 165, {size} align {align}
  v5 = shl i64 v3, 8
  v6 = or i64 v4, v5
  ret v6
}}
"
    )
}

#[test]
fn copies_write_what_they_should_and_no_more() {
    for size in SIZES {
        for align in [1, 8] {
            let module = text::parse("copies.sir", &module(size, align)).unwrap();
            for cpu in [Cpu::V1, Cpu::V3, Cpu::V4] {
                for opt in [Opt::O0, Opt::O2] {
                    let options = Options::new().opt(opt).cpu(cpu).target(Target::User).validate(true);
                    let object = skep_codegen::compile(module.clone(), &options).unwrap();
                    let image = skep_link::link(&object, &skep_link::Options::new()).unwrap();
                    let engine: Engine<Checked> = Engine::checked(Hosts::new());
                    let unit = engine.add(&image).unwrap();
                    // A few bytes beside each.
                    let source: Vec<u8> = (0..size + 16).map(|at| (at * 31 + 7).to_le_bytes()[0]).collect();
                    let (mut to, from, mut set) = (vec![1; size + 16], source.clone(), vec![2; size + 16]);
                    let call = unit.func("f").unwrap();
                    let args = [&to, &from, &set].map(|bytes| bytes.as_ptr().expose_provenance() as u64);
                    let run = call.prepare().args(&args).grant("to", &mut to).grant_read("from", &from);
                    let result = run.grant("set", &mut set).call().unwrap();
                    let what = format!("{size} bytes align {align} for {cpu:?} at {opt:?}");
                    assert_eq!(result, 7 << 8 | 2, "{what}");
                    assert!(to[..size] == source[..size] && to[size..] == [1; 16], "{what}");
                    assert!(from == source, "{what}");
                    assert!(set[..size].iter().all(|&byte| byte == 165) && set[size..] == [2; 16], "{what}");
                }
            }
        }
    }
}
