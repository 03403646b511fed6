//! Blocks, edges, and that values are made before they are used.

use super::{Checker, Home, Of, plural};
use crate::ir::func::index;
use crate::ir::{Block, BlockData, Cfg, Edge, Func, Op, Term, Type, Value};

impl Checker<'_> {
    /// Finds where each value is made, and that blocks and edges lead somewhere.
    pub(super) fn places(&mut self) {
        let func = self.func;
        self.homes = vec![Home::NONE; func.nodes.len()];
        if func.blocks.is_empty() {
            return self.fault(Of::Func, "it has no blocks, expected at least one");
        }
        for (at, slot) in func.slots.iter().enumerate() {
            if !slot.align.is_power_of_two() || slot.align > 8 {
                let message = format!("slot s{at} has the alignment {}, expected 1, 2, 4 or 8", slot.align);
                self.fault(Of::Func, message);
            }
        }
        for block in func.block_ids() {
            let data = func.block(block);
            for (at, &value) in (0..).zip(data.params.iter().chain(&data.insts)) {
                self.place(block, value, at, (at as usize) < data.params.len());
            }
            let mut missing = None;
            let mut to_entry = false;
            data.term.each_edge(|edge| {
                if edge.block.0 as usize >= func.blocks.len() {
                    missing = Some(edge.block);
                }
                to_entry |= edge.block == Func::ENTRY;
            });
            if let Some(Block(missing)) = missing {
                self.fault(Of::Term(block), format_args!("b{missing} does not exist"));
            }
            if to_entry {
                self.fault(
                    Of::Term(block),
                    "it leads to b0, where the function starts; put a block behind that",
                );
            }
        }
    }

    fn place(&mut self, block: Block, value: Value, at: u32, is_param: bool) {
        let Some(node) = self.func.nodes.get(value.0 as usize) else {
            return self.fault(Of::Block(block), format_args!("value {} does not exist", value.0));
        };
        let home = &mut self.homes[value.0 as usize];
        let before = *home;
        *home = Home { block, at };
        let of = if is_param { Of::Param(block, value) } else { Of::Inst(block, value) };
        if !before.is_none() {
            return self.fault(of, format_args!("it stands in b{} as well", before.block.0));
        }
        if node.loc.0 as usize >= self.module.places.len() {
            self.fault(of, format_args!("source position {} does not exist", node.loc.0));
        }
        match (&node.op, is_param) {
            (Op::Param, true) => match node.ty {
                Some(ty) if is_type(ty) => {}
                Some(ty) => self.fault(of, format_args!("there is no type {ty}, expected i1 to i64 or ptr")),
                None => self.fault(of, "it has no type"),
            },
            (Op::Param, false) => self.fault(of, "a parameter stands among the instructions"),
            (_, true) => self.fault(of, "an instruction stands among the parameters"),
            _ => {}
        }
    }

    /// Checks all instructions and ends.
    pub(super) fn blocks(&mut self, cfg: &Cfg) {
        self.entry();
        for block in self.func.block_ids() {
            let data = self.func.block(block);
            // What cannot be reached may use anything that exists.
            let reached = cfg.is_reachable(block);
            for (at, &inst) in (index(data.params.len())..).zip(&data.insts) {
                self.inst(block, inst);
                let of = Of::Inst(block, inst);
                self.func.node(inst).op.each_operand(|value| {
                    self.operand(of, cfg, reached, Home { block, at }, value);
                });
            }
            let of = Of::Term(block);
            self.term(block, data);
            data.term.each_operand(|value| {
                self.operand(of, cfg, reached, Home { block, at: u32::MAX }, value);
            });
        }
    }

    /// That the parameters of the entry are those of the function.
    fn entry(&mut self) {
        let func = self.func;
        let params = &func.block(Func::ENTRY).params;
        if params.len() != func.sig.params.len() {
            let message = format!(
                "the function takes {}, its first block {}",
                plural(func.sig.params.len(), "parameter"),
                params.len()
            );
            return self.fault(Of::Block(Func::ENTRY), message);
        }
        for (&param, &expected) in params.iter().zip(&func.sig.params) {
            if let Some(found) = self.ty(param).filter(|&found| found != expected) {
                let message = format!("it is {found}, expected {expected} as the function says");
                self.fault(Of::Param(Func::ENTRY, param), message);
            }
        }
    }

    /// That an operand is made before it is used.
    fn operand(&mut self, of: Of, cfg: &Cfg, reached: bool, user: Home, value: Value) {
        let home = self.homes.get(value.0 as usize).copied().unwrap_or(Home::NONE);
        let fine = if home.is_none() {
            false
        } else if !reached {
            true
        } else if home.block == user.block {
            home.at < user.at
        } else {
            cfg.dominates(home.block, user.block)
        };
        if fine {
            return;
        }
        let name = self.name(value);
        let message = if home.is_none() {
            format!("operand {name} stands in no block")
        } else if home.block == user.block {
            format!("operand {name} is made further down")
        } else if cfg.is_reachable(home.block) {
            format!("operand {name} is made in b{}, which not every way here passes", home.block.0)
        } else {
            format!("operand {name} is made in b{}, which cannot be reached", home.block.0)
        };
        self.fault(of, message);
    }

    fn term(&mut self, block: Block, data: &BlockData) {
        let of = Of::Term(block);
        if data.loc.0 as usize >= self.module.places.len() {
            self.fault(of, format_args!("source position {} does not exist", data.loc.0));
        }
        match &data.term {
            Term::Open => self
                .fault(of, "the block does not end, expected jump, br, switch, may_goto, ret or unreachable"),
            Term::Branch { a, b, .. } => self.compared(of, *a, *b),
            Term::Switch { value, cases, .. } => self.switch(of, *value, cases),
            Term::Return(value) => match (value, self.func.sig.ret) {
                (Some(value), Some(ty)) => self.expect(of, *value, ty),
                (None, Some(ty)) => {
                    self.fault(of, format_args!("the function returns {ty}, expected a value"))
                }
                (Some(_), None) => self.fault(of, "the function returns nothing, expected no value"),
                (None, None) => {}
            },
            Term::Jump(_) | Term::MayGoto { .. } | Term::Unreachable => {}
        }
        data.term.each_edge(|edge| self.edge(of, edge));
    }

    fn edge(&mut self, of: Of, edge: &Edge) {
        let params = &self.func.block(edge.block).params;
        if params.len() != edge.args.len() {
            let message = format!(
                "b{} takes {}, found {}",
                edge.block.0,
                plural(params.len(), "value"),
                edge.args.len()
            );
            return self.fault(of, message);
        }
        for (&param, &arg) in params.iter().zip(&edge.args) {
            let Some(expected) = self.ty(param) else { continue };
            if self.ty(arg) != Some(expected) {
                let message = format!(
                    "{} for parameter {} of b{} is {}, expected {expected}",
                    self.name(arg),
                    self.name(param),
                    edge.block.0,
                    self.type_name(arg)
                );
                self.fault(of, message);
            }
        }
    }

    fn switch(&mut self, of: Of, value: Value, cases: &[(i64, Edge)]) {
        let Some(ty @ Type::Int(_)) = self.ty(value) else {
            let message = format!("{} is {}, expected an integer", self.name(value), self.type_name(value));
            return self.fault(of, message);
        };
        if let Some((case, _)) = cases.iter().find(|(case, _)| ty.canonical(*case) != *case) {
            let message = format!("case {case} is not kept as {ty} is, expected {}", ty.canonical(*case));
            self.fault(of, message);
        }
        // As a rule they are in order.
        if !cases.is_sorted_by(|a, b| a.0 < b.0) {
            let mut numbers: Vec<i64> = cases.iter().map(|(case, _)| *case).collect();
            numbers.sort_unstable();
            if let Some(pair) = numbers.windows(2).find(|pair| pair[0] == pair[1]) {
                self.fault(of, format_args!("case {} stands there twice", pair[0]));
            }
        }
    }
}

/// Whether it is one of the types that exist.
pub(super) fn is_type(ty: Type) -> bool {
    (1..=64).contains(&ty.bits())
}
