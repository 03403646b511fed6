//! Programs that mean harm, and hosts that use what they may: nothing happens but results and errors.

use std::ffi::c_char;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use skep_vm::host::Signature;
use skep_vm::{Checked, Engine, Func, Hosts, StopHandle, Trap, TrapKind, Unit};

use crate::support::{assemble, both, checked, run};

fn unit(text: &str) -> Unit {
    checked(&Hosts::new()).add(&assemble(text)).unwrap_or_else(|error| panic!("{error}"))
}

fn main_of(text: &str) -> Func {
    unit(text).func("main").unwrap()
}

fn kind(result: Result<u64, Box<Trap>>) -> TrapKind {
    result.unwrap_err().kind
}

/// `main` calls `callback` a hundred times through `bpf_loop`.
fn looping(callback: &str) -> String {
    format!(
        "
        .globl main
main:   r6 = 60
        r7 = 70
        r8 = 80
        r9 = 90
        *(u64 *)(r10 - 8) = 11
        r1 = 100
        r2 = callback ll
        r3 = r10
        r3 += -8
        r4 = 0
        call 181
        if r6 != 60 goto wrong
        if r7 != 70 goto wrong
        if r8 != 80 goto wrong
        if r9 != 90 goto wrong
        r1 = *(u64 *)(r10 - 8)
        r0 += r1
        exit
wrong:  r0 = -1
        exit
callback:
        {callback}
        .map hash, type=hash, key=4, value=8, max_entries=64
"
    )
}

#[test]
fn registers_and_the_stack_outlive_callbacks() {
    let callback = "
        r6 = 1
        r7 = 2
        r8 = 3
        r9 = r2
        *(u64 *)(r10 - 8) = 99
        r1 = *(u64 *)(r9 + 0)
        r1 += 1
        *(u64 *)(r9 + 0) = r1
        call sub
        r0 = 0
        exit
sub:    r9 = 7
        *(u64 *)(r10 - 8) = 5
        exit";
    for (mode, unit) in both(&Hosts::new(), &assemble(&looping(callback))) {
        assert_eq!(run(&unit, &[]), Ok(100 + 111), "{mode}");
        let func = unit.func("main").unwrap();
        assert_eq!(func.prepare().budget(10_000).call().unwrap(), 211, "{mode}, stepped");
    }
}

#[test]
fn a_trap_in_a_callback_ends_the_run_there() {
    let callback = "
        if r1 == 3 goto bad
        r0 = 0
        exit
bad:    call sub
        exit
sub:    r0 = *(u64 *)(r1 + 8)
        exit";
    let unit = unit(&looping(callback));
    for stepped in [false, true] {
        let func = unit.func("main").unwrap();
        let call = func.prepare();
        let trap = if stepped { call.budget(10_000).call() } else { call.call() }.unwrap_err();
        assert!(matches!(trap.kind, TrapKind::Access { addr: 11, len: 8, .. }), "{trap}");
        let places: Vec<_> = trap.trace.iter().map(|place| (place.func.as_str(), &place.insn[..])).collect();
        assert_eq!(
            places,
            [("sub", "r0 = *(u64 *)(r1 + 0x8)"), ("callback", "call sub"), ("main", "call bpf_loop")],
            "stepped: {stepped}"
        );
        // What it left behind does not concern the next run.
        assert!(matches!(kind(func.call(&[])), TrapKind::Access { .. }));
    }
}

#[test]
fn budgets_hold_in_callbacks() {
    let unit = unit(&looping("r0 = 0\n exit"));
    let func = unit.func("main").unwrap();
    let mut executed = 0;
    assert_eq!(func.prepare().count(&mut executed).call().unwrap(), 111);
    assert_eq!(executed, 11 + 200 + 7);
    for budget in [0, 1, 11, 12, 13, 100, executed - 1] {
        let mut spent = 0;
        let trap = func.prepare().budget(budget).count(&mut spent).call().unwrap_err();
        assert_eq!(trap.kind, TrapKind::Budget { limit: budget });
        assert_eq!(spent, budget);
    }
    assert_eq!(func.prepare().budget(executed).call().unwrap(), 111);
    // Eight million times eight million calls.
    let endless = main_of(
        "
        .globl main
main:   r1 = 8388608
        r2 = outer ll
        r3 = 0
        r4 = 0
        call 181
        exit
outer:  r1 = 8388608
        r2 = inner ll
        r3 = 0
        r4 = 0
        call 181
        r0 = 0
        exit
inner:  r0 = 0
        exit
",
    );
    assert_eq!(kind(endless.prepare().budget(100_000).call()), TrapKind::Budget { limit: 100_000 });
    let stop = StopHandle::new();
    let ended = thread::scope(|scope| {
        let run = scope.spawn(|| endless.prepare().stop(&stop).call());
        thread::sleep(Duration::from_millis(20));
        stop.stop();
        run.join().unwrap()
    });
    assert_eq!(kind(ended), TrapKind::Stopped);
}

#[test]
fn the_keys_of_a_map_are_lent_for_one_callback() {
    let text = |body: &str| {
        format!(
            "
        .globl main
main:   *(u32 *)(r10 - 4) = 7
        *(u64 *)(r10 - 16) = 70
        r1 = hash ll
        r2 = r10
        r2 += -4
        r3 = r10
        r3 += -16
        r4 = 0
        call 2
        r1 = hash ll
        r2 = each ll
        r3 = r10
        r3 += -16
        r4 = 0
        call 164
        r1 = *(u64 *)(r10 - 16)
        {body}
        exit
each:   *(u64 *)(r4 + 0) = r2
        r1 = *(u32 *)(r2 + 0)
        r3 = *(u64 *)(r3 + 0)
        r0 = 0
        exit
        .map hash, type=hash, key=4, value=8, max_entries=4
"
        )
    };
    assert!(main_of(&text("r0 = 0")).call(&[]).is_ok());
    let late = kind(main_of(&text("r0 = *(u32 *)(r1 + 0)")).call(&[]));
    assert!(matches!(late, TrapKind::Access { len: 4, .. }), "{late}");
    let write = text("r0 = 0").replace("r1 = *(u32 *)(r2 + 0)", "*(u32 *)(r2 + 0) = 1");
    let write = kind(main_of(&write).call(&[]));
    assert!(write.to_string().contains("'the key'"), "{write}");
}

#[test]
fn a_callback_may_delete_what_is_visited() {
    let callback = "
        r6 = r1
        *(u32 *)(r10 - 4) = r1
        *(u64 *)(r10 - 16) = r1
        r1 = hash ll
        r2 = r10
        r2 += -4
        r3 = r10
        r3 += -16
        r4 = 0
        call 2
        if r6 != 50 goto out
        r1 = hash ll
        r2 = each ll
        r3 = 0
        r4 = 0
        call 164
out:    r0 = 0
        exit
each:   r6 = r3
        r7 = r1
        call 3
        r0 = *(u64 *)(r6 + 0)
        r0 = 0
        exit";
    let unit = unit(&looping(callback));
    assert_eq!(run(&unit, &[]), Ok(111));
    // Of 51 none is left; 49 came later.
    assert_eq!(unit.map("hash").unwrap().len(), 49);
}

/// A thread with a small native stack.
fn in_small_thread<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(1 << 20);
        builder.spawn_scoped(scope, run).unwrap().join().unwrap()
    })
}

#[test]
fn callbacks_nest_as_deep_as_the_native_stack_may() {
    let text = "
        .globl main
main:   r1 = 2
        r2 = main ll
        r3 = 0
        r4 = 0
        call 181
        exit
";
    for (mode, unit) in both(&Hosts::new(), &assemble(text)) {
        let trap = in_small_thread(|| unit.func("main").unwrap().call(&[]).unwrap_err());
        assert_eq!(trap.kind, TrapKind::Nesting { limit: 32 }, "{mode}");
        assert_eq!(trap.trace.len(), 32, "{mode}");
        // All is left again.
        assert!(matches!(run(&unit, &[]), Err(TrapKind::Nesting { .. })), "{mode}");
    }
}

#[test]
fn programs_and_closures_nest_as_deep_as_the_native_stack_may() {
    let again: Arc<OnceLock<Func>> = Arc::default();
    let seen = Arc::clone(&again);
    let hosts = Hosts::new().closure("again", Signature::RAW, move |_, args| {
        seen.get().expect("set below").call(&args).map_err(|trap| trap.kind)
    });
    let image = assemble(".globl main\nmain: r1 += 1\n call again\n exit\n");
    let unit = checked(&hosts).add(&image).unwrap();
    again.set(unit.func("main").unwrap()).unwrap();
    let trap = in_small_thread(|| run(&unit, &[0]));
    assert_eq!(trap, Err(TrapKind::Nesting { limit: 32 }));
    let message = trap.unwrap_err().to_string();
    assert_eq!(message, "the program and its host call each other back deeper than 32 times");
}

#[test]
fn a_closure_that_hides_a_trap_does_not_go_on() {
    let hosts = Hosts::new().closure("try", Signature::RAW, |cx, args| {
        let first = cx.call(args[0], [1, 0, 0, 0, 0]);
        let second = cx.call(args[0], [0; 5]);
        assert_eq!(first, second);
        Ok(first.unwrap_or(7))
    });
    let image = assemble(
        "
        .globl main
main:   call sub
        exit
sub:    r1 = bad ll
        call try
        exit
bad:    call worse
        exit
worse:  r0 = *(u64 *)(r1 + 0)
        exit
",
    );
    let unit = checked(&hosts).add(&image).unwrap();
    let func = unit.func("main").unwrap();
    for trap in [func.call(&[]), func.prepare().budget(1000).call()].map(Result::unwrap_err) {
        assert!(matches!(trap.kind, TrapKind::Access { addr: 1, .. }), "{trap}");
        let funcs: Vec<_> = trap.trace.iter().map(|place| &place.func[..]).collect();
        assert_eq!(funcs, ["worse", "bad", "sub", "main"]);
    }
}

#[test]
fn a_panic_of_a_closure_leaves_the_thread_usable() {
    let hosts = Hosts::new().closure("panic", Signature::RAW, |cx, args| match args[0] {
        0 => Ok(1),
        1 => panic!("on purpose"),
        _ => cx.call(args[1], [0; 5]),
    });
    let image = assemble(
        "
        .globl main
main:   r2 = deep ll
        call panic
        exit
deep:   r1 = 1
        call panic
        exit
",
    );
    let unit = checked(&hosts).add(&image).unwrap();
    let func = unit.func("main").unwrap();
    for _ in 0..100 {
        for arg in [1, 2] {
            let call = || func.call(&[arg]);
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err());
        }
        assert_eq!(func.call(&[0]).unwrap(), 1);
    }
}

#[test]
fn frames_are_counted_with_and_without_callbacks() {
    let recursive = assemble(".globl main\nmain: call main\n exit\n");
    for depth in [1, 2, 7, 512] {
        let unit = checked_with_depth(depth).add(&recursive).unwrap();
        let trap = unit.func("main").unwrap().call(&[]).unwrap_err();
        assert_eq!(trap.kind, TrapKind::Depth { limit: depth });
        assert_eq!(trap.trace.len(), usize::try_from(depth).unwrap().min(64));
    }
    let nested = assemble(&looping("call callback\n exit"));
    let unit = checked_with_depth(5).add(&nested).unwrap();
    assert_eq!(run(&unit, &[]), Err(TrapKind::Depth { limit: 5 }));
    let deep = checked_with_depth(1 << 20).frame_bytes(1 << 16).add(&recursive).unwrap();
    // 64 GiB of stack: the system may refuse them, but nothing else goes wrong.
    let trap = deep.func("main").unwrap().prepare().budget(1000).call().unwrap_err();
    assert!(matches!(trap.kind, TrapKind::Budget { .. } | TrapKind::Callee { .. }), "{trap}");
}

fn checked_with_depth(depth: u32) -> Engine<Checked> {
    checked(&Hosts::new()).max_depth(depth)
}

#[test]
fn nothing_of_another_programs_stack_can_be_read() {
    let secret = "*(u64 *)(r10 - 8) = -1\n r0 = 0\n r1 += -1\n if r1 == 0 goto out\n call main\nout: exit";
    let spill = main_of(&format!(".globl main\nmain: {secret}\n"));
    let look = main_of(
        "
        .globl main
main:   r0 = 0
        if r1 == 0 goto look
        r1 += -1
        call main
        exit
look:   r2 = r10
        r2 += -8
        r3 = 64
again:  r4 = *(u64 *)(r2 + 0)
        r0 |= r4
        r2 += -8
        r3 += -1
        if r3 != 0 goto again
        exit
",
    );
    let below = main_of(".globl main\nmain: r0 = *(u64 *)(r10 - 520)\n exit\n");
    for _ in 0..2 {
        spill.call(&[100]).unwrap();
        for depth in [0, 1, 50] {
            assert_eq!(look.call(&[depth]).unwrap(), 0, "{depth}");
        }
        spill.call(&[100]).unwrap();
        assert!(matches!(kind(below.call(&[])), TrapKind::Access { len: 8, .. }));
    }
}

#[test]
fn tail_calls_are_limited_and_checked() {
    let text = "
        .globl main
main:   r6 = r1
        r1 += 1
        r2 = progs ll
        r3 = 1
        call 12
        r0 = r6
        exit
        .globl other
other:  r0 = 77
        exit
        .map progs, type=prog_array, key=4, value=4, max_entries=4
";
    for (mode, unit) in both(&Hosts::new(), &assemble(text)) {
        let progs = unit.map("progs").unwrap();
        assert_eq!(run(&unit, &[0]), Ok(0), "{mode}: an empty slot");
        progs.set_prog_slot(1, unit.func("main").unwrap().address()).unwrap();
        assert_eq!(run(&unit, &[0]), Ok(33), "{mode}: one after the other");
        progs.set_prog_slot(1, unit.func("other").unwrap().address()).unwrap();
        assert_eq!(run(&unit, &[0]), Ok(77), "{mode}");
        for wild in [0, 8, 1 << 40, u64::MAX - 1, unit.func("other").unwrap().address() + 1] {
            progs.set_prog_slot(1, wild).unwrap();
            assert_eq!(run(&unit, &[0]), Ok(0), "{mode}: a slot with {wild:#x}");
        }
    }
}

/// All that needs time ends soon after it was told to.
#[test]
fn a_stop_handle_ends_endless_loops_soon() {
    let (lock, ring) = (".bss\nlock: .space 8\n.globl lock\n", ".map ring, type=ringbuf, max_entries=4096\n");
    for (what, text) in [
        ("a jump to itself", "goto main".to_owned()),
        ("a loop of two", "r0 = 1\n goto main".to_owned()),
        ("a lock that nobody releases", format!("r1 = lock ll\n call 93\n exit\n{lock}")),
        (
            "recursion that returns",
            "r1 = 1000\nagain: r1 += -1\n call sub\n goto again\nsub: exit".to_owned(),
        ),
        ("may_goto", "may_goto main\n goto main".to_owned()),
        ("a ring", format!("r1 = ring ll\n r2 = 8\n r3 = 0\n call 131\n goto main\n{ring}")),
    ] {
        let unit = unit(&format!(".globl main\nmain: {text}\n"));
        let stop = StopHandle::new();
        if let Some((lock, _)) = unit.variable("lock") {
            // As if this thread held it.
            // SAFETY: nothing runs yet, and there is nothing to know about a thread's number.
            unsafe { lock.cast::<i32>().write(libc::gettid()) };
        }
        let (ended, took) = thread::scope(|scope| {
            let func = unit.func("main").unwrap();
            let stopper = stop.clone();
            let run = scope.spawn(move || func.prepare().stop(&stopper).call());
            thread::sleep(Duration::from_millis(30));
            let start = Instant::now();
            stop.stop();
            (run.join().unwrap(), start.elapsed())
        });
        let kind = kind(ended);
        assert!(kind == TrapKind::Stopped || what == "a ring", "{what}: {kind}");
        assert!(took < Duration::from_secs(3), "{what}: {took:?}");
        assert!(stop.is_stopped());
    }
}

#[test]
fn a_lock_of_nobody_is_not_waited_for() {
    let unit = unit(
        ".globl main\nmain: r1 = lock ll\n *(u32 *)(r1 + 0) = r2\n call 93\n exit\n.bss\nlock: .space 8\n",
    );
    for holder in [1_u64 << 31, 0x7fff_fff0, u64::MAX] {
        let start = Instant::now();
        let trap = run(&unit, &[0, holder]).unwrap_err().to_string();
        assert!(trap.contains("no thread that could release it"), "{trap}");
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

/// Threads that make the first stepped call at the same time all find code to run.
#[test]
fn threads_call_one_function_at_once() {
    for _ in 0..if cfg!(miri) { 5 } else { 200 } {
        let func = main_of(
            "
        .globl main
main:   r2 = count ll
        r1 = 1
        lock *(u64 *)(r2 + 0) += r1
        r6 = 20
again:  call sub
        r6 += -1
        if r6 != 0 goto again
        r0 = 42
        exit
sub:    r6 = 3
        exit
        .bss
        .globl count
count:  .space 8
",
        );
        let start = AtomicBool::new(false);
        thread::scope(|scope| {
            let call = |_| {
                let (func, start) = (&func, &start);
                scope.spawn(move || {
                    while !start.load(Ordering::Relaxed) {}
                    func.prepare().budget(1000).call()
                })
            };
            let threads: Vec<_> = (0..4).map(call).collect();
            start.store(true, Ordering::Relaxed);
            for thread in threads {
                assert_eq!(thread.join().unwrap().unwrap(), 42);
            }
        });
    }
}

#[test]
fn threads_are_stopped_one_by_one_and_all_at_once() {
    let unit = unit(
        "
        .globl main
main:   r2 = count ll
again:  r1 = 1
        lock *(u64 *)(r2 + 0) += r1
        goto again
        .bss
        .globl count
count:  .space 8
",
    );
    let (count, _) = unit.variable("count").unwrap();
    // SAFETY: eight aligned bytes of the unit, which only atomics touch.
    let count = unsafe { AtomicU64::from_ptr(count.cast()) };
    let func = unit.func("main").unwrap();
    let handles: Vec<StopHandle> = (0..4).map(|_| StopHandle::new()).collect();
    thread::scope(|scope| {
        let run = |handle: &StopHandle| {
            let (func, handle) = (func.clone(), handle.clone());
            scope.spawn(move || kind(func.prepare().stop(&handle).call()))
        };
        let mut threads: Vec<_> = handles.iter().flat_map(|handle| [run(handle), run(handle)]).collect();
        let seen = count.load(Ordering::Relaxed);
        while count.load(Ordering::Relaxed) < seen + 1000 {
            thread::yield_now();
        }
        for handle in handles.iter().rev() {
            assert!(threads.iter().all(|thread| !thread.is_finished()));
            handle.stop();
            for thread in threads.split_off(threads.len() - 2) {
                assert_eq!(thread.join().unwrap(), TrapKind::Stopped);
            }
        }
    });
    assert_eq!(kind(func.prepare().stop(&handles[0]).call()), TrapKind::Stopped);
}

/// What `main` says to memory that it is given, at `r1`, of `r2` bytes.
fn with_memory(body: &str, call: impl FnOnce(&Func) -> Result<u64, Box<Trap>>) -> Result<u64, TrapKind> {
    let func = main_of(&format!(".globl main\nmain: {}\n exit\n", body.replace(';', "\n")));
    call(&func).map_err(|trap| trap.kind)
}

#[test]
fn addresses_do_not_wrap_around() {
    let mut memory = [1; 16];
    let end = memory.as_ptr_range().end.expose_provenance() as u64;
    for addr in [end - 7, end - 1, end, 0, 7, u64::MAX - 7, u64::MAX - 6, u64::MAX, 1 << 63, u64::MAX - end] {
        for body in ["r0 = *(u64 *)(r3 + 0)", "*(u64 *)(r3 + 0) = 1", "lock *(u64 *)(r3 + 0) += r1"] {
            let trap =
                with_memory(body, |func| func.prepare().args(&[0, 0, addr]).memory(&mut memory).call());
            assert!(matches!(trap, Err(TrapKind::Access { len: 8, .. })), "{addr:#x} {body}: {trap:?}");
        }
    }
    let near = with_memory("r3 = r1; r3 += -32768; r0 = *(u8 *)(r3 + 32767)", |func| {
        func.prepare().memory(&mut memory).call()
    });
    assert!(matches!(near, Err(TrapKind::Access { len: 1, .. })), "{near:?}");
    assert_eq!(memory, [1; 16]);
}

#[test]
fn memory_of_no_bytes_is_not_touched() {
    let none = with_memory("r0 = *(u8 *)(r1 + 0)", |func| func.prepare().memory(&mut []).call());
    assert!(matches!(none, Err(TrapKind::Access { .. })), "{none:?}");
    // Helpers may be given no bytes, wherever they are.
    let body = "r1 = 8; r2 = 0; r3 = 16; r4 = 0; r5 = 5; call 28";
    assert_eq!(with_memory(body, |func| func.call(&[])), Ok(5));
}

#[test]
fn grants_may_touch_and_overlap() {
    let mut memory = [7_u8; 64];
    let base = memory.as_mut_ptr().expose_provenance() as u64;
    let read = "r0 = *(u64 *)(r1 + 0)";
    let inside = |at: u64, expected: bool| {
        let (whole, parts) =
            (&memory[..], [&memory[8..16], &memory[16..24], &memory[12..40], &memory[12..14]]);
        let result = with_memory(read, |func| {
            let call = func.prepare().args(&[base + at]);
            let call = parts.iter().fold(call, |call, part| call.grant_read("a part", part));
            if expected { call.grant_read("the whole", &whole[..60]).call() } else { call.call() }
        });
        assert_eq!(result.is_ok(), expected, "{at}: {result:?}");
    };
    for at in [0, 1, 8, 13, 20, 39, 52] {
        inside(at, true);
    }
    // A part is enough, wherever others begin.
    for (at, expected) in [(8, true), (16, true), (12, true), (32, true), (33, false), (7, false)] {
        let parts = [&memory[8..16], &memory[16..24], &memory[12..40], &memory[13..14], &memory[33..34]];
        let result = with_memory(read, |func| {
            let call = func.prepare().args(&[base + at]);
            parts.iter().fold(call, |call, part| call.grant_read("a part", part)).call()
        });
        assert_eq!(result.is_ok(), expected, "{at}: {result:?}");
    }
    // Reading is granted for all, writing for half.
    let (half, rest) = memory.split_at_mut(32);
    let write = "*(u64 *)(r1 + 0) = 1; r0 = *(u64 *)(r2 + 0)";
    let ok = with_memory(write, |func| {
        func.prepare().args(&[base + 8, base + 40]).grant("half", half).grant_read("rest", rest).call()
    });
    assert!(ok.is_ok(), "{ok:?}");
    let bad = with_memory(write, |func| {
        func.prepare().args(&[base + 40, base + 8]).grant("half", half).grant_read("rest", rest).call()
    });
    let bad = bad.unwrap_err().to_string();
    assert!(bad.contains("'rest'") && bad.contains("read-only"), "{bad}");
}

/// A program may ask for a text of terabytes.
#[test]
fn what_is_printed_is_limited() {
    let text = |print: &str| {
        format!(
            "
        .globl main
main:   r1 = long ll
        r2 = 20000000
again:  *(u8 *)(r1 + 0) = 120
        r1 += 1
        r2 += -1
        if r2 != 0 goto again
        r1 = args ll
        r2 = long ll
        *(u64 *)(r1 + 0) = r2
        r2 = r1
        {print}
        call 10000
        exit
        .rodata
long_format: .asciz \"%s\"
wide:   .asciz \"{}\"
        .data
        .align 8
args:   .space 3200
        .bss
long:   .space 20000001
",
            "%65536d".repeat(300)
        )
    };
    for (print, expected) in [
        ("r1 = long_format ll\n r3 = 1", "longer than 16 MiB"),
        ("r1 = wide ll\n r3 = 300", "longer than 16 MiB"),
        ("r1 = long ll\n r3 = 1", "has no end within"),
        ("r1 = wide ll\n r3 = 100000", "100000 arguments, expected at most"),
    ] {
        let trap = run(&unit(&text(print)), &[]).unwrap_err().to_string();
        assert!(trap.contains(expected), "{print}: {trap}");
    }
}

#[test]
fn trusted_programs_that_call_what_is_no_function_are_told() {
    for (mode, unit) in both(
        &Hosts::new(),
        &assemble(".globl main\nmain: r6 = r1\n callx r6\n exit\n.globl data\n.data\ndata: .quad 1\n"),
    ) {
        let main = unit.func("main").unwrap();
        let malloc = libc::malloc as *const () as u64;
        for addr in [0, 26, 4096, 1 << 31, 1 << 32, u64::MAX, main.address() + 1, main.address() + 8, malloc]
        {
            let trap = main.call(&[addr]).unwrap_err();
            assert_eq!(trap.kind, TrapKind::NotAFunction { addr }, "{mode}");
        }
        assert_eq!(kind(main.call(&[main.address()])), TrapKind::Depth { limit: 512 }, "{mode}");
    }
}

/// Whether a string is the same twice: for C it should be.
extern "C" fn changes(text: *const c_char) -> u64 {
    // SAFETY: the caller has a string there.
    let len = || unsafe { libc::strlen(std::hint::black_box(text)) };
    u64::from(len() != len())
}

#[test]
fn strings_that_others_write_are_copied_for_c() {
    let (name, signature) = Signature::parse("unsigned long changes(const char *text)").unwrap();
    // SAFETY: the signature says what it is.
    let hosts = unsafe { Hosts::new().function(name, signature, changes as *const ()) };
    let hosts = ["strchr", "strtoul", "strlen"].iter().fold(hosts, |hosts, name| hosts.libc(name).unwrap());
    let image = assemble(
        "
        .globl main
main:   r1 = text ll
        call changes
        if r0 != 0 goto out
        goto main
out:    exit
        .globl write
write:  r1 = text ll
again:  *(u8 *)(r1 + 3) = 0
        *(u8 *)(r1 + 3) = 50
        goto again
        .globl find
find:   r1 = text ll
        r2 = 51
        call strchr
        r1 = text ll
        r0 -= r1
        exit
        .globl number
number: r1 = text ll
        r2 = r10
        r2 += -8
        r3 = 10
        call strtoul
        r6 = r0
        r1 = text ll
        r0 = *(u64 *)(r10 - 8)
        r0 -= r1
        r0 *= 1000
        r0 += r6
        exit
        .data
        .globl text
text:   .asciz \"1234xyz\"
",
    );
    let unit = checked(&hosts).add(&image).unwrap();
    assert_eq!(unit.func("find").unwrap().call(&[]).unwrap(), 2);
    assert_eq!(unit.func("number").unwrap().call(&[]).unwrap(), 4 * 1000 + 1234);
    let stop = StopHandle::new();
    thread::scope(|scope| {
        let run = |name: &str| {
            let (func, stop) = (unit.func(name).unwrap(), &stop);
            scope.spawn(move || kind(func.prepare().stop(stop).call()))
        };
        let threads = [run("main"), run("write"), run("main")];
        thread::sleep(Duration::from_millis(100));
        stop.stop();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), TrapKind::Stopped);
        }
    });
}

#[test]
fn what_a_closure_grants_ends_with_its_word() {
    let shared: &'static mut [u8] = vec![5; 32].leak();
    let addr = shared.as_mut_ptr().expose_provenance() as u64;
    let hosts = Hosts::new().closure("lend", Signature::RAW, move |cx, args| {
        // SAFETY: leaked, and this test's alone.
        unsafe { cx.grant("lent", addr, args[0], args[1] != 0)? };
        Ok(addr)
    });
    let hosts = hosts.closure("take_back", Signature::RAW, move |cx, _| {
        cx.revoke(addr);
        Ok(0)
    });
    let check = |body: &str, expected: Result<u64, &str>| {
        let image = assemble(&format!(".globl main\nmain: {}\n exit\n", body.replace(';', "\n")));
        let result = run(&checked(&hosts).add(&image).unwrap(), &[addr]);
        match (&result, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(*found, expected, "{body}"),
            (Err(trap), Err(expected)) => assert!(trap.to_string().contains(expected), "{body}: {trap}"),
            _ => panic!("{body}: {result:?}, expected {expected:?}"),
        }
    };
    let lend = "r1 = 8; r2 = 0; call lend; r6 = r0";
    check("r0 = *(u8 *)(r1 + 0)", Err("read of 1 bytes"));
    check(&format!("{lend}; r0 = *(u8 *)(r6 + 7)"), Ok(5));
    check(&format!("{lend}; r0 = *(u8 *)(r6 + 8)"), Err("read of 1 bytes"));
    check(&format!("{lend}; *(u8 *)(r6 + 0) = 1"), Err("'lent'"));
    check(&format!("{lend}; call take_back; r0 = *(u8 *)(r6 + 0)"), Err("read of 1 bytes"));
    // Twice lent, once taken back.
    check(&format!("{lend}; {lend}; call take_back; r0 = *(u8 *)(r6 + 0)"), Ok(5));
    check("r6 = 0; again: r1 = 8; call lend; r6 += 1; if r6 < 2000 goto again", Err("1024 grants"));
    // Nothing that came with the call or belongs to the program is taken back.
    check("*(u64 *)(r10 - 8) = 3; call take_back; r0 = *(u64 *)(r10 - 8)", Ok(3));
}

#[test]
fn records_that_are_never_submitted_do_not_block_the_ring() {
    let text = |rest: &str| {
        format!(
            "
        .globl main
main:   r1 = ring ll
        r2 = 16
        r3 = 0
        call 131
        if r0 == 0 goto full
        r6 = r0
        *(u64 *)(r6 + 8) = 9
        {rest}
        r0 = 1
full:   exit
        .map ring, type=ringbuf, max_entries=4096
"
        )
    };
    let submit = "r1 = r6\n r2 = 0\n call 132";
    for (rest, records) in [("", 0), ("r0 = *(u64 *)(r6 + 16)", 0), (submit, 1)] {
        let unit = unit(&text(rest));
        for _ in 0..1000 {
            let result = run(&unit, &[]);
            assert!(matches!(result, Ok(1) | Err(TrapKind::Access { .. })), "{rest}: {result:?}");
            let mut seen = 0;
            unit.map("ring").unwrap().consume(|record| seen += usize::from(record[8] == 9)).unwrap();
            assert_eq!(seen, records, "{rest}");
        }
    }
    // More at a time than a checked program may hold.
    let greedy = "goto main\n.map other, type=array, key=4, value=8, max_entries=1\n";
    let text = text(greedy).replace("max_entries=4096", "max_entries=1048576");
    let unit = unit(&text);
    let trap = run(&unit, &[]).unwrap_err().to_string();
    assert!(trap.contains("1024 grants"), "{trap}");
    assert_eq!(unit.map("ring").unwrap().consume(|_| panic!("a record")).unwrap(), 0);
    assert_eq!(unit.map("ring").unwrap().ringbuf_query(0), 0);
}

#[test]
fn maps_say_who_may_write_them() {
    for (flag, direct, update) in [(0, true, true), (0x80, false, false), (0x100, false, true)] {
        let text = |body: &str| {
            format!(
                "
        .globl main
main:   *(u32 *)(r10 - 4) = 0
        *(u64 *)(r10 - 16) = 1
        r1 = words ll
        r2 = r10
        r2 += -4
        r3 = r10
        r3 += -16
        r4 = 0
        {body}
        exit
        .map words, type=array, key=4, value=8, max_entries=1, flags={flag}
"
            )
        };
        let unit_of = |body: &str| unit(&text(body));
        let stored = run(&unit_of("call 1\n *(u64 *)(r0 + 0) = 5\n r0 = 0"), &[]);
        assert_eq!(stored.is_ok(), direct, "{flag:#x}: {stored:?}");
        let loaded = run(&unit_of("call 1\n r0 = *(u64 *)(r0 + 0)"), &[]);
        assert_eq!(loaded.is_ok(), flag != 0x100, "{flag:#x}: {loaded:?}");
        let updated = run(&unit_of("call 2"), &[]).map(u64::cast_signed);
        assert_eq!(updated, Ok(if update { 0 } else { -1 }), "{flag:#x}");
        let copied = run(&unit_of("call 10002"), &[]).map(u64::cast_signed);
        assert_eq!(copied, Ok(if flag == 0x100 { -1 } else { 0 }), "{flag:#x}");
        let exchanged = run(&unit_of("call 1\n r1 = 1\n lock *(u64 *)(r0 + 0) += r1\n r0 = 0"), &[]);
        assert_eq!(exchanged.is_ok(), direct, "{flag:#x}: {exchanged:?}");
    }
    let rodata = "r1 = fixed ll\n *(u8 *)(r1 + 0) = 1\n exit\n.rodata\n.globl fixed\nfixed: .asciz \"x\"";
    let trap = run(&unit(&format!(".globl main\nmain: {rodata}\n")), &[]).unwrap_err().to_string();
    assert!(trap.contains(".rodata") && trap.contains("read-only"), "{trap}");
}

#[test]
fn an_image_may_not_take_all_memory() {
    let engine = checked(&Hosts::new());
    let refused = |text: &str| {
        let image = assemble(&format!(".globl main\nmain: exit\n{text}\n"));
        engine.add(&image).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let huge = refused(".map m, type=array, key=4, value=65536, max_entries=1000000\n");
    assert!(huge.contains("65536000000 bytes of memory, expected at most 4294967296"), "{huge}");
    let four = ".map NAME, type=hash, key=8, value=1073741824, max_entries=1\n";
    assert_eq!(refused(&four.replace("NAME", "one")), "");
    let many: String = (0..4).map(|i| four.replace("NAME", &format!("m{i}"))).collect();
    assert!(refused(&many).contains("expected at most"));
    let mut image = assemble(".globl main\nmain: exit\n.bss\n.globl x\nx: .space 8\n");
    image.data[0].size = u64::MAX;
    image.data[0].align = 1 << 62;
    assert!(engine.add(&image).unwrap_err().to_string().contains("expected at most"));
    assert!(engine.max_memory(u64::MAX).add(&image).unwrap_err().to_string().contains("cannot place"));
}

#[test]
fn data_of_any_alignment_takes_memory_only_where_it_is_touched() {
    let mut image = assemble(".globl main\nmain: r0 = x ll\n exit\n.bss\n.globl x\nx: .space 8\n");
    for align in [1, 8, 64, 4096, 1 << 21] {
        image.data[0].align = align;
        image.data[0].size = 3 << 30;
        let units: Vec<Unit> = (0..16).map(|_| checked(&Hosts::new()).add(&image).unwrap()).collect();
        assert!(units.iter().all(|unit| run(unit, &[]).unwrap().is_multiple_of(align)), "{align}");
    }
}

#[test]
fn handles_are_for_all_threads_and_can_be_shown() {
    fn shared<T: Send + Sync + std::fmt::Debug>() {}
    shared::<Engine<Checked>>();
    shared::<Engine<skep_vm::Host>>();
    shared::<Unit>();
    shared::<Func>();
    shared::<skep_vm::Map>();
    shared::<StopHandle>();
    shared::<Hosts>();
    shared::<Trap>();
    shared::<skep_vm::Error>();
    let unit = unit(".globl main\nmain: exit\n");
    let shown = format!("{:?} {:?} {:?}", checked(&Hosts::new()), unit, unit.func("main").unwrap());
    for part in
        ["Engine { mode: \"checked\", max_depth: 512", "Unit { image: \"test.s\"", "Func { name: \"main\""]
    {
        assert!(shown.contains(part), "{shown}");
    }
    let func = unit.func("main").unwrap();
    assert!(format!("{:?}", func.prepare().budget(3)).contains("budget: Some(3)"));
}
