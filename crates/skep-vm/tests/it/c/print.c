#include <skep/user.h>

/* Without optimization, the arguments of all calls in a function lie side by side in its 512 bytes of stack. */
__noinline int few(void)
{
	print("none, 100%%\n");
	print("%d\n", -1);
	print("%d %s\n", 1, "two");
	print("%d %d %d %d %d\n", 1, 2, 3, 4, 5);
	print("%d %d %d %d %d %d\n", 1, 2, 3, 4, 5, 6);
	return print("five\n");
}

__noinline int kinds(void)
{
	signed char small = -3;
	unsigned char byte = 0xfd;
	short half = -4;
	unsigned int word = 4000000000U;
	u64 wide = 0xfedcba9876543210ULL;
	s64 negative = -5000000000LL;
	_Bool yes = 1;

	print("%d %u %llu\n", -1, word, wide);
	print("%hhd %hhu %hd %d\n", small, byte, half, yes);
	return print("%lld %llx %lld %llx %lld %llx %lld %llx\n", negative, wide, negative, wide, negative, wide, negative,
		     wide);
}

__noinline int texts(void)
{
	const char *name = "name";
	char local[6] = "local";

	print("%s %s %s %s %s %s %s\n", name, local, "3", "4", "5", "6", "");
	print("%c%c%c%c%c%c%c%c%c%c\n", 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j');
	print("%p %s\n", NULL, local[0] == 'l' ? "yes" : "no");
	bpf_printk("traced %d %s", -9, name);
	return bpf_printk("ended\n");
}

__noinline int nine(void)
{
	return print("%d%d%d%d%d%d%d%d%d\n", 1, 2, 3, 4, 5, 6, 7, 8, 9);
}

__noinline int widths(void)
{
	return print("%5d|%-5d|%05d|%+d|% d|%#x|%.3d|%8.3s|%*d|%.*s|%X\n", 1, 2, 3, 4, 5, 6, 7, "abcdef", 4, 8, 2, "xyz",
		     255);
}

__noinline int twelve(void)
{
	return print("%d %d %d %d %d %d %d %d %d %d %d %d\n", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, -12);
}

__noinline int many(void)
{
	return print("%d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d\n", 1,
		     2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
		     30, 31, 32);
}

int main(void)
{
	if (few() != 5 || kinds() < 0 || texts() != 6 || nine() != 10 || widths() < 0 || twelve() < 0 || many() < 0)
		print("a result is wrong\n");
	return 0;
}
