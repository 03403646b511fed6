//! Which functions of an image run in user space, and in which order.

use skep_object::Image;
use skep_object::image::{self, FuncId};
use skep_object::section;

/// The functions of a user-space program, in the order they run: those of section `BEGIN`, the main one, those of `END`.
///
/// ```
/// use skep::{Checked, Engine, Hosts, Program, Select};
///
/// let object = skep::assemble("count.s", "
///         .globl main
/// main:   r1 = count ll
///         r0 = *(u64 *)(r1 + 0)
///         exit
///         .section BEGIN
/// begin:  r1 = count ll
///         *(u64 *)(r1 + 0) = 5
///         exit
///         .bss
/// count:  .zero 8
/// ")?;
/// let image = skep::link(&object)?;
/// let program = Program::find(&image, &Select::new())?;
/// let engine: Engine<Checked> = Engine::checked(Hosts::new());
/// let unit = engine.add(&image)?;
/// for id in program.begin.iter().chain(&program.main) {
///     let result = unit.func_by_id(*id).call(&[])?;
///     assert!(program.main != Some(*id) || result == 5);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The functions of section `BEGIN`, in layout order.
    pub begin: Vec<FuncId>,
    /// The main function, unless the program has only `BEGIN` and `END`.
    pub main: Option<FuncId>,
    /// The functions of section `END`, in layout order.
    pub end: Vec<FuncId>,
}

/// How to find the functions of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Select {
    entry: Option<String>,
    kernel_sections: bool,
}

/// Why no function was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// The function named is not there.
    #[error("no function '{name}'; there are: {}", .functions.join(", "))]
    NoSuch {
        /// The name.
        name: String,
        /// All functions.
        functions: Vec<String>,
    },
    /// Several functions may be the main one.
    #[error("which function is the main one? name it 'main', or choose an entry among: {}", .candidates.join(", "))]
    Ambiguous {
        /// Their names.
        candidates: Vec<String>,
    },
    /// The program is one for the kernel.
    #[error(
        "function '{func}' in section '{section}' is a program for the kernel; load it there, choose to run it in user \
         space, or choose another entry"
    )]
    Kernel {
        /// The function.
        func: String,
        /// Its section.
        section: String,
    },
    /// There is nothing to run.
    #[error("the program has no function")]
    Empty,
}

impl Select {
    /// The function `main`, or the only one that is neither in `BEGIN` or `END` nor called by another.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs this function as the main one.
    #[must_use]
    pub fn entry(mut self, name: impl Into<String>) -> Self {
        self.entry = Some(name.into());
        self
    }

    /// Runs functions in sections of kernel programs (`xdp`, `tracepoint/…`) in user space, too.
    #[must_use]
    pub fn kernel_sections_in_user_space(mut self) -> Self {
        self.kernel_sections = true;
        self
    }
}

impl Program {
    /// Finds the functions of a program.
    ///
    /// # Errors
    /// If the entry named does not exist, several functions may be the main one, or one is for the kernel.
    pub fn find(image: &Image, select: &Select) -> Result<Program, SelectError> {
        let in_section = |name| image.funcs_in(name).map(|(id, _)| id).collect::<Vec<_>>();
        let (begin, end) = (in_section("BEGIN"), in_section("END"));
        let main = main_of(image, select, begin.is_empty() && end.is_empty())?;
        let kernel = main.map(|id| image.func(id)).filter(|func| !select.kernel_sections && is_kernel(func));
        match kernel {
            Some(func) => Err(SelectError::Kernel { func: func.name.clone(), section: func.section.clone() }),
            None => Ok(Program { begin, main, end }),
        }
    }

    /// All its functions, in the order they run.
    pub fn funcs(&self) -> impl Iterator<Item = FuncId> {
        self.begin.iter().chain(&self.main).chain(&self.end).copied()
    }
}

fn is_kernel(func: &image::Func) -> bool {
    section::is_kernel_section(&func.section)
}

fn main_of(image: &Image, select: &Select, required: bool) -> Result<Option<FuncId>, SelectError> {
    let all = || (0..).map(FuncId).zip(&image.funcs);
    if let Some(name) = &select.entry {
        let functions = || image.funcs.iter().map(|func| func.name.clone()).collect();
        let found = image.func_by_name(name).map(|(id, _)| id);
        return found
            .map(Some)
            .ok_or_else(|| SelectError::NoSuch { name: name.clone(), functions: functions() });
    }
    if let Some((id, _)) = image.func_by_name("main").filter(|(_, func)| !is_begin_or_end(func)) {
        return Ok(Some(id));
    }
    let called = called(image);
    // Programs come before the functions of `.text`, which they may call by ways that are not seen here.
    let roots: Vec<FuncId> = all()
        .filter(|(id, func)| !is_begin_or_end(func) && !called[id.0 as usize])
        .map(|(id, _)| id)
        .collect();
    let programs: Vec<FuncId> =
        roots.iter().copied().filter(|&id| image.func(id).section != ".text").collect();
    let candidates = if programs.is_empty() { roots } else { programs };
    match candidates[..] {
        [] if required => Err(SelectError::Empty),
        [] => Ok(None),
        [id] => Ok(Some(id)),
        // Beside BEGIN or END, what else there is in `.text` may be there for a host to call.
        _ if !required && candidates.iter().all(|&id| image.func(id).section == ".text") => Ok(None),
        // Whichever is meant, it cannot run here: the caller says so.
        [first, ..] if !select.kernel_sections && candidates.iter().all(|&id| is_kernel(image.func(id))) => {
            Ok(Some(first))
        }
        _ => {
            let candidates = candidates.iter().map(|&id| image.func(id).name.clone()).collect();
            Err(SelectError::Ambiguous { candidates })
        }
    }
}

fn is_begin_or_end(func: &image::Func) -> bool {
    matches!(&*func.section, "BEGIN" | "END")
}

/// Which functions another one refers to.
fn called(image: &Image) -> Vec<bool> {
    let mut called = vec![false; image.funcs.len()];
    let from_code = image.funcs.iter().zip(0..).flat_map(|(func, index)| {
        func.refs.iter().map(|r| r.target).filter(move |target| *target != image::Target::Func(FuncId(index)))
    });
    let from_data = image.data.iter().flat_map(|data| data.refs.iter().map(|r| r.target));
    for target in from_code.chain(from_data) {
        if let image::Target::Func(func) = target {
            called[func.0 as usize] = true;
        }
    }
    called
}

#[cfg(test)]
mod tests {
    use super::{Program, Select, SelectError};

    #[test]
    fn programs_for_the_kernel_are_called_that_also_when_there_are_several() {
        let text = "
        .section BEGIN
begin:  exit
        .section xdp
one:    exit
        .section \"kprobe/do_exit\"
two:    exit
";
        let image = crate::link(&crate::assemble("t.s", text).unwrap()).unwrap();
        let refused = Program::find(&image, &Select::new()).unwrap_err();
        assert!(matches!(refused, SelectError::Kernel { .. }), "{refused}");
        let user = Select::new().kernel_sections_in_user_space();
        let ambiguous = Program::find(&image, &user).unwrap_err();
        assert_eq!(ambiguous, SelectError::Ambiguous { candidates: vec!["one".into(), "two".into()] });
        assert_eq!(Program::find(&image, &user.entry("two")).unwrap().funcs().count(), 2);
    }
}
