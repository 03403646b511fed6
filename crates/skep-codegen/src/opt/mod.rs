//! The optimizer: passes over one function each, and the order in which a level runs them.
//!
//! # What the verifier needs, and every pass keeps
//!
//! 1. A [`Op::PtrAdd`](crate::ir::Op::PtrAdd) with a variable index never moves above a branch, and is not
//!    reassociated: `(p + i) + 4` and `p + (i + 4)` stay what they are, unless the kernel knows as well that `i` is small,
//!    and nothing else looks at the sum. Constant offsets fold freely.
//! 2. A value that a compare narrows and that is used behind it stays one value for both: the kernel knows bounds of
//!    registers, not of expressions. So operands of a compare are rewritten only if the compare is their only user.
//! 3. A compare that decides a branch stays in the branch, and `a && b` is two branches.
//! 4. No pass makes a division into a multiplication, or introduces an operation that BPF lacks.
//! 5. [`Op::Pin`](crate::ir::Op::Pin), volatile accesses, markers and assembly stay where and what they are.
//!
//! To add a pass: a file, a row in [`PASSES`], its place in a pipeline, and cases in `tests/cases/opt`.

mod alias;
mod dce;
mod decide;
mod eval;
mod flow;
mod fold;
mod gvn;
mod inline;
mod join;
mod known;
mod licm;
mod likely;
mod loops;
mod params;
mod promote;
mod repair;
mod share;
mod stores;
mod unroll;

use crate::ir::{BlockData, Func, Inline, Loc, Module, Signature, SymbolId, Term, Value, text, validate};
use crate::{Opt, Options};

/// What passes know besides the function.
pub(crate) struct Context<'a> {
    /// The module, without the body of the function that is being changed.
    pub(crate) module: &'a Module,
    /// How to compile.
    pub(crate) options: &'a Options,
}

/// A pass over a function.
pub(crate) struct Pass {
    /// Its name, for `--print-after`.
    pub(crate) name: &'static str,
    /// Runs it; tells whether it changed something.
    pub(crate) run: fn(&mut Func, &Context) -> bool,
}

/// All passes.
pub(crate) const PASSES: &[Pass] = &[
    Pass { name: "promote", run: promote::run },
    Pass { name: "params", run: params::run },
    Pass { name: "fold", run: fold::run },
    Pass { name: "flow", run: flow::run },
    Pass { name: "decide", run: decide::run },
    Pass { name: "unroll", run: unroll::run },
    Pass { name: "gvn", run: gvn::run },
    Pass { name: "licm", run: licm::run },
    Pass { name: "stores", run: stores::run },
    Pass { name: "dce", run: dce::run },
    Pass { name: "share", run: share::run },
    Pass { name: "join", run: join::run },
    Pass { name: "likely", run: likely::run },
];

/// Passes that run one after the other.
struct Round {
    passes: &'static [&'static str],
    /// If the first one finds nothing to do, the others are left out.
    depends: bool,
}

/// The passes of a level, which run over each function when its callees are inlined.
const fn pipeline(opt: Opt) -> &'static [Round] {
    match opt {
        Opt::O0 => &[],
        Opt::O1 => &[Round { passes: &["promote", "params", "fold", "flow", "gvn", "dce"], depends: false }],
        Opt::O2 | Opt::Os => &[
            Round {
                passes: &["promote", "params", "fold", "flow", "gvn", "fold", "flow", "params"],
                depends: false,
            },
            // What was decided may decide more.
            Round { passes: &["decide", "params", "fold", "flow"], depends: true },
            Round { passes: &["decide", "params", "fold", "flow"], depends: true },
            // The innermost loops, then those around them.
            Round { passes: &["unroll", "params", "fold", "flow", "gvn", "params"], depends: true },
            Round { passes: &["unroll", "params", "fold", "flow", "gvn", "params"], depends: true },
            // Addresses that have become constants, copies of what was filled: more slots can be values.
            Round {
                passes: &["promote", "params", "fold", "flow", "gvn", "fold", "flow", "params"],
                depends: true,
            },
            Round { passes: &["licm", "stores", "dce", "share"], depends: false },
            Round { passes: &["join", "dce"], depends: true },
            Round { passes: &["likely"], depends: false },
        ],
    }
}

/// Looks on: is called with the name of each pass that has run, and the function it ran over.
pub(crate) type Observer<'a> = &'a mut (dyn FnMut(&'static str, &Module, u32) + 'a);

/// Runs the passes of the level.
pub(crate) fn run(module: &mut Module, options: &Options) {
    run_observed(module, options, &mut |_, _, _| {});
}

/// Runs the passes of the level, observed.
pub(crate) fn run_observed(module: &mut Module, options: &Options, observer: Observer) {
    let rounds = pipeline(options.opt);
    inline::run(module, options, observer, |module, func, observer| {
        run_rounds(module, func, options, rounds, observer);
        module.funcs[func].drop_dead_nodes();
    });
    if options.opt != Opt::O0 {
        inline::remove_unused(module);
    }
}

/// The pass of this name.
pub(crate) fn pass(name: &str) -> Option<&'static Pass> {
    PASSES.iter().find(|pass| pass.name == name)
}

fn run_rounds(module: &mut Module, func: usize, options: &Options, rounds: &[Round], observer: Observer) {
    for round in rounds {
        for (at, name) in round.passes.iter().enumerate() {
            let pass = pass(name).expect("pipelines name passes");
            let changed = run_pass(pass, module, func, options);
            observer(pass.name, module, u32::try_from(func).expect("fewer than 2^32 functions"));
            if at == 0 && round.depends && !changed {
                break;
            }
        }
    }
}

/// Runs a pass over all functions, or all passes of a level (`O2`). `false` if nothing has this name.
pub(crate) fn run_named(module: &mut Module, name: &str, options: &Options) -> bool {
    let level = [("O0", Opt::O0), ("O1", Opt::O1), ("O2", Opt::O2), ("Os", Opt::Os)];
    if let Some((_, level)) = level.into_iter().find(|(level, _)| *level == name) {
        run(module, &options.clone().opt(level));
        return true;
    }
    if name == "inline" {
        inline::run(module, options, &mut |_, _, _| {}, |_, _, _| {});
        inline::remove_unused(module);
        return true;
    }
    let Some(pass) = pass(name) else { return false };
    for func in 0..module.funcs.len() {
        run_pass(pass, module, func, options);
    }
    true
}

/// Runs one pass over one function.
fn run_pass(pass: &Pass, module: &mut Module, func: usize, options: &Options) -> bool {
    let mut body = std::mem::replace(&mut module.funcs[func], absent());
    let changed = (pass.run)(&mut body, &Context { module, options });
    module.funcs[func] = body;
    if options.validate {
        let func = &module.funcs[func];
        if let Err(diags) = validate::func(module, func) {
            panic!("after {}: {diags}\n{}", pass.name, text::func(module, func));
        }
    }
    changed
}

/// What stands for a function while its body is being changed.
fn absent() -> Func {
    Func {
        symbol: SymbolId(0),
        sig: Signature::default(),
        ty: None,
        inline: Inline::Never,
        slots: Vec::new(),
        blocks: Vec::new(),
        nodes: Vec::new(),
        loc: Loc::UNKNOWN,
    }
}

/// What stands for a block while it is being changed.
fn no_block() -> BlockData {
    BlockData { params: Vec::new(), insts: Vec::new(), term: Term::Open, loc: Loc::UNKNOWN }
}

/// How often each value is used.
pub(crate) fn count_uses(func: &Func) -> Vec<u32> {
    let mut uses = vec![0; func.nodes.len()];
    for block in &func.blocks {
        for &inst in &block.insts {
            func.node(inst).op.each_operand(|v| uses[v.0 as usize] += 1);
        }
        block.term.each_operand(|v| uses[v.0 as usize] += 1);
    }
    uses
}

/// Each value standing for itself: what [`Func::replace_values`] begins with.
pub(crate) fn identity(func: &Func) -> Vec<Value> {
    (0..func.nodes.len()).map(|at| Value(u32::try_from(at).expect("fewer than 2^32 values"))).collect()
}
