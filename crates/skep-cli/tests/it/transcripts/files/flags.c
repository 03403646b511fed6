int main(void)
{
	char frame[N];

	frame[0] = VALUE;
	__asm__ volatile("" : : "r"(frame) : "memory");
	return frame[0];
}
