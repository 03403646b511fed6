/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * skep/user.h: for BPF programs that run in user space, by `skep run` or in an engine.
 *
 *	#include <skep/user.h>
 *
 *	struct {
 *		__uint(type, BPF_MAP_TYPE_HASH);
 *		__uint(max_entries, 100);
 *		__type(key, int);
 *		__type(value, u64);
 *	} squares SEC(".maps");
 *
 *	BEGIN int fill(void)
 *	{
 *		for (int i = 1; i <= 3; i++) {
 *			u64 square = (u64)i * i;
 *			map_update_elem(&squares, &i, &square, BPF_ANY);
 *		}
 *		return 0;
 *	}
 *
 *	END int show(void)
 *	{
 *		int *last = NULL, key;
 *		u64 value;
 *
 *		for (; !map_get_next_key(&squares, last, &key); last = &key)
 *			if (!map_lookup_elem(&squares, &key, &value))
 *				print("%d squared is %llu\n", key, value);
 *		return 0;
 *	}
 *
 * Compile with clang -O2 --target=bpf, or with bpf-gcc -O2; -O0 works too. Any function of the C library can be
 * declared and called, with up to five arguments; print() takes any number.
 *
 * Headers of the kernel and of libbpf (vmlinux.h, linux/bpf.h, bpf/bpf_helpers.h) go before this one. What they
 * declare is left out here.
 */
#ifndef SKEP_USER_H
#define SKEP_USER_H

#if defined(__VMLINUX_H__) || defined(_UAPI__LINUX_BPF_H__) || defined(__LINUX_BPF_H__)
#define __SKEP_KERNEL_TYPES 1
#endif

/* --- types --- */

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u8 u8;
typedef __s8 s8;
typedef __u16 u16;
typedef __s16 s16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;

#ifndef NULL
#define NULL ((void *)0)
#endif

#ifndef __SKEP_KERNEL_TYPES
enum bpf_map_type {
	BPF_MAP_TYPE_UNSPEC = 0,
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LRU_PERCPU_HASH = 10,
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_HASH_OF_MAPS = 13,
	BPF_MAP_TYPE_QUEUE = 22,
	BPF_MAP_TYPE_STACK = 23,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_EXIST = 2,
};

enum {
	BPF_F_NO_PREALLOC = 1U << 0,
	BPF_F_NO_COMMON_LRU = 1U << 1,
	BPF_F_NUMA_NODE = 1U << 2,
	BPF_F_RDONLY = 1U << 3,
	BPF_F_WRONLY = 1U << 4,
	BPF_F_ZERO_SEED = 1U << 6,
	BPF_F_RDONLY_PROG = 1U << 7,
	BPF_F_WRONLY_PROG = 1U << 8,
	BPF_F_MMAPABLE = 1U << 10,
};

enum {
	BPF_RB_NO_WAKEUP = 1U << 0,
	BPF_RB_FORCE_WAKEUP = 1U << 1,
};

enum {
	BPF_RB_AVAIL_DATA = 0,
	BPF_RB_RING_SIZE = 1,
	BPF_RB_CONS_POS = 2,
	BPF_RB_PROD_POS = 3,
};

struct bpf_spin_lock {
	__u32 val;
};

struct bpf_dynptr {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_lpm_trie_key {
	__u32 prefixlen;
	__u8 data[0];
};
#endif /* __SKEP_KERNEL_TYPES */

#ifndef ENOENT
#define ENOENT 2
#endif
#ifndef E2BIG
#define E2BIG 7
#endif
#ifndef EAGAIN
#define EAGAIN 11
#endif
#ifndef EFAULT
#define EFAULT 14
#endif
#ifndef EEXIST
#define EEXIST 17
#endif
#ifndef EINVAL
#define EINVAL 22
#endif
#ifndef ENOSPC
#define ENOSPC 28
#endif
#ifndef ERANGE
#define ERANGE 34
#endif

/* --- sections --- */

#ifndef SEC
#define SEC(name) __attribute__((section(name), used))
#endif

/* What runs before and after all else: BEGIN int prepare(void) { ... } */
#ifndef BEGIN
#define BEGIN SEC("BEGIN")
#endif
#ifndef END
#define END SEC("END")
#endif

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
#ifndef __hidden
#define __hidden __attribute__((visibility("hidden")))
#endif

/* --- members of map definitions --- */

#ifndef __uint
#define __uint(name, val) int(*name)[val]
#endif
#ifndef __type
#define __type(name, val) __typeof__(val) *name
#endif
#ifndef __array
#define __array(name, val) __typeof__(val) *name[]
#endif
#ifndef __ulong
#define __skep_concat2(a, b) a##b
#define __skep_concat(a, b) __skep_concat2(a, b)
#define __ulong(name, val)                                                                                             \
	enum {                                                                                                         \
		__skep_concat(__unique_value, __COUNTER__) = val                                                       \
	} name
#endif

/* --- helpers --- */

/* Declares the helper of a number. Both forms make a direct call at every level of optimization. */
#ifdef __clang__
#define SKEP_HELPER(number, result, name, ...)                                                                         \
	static result (*const name)(__VA_ARGS__) __attribute__((unused)) = (result(*)(__VA_ARGS__))(number)
#else
#define SKEP_HELPER(number, result, name, ...) result name(__VA_ARGS__) __attribute__((kernel_helper(number)))
#endif

/*
 * Maps, from user space: each copies, and returns 0 or a negative error number. A queue or stack is read by lookup,
 * filled by update and emptied by lookup-and-delete, its keys being NULL. A value of a per-CPU map is that of this CPU;
 * bpf_map_lookup_percpu_elem() returns the address of another one's.
 */
SKEP_HELPER(10001, int, map_get_next_key, void *map, const void *key, void *next_key);
SKEP_HELPER(10002, int, map_lookup_elem, void *map, const void *key, void *value);
SKEP_HELPER(10003, int, map_update_elem, void *map, const void *key, const void *value, __u64 flags);
SKEP_HELPER(10004, int, map_delete_elem, void *map, const void *key);
SKEP_HELPER(10005, int, map_lookup_and_delete_elem, void *map, const void *key, void *value);
SKEP_HELPER(10006, int, num_possible_cpus, void);

/* Helpers of the kernel that user space has. */
#ifndef __BPF_HELPERS__
SKEP_HELPER(1, void *, bpf_map_lookup_elem, void *map, const void *key);
SKEP_HELPER(2, long, bpf_map_update_elem, void *map, const void *key, const void *value, __u64 flags);
SKEP_HELPER(3, long, bpf_map_delete_elem, void *map, const void *key);
SKEP_HELPER(4, long, bpf_probe_read, void *dst, __u32 size, const void *unsafe_ptr);
SKEP_HELPER(5, __u64, bpf_ktime_get_ns, void);
SKEP_HELPER(6, long, bpf_trace_printk, const char *fmt, __u32 fmt_size, ...);
SKEP_HELPER(7, __u32, bpf_get_prandom_u32, void);
SKEP_HELPER(8, __u32, bpf_get_smp_processor_id, void);
SKEP_HELPER(12, long, bpf_tail_call, void *ctx, void *prog_array_map, __u32 index);
SKEP_HELPER(14, __u64, bpf_get_current_pid_tgid, void);
SKEP_HELPER(15, __u64, bpf_get_current_uid_gid, void);
SKEP_HELPER(16, long, bpf_get_current_comm, void *buf, __u32 size_of_buf);
SKEP_HELPER(28, __s64, bpf_csum_diff, __u32 *from, __u32 from_size, __u32 *to, __u32 to_size, __u32 seed);
SKEP_HELPER(36, long, bpf_probe_write_user, void *dst, const void *src, __u32 len);
SKEP_HELPER(42, long, bpf_get_numa_node_id, void);
SKEP_HELPER(45, long, bpf_probe_read_str, void *dst, __u32 size, const void *unsafe_ptr);
SKEP_HELPER(87, long, bpf_map_push_elem, void *map, const void *value, __u64 flags);
SKEP_HELPER(88, long, bpf_map_pop_elem, void *map, void *value);
SKEP_HELPER(89, long, bpf_map_peek_elem, void *map, void *value);
SKEP_HELPER(93, long, bpf_spin_lock, struct bpf_spin_lock *lock);
SKEP_HELPER(94, long, bpf_spin_unlock, struct bpf_spin_lock *lock);
SKEP_HELPER(105, long, bpf_strtol, const char *buf, unsigned long buf_len, __u64 flags, long *res);
SKEP_HELPER(106, long, bpf_strtoul, const char *buf, unsigned long buf_len, __u64 flags, unsigned long *res);
SKEP_HELPER(112, long, bpf_probe_read_user, void *dst, __u32 size, const void *unsafe_ptr);
SKEP_HELPER(113, long, bpf_probe_read_kernel, void *dst, __u32 size, const void *unsafe_ptr);
SKEP_HELPER(114, long, bpf_probe_read_user_str, void *dst, __u32 size, const void *unsafe_ptr);
SKEP_HELPER(115, long, bpf_probe_read_kernel_str, void *dst, __u32 size, const void *unsafe_ptr);
SKEP_HELPER(118, __u64, bpf_jiffies64, void);
SKEP_HELPER(125, __u64, bpf_ktime_get_boot_ns, void);
SKEP_HELPER(130, long, bpf_ringbuf_output, void *ringbuf, void *data, __u64 size, __u64 flags);
SKEP_HELPER(131, void *, bpf_ringbuf_reserve, void *ringbuf, __u64 size, __u64 flags);
SKEP_HELPER(132, void, bpf_ringbuf_submit, void *data, __u64 flags);
SKEP_HELPER(133, void, bpf_ringbuf_discard, void *data, __u64 flags);
SKEP_HELPER(134, __u64, bpf_ringbuf_query, void *ringbuf, __u64 flags);
SKEP_HELPER(148, long, bpf_copy_from_user, void *dst, __u32 size, const void *user_ptr);
SKEP_HELPER(160, __u64, bpf_ktime_get_coarse_ns, void);
SKEP_HELPER(164, long, bpf_for_each_map_elem, void *map, void *callback_fn, void *callback_ctx, __u64 flags);
SKEP_HELPER(165, long, bpf_snprintf, char *str, __u32 str_size, const char *fmt, __u64 *data, __u32 data_len);
SKEP_HELPER(177, long, bpf_trace_vprintk, const char *fmt, __u32 fmt_size, const void *data, __u32 data_len);
SKEP_HELPER(181, long, bpf_loop, __u32 nr_loops, void *callback_fn, void *callback_ctx, __u64 flags);
SKEP_HELPER(182, long, bpf_strncmp, const char *s1, __u32 s1_sz, const char *s2);
SKEP_HELPER(194, void *, bpf_kptr_xchg, void *dst, void *ptr);
SKEP_HELPER(195, void *, bpf_map_lookup_percpu_elem, void *map, const void *key, __u32 cpu);
SKEP_HELPER(197, long, bpf_dynptr_from_mem, void *data, __u32 size, __u64 flags, struct bpf_dynptr *ptr);
SKEP_HELPER(198, long, bpf_ringbuf_reserve_dynptr, void *ringbuf, __u32 size, __u64 flags, struct bpf_dynptr *ptr);
SKEP_HELPER(199, void, bpf_ringbuf_submit_dynptr, struct bpf_dynptr *ptr, __u64 flags);
SKEP_HELPER(200, void, bpf_ringbuf_discard_dynptr, struct bpf_dynptr *ptr, __u64 flags);
SKEP_HELPER(201, long, bpf_dynptr_read, void *dst, __u32 len, const struct bpf_dynptr *src, __u32 offset, __u64 flags);
SKEP_HELPER(202, long, bpf_dynptr_write, const struct bpf_dynptr *dst, __u32 offset, void *src, __u32 len, __u64 flags);
SKEP_HELPER(203, void *, bpf_dynptr_data, const struct bpf_dynptr *ptr, __u32 offset, __u32 len);
SKEP_HELPER(208, __u64, bpf_ktime_get_tai_ns, void);
#endif /* __BPF_HELPERS__ */

/* --- printing --- */

SKEP_HELPER(10000, int, __skep_print, const char *fmt, const void *args, __u64 count);

/* Never defined, never called: lets the compiler compare formats with arguments. */
int __skep_check_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * __SKEP_EACH(macro, ...) is macro(argument) for each argument, up to 341 of them. print() stores its arguments one by
 * one because clang 22 loses the constants of initialized arrays with -mcpu=v4.
 */
#define __SKEP_EACH(macro, ...) __VA_OPT__(__SKEP_EXPAND(__SKEP_ONE(macro, __VA_ARGS__)))
#define __SKEP_ONE(macro, arg, ...) macro(arg) __VA_OPT__(__SKEP_ONE_MORE __SKEP_PARENS(macro, __VA_ARGS__))
#define __SKEP_ONE_MORE() __SKEP_ONE
#define __SKEP_PARENS ()
#define __SKEP_EXPAND(...) __SKEP_EXPAND4(__SKEP_EXPAND4(__SKEP_EXPAND4(__SKEP_EXPAND4(__VA_ARGS__))))
#define __SKEP_EXPAND4(...) __SKEP_EXPAND3(__SKEP_EXPAND3(__SKEP_EXPAND3(__SKEP_EXPAND3(__VA_ARGS__))))
#define __SKEP_EXPAND3(...) __SKEP_EXPAND2(__SKEP_EXPAND2(__SKEP_EXPAND2(__SKEP_EXPAND2(__VA_ARGS__))))
#define __SKEP_EXPAND2(...) __SKEP_EXPAND1(__SKEP_EXPAND1(__SKEP_EXPAND1(__SKEP_EXPAND1(__VA_ARGS__))))
#define __SKEP_EXPAND1(...) __VA_ARGS__

/* Signed arguments keep their sign, pointers their address. */
#define __SKEP_STORE(arg) *__skep_arg++ = (unsigned long long)(arg);
#define __SKEP_TALLY(arg) "x"
#define __SKEP_COUNT(...) (sizeof("" __SKEP_EACH(__SKEP_TALLY, __VA_ARGS__)) - 1)

/* Declares __skep_args and fills it. */
#define __SKEP_PACK(...)                                                                                               \
	unsigned long long __skep_args[__SKEP_COUNT(__VA_ARGS__) + 1], *__skep_arg = __skep_args;                      \
	__skep_args[0] = 0;                                                                                            \
	__SKEP_EACH(__SKEP_STORE, __VA_ARGS__)(void) __skep_arg

/*
 * int print(const char *fmt, ...): C's printf with any number of arguments. A call of BPF passes five; this one packs
 * the arguments, eight bytes each on the program's stack, and the runtime expands them. Without optimization compilers
 * give each call in a function its own place on the stack, which has 512 bytes.
 */
#define print(fmt, ...)                                                                                                \
	({                                                                                                             \
		(void)sizeof(__skep_check_format(fmt __VA_OPT__(, ) __VA_ARGS__));                                     \
		__SKEP_PACK(__VA_ARGS__);                                                                              \
		__skep_print(fmt, __skep_args, __SKEP_COUNT(__VA_ARGS__));                                             \
	})

/* A line of trace: the standard error stream, in user space. */
#ifndef bpf_printk
#define bpf_printk(fmt, ...)                                                                                           \
	({                                                                                                             \
		static const char __skep_fmt[] = fmt;                                                                  \
		__SKEP_PACK(__VA_ARGS__);                                                                              \
		bpf_trace_vprintk(__skep_fmt, sizeof(__skep_fmt), __skep_args, 8 * __SKEP_COUNT(__VA_ARGS__));         \
	})
#endif

/* --- the C library --- */

#ifndef _STDIO_H
typedef struct _IO_FILE FILE;
extern FILE *stdin, *stdout, *stderr;
int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
int fprintf(FILE *stream, const char *format, ...) __attribute__((format(printf, 2, 3)));
int snprintf(char *to, __SIZE_TYPE__ size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int puts(const char *s);
int putchar(int c);
int fputs(const char *s, FILE *stream);
int fputc(int c, FILE *stream);
int fflush(FILE *stream);
int getchar(void);
char *fgets(char *to, int size, FILE *stream);
__SIZE_TYPE__ fwrite(const void *from, __SIZE_TYPE__ size, __SIZE_TYPE__ count, FILE *stream);
#endif

#ifndef _STRING_H
void *memcpy(void *to, const void *from, __SIZE_TYPE__ n);
void *memmove(void *to, const void *from, __SIZE_TYPE__ n);
void *memset(void *to, int c, __SIZE_TYPE__ n);
int memcmp(const void *a, const void *b, __SIZE_TYPE__ n);
void *memchr(const void *s, int c, __SIZE_TYPE__ n);
__SIZE_TYPE__ strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, __SIZE_TYPE__ n);
char *strcpy(char *to, const char *from);
char *strncpy(char *to, const char *from, __SIZE_TYPE__ n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *find);
char *strdup(const char *s);
char *strerror(int number);
#endif

#ifndef _STDLIB_H
void *malloc(__SIZE_TYPE__ size);
void *calloc(__SIZE_TYPE__ count, __SIZE_TYPE__ size);
void *realloc(void *p, __SIZE_TYPE__ size);
void free(void *p);
char *getenv(const char *name);
void exit(int status) __attribute__((noreturn));
void abort(void) __attribute__((noreturn));
int atoi(const char *s);
long atol(const char *s);
#endif

#endif /* SKEP_USER_H */
