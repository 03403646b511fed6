//! Programs that the builder makes, before the verifier of this kernel: at every level, as they are, with nothing
//! tried a second time.

mod bodies;
mod contexts;
mod hazards;
mod judges;
mod text;

use std::collections::BTreeSet;

use skep::kernel::{self, Loaded};
use skep::object::section::ProgramSection;
use skep::{Build, Cpu, Module, Object, Opt, Options};

use bodies::Make;

const LEVELS: [Opt; 4] = [Opt::O0, Opt::O1, Opt::O2, Opt::Os];

/// Sections whose programs may return 0 and use what [`bodies`] use.
const SECTIONS: [&str; 12] = [
    "socket",
    "xdp",
    "tc",
    "tracepoint/syscalls/sys_enter_openat",
    "raw_tp/sched_switch",
    "cgroup_skb/egress",
    "cgroup/connect4",
    "sockops",
    "sk_skb/stream_verdict",
    "sk_msg",
    "lwt_in",
    "sk_lookup",
];

struct Case {
    name: String,
    section: &'static str,
    make: Make,
}

/// All of them: each body in each section, what belongs to one section, and the hazards.
fn cases() -> Vec<Case> {
    let generic = bodies::ALL.iter().flat_map(|&(name, make)| {
        SECTIONS.iter().map(move |&section| Case { name: format!("{name} in {section}"), section, make })
    });
    let own =
        contexts::ALL.iter().map(|&(name, section, make)| Case { name: name.to_owned(), section, make });
    let hazards = hazards::ALL.iter().map(|&(name, make)| Case {
        name: format!("hazard: {name}"),
        section: "xdp",
        make,
    });
    generic.chain(own).chain(hazards).collect()
}

impl Case {
    fn module(&self) -> Module {
        let mut m = Module::new(self.name.clone());
        m.license("GPL");
        (self.make)(&mut m, self.section);
        m
    }

    fn build(&self, opt: Opt, cpu: Cpu) -> Object {
        self.module()
            .compile(&options(opt, cpu))
            .unwrap_or_else(|error| panic!("{} at {opt:?}: {error}", self.name))
    }

    /// Loads it as it is, without the fall-back to unoptimized code.
    fn load(&self, opt: Opt, cpu: Cpu) -> Result<Loaded, Box<skep::Error>> {
        let module = self.module();
        let as_it_is = Build::new(&module).options(options(opt, cpu)).fallback(false);
        kernel::load(&as_it_is).map_err(Box::new)
    }
}

fn options(opt: Opt, cpu: Cpu) -> Options {
    Options::new().opt(opt).cpu(cpu).validate(true)
}

#[test]
fn the_kernel_takes_all_at_every_level() {
    let Some(cases) = or_skip() else { return };
    let (mut types, mut maps, mut loads) = (BTreeSet::new(), BTreeSet::new(), 0);
    let mut refused = Vec::new();
    for case in &cases {
        for opt in LEVELS {
            maps.extend(case.build(opt, Cpu::V3).maps.iter().map(|map| map.def.ty.to_string()));
            types.extend(ProgramSection::parse(case.section).map(|section| section.ty.to_string()));
            match case.load(opt, Cpu::V3) {
                Ok(loaded) if loaded.remarks().is_empty() => loads += 1,
                Ok(loaded) => refused.push(format!("{} at {opt:?}: {:?}", case.name, loaded.remarks())),
                Err(error) => refused.push(format!("{} at {opt:?}: {}", case.name, first_lines(&error))),
            }
        }
    }
    eprintln!(
        "{} programs of {} types with {} kinds of maps: {loads} of {} loads taken",
        cases.len(),
        types.len(),
        maps.len(),
        cases.len() * LEVELS.len()
    );
    assert!(refused.is_empty(), "{} refused:\n{}", refused.len(), refused.join("\n\n"));
    assert!(cases.len() >= 200 && types.len() >= 12 && maps.len() >= 15, "{types:?} {maps:?}");
}

#[test]
fn the_kernel_takes_hazards_for_every_cpu() {
    let Some(cases) = or_skip() else { return };
    for case in cases.iter().filter(|case| case.name.starts_with("hazard")) {
        for cpu in [Cpu::V1, Cpu::V2, Cpu::V3, Cpu::V4] {
            for opt in LEVELS {
                if let Err(error) = case.load(opt, cpu) {
                    panic!("{} at {opt:?} for {cpu:?}: {}", case.name, first_lines(&error));
                }
            }
        }
    }
}

#[test]
fn the_kernel_takes_loops_for_large_copies() {
    if or_skip().is_none() {
        return;
    }
    let sir = "module \"copy.c\"\nlicense \"GPL\"
global @a size 20004 align 8
global @b size 20004 align 8
fn @prog(ptr) -> i32 section \"xdp\" {
b0(v0: ptr):
  v1 = symbol @a
  v2 = symbol @b
  copy v1, v2, 20003 align 8
  fill v2, 1, 20003 align 8
  v3 = load.u32 i32 [v0+16]
  br.eq v3, 1, b1, b2
b1:
  copy v1, v2, 10000 align 8
  jump b2
b2:
  ret 2
}
";
    let module = skep::codegen::ir::text::parse("copy.sir", sir).unwrap_or_else(|errors| panic!("{errors}"));
    for cpu in [Cpu::V1, Cpu::V2, Cpu::V3, Cpu::V4] {
        for opt in LEVELS {
            let program = Build::new(&module).options(options(opt, cpu)).fallback(false);
            if let Err(error) = kernel::load(&program) {
                panic!("{opt:?} for {cpu:?}: {}", first_lines(&error));
            }
        }
    }
}

/// Goes twice through 40 000 instructions.
#[test]
fn the_kernel_takes_far_jumps() {
    if or_skip().is_none() {
        return;
    }
    let mut body = String::new();
    for step in 0..40_000 {
        let (op, last) = (if step % 2 == 0 { "mul" } else { "xor" }, step + 2);
        body.push_str(&format!("  v{} = {op} i64 v{last}, {}\n", step + 3, 2 * step + 3));
    }
    let sir = format!(
        "module \"far.c\"\nlicense \"GPL\"\nfn @prog(ptr) -> i32 section \"xdp\" {{\nb0(v0: ptr):\n\
         v50000 = load.u32 i64 [v0+16]\n  jump b1(v50000, 2)\n\
         b1(v2: i64, v1: i64):\n  br.eq v1, 0, b3, b2\nb2:\n{body}  v50001 = sub i64 v1, 1\n  jump b1(v40002, v50001)\n\
         b3:\n  v50002 = trunc i32 v2\n  v50003 = and i32 v50002, 1\n  ret v50003\n}}\n"
    );
    let module = skep::codegen::ir::text::parse("far.sir", &sir).unwrap_or_else(|errors| panic!("{errors}"));
    for cpu in [Cpu::V1, Cpu::V2, Cpu::V3, Cpu::V4] {
        for opt in [Opt::O0, Opt::O2] {
            let program = Build::new(&module).options(Options::new().opt(opt).cpu(cpu)).fallback(false);
            if let Err(error) = kernel::load(&program) {
                panic!("{opt:?} for {cpu:?}: {}", first_lines(&error));
            }
        }
    }
}

fn first_lines(error: &dyn std::error::Error) -> String {
    let text = format!("{error}{}", error.source().map(|source| format!(": {source}")).unwrap_or_default());
    text.lines().take(30).collect::<Vec<_>>().join("\n")
}

/// The cases, if this process may load programs.
fn or_skip() -> Option<Vec<Case>> {
    let probe = || -> Result<Loaded, Box<dyn std::error::Error>> {
        let mut m = Module::new("probe");
        m.license("GPL");
        m.program("xdp", "probe", |b, _| b.ret(0i32));
        Ok(kernel::load(&m.compile(&Options::new())?)?)
    };
    match probe() {
        Ok(_) => Some(cases()),
        Err(error) => {
            crate::skip(&format!("no program can be loaded here: {error}"));
            None
        }
    }
}
