//! A function built, compiled and written as an object in memory: the least that a user of the code generator does.
//! `skep-bench build size` compares it with `size_empty`.

use skep::codegen::Options;
use skep::codegen::build::Module;

fn main() -> Result<(), skep::codegen::Diags> {
    let mut m = Module::new("square.c");
    m.func::<fn(i64) -> i64>("square", |b, (x,)| b.ret(x * x));
    let object = m.compile(&Options::new())?;
    let bytes = skep::object::elf::write(&object);
    std::process::exit(i32::from(bytes.is_empty()));
}
