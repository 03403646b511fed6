// Values of the kernel's configuration.
#include "bpf.h"

#define __kconfig __attribute__((section(".kconfig")))

enum libbpf_tristate {
	TRI_NO,
	TRI_YES,
	TRI_MODULE,
};

extern int LINUX_KERNEL_VERSION __kconfig;
extern _Bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;
extern _Bool LINUX_HAS_BPF_COOKIE __kconfig __weak;
extern _Bool CONFIG_BPF_SYSCALL __kconfig;
extern unsigned long CONFIG_HZ __kconfig;
extern enum libbpf_tristate CONFIG_BPF __kconfig;
extern char CONFIG_NET __kconfig;
extern const char CONFIG_DEFAULT_HOSTNAME[4] __kconfig;
extern int CONFIG_NO_SUCH_THING __kconfig __weak;

struct {
	u32 version;
	u8 bpf_syscall, cookie, net, missing;
	u64 hz;
	u32 bpf;
	char hostname[4];
} seen;

SEC("tc") int look(void *ctx) {
	seen.version = LINUX_KERNEL_VERSION;
	seen.bpf_syscall = CONFIG_BPF_SYSCALL;
	seen.cookie = LINUX_HAS_BPF_COOKIE;
	seen.net = CONFIG_NET;
	seen.missing = CONFIG_NO_SUCH_THING;
	seen.hz = CONFIG_HZ;
	seen.bpf = CONFIG_BPF;
	for (int i = 0; i < 4; i++)
		seen.hostname[i] = CONFIG_DEFAULT_HOSTNAME[i];
	return LINUX_HAS_SYSCALL_WRAPPER;
}
