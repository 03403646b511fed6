//! Hooks: what a debugger on top of them sees and does.

use skep_insn::{Insn, Reg};
use skep_vm::debug::{Flow, Hook, State};
use skep_vm::{Hosts, TrapKind, Unit};

use crate::support::{assemble, both};

const PROGRAM: &str = "
        .globl main
main:   r6 = r1
        *(u64 *)(r10 - 8) = 77
        r1 = 2
        r2 = each ll
        r3 = 0
        r4 = 0
        call 181
        r1 = word ll
        call leaf
        r0 += r6
        exit
each:   r1 = word ll
        call leaf
        r0 = 0
        exit
leaf:   r0 = *(u64 *)(r1 + 0)
        exit
        .data
word:   .quad 1000
";

fn units() -> [(&'static str, Unit); 2] {
    both(&Hosts::new(), &assemble(PROGRAM))
}

/// Runs `main` under a hook.
fn watch(unit: &Unit, hook: &mut dyn Hook) -> Result<u64, TrapKind> {
    unit.func("main").unwrap().prepare().args(&[1]).hook(hook).call().map_err(|trap| trap.kind)
}

#[test]
fn memory_is_shown_as_the_program_has_it() {
    for (mode, unit) in units() {
        let mut seen = Vec::new();
        let mut hook = |state: &mut State<'_>| {
            let mut bytes = [0; 8];
            let mut word = |addr: u64| state.read(addr, &mut bytes).then(|| u64::from_ne_bytes(bytes));
            // Nothing is there, whoever looks.
            assert!([0, 8, 1 << 63, u64::MAX - 3].iter().all(|addr| word(*addr).is_none()), "{mode}");
            if state.func() == "leaf" {
                seen.push((word(state.reg(Reg::R1)), word(state.reg(Reg::R10) + 2 * 512 - 8)));
            }
            Flow::Continue
        };
        assert_eq!(watch(&unit, &mut hook), Ok(1001), "{mode}");
        assert_eq!(seen.len(), 6);
        assert_eq!(seen[0], (Some(1000), Some(77)), "{mode}: data, and the frame of main");
        if mode == "checked" {
            let mut hook = |state: &mut State<'_>| {
                let secret = [1_u8; 8];
                assert!(!state.read(secret.as_ptr().expose_provenance() as u64, &mut [0; 8]));
                Flow::Stop
            };
            assert_eq!(watch(&unit, &mut hook), Err(TrapKind::Debugger));
        }
    }
}

#[test]
fn callers_are_told_through_callbacks() {
    for (mode, unit) in units() {
        let mut traces = Vec::new();
        let mut hook = |state: &mut State<'_>| {
            let places = state.backtrace();
            assert_eq!(places.len(), state.depth() + 1);
            assert_eq!(places[0], state.location());
            if state.func() == "leaf" && state.insn() != Some(Insn::Exit) {
                let places = places.iter().map(|place| format!("{} {}", place.func, place.insn));
                traces.push(places.collect::<Vec<_>>().join("; "));
            }
            Flow::Continue
        };
        watch(&unit, &mut hook).unwrap();
        let each = "leaf r0 = *(u64 *)(r1 + 0x0); each call leaf; main call bpf_loop";
        let main = "leaf r0 = *(u64 *)(r1 + 0x0); main call leaf";
        assert_eq!(traces, [each, each, main], "{mode}");
    }
}

/// A debugger's commands, one after the other.
struct Debugger {
    /// Where to stop next: at any instruction no deeper than this.
    until: usize,
    /// Whether each command steps into calls.
    into: bool,
    stops: Vec<String>,
}

impl Hook for Debugger {
    fn before(&mut self, state: &mut State<'_>) -> Flow {
        if state.depth() <= self.until {
            self.stops.push(format!("{}+{}", state.func(), state.at()));
            self.until = if self.into { usize::MAX } else { state.depth() };
        }
        Flow::Continue
    }
}

#[test]
fn steps_go_into_and_over_calls() {
    for (mode, unit) in units() {
        let steps = |into| {
            let mut debugger = Debugger { until: usize::MAX, into, stops: Vec::new() };
            watch(&unit, &mut debugger).unwrap();
            debugger.stops.join(" ")
        };
        let over = "main+0 main+1 main+2 main+3 main+5 main+6 main+7 main+8 main+10 main+11 main+12";
        assert_eq!(steps(false), over, "{mode}");
        let each = "each+0 each+2 leaf+0 leaf+1 each+3 each+4";
        let into = over.replace("main+7", &format!("main+7 {each} {each}"));
        assert_eq!(steps(true), into.replace("main+10", "main+10 leaf+0 leaf+1"), "{mode}");
    }
}

#[test]
fn what_was_executed_is_counted() {
    for (mode, unit) in units() {
        let mut last = None;
        let mut hook = |state: &mut State<'_>| {
            assert_eq!(state.executed(), last.map_or(0, |last| last + 1));
            last = Some(state.executed());
            Flow::Continue
        };
        watch(&unit, &mut hook).unwrap();
        assert_eq!(last, Some(11 + 2 * 6 + 2 - 1), "{mode}");
        // An instruction that a hook refuses is not executed.
        let mut executed = 0;
        let mut hook =
            |state: &mut State<'_>| if state.executed() == 9 { Flow::Stop } else { Flow::Continue };
        let main = unit.func("main").unwrap();
        let trap = main.prepare().hook(&mut hook).count(&mut executed).call().unwrap_err();
        assert_eq!((trap.kind, executed), (TrapKind::Debugger, 9), "{mode}");
        assert_eq!(trap.trace.len(), 3, "{mode}: in leaf, called by each, called by main");
    }
}

#[test]
fn registers_change_what_happens_next() {
    for (mode, unit) in units() {
        let mut hook = |state: &mut State<'_>| {
            let frame = state.reg(Reg::R10);
            state.set_reg(Reg::R10, 5);
            assert_eq!(state.reg(Reg::R10), frame, "{mode}");
            if state.insn() == Some(Insn::Exit) && state.depth() == 0 {
                state.set_reg(Reg::R0, state.regs()[6] + 41);
            }
            Flow::Continue
        };
        assert_eq!(watch(&unit, &mut hook), Ok(42), "{mode}");
    }
}

#[test]
fn hooks_may_call_programs_and_panic() {
    for (mode, unit) in units() {
        let main = unit.func("main").unwrap();
        let mut results = Vec::new();
        let mut hook = |state: &mut State<'_>| {
            if state.func() == "each" {
                results.push(main.call(&[5]).unwrap());
            }
            Flow::Continue
        };
        assert_eq!(watch(&unit, &mut hook), Ok(1001), "{mode}");
        assert_eq!(results, [1005; 8], "{mode}");
        let mut hook = |state: &mut State<'_>| match state.depth() {
            2 => panic!("on purpose"),
            _ => Flow::Continue,
        };
        let call = std::panic::AssertUnwindSafe(|| watch(&unit, &mut hook));
        assert!(std::panic::catch_unwind(call).is_err());
        assert_eq!(main.call(&[1]).unwrap(), 1001, "{mode}");
    }
}

#[test]
fn a_state_can_be_shown() {
    let (_, unit) = &units()[1];
    let mut shown = String::new();
    let mut hook = |state: &mut State<'_>| {
        shown = format!("{state:?}");
        Flow::Stop
    };
    assert!(watch(unit, &mut hook).is_err());
    assert!(shown.contains("main+0x0 `r6 = r1`"), "{shown}");
}
