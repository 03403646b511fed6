//! Register allocation, by regalloc2.

use regalloc2::checker::Checker;
use regalloc2::{Algorithm, Ctx, MachineEnv, Output, PRegSet, RegallocOptions};
use skep_insn::Reg;

use super::machine::{View, preg};

/// What is kept between functions.
pub(super) struct Allocator {
    env: MachineEnv,
    ctx: Ctx,
}

impl Allocator {
    pub(super) fn new() -> Allocator {
        let set = |regs: &[Reg]| regs.iter().map(|reg| preg(*reg)).collect::<PRegSet>();
        let none = PRegSet::empty();
        // Calls keep r6 to r9, which are for what lives across them.
        let env = MachineEnv {
            preferred_regs_by_class: [set(&Reg::ALL[..6]), none, none],
            non_preferred_regs_by_class: [set(&Reg::ALL[6..10]), none, none],
            scratch_by_class: [None; 3],
            fixed_stack_slots: Vec::new(),
        };
        Allocator { env, ctx: Ctx::default() }
    }

    /// Places for all values.
    ///
    /// # Errors
    /// Why there are none.
    pub(super) fn run(&mut self, program: View<'_>, validate: bool) -> Result<&Output, String> {
        let options =
            RegallocOptions { verbose_log: false, validate_ssa: validate, algorithm: Algorithm::Ion };
        regalloc2::run_with_ctx(&program, &self.env, &options, &mut self.ctx)
            .map_err(|err| err.to_string())?;
        if validate {
            let mut checker = Checker::new(&program, &self.env);
            checker.prepare(&self.ctx.output);
            checker.run().map_err(|errors| format!("{errors:?}"))?;
        }
        Ok(&self.ctx.output)
    }
}
