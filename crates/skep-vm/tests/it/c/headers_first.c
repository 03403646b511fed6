/* skep/user.h before the headers of the C library. */
#include <skep/user.h>

#if __has_include(<stdio.h>)
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#endif

int main(void)
{
	return print("") != 0 || fflush(stdout) != 0 || strlen("") != 0;
}
