//! Rust as a kernel has it: without a standard library, beside C, and linked with it.

#![no_std]
#![allow(dead_code, non_camel_case_types, non_upper_case_globals)]

use core::cell::UnsafeCell;
use core::ffi::{c_char, c_int, c_void};
use core::fmt::{self, Write};
use core::marker::PhantomData;
use core::num::NonZeroI32;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The C types that this file and the C files share, by their C names.
pub mod bindings {
    #[repr(C)]
    #[derive(Clone, Copy)]
    pub struct list_head {
        pub next: *mut list_head,
        pub prev: *mut list_head,
    }

    #[repr(C)]
    pub struct node {
        pub other: core::ffi::c_int,
    }

    #[repr(C)]
    pub struct __IncompleteArrayField<T>(core::marker::PhantomData<T>, [T; 0]);

    #[repr(C)]
    pub struct flexible {
        pub count: u32,
        pub items: __IncompleteArrayField<u64>,
    }

    pub type color = core::ffi::c_uint;

    unsafe extern "C" {
        pub fn simple(a: core::ffi::c_int, b: u32) -> core::ffi::c_int;
        pub static mut global: u32;
    }
}

/// Errors of the kernel: a negative number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error(NonZeroI32);

pub type Result<T = (), E = Error> = core::result::Result<T, E>;

#[repr(transparent)]
pub struct Opaque<T> {
    value: UnsafeCell<core::mem::MaybeUninit<T>>,
    _pin: PhantomData<*mut T>,
}

#[derive(Clone, Copy, PartialEq)]
#[repr(u8)]
pub enum State {
    Off,
    Starting = 3,
    Running = 4,
    Failed = 255,
}

impl State {
    #[inline(never)]
    pub fn next(self) -> State {
        match self {
            State::Off => State::Starting,
            State::Starting => State::Running,
            State::Running | State::Failed => State::Off,
        }
    }

    #[inline(never)]
    pub fn parse(text: &str) -> Option<State> {
        match text {
            "off" => Some(State::Off),
            "running" => Some(State::Running),
            _ => None,
        }
    }
}

pub enum Request<'a> {
    Nothing,
    Read { at: u64, buffer: &'a mut [u8] },
    Write(u64, &'a [u8]),
    Control(State),
    Next(Option<NonNull<bindings::list_head>>),
}

impl Request<'_> {
    #[inline(never)]
    pub fn len(&self) -> usize {
        match self {
            Request::Read { buffer, .. } => buffer.len(),
            Request::Write(_, bytes) => bytes.len(),
            _ => 0,
        }
    }
}

pub trait Driver {
    const NAME: &'static str;
    type Data: Sized;
    fn handle(&mut self, request: Request<'_>) -> Result<usize>;
    fn data(&self) -> &Self::Data;
}

pub trait Shape {
    fn area(&self) -> u64;
    fn describe(&self, out: &mut dyn Write) -> fmt::Result;
}

pub struct Square<const N: usize>;

impl<const N: usize> Shape for Square<N> {
    fn area(&self) -> u64 {
        (N * N) as u64
    }
    fn describe(&self, out: &mut dyn Write) -> fmt::Result {
        out.write_str("square")
    }
}

#[repr(C)]
pub struct Device<D: Driver> {
    links: bindings::list_head,
    state: State,
    name: [c_char; 16],
    private: *mut c_void,
    data: D::Data,
    count: AtomicU64,
    lock: Opaque<bindings::node>,
    callback: Option<unsafe extern "C" fn(*mut c_void, c_int) -> c_int>,
    driver: D,
}

pub struct Null {
    calls: u32,
}

impl Driver for Null {
    const NAME: &'static str = "null";
    type Data = (u16, State);
    #[inline(never)]
    fn handle(&mut self, request: Request<'_>) -> Result<usize> {
        self.calls += 1;
        match request {
            Request::Control(State::Failed) => NonZeroI32::new(-5).map_or(Ok(0), |code| Err(Error(code))),
            other => Ok(other.len()),
        }
    }
    fn data(&self) -> &(u16, State) {
        &(7, State::Off)
    }
}

struct Buffer {
    bytes: [u8; 32],
    used: usize,
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            *self.bytes.get_mut(self.used).ok_or(fmt::Error)? = byte;
            self.used += 1;
        }
        Ok(())
    }
}

#[repr(C, packed)]
pub struct Wire {
    kind: u8,
    length: u32,
    weight: f64,
}

#[unsafe(no_mangle)]
#[unsafe(link_section = ".data..percpu")]
pub static rust_per_cpu: AtomicU64 = AtomicU64::new(3);

#[unsafe(link_section = ".data..percpu")]
static mut PER_CPU_WIRE: Wire = Wire { kind: 1, length: 2, weight: 3.0 };

static COUNT: AtomicU64 = AtomicU64::new(0);
pub static SHAPES: [&(dyn Shape + Sync); 2] = [&Square::<2>, &Square::<3>];

#[unsafe(no_mangle)]
pub extern "C" fn rust_init(device: *mut Device<Null>, code: c_int) -> c_int {
    let Some(device) = (unsafe { device.as_mut() }) else { return -22 };
    device.state = device.state.next();
    COUNT.fetch_add(rust_per_cpu.load(Ordering::Relaxed), Ordering::Relaxed);
    let mut bytes = [0; 4];
    let request = if code > 3 { Request::Read { at: 1, buffer: &mut bytes } } else { Request::Control(State::Failed) };
    let result = device.driver.handle(request);
    let add = |more: usize| more + device.name.len();
    match result {
        Ok(count) => add(count) as c_int,
        Err(Error(code)) => code.get(),
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn rust_areas(which: u32) -> u64 {
    let mut buffer = Buffer { bytes: [0; 32], used: 0 };
    let shape = SHAPES[(which & 1) as usize];
    let described = shape.describe(&mut buffer).is_ok();
    let weight = unsafe { (&raw const PER_CPU_WIRE.weight).read_unaligned() };
    let simple = unsafe { bindings::simple(1, bindings::global) };
    shape.area() + u64::from(described) + weight as u64 + buffer.used as u64 + simple as u64
        + State::parse("off").map_or(0, |state| state as u64)
        + inline_me(which).map_or(0, |wire| u64::from(wire.kind))
}

/// What link-time optimization inlines.
#[inline(always)]
fn inline_me(which: u32) -> Option<Wire> {
    (which > 1).then_some(Wire { kind: 1, length: which, weight: 0.5 })
}

/// For C to inline.
#[unsafe(no_mangle)]
pub extern "C" fn rust_small(state: State) -> u32 {
    let request = match state {
        State::Off => Request::Nothing,
        other => Request::Control(other),
    };
    request.len() as u32 + 1
}
