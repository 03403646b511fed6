use crate::support::{has_tracefs, loaded, may_load};

#[test]
fn a_tracepoint_counts() {
    if !may_load() || !has_tracefs() {
        return;
    }
    let loaded = loaded(
        "
        .map    hits, type=array, key=4, value=8, max_entries=1
        .section tracepoint/syscalls/sys_enter_openat
on_open:
        *(u32 *)(r10 - 4) = 0
        r1 = hits ll
        r2 = r10
        r2 += -4
        call    bpf_map_lookup_elem
        if r0 == 0 goto 1f
        r1 = 1
        lock *(u64 *)(r0 + 0) += r1
1:      r0 = 0
        exit
        .license \"GPL\"
",
    );
    let link = loaded.attach("on_open").unwrap();
    for _ in 0..10 {
        std::fs::File::open("/dev/null").unwrap();
    }
    drop(link);
    let hits = loaded.map::<u32, u64>("hits").unwrap();
    assert!(hits.get(0).unwrap() >= Some(10));
}
