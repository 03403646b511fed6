//! Counts for each process how many files it opens: builds a tracepoint program, loads it into the kernel, attaches it,
//! and reads its map. Needs root.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use skep::{Cpu, MapKind, Module, Opt, Options, helpers, kernel};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut m = Module::new("opens");
    m.license("GPL");
    let hits = m.map::<u32, u64>("hits", MapKind::Hash).entries(10_240).done();
    m.program("tracepoint/syscalls/sys_enter_openat", "on_open", |b, _ctx| {
        let pid = b.helper(helpers::GET_CURRENT_PID_TGID, ()) >> 32;
        let key = b.local("pid", pid.cast::<u32>());
        let count = b.map_lookup(hits, key);
        b.if_else(count.is_null(), |b| b.map_update(hits, key, 1u64), |_| count.atomic_add(1u64));
        b.ret(0i32);
    });
    let object = m.compile(&Options::new().opt(Opt::O2).cpu(Cpu::V3))?;

    let loaded = kernel::load(&object)?;
    // Detached when it is dropped.
    let _link = loaded.attach("on_open")?;
    for _ in 0..100 {
        std::fs::File::open("/dev/null")?;
    }
    std::thread::sleep(Duration::from_millis(100));
    let hits = loaded.map::<u32, u64>("hits")?;
    for (pid, count) in hits.iter() {
        eprintln!("{pid:>8} {count}");
    }
    let own = hits.get(std::process::id())?.unwrap_or(0);
    println!("this process has opened {} files", if own >= 100 { "100 or more" } else { "too few" });
    Ok(())
}
