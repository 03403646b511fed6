//! Ring buffers.

use std::os::fd::AsFd;
use std::time::Duration;

use skep_kernel::{RingBuffer, TestRun};

use crate::support::{loaded, may_load, run};

/// Writes the word in `value`, as often as there are bytes in the context; discards it if it is odd.
const PROGRAM: &str = "
        .map    events, type=ringbuf, max_entries=4096
        .bss
        .globl  value, lost
value:  .zero   8
lost:   .zero   8
        .section socket
        .globl main
main:   r1 = events ll
        r2 = 24
        r3 = 0
        call    bpf_ringbuf_reserve
        if r0 == 0 goto 1f
        r1 = value ll
        r2 = *(u64 *)(r1 + 0)
        r3 = 1
        lock *(u64 *)(r1 + 0) += r3
        *(u64 *)(r0 + 0) = r2
        *(u64 *)(r0 + 8) = 0
        *(u64 *)(r0 + 16) = 0
        r1 = r0
        r3 = r2
        r2 = 0
        r3 &= 1
        if r3 != 0 goto 2f
        call    bpf_ringbuf_submit
        r0 = 0
        exit
2:      call    bpf_ringbuf_discard
        r0 = 0
        exit
1:      r1 = lost ll
        r2 = 1
        lock *(u64 *)(r1 + 0) += r2
        r0 = 1
        exit
        .license \"GPL\"
";

#[test]
fn records_are_read_in_order() {
    if !may_load() {
        return;
    }
    let loaded = loaded(PROGRAM);
    let mut ring = RingBuffer::new(loaded.map_raw("events").unwrap()).unwrap();
    assert!(ring.next().is_none());
    assert!(!ring.wait(Some(Duration::from_micros(1))).unwrap());
    let mut expected = 0_u64;
    // Several times around.
    for _ in 0..100 {
        for _ in 0..20 {
            run(&loaded, "main");
        }
        assert!(ring.wait(None).unwrap());
        for _ in 0..10 {
            let record = ring.next().unwrap();
            assert_eq!((record.len(), &record[..8]), (24, &expected.to_ne_bytes()[..]));
            expected += 2;
        }
        assert!(ring.next().is_none());
    }
    assert_eq!(loaded.global::<u64>("lost").unwrap().get().unwrap(), 0);
}

#[test]
fn a_full_ring_buffer_loses_what_comes() {
    if !may_load() {
        return;
    }
    let loaded = loaded(PROGRAM);
    let mut ring = RingBuffer::new(loaded.map_raw("events").unwrap()).unwrap();
    loaded.program("main").unwrap().test_run(TestRun::new().data(&[0; 64]).repeat(1000)).unwrap();
    let lost = loaded.global::<u64>("lost").unwrap().get().unwrap();
    let mut read = 0;
    while let Some(record) = ring.next() {
        assert_eq!(record[0] & 1, 0);
        read += 1;
    }
    // 32 bytes each, with the header, and never all of it; the discarded ones took place too.
    assert_eq!((read, lost), (64, 1000 - 127));
    let second = RingBuffer::new(loaded.map_raw("events").unwrap()).unwrap_err().to_string();
    assert_eq!(second, "map 'events': it has a reader already");
    drop(ring);
    let ring = RingBuffer::new(loaded.map_raw("events").unwrap()).unwrap();
    assert!(loaded.map_raw(".bss").is_ok_and(|bss| RingBuffer::new(bss).is_err()));
    assert!(ring.as_fd().try_clone_to_owned().is_ok());
}

#[test]
fn a_reader_waits_for_a_writer() {
    if !may_load() {
        return;
    }
    let loaded = loaded(PROGRAM);
    let mut ring = RingBuffer::new(loaded.map_raw("events").unwrap()).unwrap();
    const EVENTS: usize = 20_000;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut sent = 0;
            while sent < EVENTS {
                // What did not fit is sent again.
                sent += usize::from(run(&loaded, "main") == 0);
            }
        });
        let mut expected = 0;
        while expected < EVENTS as u64 {
            assert!(ring.wait(Some(Duration::from_secs(10))).unwrap());
            while let Some(record) = ring.next() {
                assert_eq!(record[..8], expected.to_ne_bytes());
                expected += 2;
            }
        }
    });
}
