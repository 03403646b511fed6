//! Running a program without attaching it.

use std::borrow::Borrow;
use std::os::fd::AsFd;
use std::time::Duration;

use skep_object::section::ProgType;

use crate::error::{Error, remedy};
use crate::prog::Prog;
use crate::sys;

/// How to run a program once, or many times.
///
/// ```
/// use skep_kernel::TestRun;
/// let run = TestRun::new().data(&[0; 64]).data_out(256).repeat(1000);
/// # drop(run);
/// ```
#[derive(Clone, Debug, Default)]
pub struct TestRun<'a> {
    run: sys::TestRun<'a>,
    ctx: &'a [u8],
    data_out: usize,
    ctx_out: usize,
}

/// What a run gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestRunResult {
    /// What the program returned.
    pub retval: u32,
    /// What became of the packet, as far as there was room for it.
    pub data_out: Vec<u8>,
    /// What became of the context, as far as there was room for it.
    pub ctx_out: Vec<u8>,
    /// How long one run took, on average.
    pub duration: Duration,
}

impl<'a> TestRun<'a> {
    /// One run, without a packet and without a context.
    #[must_use]
    pub fn new() -> TestRun<'a> {
        TestRun::default()
    }

    /// The packet; programs for packets need one, of 14 bytes at least.
    #[must_use]
    pub fn data(mut self, data: &'a [u8]) -> TestRun<'a> {
        self.run.data = data;
        self
    }

    /// How many bytes of the packet are wanted back.
    #[must_use]
    pub fn data_out(mut self, len: usize) -> TestRun<'a> {
        self.data_out = len;
        self
    }

    /// The context: what `r1` leads to in programs of type `syscall`, the arguments of a raw tracepoint, a `struct xdp_md`.
    #[must_use]
    pub fn ctx(mut self, ctx: &'a [u8]) -> TestRun<'a> {
        self.ctx = ctx;
        self
    }

    /// How many bytes of the context are wanted back.
    #[must_use]
    pub fn ctx_out(mut self, len: usize) -> TestRun<'a> {
        self.ctx_out = len;
        self
    }

    /// How often the program runs.
    #[must_use]
    pub fn repeat(mut self, times: u32) -> TestRun<'a> {
        self.run.repeat = times;
        self
    }

    /// Runs it on that CPU; for raw tracepoints.
    #[must_use]
    pub fn cpu(mut self, cpu: u32) -> TestRun<'a> {
        const ON_CPU: u32 = 1;
        (self.run.cpu, self.run.flags) = (cpu, self.run.flags | ON_CPU);
        self
    }
}

impl Prog {
    /// Runs the program with what `run` gives it (`BPF_PROG_TEST_RUN`).
    ///
    /// # Errors
    /// If programs of this type cannot be run like that, if packet or context are not what they need, or if more
    /// comes back than there is room for.
    pub fn test_run<'a>(&self, run: impl Borrow<TestRun<'a>>) -> Result<TestRunResult, Error> {
        let run = run.borrow();
        let mut data_out = vec![0; run.data_out];
        let mut ctx = run.ctx.to_vec();
        // These programs leave everything in the context that they were given.
        let in_place = self.ty() == ProgType::SYSCALL;
        let mut ctx_out = if in_place { Vec::new() } else { vec![0; run.ctx_out] };
        let (result, ran) = sys::test_run(self.as_fd(), &run.run, &mut ctx, &mut data_out, &mut ctx_out);
        result.map_err(|source| {
            let remedy = match source.raw_os_error() {
                Some(libc::ENOSPC) => format!(
                    "; {} bytes of data and {} of context came back, there is room for {} and {}",
                    ran.data_len, ran.ctx_len, run.data_out, run.ctx_out
                ),
                Some(sys::ENOTSUPP | libc::EOPNOTSUPP) => {
                    "; programs of this type can only be attached".to_owned()
                }
                Some(libc::EINVAL) => self.what_it_needs(run),
                _ => remedy(&source),
            };
            Error::Run { program: self.name().to_owned(), ty: self.ty().to_string(), remedy, source }
        })?;
        data_out.truncate(usize::try_from(ran.data_len).unwrap_or(usize::MAX));
        if in_place {
            ctx.truncate(run.ctx_out);
            ctx_out = ctx;
        } else {
            ctx_out.truncate(usize::try_from(ran.ctx_len).unwrap_or(usize::MAX));
        }
        Ok(TestRunResult {
            retval: ran.retval,
            data_out,
            ctx_out,
            duration: Duration::from_nanos(ran.duration.into()),
        })
    }

    fn what_it_needs(&self, run: &TestRun<'_>) -> String {
        match self.ty() {
            ProgType::SYSCALL if !run.run.data.is_empty() || run.run.repeat > 0 => {
                "; programs of this type take a context, no data, and run once".to_owned()
            }
            ProgType::RAW_TRACEPOINT | ProgType::SYSCALL => {
                "; the program reads a longer context than there is, or one was given that is too long"
                    .to_owned()
            }
            _ if run.run.data.len() < 14 => {
                format!(
                    "; a packet begins with the 14 bytes of an Ethernet header, this one has {}",
                    run.run.data.len()
                )
            }
            _ => String::new(),
        }
    }
}
