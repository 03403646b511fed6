//! Makes a failing module short.
//!
//! Each edit makes a module that is simpler by one thing; it is kept where the module still fails. What an edit makes
//! may mean nothing: the caller's question must say no to it.

use std::collections::{BTreeSet, HashMap};

use skep_codegen::ir::{
    Block, Callee, Edge, Func, Init, Inline, Module, Op, SymbolId, SymbolKind, Term, Value,
};

/// Simplifies a module as long as it still fails.
pub fn shrink(module: &Module, mut fails: impl FnMut(&Module) -> bool) -> Module {
    let mut best = module.clone();
    let mut attempt = |best: &mut Module, candidate: Module| {
        let kept = weight(&candidate) < weight(best) && fails(&candidate);
        if kept {
            *best = candidate;
        }
        kept
    };
    loop {
        let before = weight(&best);
        let tidy = tidied(&best);
        attempt(&mut best, tidy);
        // Large pieces first: whole branches, then runs of instructions, then one after the other.
        for edit in [ends, unreached, runs, one_by_one, params, constants, modules] {
            let mut at = 0;
            while let Some(candidate) = edit(&best, at) {
                let tidy = candidate.as_ref().map(tidied);
                let kept = tidy.is_some_and(|tidy| attempt(&mut best, tidy))
                    || candidate.is_some_and(|candidate| attempt(&mut best, candidate));
                if !kept {
                    at += 1;
                }
            }
        }
        if weight(&best) == before {
            return best;
        }
    }
}

/// How much there is: an edit is kept only if it makes this less, so that shrinking ends.
fn weight(module: &Module) -> usize {
    let of_func = |func: &Func| {
        let blocks = func.blocks.iter().map(|block| {
            let mut edges = 0;
            block.term.each_edge(|edge| edges += 5 + edge.args.len());
            let insts = block.insts.iter().map(|&inst| of_op(&func.node(inst).op)).sum::<usize>();
            20 + insts + 3 * block.params.len() + edges
        });
        let slots = func.slots.iter().map(|slot| 4 + slot.size as usize);
        200 + blocks.sum::<usize>()
            + slots.sum::<usize>()
            + usize::from(func.inline != Inline::Auto)
            + 3 * func.sig.params.len()
    };
    let globals = module.symbols.iter().map(|symbol| match &symbol.kind {
        SymbolKind::Global(global) => 20 + global.init.len() + global.size as usize / 8,
        _ => 0,
    });
    module.funcs.iter().map(of_func).sum::<usize>() + globals.sum::<usize>()
}

fn of_op(op: &Op) -> usize {
    match op {
        Op::Const(0) => 4,
        Op::Const(1) => 5,
        Op::Const(number) => 6 + usize::try_from(64 - number.unsigned_abs().leading_zeros()).unwrap_or(0),
        Op::Call { args, .. } => 40 + args.len(),
        Op::Load { access, offset, .. } | Op::Store { access, offset, .. } => {
            80 + usize::from(access.volatile)
                + 2 * usize::from(!access.is_plain())
                + usize::from(*offset != 0)
        }
        Op::PtrAdd { index, .. } => 75 + usize::from(index.is_some()),
        _ => 80,
    }
}

/// One edit: some module, none if this place has nothing to edit, and the end of all places.
type Edited = Option<Option<Module>>;

/// The n-th of these, with its place in the module.
fn nth<T>(mut all: impl Iterator<Item = T>, at: usize) -> Option<T> {
    all.nth(at)
}

/// Branches go one way.
fn ends(module: &Module, at: usize) -> Edited {
    let places = module.funcs.iter().enumerate().flat_map(|(f, func)| {
        func.block_ids().flat_map(move |block| {
            let mut edges: Vec<Term> = Vec::new();
            let term = &func.block(block).term;
            if !matches!(term, Term::Jump(_)) {
                term.each_edge(|edge| edges.push(Term::Jump(edge.clone())));
            }
            if let Term::Switch { value, cases, default } = term {
                for drop in 0..cases.len() {
                    let mut cases = cases.clone();
                    cases.remove(drop);
                    edges.push(Term::Switch { value: *value, cases, default: default.clone() });
                }
            }
            if !matches!(term, Term::Return(_)) && func.sig.ret.is_none() {
                edges.push(Term::Return(None));
            }
            edges.into_iter().map(move |term| (f, block, term))
        })
    });
    let (f, block, term) = nth(places, at)?;
    let mut edited = module.clone();
    edited.funcs[f].block_mut(block).term = term;
    Some(Some(edited))
}

/// Blocks that are not reached become empty, where that matters: the numbers of all else stay as they are.
fn unreached(module: &Module, at: usize) -> Edited {
    let places = module.funcs.iter().enumerate().flat_map(|(f, func)| {
        let reached = reached(func);
        func.block_ids().filter(move |block| !reached.contains(block)).map(move |block| (f, block))
    });
    let (f, block) = nth(places, at)?;
    let mut edited = module.clone();
    let block = edited.funcs[f].block_mut(block);
    let is_empty = block.insts.is_empty() && block.term == Term::Unreachable;
    block.insts.clear();
    block.term = Term::Unreachable;
    Some((!is_empty).then_some(edited))
}

/// All instructions: function, block, index.
fn instructions(module: &Module) -> Vec<(usize, Block, Value)> {
    let of_func = |(f, func): (usize, &Func)| {
        let of_block =
            |block| func.block(block).insts.iter().map(move |&inst| (f, block, inst)).collect::<Vec<_>>();
        func.block_ids().flat_map(of_block).collect::<Vec<_>>()
    };
    module.funcs.iter().enumerate().flat_map(of_func).collect()
}

/// Leaves out runs of instructions, long ones first.
fn runs(module: &Module, at: usize) -> Edited {
    let all = instructions(module);
    let mut at = at;
    for length in [64, 32, 16, 8, 4, 2] {
        let count = all.len().div_ceil(length);
        if at < count {
            let mut edited = module.clone();
            for &(f, block, inst) in &all[at * length..all.len().min((at + 1) * length)] {
                leave_out(&mut edited.funcs[f], block, inst, 0);
            }
            return Some(Some(edited));
        }
        at -= count;
    }
    None
}

/// Leaves out one instruction, in each way that there is.
fn one_by_one(module: &Module, at: usize) -> Edited {
    const WAYS: usize = 5;
    let &(f, block, inst) = instructions(module).get(at / WAYS)?;
    let mut edited = module.clone();
    Some(leave_out(&mut edited.funcs[f], block, inst, at % WAYS).then_some(edited))
}

/// An instruction without a value goes away; one with a value becomes an operand of the same type, or a constant.
fn leave_out(func: &mut Func, block: Block, inst: Value, way: usize) -> bool {
    let Some(ty) = func.node(inst).ty else {
        if way == 0 {
            func.block_mut(block).insts.retain(|&other| other != inst);
        }
        return way == 0;
    };
    if matches!(func.node(inst).op, Op::Const(_)) {
        // An operand is simplified elsewhere.
        let is_used = func.blocks.iter().any(|block| {
            let mut is_used = false;
            block.term.each_operand(|value| is_used |= value == inst);
            for &other in &block.insts {
                func.node(other).op.each_operand(|value| is_used |= value == inst);
            }
            is_used
        });
        if way == 0 && !is_used {
            func.block_mut(block).insts.retain(|&other| other != inst);
        }
        return way == 0 && !is_used;
    }
    let mut operands = Vec::new();
    func.node(inst).op.each_operand(|operand| operands.push(operand));
    operands.retain(|&operand| func.node(operand).ty == Some(ty));
    if let Some(&operand) = operands.get(way) {
        let mut with: Vec<Value> = (0..).map(Value).take(func.nodes.len()).collect();
        with[inst.0 as usize] = operand;
        func.replace_values(&mut with);
        func.block_mut(block).insts.retain(|&other| other != inst);
        return true;
    }
    let number = match way - operands.len() {
        _ if ty.is_ptr() => return false,
        0 => 0,
        1 => 1,
        _ => return false,
    };
    func.node_mut(inst).op = Op::Const(ty.canonical(number));
    true
}

/// Leaves out parameters of blocks; what used them uses what the first edge brings, or a constant.
fn params(module: &Module, at: usize) -> Edited {
    let places = module.funcs.iter().enumerate().flat_map(|(f, func)| {
        func.block_ids().skip(1).flat_map(move |block| {
            let count = func.block(block).params.len();
            (0..count).flat_map(move |param| [false, true].map(|zero| (f, block, param, zero)))
        })
    });
    let (f, block, param, zero) = nth(places, at)?;
    let mut edited = module.clone();
    let func = &mut edited.funcs[f];
    let value = func.block_mut(block).params.remove(param);
    let mut brought = None;
    for other in &mut func.blocks {
        other.term.each_edge_mut(|edge| {
            if edge.block == block {
                let arg = edge.args.remove(param);
                brought = brought.or(Some(arg));
            }
        });
    }
    let ty = func.node(value).ty.expect("a parameter has a type");
    if zero {
        if ty.is_ptr() {
            return Some(None);
        }
        func.node_mut(value).op = Op::Const(0);
        func.block_mut(block).insts.insert(0, value);
    } else {
        let Some(brought) = brought.filter(|&brought| brought != value) else { return Some(None) };
        let mut with: Vec<Value> = (0..).map(Value).take(func.nodes.len()).collect();
        with[value.0 as usize] = brought;
        func.replace_values(&mut with);
    }
    Some(Some(edited))
}

/// Makes constants and attributes simple.
fn constants(module: &Module, at: usize) -> Edited {
    const WAYS: usize = 4;
    let &(f, _, inst) = instructions(module).get(at / WAYS)?;
    let mut edited = module.clone();
    let node = edited.funcs[f].node_mut(inst);
    let changed = match (&mut node.op, at % WAYS) {
        (Op::Const(number), way @ 0..3) => {
            let simple = [0, 1, *number / 2][way];
            std::mem::replace(number, simple) != simple
        }
        (Op::Load { access, .. } | Op::Store { access, .. }, 0) => {
            std::mem::replace(&mut access.volatile, false)
        }
        (Op::Load { access, .. } | Op::Store { access, .. }, 1) => {
            let plain = skep_codegen::ir::Order::Plain;
            std::mem::replace(&mut access.order, plain) != plain
        }
        (Op::Load { offset, .. } | Op::Store { offset, .. }, 2) => std::mem::replace(offset, 0) != 0,
        (Op::PtrAdd { index, .. }, 0) => index.take().is_some(),
        _ => false,
    };
    Some(changed.then_some(edited))
}

/// Makes what is around the code simple: slots, variables, parameters that nobody uses.
fn modules(module: &Module, at: usize) -> Edited {
    let mut edited = module.clone();
    let mut at = at;
    for f in 0..edited.funcs.len() {
        match at {
            0 => {
                let func = &mut edited.funcs[f];
                let changed = std::mem::replace(&mut func.inline, Inline::Auto) != Inline::Auto;
                return Some(changed.then_some(edited));
            }
            _ => at -= 1,
        }
        let slots = edited.funcs[f].slots.len();
        if at < slots {
            let slot = &mut edited.funcs[f].slots[at];
            let smaller = if slot.size > 8 { slot.size / 2 } else { 1 };
            let changed = smaller < slot.size;
            slot.size = smaller;
            return Some(changed.then_some(edited));
        }
        at -= slots;
        let params = edited.funcs[f].sig.params.len();
        if at < params {
            return Some(without_param(&mut edited, f, at).then_some(edited));
        }
        at -= params;
    }
    let symbol = edited.symbols.get_mut(at)?;
    let SymbolKind::Global(global) = &mut symbol.kind else { return Some(None) };
    let words = |init: &[Init]| init.len();
    let changed = words(&global.init) > 0;
    global.init.pop();
    Some(changed.then_some(edited))
}

/// A parameter of a function that is not `main` becomes a constant.
fn without_param(module: &mut Module, f: usize, param: usize) -> bool {
    let symbol = module.funcs[f].symbol;
    let func = &mut module.funcs[f];
    let ty = func.sig.params[param];
    if module.symbols[symbol.0 as usize].name == "main" || ty.is_ptr() {
        return false;
    }
    func.sig.params.remove(param);
    let value = func.blocks[0].params.remove(param);
    func.node_mut(value).op = Op::Const(0);
    func.blocks[0].insts.insert(0, value);
    for func in &mut module.funcs {
        for node in &mut func.nodes {
            if let Op::Call { callee: Callee::Symbol(to), args } = &mut node.op
                && *to == symbol
                && param < args.len()
            {
                args.remove(param);
            }
        }
    }
    true
}

/// The same module without what is not reached or not used, and with numbers that follow each other.
#[must_use]
pub fn tidied(module: &Module) -> Module {
    let mut tidy = module.clone();
    for func in &mut tidy.funcs {
        // What is not reached first, so that it is nobody's predecessor; what blocks bring each other may then be unused.
        *func = compact(func);
        joined(func);
        *func = compact(func);
    }
    without_unused_symbols(&tidy)
}

/// Blocks that have one predecessor, which goes nowhere else, become a part of it.
fn joined(func: &mut Func) {
    loop {
        let mut preds: HashMap<Block, usize> = HashMap::new();
        for block in &func.blocks {
            block.term.each_edge(|edge| *preds.entry(edge.block).or_default() += 1);
        }
        let joint = func.block_ids().find_map(|block| match &func.block(block).term {
            Term::Jump(edge)
                if edge.block != block && edge.block != Func::ENTRY && preds[&edge.block] == 1 =>
            {
                Some((block, edge.clone()))
            }
            _ => None,
        });
        let Some((block, Edge { block: next, args })) = joint else { return };
        let term = std::mem::replace(&mut func.block_mut(next).term, Term::Unreachable);
        let insts = std::mem::take(&mut func.block_mut(next).insts);
        let params = std::mem::take(&mut func.block_mut(next).params);
        func.block_mut(block).insts.extend(insts);
        func.block_mut(block).term = term;
        let mut with: Vec<Value> = (0..).map(Value).take(func.nodes.len()).collect();
        for (param, arg) in params.into_iter().zip(args) {
            if param != arg {
                with[param.0 as usize] = arg;
            }
        }
        func.replace_values(&mut with);
    }
}

/// The blocks that control may come to.
fn reached(func: &Func) -> BTreeSet<Block> {
    let mut reached = BTreeSet::from([Func::ENTRY]);
    let mut todo = vec![Func::ENTRY];
    while let Some(block) = todo.pop() {
        func.block(block).term.each_edge(|edge| {
            if reached.insert(edge.block) {
                todo.push(edge.block);
            }
        });
    }
    reached
}

fn compact(func: &Func) -> Func {
    let reached = reached(func);
    // What is used.
    let mut used: BTreeSet<Value> = BTreeSet::new();
    let mut todo = Vec::new();
    for &block in &reached {
        let block = func.block(block);
        block.term.each_operand(|value| todo.push(value));
        todo.extend(block.insts.iter().filter(|&&inst| !func.node(inst).op.is_removable()));
    }
    while let Some(value) = todo.pop() {
        if used.insert(value) {
            func.node(value).op.each_operand(|operand| todo.push(operand));
        }
    }
    let mut new = Func::new(func.symbol, func.sig.clone(), func.loc);
    new.ty = func.ty;
    new.inline = func.inline;
    let mut blocks = HashMap::from([(Func::ENTRY, Func::ENTRY)]);
    let mut values: HashMap<Value, Value> = HashMap::new();
    for (&old, &param) in func.blocks[0].params.iter().zip(&new.blocks[0].params) {
        values.insert(old, param);
    }
    for &block in reached.iter().skip(1) {
        let id = new.new_block(func.block(block).loc);
        blocks.insert(block, id);
        for &param in &func.block(block).params {
            let node = func.node(param);
            values.insert(param, new.new_param(id, node.ty.expect("a parameter has a type"), node.loc));
        }
    }
    for &block in &reached {
        for &inst in func.block(block).insts.iter().filter(|inst| used.contains(inst)) {
            let node = func.node(inst);
            values.insert(inst, new.push(blocks[&block], node.op.clone(), node.ty, node.loc));
        }
    }
    // An edit may have left a value that is not made where it is used; then the function stays what it is.
    let mut is_whole = true;
    let mut renumber = |value: &mut Value| match values.get(value) {
        Some(&new) => *value = new,
        None => is_whole = false,
    };
    let mut slots = HashMap::new();
    for node in &mut new.nodes {
        node.op.each_operand_mut(&mut renumber);
        if let Op::Slot(slot) = &mut node.op {
            let next = slots.len();
            *slot = *slots
                .entry(*slot)
                .or_insert(skep_codegen::ir::Slot(u32::try_from(next).expect("few slots")));
        }
    }
    let mut kept: Vec<_> = slots.into_iter().map(|(old, new)| (new, old)).collect();
    kept.sort_unstable();
    new.slots = kept.into_iter().map(|(_, old)| func.slots[old.0 as usize].clone()).collect();
    for &block in &reached {
        let mut term = func.block(block).term.clone();
        term.each_operand_mut(&mut renumber);
        term.each_edge_mut(|edge| edge.block = blocks[&edge.block]);
        let to = new.block_mut(blocks[&block]);
        to.term = term;
        to.loc = func.block(block).loc;
    }
    if is_whole { new } else { func.clone() }
}

fn without_unused_symbols(module: &Module) -> Module {
    let mut used = BTreeSet::new();
    let mut todo: Vec<SymbolId> = module.find("main").into_iter().collect();
    while let Some(symbol) = todo.pop() {
        if !used.insert(symbol) {
            continue;
        }
        match &module.symbol(symbol).kind {
            SymbolKind::Func(func) => {
                for node in &module.funcs[*func as usize].nodes {
                    todo.extend(symbol_of(&mut node.op.clone()).copied());
                }
            }
            SymbolKind::Global(global) => {
                todo.extend(global.init.iter().filter_map(|init| match init {
                    Init::Address { symbol, .. } => Some(*symbol),
                    _ => None,
                }));
            }
            SymbolKind::Map(_) | SymbolKind::Extern(_) => {}
        }
    }
    let mut new = Module::new(module.name.clone());
    new.license.clone_from(&module.license);
    new.types = module.types.clone();
    new.core.clone_from(&module.core);
    new.files.clone_from(&module.files);
    new.places.clone_from(&module.places);
    let ids: HashMap<SymbolId, SymbolId> =
        used.iter().map(|&id| (id, new.add_symbol(module.symbol(id).clone()))).collect();
    for func in &module.funcs {
        let Some(&symbol) = ids.get(&func.symbol) else { continue };
        let mut func = func.clone();
        func.symbol = symbol;
        for node in &mut func.nodes {
            if let Some(symbol) = symbol_of(&mut node.op) {
                *symbol = ids.get(symbol).copied().unwrap_or(*symbol);
            }
        }
        new.add_func(func);
    }
    for symbol in &mut new.symbols {
        if let SymbolKind::Global(global) = &mut symbol.kind {
            for init in &mut global.init {
                if let Init::Address { symbol, .. } = init {
                    *symbol = ids.get(symbol).copied().unwrap_or(*symbol);
                }
            }
        }
    }
    new
}

fn symbol_of(op: &mut Op) -> Option<&mut SymbolId> {
    match op {
        Op::Symbol(symbol) | Op::Call { callee: Callee::Symbol(symbol), .. } => Some(symbol),
        _ => None,
    }
}
