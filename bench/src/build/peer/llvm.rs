//! LLVM in process, through its C API: builds IR, runs the passes, emits a BPF object to memory.
#![expect(unsafe_code, reason = "calls a C library that is opened at run time")]

use std::error::Error;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr::{null, null_mut};

use super::Peer;
use crate::build::workload::{Emit, Op, Unit, Workload};
use crate::dl::{Library, functions};

/// How much is optimized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    O0,
    O2,
}

/// What is said about the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Debug {
    None,
    /// Types and lines: what loaders need.
    Btf,
}

enum Context {}
enum Module {}
enum Builder {}
enum Type {}
enum Value {}
enum Block {}
enum Metadata {}
enum DiBuilder {}
enum Target {}
enum Machine {}
enum MemoryBuffer {}
enum PassOptions {}
enum Failure {}
enum DiagInfo {}

type DiagHandler = extern "C" fn(*mut DiagInfo, *mut c_void);

functions! {
    struct Api {
        fn LLVMInitializeBPFTargetInfo();
        fn LLVMInitializeBPFTarget();
        fn LLVMInitializeBPFTargetMC();
        fn LLVMInitializeBPFAsmPrinter();
        fn LLVMGetTargetFromTriple(*const c_char, *mut *mut Target, *mut *mut c_char) -> c_int;
        fn LLVMCreateTargetMachine(*mut Target, *const c_char, *const c_char, *const c_char, c_int, c_int, c_int) -> *mut Machine;
        fn LLVMCreateTargetDataLayout(*mut Machine) -> *mut c_void;
        fn LLVMTargetMachineEmitToMemoryBuffer(*mut Machine, *mut Module, c_int, *mut *mut c_char, *mut *mut MemoryBuffer) -> c_int;
        fn LLVMGetBufferStart(*mut MemoryBuffer) -> *const u8;
        fn LLVMGetBufferSize(*mut MemoryBuffer) -> usize;
        fn LLVMDisposeMemoryBuffer(*mut MemoryBuffer);
        fn LLVMDisposeMessage(*mut c_char);

        fn LLVMContextCreate() -> *mut Context;
        fn LLVMContextDispose(*mut Context);
        fn LLVMContextSetDiagnosticHandler(*mut Context, DiagHandler, *mut c_void);
        fn LLVMGetDiagInfoSeverity(*mut DiagInfo) -> c_int;
        fn LLVMGetDiagInfoDescription(*mut DiagInfo) -> *mut c_char;
        fn LLVMModuleCreateWithNameInContext(*const c_char, *mut Context) -> *mut Module;
        fn LLVMDisposeModule(*mut Module);
        fn LLVMSetTarget(*mut Module, *const c_char);
        fn LLVMSetModuleDataLayout(*mut Module, *mut c_void);
        fn LLVMAddModuleFlag(*mut Module, c_int, *const c_char, usize, *mut Metadata);

        fn LLVMInt32TypeInContext(*mut Context) -> *mut Type;
        fn LLVMInt64TypeInContext(*mut Context) -> *mut Type;
        fn LLVMPointerTypeInContext(*mut Context, c_uint) -> *mut Type;
        fn LLVMArrayType2(*mut Type, u64) -> *mut Type;
        fn LLVMFunctionType(*mut Type, *mut *mut Type, c_uint, c_int) -> *mut Type;
        fn LLVMConstInt(*mut Type, u64, c_int) -> *mut Value;
        fn LLVMConstNull(*mut Type) -> *mut Value;
        fn LLVMConstIntToPtr(*mut Value, *mut Type) -> *mut Value;
        fn LLVMAddGlobal(*mut Module, *mut Type, *const c_char) -> *mut Value;
        fn LLVMSetInitializer(*mut Value, *mut Value);
        fn LLVMSetSection(*mut Value, *const c_char);
        fn LLVMAddFunction(*mut Module, *const c_char, *mut Type) -> *mut Value;
        fn LLVMGetParam(*mut Value, c_uint) -> *mut Value;
        fn LLVMAppendBasicBlockInContext(*mut Context, *mut Value, *const c_char) -> *mut Block;

        fn LLVMCreateBuilderInContext(*mut Context) -> *mut Builder;
        fn LLVMDisposeBuilder(*mut Builder);
        fn LLVMPositionBuilderAtEnd(*mut Builder, *mut Block);
        fn LLVMBuildAlloca(*mut Builder, *mut Type, *const c_char) -> *mut Value;
        fn LLVMBuildLoad2(*mut Builder, *mut Type, *mut Value, *const c_char) -> *mut Value;
        fn LLVMBuildStore(*mut Builder, *mut Value, *mut Value) -> *mut Value;
        fn LLVMBuildBinOp(*mut Builder, c_int, *mut Value, *mut Value, *const c_char) -> *mut Value;
        fn LLVMBuildICmp(*mut Builder, c_int, *mut Value, *mut Value, *const c_char) -> *mut Value;
        fn LLVMBuildBr(*mut Builder, *mut Block) -> *mut Value;
        fn LLVMBuildCondBr(*mut Builder, *mut Value, *mut Block, *mut Block) -> *mut Value;
        fn LLVMBuildCall2(*mut Builder, *mut Type, *mut Value, *mut *mut Value, c_uint, *const c_char) -> *mut Value;
        fn LLVMBuildRet(*mut Builder, *mut Value) -> *mut Value;

        fn LLVMCreateDIBuilder(*mut Module) -> *mut DiBuilder;
        fn LLVMDisposeDIBuilder(*mut DiBuilder);
        fn LLVMDIBuilderFinalize(*mut DiBuilder);
        fn LLVMDIBuilderCreateFile(*mut DiBuilder, *const c_char, usize, *const c_char, usize) -> *mut Metadata;
        fn LLVMDIBuilderCreateCompileUnit(*mut DiBuilder, c_int, *mut Metadata, *const c_char, usize, c_int, *const c_char, usize, c_uint, *const c_char, usize, c_int, c_uint, c_int, c_int, *const c_char, usize, *const c_char, usize) -> *mut Metadata;
        fn LLVMDIBuilderCreateBasicType(*mut DiBuilder, *const c_char, usize, u64, c_uint, c_int) -> *mut Metadata;
        fn LLVMDIBuilderCreateSubroutineType(*mut DiBuilder, *mut Metadata, *mut *mut Metadata, c_uint, c_int) -> *mut Metadata;
        fn LLVMDIBuilderCreateFunction(*mut DiBuilder, *mut Metadata, *const c_char, usize, *const c_char, usize, *mut Metadata, c_uint, *mut Metadata, c_int, c_int, c_uint, c_int, c_int) -> *mut Metadata;
        fn LLVMDIBuilderCreateParameterVariable(*mut DiBuilder, *mut Metadata, *const c_char, usize, c_uint, *mut Metadata, c_uint, *mut Metadata, c_int, c_int) -> *mut Metadata;
        fn LLVMDIBuilderCreateDebugLocation(*mut Context, c_uint, c_uint, *mut Metadata, *mut Metadata) -> *mut Metadata;
        fn LLVMSetSubprogram(*mut Value, *mut Metadata);
        fn LLVMSetCurrentDebugLocation2(*mut Builder, *mut Metadata);
        fn LLVMValueAsMetadata(*mut Value) -> *mut Metadata;

        fn LLVMCreatePassBuilderOptions() -> *mut PassOptions;
        fn LLVMDisposePassBuilderOptions(*mut PassOptions);
        fn LLVMRunPasses(*mut Module, *const c_char, *mut Machine, *mut PassOptions) -> *mut Failure;
        fn LLVMGetErrorMessage(*mut Failure) -> *mut c_char;
        fn LLVMDisposeErrorMessage(*mut c_char);
    }
}

const TRIPLE: &CStr = c"bpfel";
const DEBUG_INFO_VERSION: u64 = 3;

struct Llvm {
    api: Api,
    machine: *mut Machine,
    layout: *mut c_void,
    level: Level,
    debug: Debug,
}

/// Opens the library and makes a target machine.
///
/// # Errors
/// The library is not installed, or has no BPF.
pub(crate) fn open(level: Level, debug: Debug) -> Result<Box<dyn Peer>, String> {
    let library = Library::open(&["libLLVM.so.22.1", "libLLVM-22.so.1", "libLLVM-22.so"])?;
    // SAFETY: declared as in llvm-c of version 22.
    let api = unsafe { Api::load(&library)? };
    // SAFETY: the strings are strings, the pointers to write to are valid, the machine is never disposed of.
    unsafe {
        (api.LLVMInitializeBPFTargetInfo)();
        (api.LLVMInitializeBPFTarget)();
        (api.LLVMInitializeBPFTargetMC)();
        (api.LLVMInitializeBPFAsmPrinter)();
        let (mut target, mut message) = (null_mut(), null_mut());
        if (api.LLVMGetTargetFromTriple)(TRIPLE.as_ptr(), &raw mut target, &raw mut message) != 0 {
            return Err(api.message(message));
        }
        // LLVMCodeGenLevelNone or Default; default relocation and code models.
        let codegen = if level == Level::O0 { 0 } else { 2 };
        let (cpu, features) = (c"v3".as_ptr(), c"".as_ptr());
        let machine = (api.LLVMCreateTargetMachine)(target, TRIPLE.as_ptr(), cpu, features, codegen, 0, 0);
        if machine.is_null() {
            return Err("LLVM makes no target machine".into());
        }
        let layout = (api.LLVMCreateTargetDataLayout)(machine);
        Ok(Box::new(Llvm { api, machine, layout, level, debug }))
    }
}

impl Api {
    /// Takes a message of LLVM's.
    ///
    /// # Safety
    /// `message` is null or a message that nobody has disposed of.
    unsafe fn message(&self, message: *mut c_char) -> String {
        if message.is_null() {
            return "no message from LLVM".into();
        }
        // SAFETY: a message is a string, and ours to dispose of.
        unsafe {
            let text = CStr::from_ptr(message).to_string_lossy().into_owned();
            (self.LLVMDisposeMessage)(message);
            text
        }
    }
}

/// Where [`note`] leaves what it is told.
struct Notes<'a> {
    api: &'a Api,
    first_error: Option<String>,
}

/// LLVM's own handler would end the process.
extern "C" fn note(info: *mut DiagInfo, notes: *mut c_void) {
    // SAFETY: `notes` is what `build` gave along; it lives until the context is disposed of.
    let notes = unsafe { &mut *notes.cast::<Notes<'_>>() };
    // SAFETY: LLVM calls this with a diagnostic.
    let (severity, text) = unsafe {
        let text = (notes.api.LLVMGetDiagInfoDescription)(info);
        ((notes.api.LLVMGetDiagInfoSeverity)(info), notes.api.message(text))
    };
    // LLVMDSError.
    if severity == 0 {
        notes.first_error.get_or_insert(text);
    }
}

impl Peer for Llvm {
    fn build(&mut self, workload: Workload) -> Result<Vec<u8>, Box<dyn Error>> {
        let api = &self.api;
        let mut notes = Notes { api, first_error: None };
        // SAFETY: the handler and what it writes to outlive the context, which this function disposes of.
        let context = unsafe {
            let context = (api.LLVMContextCreate)();
            (api.LLVMContextSetDiagnosticHandler)(context, note, (&raw mut notes).cast());
            context
        };
        let mut unit = Building::new(api, context, self.layout, self.debug);
        workload.write(&mut unit);
        let module = unit.finish();
        let object = self.compile(module);
        // SAFETY: nothing of the module or the context is used any more; the object is a copy.
        unsafe {
            (api.LLVMDisposeModule)(module);
            (api.LLVMContextDispose)(context);
        }
        match notes.first_error {
            Some(error) => Err(error.into()),
            None => Ok(object?),
        }
    }
}

impl Llvm {
    fn compile(&self, module: *mut Module) -> Result<Vec<u8>, String> {
        let api = &self.api;
        let passes = if self.level == Level::O0 { c"default<O0>" } else { c"default<O2>" };
        // SAFETY: module and machine are valid; what LLVM gives us is disposed of once.
        unsafe {
            let options = (api.LLVMCreatePassBuilderOptions)();
            let failure = (api.LLVMRunPasses)(module, passes.as_ptr(), self.machine, options);
            (api.LLVMDisposePassBuilderOptions)(options);
            if !failure.is_null() {
                let message = (api.LLVMGetErrorMessage)(failure);
                let text = CStr::from_ptr(message).to_string_lossy().into_owned();
                (api.LLVMDisposeErrorMessage)(message);
                return Err(text);
            }
            let (mut message, mut buffer) = (null_mut(), null_mut());
            // LLVMObjectFile.
            let failed = (api.LLVMTargetMachineEmitToMemoryBuffer)(
                self.machine,
                module,
                1,
                &raw mut message,
                &raw mut buffer,
            );
            if failed != 0 {
                return Err(api.message(message));
            }
            let (start, size) = ((api.LLVMGetBufferStart)(buffer), (api.LLVMGetBufferSize)(buffer));
            let object = std::slice::from_raw_parts(start, size).to_vec();
            (api.LLVMDisposeMemoryBuffer)(buffer);
            Ok(object)
        }
    }
}

/// A module being built.
struct Building<'a> {
    api: &'a Api,
    context: *mut Context,
    module: *mut Module,
    builder: *mut Builder,
    i32: *mut Type,
    i64: *mut Type,
    ptr: *mut Type,
    function_type: *mut Type,
    function: *mut Value,
    /// Where the function's variables for keys and values are, once it has any.
    slots: Option<(*mut Value, *mut Value)>,
    map: *mut Value,
    debug: Option<DebugInfo>,
}

struct DebugInfo {
    builder: *mut DiBuilder,
    file: *mut Metadata,
    number: *mut Metadata,
    function_type: *mut Metadata,
    subprogram: *mut Metadata,
}

// SAFETY, of all blocks below: the API is used as its documentation says, with objects of one live context; nothing
// of it is used after `build` disposes of the context.
impl<'a> Building<'a> {
    fn new(api: &'a Api, context: *mut Context, layout: *mut c_void, debug: Debug) -> Self {
        // SAFETY: see above.
        unsafe {
            let module = (api.LLVMModuleCreateWithNameInContext)(c"unit".as_ptr(), context);
            (api.LLVMSetTarget)(module, TRIPLE.as_ptr());
            (api.LLVMSetModuleDataLayout)(module, layout);
            let i64 = (api.LLVMInt64TypeInContext)(context);
            let mut unit = Self {
                api,
                context,
                module,
                builder: (api.LLVMCreateBuilderInContext)(context),
                i32: (api.LLVMInt32TypeInContext)(context),
                i64,
                ptr: (api.LLVMPointerTypeInContext)(context, 0),
                function_type: (api.LLVMFunctionType)(i64, [i64].as_mut_ptr(), 1, 0),
                function: null_mut(),
                slots: None,
                map: null_mut(),
                debug: None,
            };
            if debug == Debug::Btf {
                unit.debug = Some(unit.debug_info());
            }
            unit
        }
    }

    fn debug_info(&self) -> DebugInfo {
        let api = self.api;
        // SAFETY: see above.
        unsafe {
            let version = (api.LLVMConstInt)(self.i32, DEBUG_INFO_VERSION, 0);
            let flag = c"Debug Info Version";
            // LLVMModuleFlagBehaviorWarning.
            let version = (api.LLVMValueAsMetadata)(version);
            (api.LLVMAddModuleFlag)(self.module, 1, flag.as_ptr(), flag.count_bytes(), version);
            let builder = (api.LLVMCreateDIBuilder)(self.module);
            let (name, dir) = (c"unit.c", c"/src");
            let file = (api.LLVMDIBuilderCreateFile)(
                builder,
                name.as_ptr(),
                name.count_bytes(),
                dir.as_ptr(),
                dir.count_bytes(),
            );
            let (c99, full) = (11, 1);
            let producer = c"bench";
            (api.LLVMDIBuilderCreateCompileUnit)(
                builder,
                c99,
                file,
                producer.as_ptr(),
                producer.count_bytes(),
                1,
                null(),
                0,
                0,
                null(),
                0,
                full,
                0,
                0,
                0,
                null(),
                0,
                null(),
                0,
            );
            let (name, dw_ate_unsigned) = (c"unsigned long long", 7);
            let number = (api.LLVMDIBuilderCreateBasicType)(
                builder,
                name.as_ptr(),
                name.count_bytes(),
                64,
                dw_ate_unsigned,
                0,
            );
            let function_type =
                (api.LLVMDIBuilderCreateSubroutineType)(builder, file, [number, number].as_mut_ptr(), 2, 0);
            DebugInfo { builder, file, number, function_type, subprogram: null_mut() }
        }
    }

    fn finish(self) -> *mut Module {
        // SAFETY: see above.
        unsafe {
            if let Some(debug) = &self.debug {
                (self.api.LLVMDIBuilderFinalize)(debug.builder);
                (self.api.LLVMDisposeDIBuilder)(debug.builder);
            }
            (self.api.LLVMDisposeBuilder)(self.builder);
        }
        self.module
    }

    /// The hash map: to LLVM, a variable in a section.
    fn map(&mut self) -> *mut Value {
        let api = self.api;
        if self.map.is_null() {
            // SAFETY: see above.
            unsafe {
                let ty = (api.LLVMArrayType2)(self.i64, 4);
                self.map = (api.LLVMAddGlobal)(self.module, ty, c"updates".as_ptr());
                (api.LLVMSetInitializer)(self.map, (api.LLVMConstNull)(ty));
                (api.LLVMSetSection)(self.map, c".maps".as_ptr());
            }
        }
        self.map
    }
}

const UNNAMED: *const c_char = c"".as_ptr();

impl<'a> Unit for Building<'a> {
    type Body<'b>
        = &'b mut Building<'a>
    where
        Self: 'b;

    fn begin(&mut self, name: &str) -> &mut Self {
        let api = self.api;
        let c_name = CString::new(name).expect("a workload's names have no zero");
        // SAFETY: see above.
        unsafe {
            self.function = (api.LLVMAddFunction)(self.module, c_name.as_ptr(), self.function_type);
            self.slots = None;
            if let Some(debug) = &mut self.debug {
                debug.subprogram = (api.LLVMDIBuilderCreateFunction)(
                    debug.builder,
                    debug.file,
                    c_name.as_ptr(),
                    name.len(),
                    null(),
                    0,
                    debug.file,
                    1,
                    debug.function_type,
                    0,
                    1,
                    1,
                    0,
                    1,
                );
                (api.LLVMSetSubprogram)(self.function, debug.subprogram);
                let (number, file) = (debug.number, debug.file);
                // The kernel wants the parameter's name.
                (api.LLVMDIBuilderCreateParameterVariable)(
                    debug.builder,
                    debug.subprogram,
                    c"n".as_ptr(),
                    1,
                    1,
                    file,
                    1,
                    number,
                    1,
                    0,
                );
            }
            let entry = (api.LLVMAppendBasicBlockInContext)(self.context, self.function, UNNAMED);
            (api.LLVMPositionBuilderAtEnd)(self.builder, entry);
        }
        self
    }
}

impl Emit for &mut Building<'_> {
    type Value = *mut Value;
    type Var = *mut Value;
    type Block = *mut Block;

    fn line(&mut self, line: u32) {
        if let Some(debug) = &self.debug {
            // SAFETY: see above.
            unsafe {
                let at = (self.api.LLVMDIBuilderCreateDebugLocation)(
                    self.context,
                    line,
                    1,
                    debug.subprogram,
                    null_mut(),
                );
                (self.api.LLVMSetCurrentDebugLocation2)(self.builder, at);
            }
        }
    }

    fn argument(&mut self) -> *mut Value {
        // SAFETY: see above.
        unsafe { (self.api.LLVMGetParam)(self.function, 0) }
    }

    fn number(&mut self, value: u64) -> *mut Value {
        // SAFETY: see above.
        unsafe { (self.api.LLVMConstInt)(self.i64, value, 0) }
    }

    fn binary(&mut self, op: Op, a: *mut Value, b: *mut Value) -> *mut Value {
        // LLVMOpcode.
        let op = match op {
            Op::Add => 8,
            Op::Sub => 10,
            Op::Mul => 12,
            Op::Shl => 20,
            Op::Shr => 21,
            Op::Or => 24,
            Op::Xor => 25,
        };
        // SAFETY: see above.
        unsafe { (self.api.LLVMBuildBinOp)(self.builder, op, a, b, UNNAMED) }
    }

    fn var(&mut self, _: &str) -> *mut Value {
        // SAFETY: see above.
        unsafe { (self.api.LLVMBuildAlloca)(self.builder, self.i64, UNNAMED) }
    }

    fn get(&mut self, var: *mut Value) -> *mut Value {
        // SAFETY: see above.
        unsafe { (self.api.LLVMBuildLoad2)(self.builder, self.i64, var, UNNAMED) }
    }

    fn set(&mut self, var: *mut Value, value: *mut Value) {
        // SAFETY: see above.
        unsafe { (self.api.LLVMBuildStore)(self.builder, value, var) };
    }

    fn block(&mut self) -> *mut Block {
        // SAFETY: see above.
        unsafe { (self.api.LLVMAppendBasicBlockInContext)(self.context, self.function, UNNAMED) }
    }

    fn enter(&mut self, block: *mut Block) {
        // SAFETY: see above.
        unsafe { (self.api.LLVMPositionBuilderAtEnd)(self.builder, block) };
    }

    fn jump(&mut self, to: *mut Block) {
        // SAFETY: see above.
        unsafe { (self.api.LLVMBuildBr)(self.builder, to) };
    }

    fn branch_below(&mut self, a: *mut Value, b: *mut Value, yes: *mut Block, no: *mut Block) {
        const ULT: c_int = 36;
        // SAFETY: see above.
        unsafe {
            let below = (self.api.LLVMBuildICmp)(self.builder, ULT, a, b, UNNAMED);
            (self.api.LLVMBuildCondBr)(self.builder, below, yes, no);
        }
    }

    fn ret(&mut self, value: *mut Value) {
        // SAFETY: see above.
        unsafe { (self.api.LLVMBuildRet)(self.builder, value) };
    }

    fn map_update(&mut self, key: u32, value: u64) {
        const BPF_FUNC_MAP_UPDATE_ELEM: u64 = 2;
        let map = self.map();
        let api = self.api;
        // SAFETY: see above.
        unsafe {
            // One pair of slots for all, as a front end has for a statement's temporaries.
            let (key_slot, value_slot) = *self.slots.get_or_insert_with(|| {
                let key = (api.LLVMBuildAlloca)(self.builder, self.i32, UNNAMED);
                (key, (api.LLVMBuildAlloca)(self.builder, self.i64, UNNAMED))
            });
            let key = (api.LLVMConstInt)(self.i32, key.into(), 0);
            let value = (api.LLVMConstInt)(self.i64, value, 0);
            (api.LLVMBuildStore)(self.builder, key, key_slot);
            (api.LLVMBuildStore)(self.builder, value, value_slot);
            let ty =
                (api.LLVMFunctionType)(self.i64, [self.ptr, self.ptr, self.ptr, self.i64].as_mut_ptr(), 4, 0);
            let helper = (api.LLVMConstInt)(self.i64, BPF_FUNC_MAP_UPDATE_ELEM, 0);
            let helper = (api.LLVMConstIntToPtr)(helper, self.ptr);
            let flags = (api.LLVMConstInt)(self.i64, 0, 0);
            let mut args = [map, key_slot, value_slot, flags];
            (api.LLVMBuildCall2)(self.builder, ty, helper, args.as_mut_ptr(), 4, UNNAMED);
        }
    }

    fn end(self) {}
}
