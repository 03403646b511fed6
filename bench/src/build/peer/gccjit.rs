//! libgccjit, in process as far as it is: the same workloads as code of this machine, since it has no other target.
#![expect(unsafe_code, reason = "calls a C library that is opened at run time")]

use std::error::Error;
use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr::null_mut;

use super::Peer;
use crate::build::workload::{ENTRY, Emit, Op, Unit, Workload};
use crate::dl::{Library, functions};

/// How much is optimized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    O0,
    O2,
}

enum Context {}
enum Location {}
enum Type {}
enum Param {}
enum Function {}
enum Block {}
enum Lvalue {}
enum Rvalue {}
enum Compiled {}

functions! {
    struct Api {
        fn gcc_jit_context_acquire() -> *mut Context;
        fn gcc_jit_context_release(*mut Context);
        fn gcc_jit_context_set_int_option(*mut Context, c_int, c_int);
        fn gcc_jit_context_get_first_error(*mut Context) -> *const c_char;
        fn gcc_jit_context_get_type(*mut Context, c_int) -> *mut Type;
        fn gcc_jit_context_new_param(*mut Context, *mut Location, *mut Type, *const c_char) -> *mut Param;
        fn gcc_jit_param_as_rvalue(*mut Param) -> *mut Rvalue;
        fn gcc_jit_context_new_function(*mut Context, *mut Location, c_int, *mut Type, *const c_char, c_int, *mut *mut Param, c_int) -> *mut Function;
        fn gcc_jit_function_new_local(*mut Function, *mut Location, *mut Type, *const c_char) -> *mut Lvalue;
        fn gcc_jit_function_new_block(*mut Function, *const c_char) -> *mut Block;
        fn gcc_jit_lvalue_as_rvalue(*mut Lvalue) -> *mut Rvalue;
        fn gcc_jit_lvalue_get_address(*mut Lvalue, *mut Location) -> *mut Rvalue;
        fn gcc_jit_context_new_rvalue_from_long(*mut Context, *mut Type, c_long) -> *mut Rvalue;
        fn gcc_jit_context_new_rvalue_from_ptr(*mut Context, *mut Type, *mut c_void) -> *mut Rvalue;
        fn gcc_jit_context_new_binary_op(*mut Context, *mut Location, c_int, *mut Type, *mut Rvalue, *mut Rvalue) -> *mut Rvalue;
        fn gcc_jit_context_new_comparison(*mut Context, *mut Location, c_int, *mut Rvalue, *mut Rvalue) -> *mut Rvalue;
        fn gcc_jit_context_new_cast(*mut Context, *mut Location, *mut Rvalue, *mut Type) -> *mut Rvalue;
        fn gcc_jit_context_new_function_ptr_type(*mut Context, *mut Location, *mut Type, c_int, *mut *mut Type, c_int) -> *mut Type;
        fn gcc_jit_context_new_call_through_ptr(*mut Context, *mut Location, *mut Rvalue, c_int, *mut *mut Rvalue) -> *mut Rvalue;
        fn gcc_jit_block_add_eval(*mut Block, *mut Location, *mut Rvalue);
        fn gcc_jit_block_add_assignment(*mut Block, *mut Location, *mut Lvalue, *mut Rvalue);
        fn gcc_jit_block_end_with_conditional(*mut Block, *mut Location, *mut Rvalue, *mut Block, *mut Block);
        fn gcc_jit_block_end_with_jump(*mut Block, *mut Location, *mut Block);
        fn gcc_jit_block_end_with_return(*mut Block, *mut Location, *mut Rvalue);
        fn gcc_jit_context_compile(*mut Context) -> *mut Compiled;
        fn gcc_jit_context_compile_to_file(*mut Context, c_int, *const c_char);
        fn gcc_jit_result_get_code(*mut Compiled, *const c_char) -> *mut c_void;
        fn gcc_jit_result_release(*mut Compiled);
    }
}

struct GccJit {
    api: Api,
    level: Level,
    output: PathBuf,
}

/// Opens the library.
///
/// # Errors
/// It is not installed.
pub(crate) fn open(level: Level) -> Result<Box<dyn Peer>, String> {
    let library = Library::open(&["libgccjit.so.0"])?;
    // SAFETY: declared as in libgccjit.h, all of them in its first version.
    let api = unsafe { Api::load(&library)? };
    let output = std::env::temp_dir().join(format!("skep-bench-gccjit-{}.o", std::process::id()));
    Ok(Box::new(GccJit { api, level, output }))
}

impl Drop for GccJit {
    fn drop(&mut self) {
        // A leftover in the temporary directory is no reason to fail.
        let _ = fs::remove_file(&self.output);
    }
}

impl GccJit {
    /// Builds a workload in a new context and lets `compile` have it.
    fn with<T>(
        &self,
        workload: Workload,
        compile: impl FnOnce(*mut Context) -> Result<T, String>,
    ) -> Result<T, Box<dyn Error>> {
        let api = &self.api;
        // SAFETY: the context is ours until it is released; GCC_JIT_INT_OPTION_OPTIMIZATION_LEVEL is 0.
        let context = unsafe {
            let context = (api.gcc_jit_context_acquire)();
            (api.gcc_jit_context_set_int_option)(context, 0, if self.level == Level::O0 { 0 } else { 2 });
            context
        };
        workload.write(&mut Building::new(api, context));
        let compiled = compile(context);
        // SAFETY: the error is a string of the context, which is released once, after it was copied.
        let error = unsafe {
            let error = (api.gcc_jit_context_get_first_error)(context);
            let error = (!error.is_null()).then(|| CStr::from_ptr(error).to_string_lossy().into_owned());
            (api.gcc_jit_context_release)(context);
            error
        };
        match error {
            Some(error) => Err(error.into()),
            None => Ok(compiled?),
        }
    }
}

impl Peer for GccJit {
    fn build(&mut self, workload: Workload) -> Result<Vec<u8>, Box<dyn Error>> {
        const OBJECT_FILE: c_int = 1;
        let path = CString::new(self.output.as_os_str().as_bytes())?;
        self.with(workload, |context| {
            // SAFETY: the context is complete, the path a string.
            unsafe { (self.api.gcc_jit_context_compile_to_file)(context, OBJECT_FILE, path.as_ptr()) };
            Ok(())
        })?;
        Ok(fs::read(&self.output)?)
    }

    fn native_result(&mut self, workload: Workload, argument: u64) -> Option<Result<u64, Box<dyn Error>>> {
        // It would compile all of it once more, for half a minute.
        if workload == Workload::Long(100_000) {
            return None;
        }
        let name = CString::new(ENTRY).ok()?;
        Some(self.with(workload, |context| {
            // SAFETY: the code lives until the result is released; the function was declared with this type.
            unsafe {
                let compiled = (self.api.gcc_jit_context_compile)(context);
                if compiled.is_null() {
                    return Err("libgccjit compiled nothing".into());
                }
                let code = (self.api.gcc_jit_result_get_code)(compiled, name.as_ptr());
                if code.is_null() {
                    return Err(format!("no code for {ENTRY}"));
                }
                let run = std::mem::transmute::<*mut c_void, extern "C" fn(u64) -> u64>(code);
                let value = run(argument);
                (self.api.gcc_jit_result_release)(compiled);
                Ok(value)
            }
        }))
    }
}

/// A context being filled.
struct Building<'a> {
    api: &'a Api,
    context: *mut Context,
    u32: *mut Type,
    u64: *mut Type,
    pointer: *mut Type,
    function: *mut Function,
    argument: *mut Param,
    block: *mut Block,
    slots: Option<(*mut Lvalue, *mut Lvalue)>,
}

const NOWHERE: *mut Location = null_mut();

/// Stands for the helper; it is compiled to a call, never called.
extern "C" fn map_update_elem(_: *const c_void, _: *const c_void, _: *const c_void, _: u64) -> u64 {
    0
}

// SAFETY, of all blocks below: the API is used as its documentation says, with objects of one live context; nothing
// of it is used after the context is released.
impl<'a> Building<'a> {
    fn new(api: &'a Api, context: *mut Context) -> Self {
        // enum gcc_jit_types.
        const VOID_PTR: c_int = 1;
        const UNSIGNED_INT: c_int = 9;
        const UNSIGNED_LONG: c_int = 11;
        // SAFETY: see above.
        let ty = |kind| unsafe { (api.gcc_jit_context_get_type)(context, kind) };
        Self {
            api,
            context,
            u32: ty(UNSIGNED_INT),
            u64: ty(UNSIGNED_LONG),
            pointer: ty(VOID_PTR),
            function: null_mut(),
            argument: null_mut(),
            block: null_mut(),
            slots: None,
        }
    }

    fn new_block(&self) -> *mut Block {
        // SAFETY: see above; a block needs no name.
        unsafe { (self.api.gcc_jit_function_new_block)(self.function, std::ptr::null()) }
    }

    fn constant(&self, ty: *mut Type, value: u64) -> *mut Rvalue {
        // SAFETY: see above.
        unsafe { (self.api.gcc_jit_context_new_rvalue_from_long)(self.context, ty, value.cast_signed()) }
    }
}

impl<'a> Unit for Building<'a> {
    type Body<'b>
        = &'b mut Building<'a>
    where
        Self: 'b;

    fn begin(&mut self, name: &str) -> &mut Self {
        const EXPORTED: c_int = 0;
        let name = CString::new(name).expect("a workload's names have no zero");
        // SAFETY: see above.
        unsafe {
            self.argument =
                (self.api.gcc_jit_context_new_param)(self.context, NOWHERE, self.u64, c"n".as_ptr());
            self.function = (self.api.gcc_jit_context_new_function)(
                self.context,
                NOWHERE,
                EXPORTED,
                self.u64,
                name.as_ptr(),
                1,
                [self.argument].as_mut_ptr(),
                0,
            );
        }
        self.slots = None;
        self.block = self.new_block();
        self
    }
}

impl Emit for &mut Building<'_> {
    type Value = *mut Rvalue;
    type Var = *mut Lvalue;
    type Block = *mut Block;

    // Lines are for its debug information, which is switched off.
    fn line(&mut self, _: u32) {}

    fn argument(&mut self) -> *mut Rvalue {
        // SAFETY: see above.
        unsafe { (self.api.gcc_jit_param_as_rvalue)(self.argument) }
    }

    fn number(&mut self, value: u64) -> *mut Rvalue {
        self.constant(self.u64, value)
    }

    fn binary(&mut self, op: Op, a: *mut Rvalue, b: *mut Rvalue) -> *mut Rvalue {
        // enum gcc_jit_binary_op.
        let op = match op {
            Op::Add => 0,
            Op::Sub => 1,
            Op::Mul => 2,
            Op::Xor => 6,
            Op::Or => 7,
            Op::Shl => 10,
            Op::Shr => 11,
        };
        // SAFETY: see above.
        unsafe { (self.api.gcc_jit_context_new_binary_op)(self.context, NOWHERE, op, self.u64, a, b) }
    }

    fn var(&mut self, name: &str) -> *mut Lvalue {
        let name = CString::new(name).expect("a workload's names have no zero");
        // SAFETY: see above.
        unsafe { (self.api.gcc_jit_function_new_local)(self.function, NOWHERE, self.u64, name.as_ptr()) }
    }

    fn get(&mut self, var: *mut Lvalue) -> *mut Rvalue {
        // SAFETY: see above.
        unsafe { (self.api.gcc_jit_lvalue_as_rvalue)(var) }
    }

    fn set(&mut self, var: *mut Lvalue, value: *mut Rvalue) {
        // SAFETY: see above.
        unsafe { (self.api.gcc_jit_block_add_assignment)(self.block, NOWHERE, var, value) };
    }

    fn block(&mut self) -> *mut Block {
        self.new_block()
    }

    fn enter(&mut self, block: *mut Block) {
        self.block = block;
    }

    fn jump(&mut self, to: *mut Block) {
        // SAFETY: see above.
        unsafe { (self.api.gcc_jit_block_end_with_jump)(self.block, NOWHERE, to) };
    }

    fn branch_below(&mut self, a: *mut Rvalue, b: *mut Rvalue, yes: *mut Block, no: *mut Block) {
        const LT: c_int = 2;
        // SAFETY: see above.
        unsafe {
            let below = (self.api.gcc_jit_context_new_comparison)(self.context, NOWHERE, LT, a, b);
            (self.api.gcc_jit_block_end_with_conditional)(self.block, NOWHERE, below, yes, no);
        }
    }

    fn ret(&mut self, value: *mut Rvalue) {
        // SAFETY: see above.
        unsafe { (self.api.gcc_jit_block_end_with_return)(self.block, NOWHERE, value) };
    }

    fn map_update(&mut self, key: u32, value: u64) {
        let api = self.api;
        // SAFETY: see above.
        unsafe {
            let (key_slot, value_slot) = *self.slots.get_or_insert_with(|| {
                let key = (api.gcc_jit_function_new_local)(self.function, NOWHERE, self.u32, c"key".as_ptr());
                let value =
                    (api.gcc_jit_function_new_local)(self.function, NOWHERE, self.u64, c"value".as_ptr());
                (key, value)
            });
            let (key, value) = (self.constant(self.u32, key.into()), self.constant(self.u64, value));
            (api.gcc_jit_block_add_assignment)(self.block, NOWHERE, key_slot, key);
            (api.gcc_jit_block_add_assignment)(self.block, NOWHERE, value_slot, value);
            let mut params = [self.pointer, self.pointer, self.pointer, self.u64];
            let ty = (api.gcc_jit_context_new_function_ptr_type)(
                self.context,
                NOWHERE,
                self.u64,
                4,
                params.as_mut_ptr(),
                0,
            );
            let helper = map_update_elem as *mut c_void;
            let helper = (api.gcc_jit_context_new_rvalue_from_ptr)(self.context, ty, helper);
            let map = (api.gcc_jit_context_new_rvalue_from_ptr)(self.context, self.pointer, null_mut());
            let address = |slot| {
                let address = (api.gcc_jit_lvalue_get_address)(slot, NOWHERE);
                (api.gcc_jit_context_new_cast)(self.context, NOWHERE, address, self.pointer)
            };
            let mut args = [map, address(key_slot), address(value_slot), self.constant(self.u64, 0)];
            let call = (api.gcc_jit_context_new_call_through_ptr)(
                self.context,
                NOWHERE,
                helper,
                4,
                args.as_mut_ptr(),
            );
            (api.gcc_jit_block_add_eval)(self.block, NOWHERE, call);
        }
    }

    fn end(self) {}
}
