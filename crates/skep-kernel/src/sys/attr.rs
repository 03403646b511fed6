//! What bpf(2) and perf_event_open(2) read and write: `union bpf_attr`, by command, and the structs that it points to.
//!
//! The kernel takes any length, as long as what it does not know is zero. So no struct here has implicit padding.

/// `BPF_MAP_CREATE`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MapCreate {
    pub(crate) map_type: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) map_flags: u32,
    pub(crate) inner_map_fd: u32,
    pub(crate) numa_node: u32,
    pub(crate) map_name: [u8; 16],
    pub(crate) map_ifindex: u32,
    pub(crate) btf_fd: u32,
    pub(crate) btf_key_type_id: u32,
    pub(crate) btf_value_type_id: u32,
    pub(crate) btf_vmlinux_value_type_id: u32,
    pub(crate) map_extra: u64,
}

/// `BPF_MAP_*_ELEM`, `BPF_MAP_GET_NEXT_KEY`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MapElem {
    pub(super) map_fd: u32,
    pub(super) pad: u32,
    pub(super) key: u64,
    /// Or the next key.
    pub(super) value: u64,
    pub(super) flags: u64,
}

/// `BPF_MAP_*_BATCH`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MapBatch {
    pub(super) in_batch: u64,
    pub(super) out_batch: u64,
    pub(super) keys: u64,
    pub(super) values: u64,
    pub(super) count: u32,
    pub(super) map_fd: u32,
    pub(super) elem_flags: u64,
    pub(super) flags: u64,
}

/// `BPF_PROG_LOAD`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ProgLoad {
    pub(super) prog_type: u32,
    pub(super) insn_cnt: u32,
    pub(super) insns: u64,
    pub(super) license: u64,
    pub(super) log_level: u32,
    pub(super) log_size: u32,
    pub(super) log_buf: u64,
    pub(super) kern_version: u32,
    pub(super) prog_flags: u32,
    pub(super) prog_name: [u8; 16],
    pub(super) prog_ifindex: u32,
    pub(super) expected_attach_type: u32,
    pub(super) prog_btf_fd: u32,
    pub(super) func_info_rec_size: u32,
    pub(super) func_info: u64,
    pub(super) func_info_cnt: u32,
    pub(super) line_info_rec_size: u32,
    pub(super) line_info: u64,
    pub(super) line_info_cnt: u32,
    pub(super) attach_btf_id: u32,
    /// Or the descriptor of a module's BTF.
    pub(super) attach_prog_fd: u32,
    pub(super) core_relo_cnt: u32,
    pub(super) fd_array: u64,
    pub(super) core_relos: u64,
    pub(super) core_relo_rec_size: u32,
    /// Out: how long the log is, since Linux 6.4.
    pub(super) log_true_size: u32,
}

/// `struct bpf_func_info`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FuncInfo {
    /// In slots.
    pub(crate) insn_off: u32,
    pub(crate) type_id: u32,
}

/// `struct bpf_line_info`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LineInfo {
    /// In slots.
    pub(crate) insn_off: u32,
    pub(crate) file_name_off: u32,
    pub(crate) line_off: u32,
    /// Line << 10 | column.
    pub(crate) line_col: u32,
}

/// `BPF_OBJ_PIN`, `BPF_OBJ_GET`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Obj {
    pub(super) pathname: u64,
    pub(super) bpf_fd: u32,
    pub(super) file_flags: u32,
}

/// `BPF_PROG_TEST_RUN`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TestRun {
    pub(super) prog_fd: u32,
    pub(super) retval: u32,
    pub(super) data_size_in: u32,
    pub(super) data_size_out: u32,
    pub(super) data_in: u64,
    pub(super) data_out: u64,
    pub(super) repeat: u32,
    pub(super) duration: u32,
    pub(super) ctx_size_in: u32,
    pub(super) ctx_size_out: u32,
    pub(super) ctx_in: u64,
    pub(super) ctx_out: u64,
    pub(super) flags: u32,
    pub(super) cpu: u32,
    pub(super) batch_size: u32,
    pub(super) pad: u32,
}

/// `BPF_OBJ_GET_INFO_BY_FD`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Info {
    pub(super) bpf_fd: u32,
    pub(super) info_len: u32,
    pub(super) info: u64,
}

/// `BPF_RAW_TRACEPOINT_OPEN`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RawTracepoint {
    pub(super) name: u64,
    pub(super) prog_fd: u32,
    pub(super) pad: u32,
}

/// `BPF_BTF_LOAD`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BtfLoad {
    pub(super) btf: u64,
    pub(super) btf_log_buf: u64,
    pub(super) btf_size: u32,
    pub(super) btf_log_size: u32,
    pub(super) btf_log_level: u32,
    /// Out: how long the log is, since Linux 6.4.
    pub(super) btf_log_true_size: u32,
}

/// `BPF_LINK_CREATE`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LinkCreate {
    pub(super) prog_fd: u32,
    /// Or the index of a network interface.
    pub(super) target_fd: u32,
    pub(super) attach_type: u32,
    pub(super) flags: u32,
    /// What these mean depends on the attach type.
    pub(super) rest: [u64; 4],
}

/// `BPF_ITER_CREATE`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IterCreate {
    pub(super) link_fd: u32,
    pub(super) flags: u32,
}

/// Commands that take nothing but a descriptor.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fd {
    pub(super) fd: u32,
}

/// `struct bpf_prog_info`, up to `attach_btf_id`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProgInfo {
    pub(crate) ty: u32,
    pub(crate) id: u32,
    pub(crate) tag: [u8; 8],
    pub(crate) jited_prog_len: u32,
    pub(crate) xlated_prog_len: u32,
    pub(super) jited_prog_insns: u64,
    pub(super) xlated_prog_insns: u64,
    pub(crate) load_time: u64,
    pub(crate) created_by_uid: u32,
    pub(crate) nr_map_ids: u32,
    pub(super) map_ids: u64,
    pub(crate) name: [u8; 16],
    pub(crate) ifindex: u32,
    pub(crate) bits: u32,
    pub(crate) netns_dev: u64,
    pub(crate) netns_ino: u64,
    pub(crate) nr_jited_ksyms: u32,
    pub(crate) nr_jited_func_lens: u32,
    pub(super) jited_ksyms: u64,
    pub(super) jited_func_lens: u64,
    pub(crate) btf_id: u32,
    pub(super) func_info_rec_size: u32,
    pub(super) func_info: u64,
    pub(crate) nr_func_info: u32,
    pub(crate) nr_line_info: u32,
    pub(super) line_info: u64,
    pub(super) jited_line_info: u64,
    pub(crate) nr_jited_line_info: u32,
    pub(super) line_info_rec_size: u32,
    pub(super) jited_line_info_rec_size: u32,
    pub(crate) nr_prog_tags: u32,
    pub(super) prog_tags: u64,
    pub(crate) run_time_ns: u64,
    pub(crate) run_cnt: u64,
    pub(crate) recursion_misses: u64,
    pub(crate) verified_insns: u32,
    pub(crate) attach_btf_obj_id: u32,
    pub(crate) attach_btf_id: u32,
    pub(super) pad: u32,
}

/// `struct bpf_map_info`, up to `map_extra`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MapInfo {
    pub(crate) ty: u32,
    pub(crate) id: u32,
    pub(crate) key_size: u32,
    pub(crate) value_size: u32,
    pub(crate) max_entries: u32,
    pub(crate) map_flags: u32,
    pub(crate) name: [u8; 16],
    pub(crate) ifindex: u32,
    pub(crate) btf_vmlinux_value_type_id: u32,
    pub(crate) netns_dev: u64,
    pub(crate) netns_ino: u64,
    pub(crate) btf_id: u32,
    pub(crate) btf_key_type_id: u32,
    pub(crate) btf_value_type_id: u32,
    pub(crate) btf_vmlinux_id: u32,
    pub(crate) map_extra: u64,
}

/// `struct perf_event_attr`, up to `config2`: `PERF_ATTR_SIZE_VER1`
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PerfEvent {
    pub(super) ty: u32,
    pub(super) size: u32,
    pub(super) config: u64,
    pub(super) sample_period: u64,
    pub(super) sample_type: u64,
    pub(super) read_format: u64,
    pub(super) flags: u64,
    pub(super) wakeup_events: u32,
    pub(super) bp_type: u32,
    pub(super) config1: u64,
    pub(super) config2: u64,
}
