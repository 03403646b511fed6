//! skep's code generator, through the dynamic core of its builder: what a compiler with trees of its own would use.

use std::error::Error;

use skep::btf::maps::MapType;
use skep::codegen::build::core::{Bin, Block, Cmp, FuncBuilder, Map, MapSpec, Module, Ty, Value, Var};
use skep::{Cpu, Opt, Options};

use super::Peer;
use crate::build::workload::{Emit, Op, Unit, Workload};

struct Skep(Opt);

/// There is nothing to open.
///
/// # Errors
/// Never.
pub(crate) fn open(opt: Opt) -> Result<Box<dyn Peer>, String> {
    Ok(Box::new(Skep(opt)))
}

impl Peer for Skep {
    fn build(&mut self, workload: Workload) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut unit = Building::new();
        workload.write(&mut unit);
        let object = unit.module.compile(&Options::new().opt(self.0).cpu(Cpu::V3))?;
        Ok(skep::object::elf::write(&object))
    }
}

struct Building {
    module: Module,
    u32: Ty,
    u64: Ty,
    function: Ty,
    map: Option<Map>,
}

impl Building {
    fn new() -> Self {
        let mut module = Module::new("unit.c");
        let (u32, u64) = (module.rust::<u32>(), module.rust::<u64>());
        let function = module.func_type(u64, &[("n", u64)]);
        Self { module, u32, u64, function, map: None }
    }
}

impl Unit for Building {
    type Body<'a> = Body<'a>;

    fn begin(&mut self, name: &str) -> Body<'_> {
        let function = self.module.declare(name, self.function);
        let (u32, u64, map) = (self.u32, self.u64, &mut self.map);
        Body { builder: self.module.define(function), u32, u64, map, slots: None }
    }
}

struct Body<'a> {
    builder: FuncBuilder<'a>,
    u32: Ty,
    u64: Ty,
    map: &'a mut Option<Map>,
    slots: Option<(Var, Var)>,
}

impl Emit for Body<'_> {
    type Value = Value;
    type Var = Var;
    type Block = Block;

    fn line(&mut self, line: u32) {
        self.builder.set_place("unit.c", line, 1);
    }

    fn argument(&mut self) -> Value {
        self.builder.param(0)
    }

    fn number(&mut self, value: u64) -> Value {
        self.builder.int(self.u64, value)
    }

    fn binary(&mut self, op: Op, a: Value, b: Value) -> Value {
        let op = match op {
            Op::Add => Bin::Add,
            Op::Sub => Bin::Sub,
            Op::Mul => Bin::Mul,
            Op::Xor => Bin::Xor,
            Op::Or => Bin::Or,
            Op::Shl => Bin::Shl,
            Op::Shr => Bin::Shr,
        };
        self.builder.bin(op, a, b)
    }

    fn var(&mut self, name: &str) -> Var {
        self.builder.var(name, self.u64)
    }

    fn get(&mut self, var: Var) -> Value {
        self.builder.get(var)
    }

    fn set(&mut self, var: Var, value: Value) {
        self.builder.set(var, value);
    }

    fn block(&mut self) -> Block {
        self.builder.new_block()
    }

    fn enter(&mut self, block: Block) {
        self.builder.switch_to(block);
    }

    fn jump(&mut self, to: Block) {
        self.builder.jump(to);
    }

    fn branch_below(&mut self, a: Value, b: Value, yes: Block, no: Block) {
        let below = self.builder.cmp(Cmp::Lt, a, b);
        self.builder.branch(below, yes, no);
    }

    fn ret(&mut self, value: Value) {
        self.builder.ret(Some(value));
    }

    fn map_update(&mut self, key: u32, value: u64) {
        let (u32, u64) = (self.u32, self.u64);
        let map = *self.map.get_or_insert_with(|| {
            let spec = MapSpec::new(MapType::HASH).key(u32).value(u64).entries(1024);
            self.builder.module().map("updates", &spec)
        });
        let (key_slot, value_slot) =
            *self.slots.get_or_insert_with(|| (self.builder.var("key", u32), self.builder.var("value", u64)));
        let (key, value) = (self.builder.int(u32, key), self.builder.int(u64, value));
        self.builder.set(key_slot, key);
        self.builder.set(value_slot, value);
        let [key, value] = [key_slot, value_slot].map(|slot| {
            let place = self.builder.place(slot);
            self.builder.address_of(place)
        });
        self.builder.map_update(map, key, value, 0);
    }

    fn end(self) {
        self.builder.finish();
    }
}
