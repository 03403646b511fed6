//! Images that nobody would make on purpose: loading them fails, but not otherwise.

use skep_kernel::{Log, Options, load};
use skep_object::Image;
use skep_object::image::{DataId, FuncId, ImportId, MapId, Target};

use crate::support::{image, loaded, may_load, tell};

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }

    /// A number as programs have them, or as attackers do; of maps and data nothing that takes long to make.
    fn number(&mut self) -> u32 {
        let numbers = [0, 1, 2, 3, 4, 7, 8, 16, 255, 4095, 4096, 1 << 31, u32::MAX - 1, u32::MAX];
        numbers[self.below(numbers.len())]
    }

    fn target(&mut self) -> Target {
        let index = u32::try_from(self.below(4)).unwrap();
        match self.below(5) {
            0 => Target::Func(FuncId(index)),
            1 => Target::Data { data: DataId(index), offset: i64::from(self.number()) - 16 },
            2 => Target::Map(MapId(index)),
            3 => Target::Import { import: ImportId(index), addend: i64::from(self.number()) },
            _ => Target::Code { func: FuncId(index), at: skep_insn::Slot(index) },
        }
    }
}

const PROGRAM: &str = "
        .map    inner, type=array, key=4, value=8, max_entries=1
        .map    outer, type=array_of_maps, max_entries=4, inner=(type=array, key=4, value=8, max_entries=1), values=(0: inner)
        .map    next, type=prog_array, key=4, value=4, max_entries=4, values=(2: second)
        .data
        .globl  count, here
count:  .quad   5
here:   .quad   count
        .bss
total:  .zero   8
        .text
f:      r1 = total ll
        r0 = *(u64 *)(r1 + 0)
        exit
        .section socket
        .globl  main, second
main:   call    f
        r1 = count ll
        r0 = *(u64 *)(r1 + 0)
        r1 = outer ll
        .extern bpf_rcu_read_lock, bpf_rcu_read_unlock
        call    bpf_rcu_read_lock
        call    bpf_rcu_read_unlock
        r0 = 0
        exit
second: r0 = 99
        exit
        .license \"GPL\"
";

fn damage(image: &mut Image, random: &mut Random) {
    match random.below(12) {
        0 => {
            let map = random.below(image.maps.len());
            let def = &mut image.maps[map].def;
            let field = match random.below(6) {
                0 => &mut def.ty.0,
                1 => &mut def.key_size,
                2 => &mut def.value_size,
                3 => &mut def.max_entries,
                4 => &mut def.flags,
                _ => &mut def.numa_node,
            };
            *field = random.number();
        }
        1 => {
            let map = random.below(image.maps.len());
            let value = (random.number(), random.target());
            image.maps[map].values.push(value);
        }
        2 => {
            let data = random.below(image.data.len());
            image.data[data].size = u64::from(random.number() & 0xffff);
        }
        3 => {
            let data = random.below(image.data.len());
            image.data[data].read_only ^= true;
        }
        4 | 5 => {
            let func = random.below(image.funcs.len());
            let refs = &mut image.funcs[func].refs;
            if let Some(at) = Some(random.below(refs.len())).filter(|&at| at < refs.len()) {
                refs[at].target = random.target();
            }
        }
        6 => {
            let func = random.below(image.funcs.len());
            for line in &mut image.funcs[func].lines {
                line.line = random.number();
                line.column = random.number();
                line.text.0 = random.number();
            }
        }
        7 => {
            let func = random.below(image.funcs.len());
            image.funcs[func].ty = Some(skep_btf::TypeId(random.number()));
        }
        8 => {
            let func = random.below(image.funcs.len());
            let sections =
                ["xdp", "fentry/", "tp_btf/x", "struct_ops", "?tc", "kprobe", "freplace/x", "iter/", "lsm"];
            image.funcs[func].section = sections[random.below(sections.len())].to_owned();
        }
        9 => image.btf = None,
        10 => {
            let func = random.below(image.funcs.len());
            image.funcs[func].name = ["", "a b", "\0", "0", "é", "main"][random.below(6)].to_owned();
        }
        _ => {
            let data = random.below(image.data.len());
            let name = ["", ".rodata", ".jumptables", ".struct_ops", "é\0", ".addr_space.1"][random.below(6)];
            image.data[data].name = name.to_owned();
        }
    }
}

#[test]
fn damaged_images_are_refused_or_loaded() {
    if !may_load() {
        return;
    }
    let sound = image(PROGRAM);
    drop(loaded(PROGRAM));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let options = [Options::new(), Options::new().log(Log::Never), Options::new().log(Log::Full)];
    let (mut loads, mut refusals) = (0, 0);
    for round in 0..300 {
        let mut image = sound.clone();
        for _ in 0..=random.below(3) {
            damage(&mut image, &mut random);
        }
        match load(&image, &options[round % options.len()]) {
            Ok(_) => loads += 1,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refusals += 1;
            }
        }
    }
    tell(&format!("of 300 damaged images {loads} were loaded"));
    assert!(loads > 20 && refusals > 50, "{loads} {refusals}");
}
