//! What addresses may point to.

use super::Context;
use crate::ir::{Callee, Cfg, Func, Op, Slot, SymbolId, SymbolKind, Value};
use crate::{Options, Target};

/// What an address is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Root {
    /// A slot of this function.
    Slot(Slot),
    /// A variable of this module.
    Symbol(SymbolId),
    /// A parameter of the function: no slot of it.
    Arg(Value),
    /// Anything else: loaded, returned, chosen.
    Other(Value),
}

/// An address: what it is made from, and how many bytes beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) root: Root,
    /// The last addition of a variable number of bytes on the way from the root. Of two addresses by different ones
    /// nothing is known; of two by the same one the offsets tell.
    pub(crate) via: Option<Value>,
    pub(crate) offset: i64,
}

/// Who knows the address of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// This function alone.
    Private,
    /// Helpers that it is passed to, as long as they run.
    Passed,
    /// Others.
    Escaped,
}

/// Classes of memory: a write through one kind of address reaches some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Slots whose address stays here.
    Private,
    /// Slots that others may know.
    Escaped,
    /// Variables.
    Symbol,
    /// What parameters point to.
    Arg,
    /// What is unknown.
    Other,
}

impl Class {
    pub(crate) const COUNT: usize = 5;
}

/// What is known of the addresses of a function.
pub(crate) struct Aliases<'a> {
    context: &'a Context<'a>,
    addresses: Vec<Option<Address>>,
    reach: Vec<Reach>,
}

impl<'a> Aliases<'a> {
    pub(crate) fn new(func: &Func, cfg: &Cfg, context: &'a Context<'a>) -> Aliases<'a> {
        let mut aliases = Aliases {
            context,
            addresses: vec![None; func.nodes.len()],
            reach: vec![Reach::Private; func.slots.len()],
        };
        for &param in &func.block(Func::ENTRY).params {
            aliases.addresses[param.0 as usize] =
                Some(Address { root: Root::Arg(param), via: None, offset: 0 });
        }
        for &block in &cfg.order {
            for &inst in &func.block(block).insts {
                aliases.addresses[inst.0 as usize] = aliases.derive(func, inst);
            }
        }
        if !func.slots.is_empty() {
            aliases.find_reach(func, cfg, context.options);
        }
        aliases
    }

    /// The address that an instruction makes.
    fn derive(&self, func: &Func, inst: Value) -> Option<Address> {
        match func.node(inst).op {
            Op::Slot(slot) => Some(Address { root: Root::Slot(slot), via: None, offset: 0 }),
            // Two externs may be one thing under two names.
            Op::Symbol(symbol)
                if matches!(self.context.module.symbol(symbol).kind, SymbolKind::Global(_)) =>
            {
                Some(Address { root: Root::Symbol(symbol), via: None, offset: 0 })
            }
            Op::PtrAdd { base, index: None, offset } => {
                let base = self.of(base);
                Some(match base.offset.checked_add(offset) {
                    Some(offset) => Address { offset, ..base },
                    None => Address { via: Some(inst), offset: 0, ..base },
                })
            }
            Op::PtrAdd { base, .. } => Some(Address { via: Some(inst), offset: 0, ..self.of(base) }),
            _ => None,
        }
    }

    /// The address that a value is.
    pub(crate) fn of(&self, value: Value) -> Address {
        let known = self.addresses.get(value.0 as usize).copied().flatten();
        known.unwrap_or(Address { root: Root::Other(value), via: None, offset: 0 })
    }

    /// Notes an instruction that was added.
    pub(crate) fn add(&mut self, func: &Func, inst: Value) {
        let at = inst.0 as usize;
        if self.addresses.len() <= at {
            self.addresses.resize(at + 1, None);
        }
        self.addresses[at] = self.derive(func, inst);
    }

    /// Who knows a slot.
    pub(crate) fn reach(&self, slot: Slot) -> Reach {
        self.reach[slot.0 as usize]
    }

    /// The class of the memory that an address points to.
    pub(crate) fn class(&self, root: Root) -> Class {
        match root {
            Root::Slot(slot) if self.reach(slot) == Reach::Escaped => Class::Escaped,
            Root::Slot(_) => Class::Private,
            Root::Symbol(_) => Class::Symbol,
            Root::Arg(_) => Class::Arg,
            Root::Other(_) => Class::Other,
        }
    }

    /// The classes of other memory that a write through such an address may reach.
    pub(crate) const fn reached_from(class: Class) -> &'static [Class] {
        match class {
            Class::Private => &[],
            Class::Escaped => &[Class::Other],
            Class::Symbol => &[Class::Arg, Class::Other],
            Class::Arg => &[Class::Symbol, Class::Arg, Class::Other],
            Class::Other => &[Class::Escaped, Class::Symbol, Class::Arg, Class::Other],
        }
    }

    /// The slot that a value points into.
    pub(crate) fn slot(&self, value: Value) -> Option<Slot> {
        match self.of(value).root {
            Root::Slot(slot) => Some(slot),
            _ => None,
        }
    }

    fn find_reach(&mut self, func: &Func, cfg: &Cfg, options: &Options) {
        for &block in &cfg.order {
            let data = func.block(block);
            for &inst in &data.insts {
                match &func.node(inst).op {
                    Op::PtrAdd { index, .. } => index.iter().for_each(|v| self.mark(*v, Reach::Escaped)),
                    Op::Load { .. } | Op::Copy { .. } | Op::Fill { .. } | Op::Cmp(..) => {}
                    Op::Store { value, .. } | Op::Atomic { value, .. } => self.mark(*value, Reach::Escaped),
                    Op::CmpXchg { expected, new, .. } => {
                        [expected, new].into_iter().for_each(|v| self.mark(*v, Reach::Escaped));
                    }
                    Op::Call { callee, args } => {
                        let reach = match callee {
                            Callee::Helper(id) if options.target == Target::Kernel && !calls_back(*id) => {
                                Reach::Passed
                            }
                            _ => Reach::Escaped,
                        };
                        args.iter().for_each(|v| self.mark(*v, reach));
                    }
                    op => op.each_operand(|v| self.mark(v, Reach::Escaped)),
                }
            }
            match &data.term {
                crate::ir::Term::Branch { then, other, .. } => {
                    then.args.iter().chain(&other.args).for_each(|v| self.mark(*v, Reach::Escaped));
                }
                term => term.each_operand(|v| self.mark(v, Reach::Escaped)),
            }
        }
    }

    fn mark(&mut self, value: Value, reach: Reach) {
        if let Some(slot) = self.slot(value) {
            let known = &mut self.reach[slot.0 as usize];
            *known = reach.max(*known);
        }
    }
}

/// Helpers that call a function of the program, which may keep what it is given: `bpf_for_each_map_elem`,
/// `bpf_find_vma`, `bpf_loop`, `bpf_user_ringbuf_drain`, `bpf_timer_set_callback`.
const fn calls_back(helper: u32) -> bool {
    matches!(helper, 164 | 170 | 180 | 181 | 209)
}

/// Helpers that write no memory that a program sees, and only read what they are passed: lookups, clocks, identities.
pub(crate) const fn only_reads(helper: u32) -> bool {
    matches!(
        helper,
        1       // map_lookup_elem
        | 5     // ktime_get_ns
        | 7     // get_prandom_u32
        | 8     // get_smp_processor_id
        | 14    // get_current_pid_tgid
        | 15    // get_current_uid_gid
        | 27    // get_stackid
        | 35    // get_current_task
        | 42    // get_numa_node_id
        | 46    // get_socket_cookie
        | 47    // get_socket_uid
        | 80    // get_current_cgroup_id
        | 118   // jiffies64
        | 125   // ktime_get_boot_ns
        | 158   // get_current_task_btf
        | 160   // ktime_get_coarse_ns
        | 195 // map_lookup_percpu_elem
    )
}

/// Helpers that write no memory of the program but maps, and only read what they are passed: `bpf_map_update_elem`,
/// `bpf_map_delete_elem`, `bpf_map_push_elem`, `bpf_perf_event_output`, `bpf_ringbuf_output`, `bpf_trace_printk`.
pub(crate) const fn leaves_slots(helper: u32) -> bool {
    only_reads(helper) || matches!(helper, 2 | 3 | 6 | 25 | 87 | 130)
}
