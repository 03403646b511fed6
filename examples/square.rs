//! Builds a function, finds its code by its name in the unlinked object, and runs it. Nothing is written or executed.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use skep::{Checked, Cpu, Engine, Hosts, Module, Opt, Options};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut m = Module::new("square.c");
    let square = m.func::<fn(i64) -> i64>("square", |b, (x,)| b.ret(x * x));
    m.func::<fn(i64) -> i64>("sum_squares", |b, (n,)| {
        let (sum, i) = (b.local("sum", 0i64), b.local("i", 0i64));
        b.while_(
            |_| i.get().lt(n),
            |b| {
                sum.set(sum.get() + b.call(square, (i.get(),)));
                i.set(i.get() + 1);
            },
        );
        b.ret(sum.get());
    });
    let object = m.compile(&Options::new().opt(Opt::O2).cpu(Cpu::V3))?;

    let symbol = object.symbol("square").ok_or("no symbol")?;
    println!("square: {} bytes in {}", symbol.bytes()?.len(), symbol.section());
    for insn in symbol.insns() {
        println!("    {}", skep::insn::Insn::decode(&[*insn])?);
    }
    // The other one calls `square`: its bytes are not complete before they are linked.
    let error = object.symbol("sum_squares").ok_or("no symbol")?.bytes().unwrap_err();
    println!("{error}");

    let engine: Engine<Checked> = Engine::checked(Hosts::new());
    let unit = engine.add(&skep::link(&object)?)?;
    let sum_squares = unit.func("sum_squares").ok_or("no function")?;
    println!("sum_squares(10) = {}", sum_squares.call(&[10])?);
    Ok(())
}
