//! Every construct of Rust that has a type, in one program.
//!
//! It prints what it knows of itself: sizes, offsets, and values as bytes. Debug information must tell the same.

#![allow(dead_code, non_camel_case_types, non_snake_case, clippy::all)]

use std::cell::{Cell, RefCell, UnsafeCell};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::hint::black_box;
use std::mem::{MaybeUninit, align_of, offset_of, size_of, size_of_val};
use std::num::{NonZeroU8, NonZeroU64};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

// ---- plain composites -----------------------------------------------------------------------------------------------

/// The compiler orders these: not as they are written.
pub struct Reordered {
    a: u8,
    b: u64,
    c: u16,
    d: u32,
    e: bool,
}

#[repr(C)]
pub struct Ordered {
    a: u8,
    b: u64,
    c: u16,
    d: [u8; 3],
}

#[repr(C, packed)]
pub struct Packed {
    a: u8,
    b: u32,
    c: f64,
    d: f32,
    e: u16,
    f: u128,
}

#[repr(packed(2))]
pub struct Packed2 {
    a: u8,
    b: f64,
    c: u64,
}

#[repr(align(64))]
pub struct Aligned {
    a: u8,
}

#[repr(transparent)]
pub struct Transparent(pub u64);

pub struct Empty;
pub struct EmptyTuple();
pub struct EmptyBraces {}
pub struct OnlyZst {
    unit: (),
    never: Option<core::convert::Infallible>,
    marker: std::marker::PhantomData<u64>,
    nothing: [u64; 0],
}

pub struct WithZst {
    unit: (),
    a: u32,
    empty: Empty,
    marker: std::marker::PhantomData<&'static str>,
    units: [(); 7],
}

pub struct Numbers {
    i8_: i8,
    i16_: i16,
    i32_: i32,
    i64_: i64,
    i128_: i128,
    isize_: isize,
    u8_: u8,
    u16_: u16,
    u32_: u32,
    u64_: u64,
    u128_: u128,
    usize_: usize,
    f32_: f32,
    f64_: f64,
    bool_: bool,
    char_: char,
}

#[derive(Clone, Copy)]
pub union Bits {
    int: u32,
    float: f32,
    bytes: [u8; 4],
    pair: (u16, u16),
}

pub struct Raw {
    r#type: u32,
    r#fn: u16,
    größe: u8,
    日本: u64,
    my__x: u8,
    _L_: u8,
}

pub struct Größe(pub u32);

/// Names that the spelling of others could be taken for.
pub struct my__x(pub u8);
pub struct a_ {
    pub _b: u8,
}

pub struct Tuple(pub u8, pub u64, pub u16);

pub struct Nested {
    inner: Ordered,
    many: [Ordered; 3],
    grid: [[u16; 4]; 5],
    tuple: (u8, u32, u64),
    nested: ((u8, u16), (u32, (u64, ()))),
    one: (u8,),
}

pub struct Node {
    next: Option<Box<Node>>,
    parent: *const Node,
    other: *mut Node,
    all: Vec<Node>,
    value: u32,
}

// ---- pointers -------------------------------------------------------------------------------------------------------

pub trait Shape: Debug {
    fn area(&self) -> u32;
    fn name(&self) -> &'static str {
        "shape"
    }
}

pub trait Empty0 {}

#[derive(Debug)]
pub struct Square(pub u32);
#[derive(Debug)]
pub struct Circle {
    pub radius: u32,
}

impl Shape for Square {
    fn area(&self) -> u32 {
        self.0 * self.0
    }
}

impl Shape for Circle {
    fn area(&self) -> u32 {
        3 * self.radius * self.radius
    }
    fn name(&self) -> &'static str {
        "circle"
    }
}

impl Empty0 for u32 {}

pub struct Pointers<'a> {
    text: &'a str,
    text_mut: &'a mut str,
    slice: &'a [u16],
    slice_mut: &'a mut [Ordered],
    array: &'a [u8; 16],
    shape: &'a dyn Shape,
    shape_mut: &'a mut dyn Shape,
    boxed: Box<dyn Shape>,
    counted: Rc<dyn Shape>,
    shared: Arc<[u32]>,
    empty: &'a dyn Empty0,
    callback: Box<dyn Fn(u32) -> u64 + Send + 'static>,
    raw: *const u16,
    raw_mut: *mut u16,
    raw_slice: *const [u8],
    raw_dyn: *const dyn Shape,
    function: fn(u32, &str) -> u64,
    c_function: unsafe extern "C" fn(*const u8, ...) -> i32,
    void: *mut std::ffi::c_void,
    c_text: &'a std::ffi::CStr,
    os_text: &'a std::ffi::OsStr,
    path: &'a std::path::Path,
    twice: &'a &'a u32,
    unit: &'a (),
    never: fn() -> !,
}

#[repr(C)]
pub struct Unsized<T: ?Sized> {
    len: u32,
    tail: T,
}

pub struct Wide<'a> {
    bytes: &'a Unsized<[u8]>,
    words: &'a Unsized<[u64]>,
    text: &'a Unsized<str>,
    shape: &'a Unsized<dyn Shape>,
}

// ---- enumerations ---------------------------------------------------------------------------------------------------

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum CLike {
    A,
    B = 5,
    C,
}

impl CLike {
    #[inline(never)]
    pub fn next(self) -> CLike {
        match self {
            CLike::A => CLike::B,
            CLike::B => CLike::C,
            CLike::C => CLike::A,
        }
    }
}

#[derive(Clone, Copy)]
#[repr(i8)]
pub enum Negative {
    Low = -128,
    Minus = -1,
    Zero,
    High = 127,
}

#[derive(Clone, Copy)]
#[repr(u8)]
pub enum Byte {
    Zero,
    Top = 255,
}

#[derive(Clone, Copy)]
#[repr(u64)]
pub enum Large {
    One = 1,
    Top = u64::MAX,
    High = 1 << 63,
}

#[derive(Clone, Copy)]
#[repr(i64)]
pub enum LargeNegative {
    Min = i64::MIN,
    Minus = -2,
    Max = i64::MAX,
}

#[derive(Clone, Copy)]
#[repr(u16)]
pub enum r#enum {
    r#struct = 1,
    größer = 2,
}

#[derive(Clone, Copy)]
pub enum OneVariant {
    Only,
}

pub enum Uninhabited {}

pub enum OneWithData {
    Only { a: u32, b: u8 },
}

pub enum Data {
    Unit,
    Tuple(u8, u32),
    Struct { a: u64, b: u16 },
    Nested(Option<u32>),
    Boxed(Box<Data>),
}

#[repr(C)]
pub enum ReprC {
    A(u8),
    B { x: u64 },
    C,
}

#[repr(u16)]
pub enum ReprInt {
    A(u8) = 3,
    B { x: u64 } = 0xfffe,
    C = 7,
}

#[repr(i8)]
pub enum ReprNegative {
    A(u8) = -3,
    B(u32) = 2,
    C = -128,
}

#[repr(u64)]
pub enum ReprLarge {
    A(u8) = u64::MAX,
    B(u32) = 1 << 63,
    C = 0,
}

#[repr(u128)]
pub enum Repr128 {
    A(u8) = 1,
    B(u64) = 1 << 100,
}

#[derive(Clone, Copy)]
#[repr(i128)]
pub enum CLike128 {
    A = -1,
    B = 1 << 90,
}

/// The discriminant is no first member.
pub enum NicheInMiddle {
    Full { a: u64, flag: bool, b: u32 },
    Nothing,
    Other,
}

pub enum NicheOfNiche {
    Inner(Option<Option<bool>>),
    Outer,
    More,
}

/// One variant has all the room, the others sit beside its niche.
pub enum DataBesideNiche {
    Text(String),
    Small(u32),
    Smaller(u8, u16),
}

/// A variant that cannot be has no place in the layout, or has one all the same.
pub enum WithNever {
    Can(u32),
    Cannot(std::convert::Infallible),
    AlsoCan(u64),
}

pub enum Shadow {
    Data(u32),
    __discr(u8),
}

pub enum NameClash {
    u32(u32),
    r#type(u8),
}

pub struct Options {
    reference: Option<&'static u32>,
    text: Option<&'static str>,
    shape: Option<&'static dyn Shape>,
    boxed: Option<Box<u64>>,
    non_zero: Option<NonZeroU8>,
    non_zero64: Option<NonZeroU64>,
    number: Option<u32>,
    large: Option<u64>,
    boolean: Option<bool>,
    character: Option<char>,
    unit: Option<()>,
    nested: Option<Option<Option<bool>>>,
    ordering: Option<std::cmp::Ordering>,
    function: Option<fn(u32) -> u32>,
    string: Option<String>,
    vec: Option<Vec<u16>>,
    u128_: Option<u128>,
    float: Option<f64>,
    tuple: Option<(u8, u16)>,
    result: Result<u32, String>,
    unit_result: Result<(), Box<dyn std::error::Error>>,
    never: Result<u32, std::convert::Infallible>,
    poll: Poll<Option<u8>>,
    cow: std::borrow::Cow<'static, str>,
    clike: Option<CLike>,
    negative: Option<Negative>,
}

// ---- generics and namespaces ----------------------------------------------------------------------------------------

pub struct Gen<T, const N: usize> {
    items: [T; N],
    count: usize,
}

impl<T: Copy + Into<u64>, const N: usize> Gen<T, N> {
    #[inline(never)]
    pub fn sum(&self) -> u64 {
        self.items.iter().map(|&item| item.into()).sum::<u64>() + self.count as u64
    }
}

pub struct ConstChar<const C: char, const B: bool, const I: i8> {
    a: u8,
}

pub struct Holder<T> {
    one: T,
    two: *const T,
}

pub trait Family {
    type Member;
    fn member(&self) -> Self::Member;
}

impl Family for Square {
    type Member = Holder<u16>;
    #[inline(never)]
    fn member(&self) -> Holder<u16> {
        Holder { one: 1, two: std::ptr::null() }
    }
}

pub mod space {
    pub struct Same {
        pub a: u8,
    }
    #[inline(never)]
    pub fn same(x: &Same) -> u32 {
        x.a.into()
    }
    pub mod inner {
        pub struct Same {
            pub b: u64,
        }
        #[inline(never)]
        pub fn same(x: &Same) -> u64 {
            x.b
        }
        pub static STATIC: Same = Same { b: 9 };
    }
    pub enum Same2 {
        Same(u8),
        Other,
    }
    pub static STATIC: Same = Same { a: 8 };
}

#[inline(never)]
pub fn local_types(x: u32) -> u64 {
    struct Local {
        a: u32,
        b: u64,
    }
    enum LocalEnum {
        A(u32),
        B,
    }
    let local = black_box(Local { a: x, b: 3 });
    let e = black_box(if x > 1 { LocalEnum::A(x) } else { LocalEnum::B });
    {
        struct Local {
            c: u8,
        }
        let other = black_box(Local { c: 1 });
        let e = match e {
            LocalEnum::A(x) => x,
            LocalEnum::B => 0,
        };
        u64::from(local.a) + local.b + u64::from(other.c) + u64::from(e)
    }
}

// ---- statics --------------------------------------------------------------------------------------------------------

pub static NUMBER: u32 = 42;
pub static mut MUTABLE: u64 = 1;
pub static ATOMIC: AtomicU32 = AtomicU32::new(3);
pub static ZST: () = ();
pub static ZST_STRUCT: Empty = Empty;
pub static TEXT: &str = "text";
pub static TABLE: [CLike; 3] = [CLike::A, CLike::B, CLike::C];
#[unsafe(no_mangle)]
pub static EXPORTED: AtomicU64 = AtomicU64::new(5);
pub static ENUM: NicheInMiddle = NicheInMiddle::Full { a: 1, flag: true, b: 2 };
thread_local! {
    pub static LOCAL: Cell<u32> = const { Cell::new(1) };
}

// ---- functions ------------------------------------------------------------------------------------------------------

#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn exported(a: u32, b: *const Ordered) -> u64 {
    u64::from(a) + unsafe { b.as_ref() }.map_or(0, |b| b.b)
}

#[inline(never)]
pub fn many(a: u8, b: u16, c: (u32, u8), d: &[u8], e: &str, f: Option<u32>, g: Data, h: [u64; 3], _: bool) -> usize {
    let g = match g {
        Data::Unit => 0,
        Data::Tuple(a, b) => usize::from(a) + b as usize,
        _ => 2,
    };
    usize::from(a) + usize::from(b) + c.0 as usize + d.len() + e.len() + f.unwrap_or(0) as usize + g + h[0] as usize
}

#[inline(never)]
pub fn diverges(fail: bool) -> Result<u32, String> {
    #[inline(never)]
    fn never(code: i32) -> ! {
        std::process::exit(code)
    }
    if fail {
        never(3);
    }
    Ok(1)
}

#[inline(never)]
pub fn destructures((a, b): (u32, u32), Ordered { a: c, .. }: Ordered) -> u32 {
    a + b + u32::from(c)
}

#[inline(never)]
pub fn generic<T: Debug>(value: T) -> usize {
    format!("{value:?}").len()
}

// ---- closures, coroutines -------------------------------------------------------------------------------------------

#[inline(never)]
pub fn closures(x: u32) -> u64 {
    let mut total = 0_u64;
    let name = String::from("abc");
    let by_ref = |y: u32| u64::from(x + y);
    let mut by_mut = |y: u64| total += y;
    by_mut(by_ref(1));
    let by_move = move || name.len() as u64;
    let nested = |z: u32| (move |w: u32| w + z)(1);
    total + by_move() + u64::from(nested(2)) + black_box::<Box<dyn Fn(u32) -> u64>>(Box::new(move |v| u64::from(v + x)))(4)
}

pub struct Yield(bool);
impl Future for Yield {
    type Output = u32;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u32> {
        if self.0 {
            Poll::Ready(7)
        } else {
            self.0 = true;
            Poll::Pending
        }
    }
}

pub async fn leaf(x: u32) -> u32 {
    let kept = [x; 4];
    let y = Yield(false).await;
    kept[1] + y
}

pub async fn asynchronous(x: u32, text: &str) -> u64 {
    let mut sum = 0;
    for i in 0..x {
        sum += leaf(i).await;
    }
    let inner = async { Yield(false).await + x };
    let closure = async |y: u32| y + Yield(true).await;
    u64::from(sum) + u64::from(inner.await) + text.len() as u64 + u64::from(closure(3).await)
}

fn block_on<F: Future>(future: F) -> F::Output {
    fn clone(_: *const ()) -> RawWaker {
        RawWaker::new(std::ptr::null(), &TABLE)
    }
    fn nothing(_: *const ()) {}
    static TABLE: RawWakerVTable = RawWakerVTable::new(clone, nothing, nothing, nothing);
    let waker = unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &TABLE)) };
    let mut context = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

// ---- what it knows of itself ----------------------------------------------------------------------------------------

/// `size PATH BYTES`, `offset PATH FIELD BYTES`
macro_rules! layout {
    ($path:literal, $ty:ty $(, $field:ident)*) => {
        println!("size {} {}", $path, size_of::<$ty>());
        $(println!("offset {} {} {}", $path, stringify!($field).trim_start_matches("r#"), offset_of!($ty, $field));)*
    };
}

/// `value PATH VARIANT HEX`: the bytes of a value, padding and all.
fn value<T>(path: &str, variant: &str, value: &T) {
    print!("value {path} {variant} ");
    let start = std::ptr::from_ref(value).cast::<MaybeUninit<u8>>();
    for i in 0..size_of::<T>() {
        // Padding reads as whatever it is: the volatile read keeps the compiler from reasoning about it.
        let byte: u8 = unsafe { std::ptr::read_volatile(start.add(i).cast::<u8>()) };
        print!("{byte:02x}");
    }
    println!();
}

fn layouts() {
    layout!("every::Reordered", Reordered, a, b, c, d, e);
    layout!("every::Ordered", Ordered, a, b, c, d);
    layout!("every::Packed", Packed, a, b, c, d, e, f);
    layout!("every::Packed2", Packed2, a, b, c);
    layout!("every::Aligned", Aligned, a);
    layout!("every::Empty", Empty);
    layout!("every::OnlyZst", OnlyZst, unit, never, marker, nothing);
    layout!("every::WithZst", WithZst, unit, a, empty, marker, units);
    layout!(
        "every::Numbers", Numbers, i8_, i16_, i32_, i64_, i128_, isize_, u8_, u16_, u32_, u64_, u128_, usize_, f32_, f64_,
        bool_, char_
    );
    layout!("every::Bits", Bits, int, float, bytes, pair);
    layout!("every::Raw", Raw, r#type, r#fn, größe, 日本, my__x, _L_);
    layout!("every::Nested", Nested, inner, many, grid, tuple, nested, one);
    layout!("every::Node", Node, next, parent, other, all, value);
    layout!("every::Pointers", Pointers<'_>, text, slice, shape, boxed, counted, raw, function, c_text, twice);
    layout!("every::Wide", Wide<'_>, bytes, words, text, shape);
    layout!(
        "every::Options", Options, reference, text, shape, boxed, non_zero, number, large, boolean, character, unit, nested,
        ordering, string, u128_, result, cow, clike
    );
    layout!("every::Gen<u16, 3>", Gen<u16, 3>, items, count);
    layout!("every::Holder<every::Ordered>", Holder<Ordered>, one, two);
    layout!("every::space::Same", space::Same, a);
    layout!("every::space::inner::Same", space::inner::Same, b);
    layout!("every::Data", Data);
    layout!("every::NicheInMiddle", NicheInMiddle);
    layout!("every::ReprInt", ReprInt);
    layout!("every::Uninhabited", Uninhabited);
}

fn values() {
    value("every::CLike", "B", &CLike::B);
    value("every::Negative", "Minus", &Negative::Minus);
    value("every::Large", "High", &Large::High);
    value("every::LargeNegative", "Min", &LargeNegative::Min);
    value("every::Data", "Unit", &Data::Unit);
    value("every::Data", "Tuple", &Data::Tuple(1, 2));
    value("every::Data", "Struct", &Data::Struct { a: 3, b: 4 });
    value("every::Data", "Nested", &Data::Nested(Some(5)));
    value("every::Data", "Boxed", &Data::Boxed(Box::new(Data::Unit)));
    value("every::ReprC", "A", &ReprC::A(1));
    value("every::ReprC", "B", &ReprC::B { x: 2 });
    value("every::ReprC", "C", &ReprC::C);
    value("every::ReprInt", "A", &ReprInt::A(1));
    value("every::ReprInt", "B", &ReprInt::B { x: 2 });
    value("every::ReprInt", "C", &ReprInt::C);
    value("every::ReprNegative", "A", &ReprNegative::A(1));
    value("every::ReprNegative", "B", &ReprNegative::B(2));
    value("every::ReprNegative", "C", &ReprNegative::C);
    value("every::ReprLarge", "A", &ReprLarge::A(1));
    value("every::ReprLarge", "B", &ReprLarge::B(2));
    value("every::ReprLarge", "C", &ReprLarge::C);
    value("every::Repr128", "A", &Repr128::A(1));
    value("every::Repr128", "B", &Repr128::B(2));
    value("every::NicheInMiddle", "Full", &NicheInMiddle::Full { a: 1, flag: true, b: 2 });
    value("every::NicheInMiddle", "Nothing", &NicheInMiddle::Nothing);
    value("every::NicheInMiddle", "Other", &NicheInMiddle::Other);
    value("every::NicheOfNiche", "Inner", &NicheOfNiche::Inner(Some(Some(true))));
    value("every::NicheOfNiche", "Outer", &NicheOfNiche::Outer);
    value("every::NicheOfNiche", "More", &NicheOfNiche::More);
    value("every::DataBesideNiche", "Text", &DataBesideNiche::Text("abc".into()));
    value("every::DataBesideNiche", "Small", &DataBesideNiche::Small(1));
    value("every::DataBesideNiche", "Smaller", &DataBesideNiche::Smaller(1, 2));
    value("every::WithNever", "Can", &WithNever::Can(1));
    value("every::WithNever", "AlsoCan", &WithNever::AlsoCan(1));
    value("every::Shadow", "Data", &Shadow::Data(1));
    value("every::Shadow", "__discr", &Shadow::__discr(1));
    value("every::NameClash", "u32", &NameClash::u32(1));
    value("every::NameClash", "type", &NameClash::r#type(1));
    value("every::space::Same2", "Same", &space::Same2::Same(1));
    value("every::space::Same2", "Other", &space::Same2::Other);
    value("core::option::Option<&u32>", "None", &None::<&u32>);
    value("core::option::Option<&u32>", "Some", &Some(&NUMBER));
    value("core::option::Option<u32>", "None", &None::<u32>);
    value("core::option::Option<u32>", "Some", &Some(1_u32));
    value("core::option::Option<bool>", "None", &None::<bool>);
    value("core::option::Option<bool>", "Some", &Some(false));
    value("core::option::Option<char>", "None", &None::<char>);
    value("core::option::Option<char>", "Some", &Some('x'));
    value("core::option::Option<u128>", "Some", &Some(1_u128));
    value("core::option::Option<()>", "Some", &Some(()));
    value("core::option::Option<core::cmp::Ordering>", "None", &None::<std::cmp::Ordering>);
    value("core::result::Result<u32, alloc::string::String>", "Ok", &Ok::<u32, String>(1));
    value("core::result::Result<u32, alloc::string::String>", "Err", &Err::<u32, String>("e".into()));
}

/// The type `!` has no name.
pub trait Output {
    type Type;
}

impl<T> Output for fn() -> T {
    type Type = T;
}

/// Keeps a type in the debug information without making a value of it.
#[inline(never)]
fn keep<T>(value: *const T) -> usize {
    black_box(value) as usize + size_of::<T>() + align_of::<T>()
}

#[inline(never)]
fn everything() -> usize {
    let mut sum = keep::<Reordered>(std::ptr::null());
    sum += keep::<Packed>(std::ptr::null()) + keep::<Packed2>(std::ptr::null()) + keep::<Aligned>(std::ptr::null());
    sum += keep::<Transparent>(std::ptr::null()) + keep::<Empty>(std::ptr::null()) + keep::<EmptyTuple>(std::ptr::null());
    sum += keep::<EmptyBraces>(std::ptr::null()) + keep::<OnlyZst>(std::ptr::null()) + keep::<WithZst>(std::ptr::null());
    sum += keep::<Numbers>(std::ptr::null()) + keep::<Bits>(std::ptr::null()) + keep::<Raw>(std::ptr::null());
    sum += keep::<Größe>(std::ptr::null()) + keep::<my__x>(std::ptr::null()) + keep::<a_>(std::ptr::null());
    sum += keep::<Tuple>(std::ptr::null()) + keep::<Nested>(std::ptr::null()) + keep::<Node>(std::ptr::null());
    sum += keep::<Pointers>(std::ptr::null()) + keep::<Wide>(std::ptr::null());
    sum += keep::<Byte>(std::ptr::null()) + keep::<r#enum>(std::ptr::null()) + keep::<OneVariant>(std::ptr::null());
    sum += keep::<Uninhabited>(std::ptr::null()) + keep::<OneWithData>(std::ptr::null()) + keep::<CLike128>(std::ptr::null());
    sum += keep::<WithNever>(std::ptr::null()) + keep::<Options>(std::ptr::null());
    sum += keep::<ConstChar<'x', true, -3>>(std::ptr::null()) + keep::<Holder<Ordered>>(std::ptr::null());
    sum += keep::<Holder<&'static [Holder<(u8, Option<char>)>]>>(std::ptr::null());
    sum += keep::<BTreeMap<String, Vec<Option<Rc<RefCell<u32>>>>>>(std::ptr::null());
    sum += keep::<UnsafeCell<Cell<Option<Arc<std::sync::Mutex<Data>>>>>>(std::ptr::null());
    sum += keep::<std::collections::HashMap<u32, Box<dyn Shape>>>(std::ptr::null());
    sum += keep::<[Option<fn(&'static dyn Shape) -> Box<dyn Fn()>>; 4]>(std::ptr::null());
    sum += keep::<<fn() -> ! as Output>::Type>(std::ptr::null());
    sum += keep::<(u8, u32)>(std::ptr::null()) + keep::<((), ())>(std::ptr::null()) + keep::<[(); 3]>(std::ptr::null());
    sum
}

fn main() {
    let square = Square(3);
    let shapes: [&dyn Shape; 2] = [&square, &Circle { radius: 2 }];
    let mut sum = shapes.iter().map(|shape| shape.area() as usize + shape.name().len()).sum::<usize>();
    sum += black_box(Gen { items: [1_u16, 2, 3], count: 3 }).sum() as usize;
    sum += black_box(Gen { items: [1_u8; 2], count: 2 }).sum() as usize;
    sum += usize::from(black_box(square.member()).one) + local_types(5) as usize + closures(6) as usize;
    sum += space::same(black_box(&space::STATIC)) as usize + space::inner::same(black_box(&space::inner::STATIC)) as usize;
    sum += exported(1, std::ptr::null()) as usize + diverges(black_box(false)).map_or(0, |x| x as usize);
    sum += many(1, 2, (3, 4), b"abc", "def", Some(5), Data::Tuple(6, 7), [8, 9, 10], true);
    sum += destructures((1, 2), Ordered { a: 1, b: 2, c: 3, d: [4, 5, 6] }) as usize;
    sum += generic(Some(1)) + generic("text") + generic((1, 'x', 2.5_f32));
    sum += block_on(asynchronous(3, "text")) as usize + black_box(CLike::A).next() as usize;
    sum += NUMBER as usize + ATOMIC.load(Ordering::Relaxed) as usize + TEXT.len() + TABLE[1] as usize;
    sum += EXPORTED.load(Ordering::Relaxed) as usize + LOCAL.get() as usize + size_of_val(&ZST) + size_of_val(&ZST_STRUCT);
    unsafe {
        MUTABLE += 1;
        sum += black_box(&raw const MUTABLE).read() as usize + keep(&raw const ENUM) % 2;
    }
    black_box(sum + everything());
    layouts();
    values();
}
