//! What programs import by name: functions and variables of the host, and numeric helpers of its own.
//!
//! A name is looked up first among what the host registered, then, if that is allowed and the program is not checked,
//! in the process, as the dynamic linker would.
#![expect(unsafe_code, reason = "hosts vouch for the addresses they register")]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use skep_btf::{Btf, Kind};
use skep_object::image::{Import, ImportKind};
use skep_object::nearest::nearest;

use crate::cx::Cx;
use crate::error::TrapKind;
use crate::helpers;
use crate::memory::{Region, RegionName};

pub use error::HostError;
pub use signature::{Extent, MAX_PARAMS, Param, Signature, SignatureError, Value};

pub(crate) use function::HostFn;

use error::Reason;
use function::Target;

mod btf;
mod check;
mod error;
mod function;
mod libc_table;
mod process;
mod prototype;
mod signature;
mod strings;

/// The first number that a host may give to a helper of its own.
pub const FIRST_USER_HELPER: i32 = skep_insn::helper::FIRST_USER;

/// What the host offers to programs. Cheap to clone.
///
/// ```
/// use skep_vm::host::{Hosts, Signature};
/// let (name, signature) = Signature::parse("int add(int a, int b)").unwrap();
/// let hosts = Hosts::new().closure(name, signature, |_cx, args| Ok(args[0].wrapping_add(args[1]))).process();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    names: Arc<BTreeMap<String, Entry>>,
    helpers: Arc<BTreeMap<i32, HostFn>>,
    process: bool,
}

/// What a registered name means.
#[derive(Clone, Debug)]
enum Entry {
    Func(HostFn),
    Variable { address: u64, size: u64, writable: bool },
}

/// What an import has become.
#[derive(Clone, Debug)]
pub(crate) enum Resolved {
    Func(HostFn),
    Address(u64),
    /// Nothing defines it, and it need not be defined.
    Weak,
}

impl Hosts {
    /// Nothing at all.
    #[must_use]
    pub fn new() -> Hosts {
        Hosts::default()
    }

    /// Offers a C function. A later registration of the same name replaces an earlier one.
    ///
    /// What a checked program passes is checked before the call and not copied: a program whose threads change memory
    /// that another one has passed can still mislead the function.
    ///
    /// # Safety
    /// `address` must be that of a function of the C calling convention which `signature` describes truly, down to the
    /// lengths of pointers; it must be callable from every thread that runs programs, as long as programs run.
    #[must_use]
    pub unsafe fn function(self, name: &str, signature: Signature, address: *const ()) -> Hosts {
        let target = Target::C(address.expose_provenance());
        self.with(name, Entry::Func(HostFn::new(name, target, Some(signature))))
    }

    /// Offers a Rust closure. It sees the program that calls it.
    ///
    /// The arguments are extended and, for checked programs, checked as the signature says; with [`Signature::RAW`]
    /// they are passed as they are. It may be called from all threads that run programs, also at once.
    #[must_use]
    pub fn closure<F>(self, name: &str, signature: Signature, function: F) -> Hosts
    where
        F: Fn(&mut Cx<'_>, [u64; 5]) -> Result<u64, TrapKind> + Send + Sync + 'static,
    {
        let target = Target::Closure(Arc::new(function));
        self.with(name, Entry::Func(HostFn::new(name, target, Some(signature))))
    }

    /// Offers a variable of `size` bytes. Checked programs may touch nothing else behind its address.
    ///
    /// # Safety
    /// `address` must be that of `size` bytes which stay valid as long as programs run, and which the host shares with
    /// them as C shares memory between threads; writable ones only if `writable`.
    #[must_use]
    pub unsafe fn variable(self, name: &str, address: *mut (), size: u64, writable: bool) -> Hosts {
        let address = address.expose_provenance() as u64;
        self.with(name, Entry::Variable { address, size, writable })
    }

    /// Offers a function of the C library under the prototype that skep knows, so that checked programs may call it.
    ///
    /// What it does with memory is checked. What else it does to the process is up to whoever offers it: files,
    /// signals, memory that it allocates, time that it takes.
    ///
    /// # Errors
    /// If skep knows no prototype of that name, or one that cannot be checked, as that of `printf`; if it is a function
    /// that is wrong in a process with other threads, as `setenv` is.
    pub fn libc(self, name: &str) -> Result<Hosts, HostError> {
        let Some(signature) = libc_table::signature(name) else {
            return Err(
                HostError::new(name, Reason::NoPrototype).nearest(nearest(name, libc_table::functions()))
            );
        };
        if signature.is_variadic() {
            return Err(HostError::new(name, Reason::Variadic));
        }
        if ["setenv", "unsetenv", "putenv", "fork"].contains(&name) {
            return Err(HostError::new(name, Reason::NotForThreads));
        }
        let Some(address) = process::find(name) else {
            return Err(HostError::new(name, Reason::NotInProcess));
        };
        Ok(self.with(name, Entry::Func(HostFn::new(name, Target::C(address), Some(signature)))))
    }

    /// Offers a helper of this number, from [`FIRST_USER_HELPER`] on.
    ///
    /// # Errors
    /// If the number is below, or taken: by skep itself or by another helper of the host.
    pub fn helper<F>(mut self, id: i32, name: &str, function: F) -> Result<Hosts, HostError>
    where
        F: Fn(&mut Cx<'_>, [u64; 5]) -> Result<u64, TrapKind> + Send + Sync + 'static,
    {
        if id < FIRST_USER_HELPER {
            return Err(HostError::new(name, Reason::KernelHelper { id }));
        }
        let taken = helpers::find(id).map(|entry| entry.name.to_owned());
        let taken = taken.or_else(|| self.helpers.get(&id).map(|helper| helper.name().to_owned()));
        if let Some(by) = taken {
            return Err(HostError::new(name, Reason::TakenHelper { id, by }));
        }
        let function = HostFn::new(name, Target::Closure(Arc::new(function)), None);
        Arc::make_mut(&mut self.helpers).insert(id, function);
        Ok(self)
    }

    /// Lets trusted programs use what the process has by name: the C library, and what else it is linked with.
    ///
    /// Checked programs never do: they may call registered functions only.
    #[must_use]
    pub fn process(mut self) -> Hosts {
        self.process = true;
        self
    }

    fn with(mut self, name: &str, entry: Entry) -> Hosts {
        Arc::make_mut(&mut self.names).insert(name.to_owned(), entry);
        self
    }

    /// The helper that the host registered under this number.
    pub(crate) fn helper_by_id(&self, id: i32) -> Option<&HostFn> {
        self.helpers.get(&id)
    }

    /// The memory of a registered variable, which a checked program that imports it may touch.
    pub(crate) fn region(&self, name: &str) -> Option<Region> {
        match *self.names.get(name)? {
            Entry::Variable { address, size, writable } => {
                let name = RegionName::Granted(name.to_owned().into());
                Some(Region { start: address, end: address.saturating_add(size), writable, name })
            }
            Entry::Func(_) => None,
        }
    }

    /// What `import` means for a program whose types are in `btf`.
    pub(crate) fn resolve(
        &self,
        import: &Import,
        btf: Option<&Btf>,
        checked: bool,
    ) -> Result<Resolved, HostError> {
        let name = &import.name;
        let fail = |reason| Err(HostError::new(name, reason));
        match self.names.get(name) {
            Some(Entry::Func(function)) => {
                if checked && function.is_variadic() {
                    return fail(Reason::Variadic);
                }
                if import.kind == ImportKind::Address && function.address().is_none() {
                    return fail(Reason::ClosureAddress);
                }
                return Ok(Resolved::Func(function.clone().in_mode(checked)));
            }
            Some(Entry::Variable { .. }) if import.kind == ImportKind::Func => {
                return fail(Reason::CalledVariable);
            }
            Some(Entry::Variable { address, .. }) => return Ok(Resolved::Address(*address)),
            None => {}
        }
        match process::find(name) {
            Some(address) if self.process && !checked => self.resolve_in_process(import, btf, address),
            _ if import.weak => Ok(Resolved::Weak),
            found => {
                let reason = match (checked, found) {
                    (true, Some(_)) => Reason::UncheckedLookup,
                    (true, None) => Reason::NotRegistered,
                    (false, Some(_)) => Reason::LookupOff,
                    (false, None) => Reason::Missing,
                };
                Err(HostError::new(name, reason).nearest(self.nearest(name, checked)))
            }
        }
    }

    fn resolve_in_process(
        &self,
        import: &Import,
        btf: Option<&Btf>,
        address: usize,
    ) -> Result<Resolved, HostError> {
        let typed = import.ty.zip(btf).filter(|(ty, btf)| btf.kind(*ty) == Some(Kind::Func));
        let declared = match typed {
            Some((ty, btf)) => btf::signature(btf, ty)
                .map_err(|reason| HostError::new(&import.name, Reason::Prototype(reason)))?,
            None => None,
        };
        let signature = declared.or_else(|| libc_table::signature(&import.name));
        if import.kind == ImportKind::Address && typed.is_none() && signature.is_none() {
            return Ok(Resolved::Address(address as u64));
        }
        Ok(Resolved::Func(HostFn::new(&import.name, Target::C(address), signature)))
    }

    /// Names like this one that would be found.
    fn nearest(&self, name: &str, checked: bool) -> Vec<String> {
        let registered = self.names.keys().map(String::as_str);
        if self.process && !checked {
            let library = libc_table::names().map(|name: &str| name);
            nearest(name, registered.chain(library))
        } else {
            nearest(name, registered)
        }
    }
}

impl fmt::Debug for function::Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::C(address) => write!(f, "C({address:#x})"),
            Target::Closure(_) => f.write_str("Closure"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FIRST_USER_HELPER, Hosts, Import, ImportKind, Resolved, Signature};

    fn import(name: &str, kind: ImportKind) -> Import {
        Import { name: name.to_owned(), kind, weak: false, ty: None }
    }

    fn refused(hosts: &Hosts, import: &Import, checked: bool) -> String {
        hosts.resolve(import, None, checked).unwrap_err().with_sites(vec!["main+0x8".to_owned()]).to_string()
    }

    #[test]
    fn the_process_is_asked_only_where_allowed() {
        let puts = import("puts", ImportKind::Func);
        let found = Hosts::new().process().resolve(&puts, None, false);
        assert!(matches!(found, Ok(Resolved::Func(function)) if function.address().is_some()));
        let stderr = Hosts::new().process().resolve(&import("stderr", ImportKind::Address), None, false);
        assert!(matches!(stderr, Ok(Resolved::Address(address)) if address != 0));
        assert_eq!(
            refused(&Hosts::new(), &puts, false),
            "undefined symbol 'puts', used at main+0x8: the process has it, but lookup there is off; register it, or \
             allow the lookup"
        );
        assert_eq!(
            refused(&Hosts::new().process(), &puts, true),
            "undefined symbol 'puts', used at main+0x8: a checked program may use registered names only; register it \
             with a signature"
        );
    }

    #[test]
    fn missing_names_come_with_their_neighbours() {
        let hosts = Hosts::new().process().closure("print_tree", Signature::RAW, |_, _| Ok(0));
        assert_eq!(
            refused(&hosts, &import("prinft", ImportKind::Func), false),
            "undefined symbol 'prinft', used at main+0x8: neither the program, nor the host, nor a library of this \
             process defines it; did you mean 'printf', 'dprintf' or 'fprintf'?"
        );
        assert!(
            refused(&hosts, &import("print_three", ImportKind::Func), true)
                .contains("did you mean 'print_tree'?")
        );
        assert!(!refused(&hosts, &import("qqqqqqqqqqqq", ImportKind::Func), false).contains("mean"));
        let weak = Import { weak: true, ..import("prinft", ImportKind::Func) };
        assert!(matches!(hosts.resolve(&weak, None, false), Ok(Resolved::Weak)));
    }

    #[test]
    fn names_are_used_as_what_they_are() {
        let mut word = 7_u32;
        // SAFETY: nothing runs.
        let hosts = unsafe { Hosts::new().variable("word", (&raw mut word).cast(), 4, true) };
        let hosts = hosts.closure("f", Signature::RAW, |_, _| Ok(0));
        assert!(refused(&hosts, &import("word", ImportKind::Func), true).contains("is a variable"));
        assert!(refused(&hosts, &import("f", ImportKind::Address), true).contains("has no address"));
        let found = hosts.resolve(&import("word", ImportKind::Address), None, true);
        assert!(matches!(found, Ok(Resolved::Address(address)) if address == (&raw mut word).addr() as u64));
        let region = hosts.region("word").unwrap();
        assert_eq!((region.end - region.start, region.writable), (4, true));
        assert_eq!(hosts.region("f"), None);
    }

    #[test]
    fn helper_numbers_do_not_collide() {
        let check = |hosts: Hosts, id, expected: &str| {
            let error = hosts.helper(id, "mine", |_, _| Ok(0)).unwrap_err().to_string();
            assert_eq!(error, expected);
        };
        check(
            Hosts::new(),
            1,
            "cannot register helper 'mine': numbers below 10000 are the kernel's, 1 too; take one from 10000 on",
        );
        check(
            Hosts::new(),
            FIRST_USER_HELPER,
            "cannot register helper 'mine': its number 10000 is taken by 'print'; take another",
        );
        let hosts = Hosts::new().helper(20_000, "first", |_, _| Ok(0)).unwrap();
        assert!(hosts.helper_by_id(20_000).is_some());
        check(
            hosts,
            20_000,
            "cannot register helper 'mine': its number 20000 is taken by 'first'; take another",
        );
    }

    #[test]
    fn library_functions_are_offered_with_their_prototypes() {
        let hosts = Hosts::new().libc("strlen").unwrap();
        let strlen = hosts.resolve(&import("strlen", ImportKind::Func), None, true);
        assert!(matches!(strlen, Ok(Resolved::Func(_))));
        for (name, expected) in [
            ("printf", "any number of arguments"),
            ("setenv", "with other threads"),
            ("strlne", "did you mean 'strlen' or 'strnlen'?"),
        ] {
            let error = Hosts::new().libc(name).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
