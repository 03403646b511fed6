/* Calls functions of the C library by the prototypes declared here; a result that is not zero is the failing line. */
int abs(int i);
long labs(long i);
int toupper(int c);
int isdigit(int c);
unsigned long strtoul(const char *s, char **end, int base);
long strtol(const char *s, char **end, int base);
int atoi(const char *s);
int memcmp(const void *a, const void *b, unsigned long n);
int snprintf(char *to, unsigned long size, const char *format, ...);
int strcmp(const char *a, const char *b);
void *malloc(unsigned long size);
void free(void *p);

int test_int(void)
{
	volatile int minus = -5;

	if (abs(minus) != 5)
		return __LINE__;
	if (labs(minus) != 5)
		return __LINE__;
	if (atoi("-12") != -12)
		return __LINE__;
	if (atoi("-12") >= 0)
		return __LINE__;
	if (toupper('a') != 'A' || !isdigit('7') || isdigit('x'))
		return __LINE__;
	return 0;
}

int test_long(void)
{
	if (strtol("-5000000000", 0, 10) != -5000000000L)
		return __LINE__;
	if (strtoul("18446744073709551615", 0, 10) != ~0UL)
		return __LINE__;
	return 0;
}

int test_format(void)
{
	char text[32];
	volatile unsigned long size = 3;

	if (snprintf(text, sizeof(text), "%d %s", -3, "x") != 4)
		return __LINE__;
	if (strcmp(text, "-3 x") != 0)
		return __LINE__;
	if (snprintf(text, size, "%ld", 123456789012L) != 12)
		return __LINE__;
	if (memcmp(text, "12", 3) != 0)
		return __LINE__;
	return 0;
}

int test_heap(void)
{
	char *p = malloc(4);

	if (!p)
		return __LINE__;
	p[0] = 'a';
	p[1] = 0;
	if (strcmp(p, "b") >= 0)
		return __LINE__;
	free(p);
	return 0;
}
