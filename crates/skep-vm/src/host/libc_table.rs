//! Prototypes of the C library: how arguments are extended where the program's types do not tell, what a checked program
//! may pass where the host offers the function, and what a mistyped name may have meant.
//!
//! To add a function: a line here, in the syntax of [`Signature::parse`].

use super::signature::Signature;

/// The signature of a function of the C library.
pub(super) fn signature(name: &str) -> Option<Signature> {
    let line = PROTOTYPES.iter().find(|line| name_of(line) == name)?;
    Signature::parse(line).ok().map(|(_, signature)| signature)
}

/// All functions of the table.
pub(super) fn functions() -> impl Iterator<Item = &'static str> {
    PROTOTYPES.iter().map(|line| name_of(line))
}

/// All functions and variables of the table.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    functions().chain(VARIABLES.iter().copied())
}

fn name_of(line: &'static str) -> &'static str {
    let head = line.split('(').next().unwrap_or_default();
    head.rsplit([' ', '*']).next().unwrap_or_default()
}

const VARIABLES: &[&str] = &[
    "stdin",
    "stdout",
    "stderr",
    "environ",
    "optarg",
    "optind",
    "opterr",
    "timezone",
    "daylight",
    "tzname",
    "program_invocation_name",
    "program_invocation_short_name",
];

const PROTOTYPES: &[&str] = &[
    // stdio.h
    "int printf(const char *format, ...)",
    "int fprintf(FILE *stream, const char *format, ...)",
    "int dprintf(int fd, const char *format, ...)",
    "int sprintf(char *to, const char *format, ...)",
    "int snprintf(char *_Nullable to[size], size_t size, const char *format, ...)",
    "int asprintf(char **to, const char *format, ...)",
    "int scanf(const char *format, ...)",
    "int fscanf(FILE *stream, const char *format, ...)",
    "int sscanf(const char *from, const char *format, ...)",
    "int puts(const char *s)",
    "int putchar(int c)",
    "int putc(int c, FILE *stream)",
    "int fputc(int c, FILE *stream)",
    "int fputs(const char *s, FILE *stream)",
    "int getchar(void)",
    "int getc(FILE *stream)",
    "int fgetc(FILE *stream)",
    "int ungetc(int c, FILE *stream)",
    "char *fgets(char *to[size], int size, FILE *stream)",
    "ssize_t getline(char **line, size_t *size, FILE *stream)",
    "size_t fread(void *to[size * count], size_t size, size_t count, FILE *stream)",
    "size_t fwrite(const void *from[size * count], size_t size, size_t count, FILE *stream)",
    "FILE *fopen(const char *path, const char *mode)",
    "FILE *fdopen(int fd, const char *mode)",
    "FILE *popen(const char *command, const char *mode)",
    "int pclose(FILE *stream)",
    "int fclose(FILE *stream)",
    "int fflush(FILE *_Nullable stream)",
    "int feof(FILE *stream)",
    "int ferror(FILE *stream)",
    "void clearerr(FILE *stream)",
    "int fileno(FILE *stream)",
    "int fseek(FILE *stream, long offset, int whence)",
    "long ftell(FILE *stream)",
    "void rewind(FILE *stream)",
    "int setvbuf(FILE *stream, char *buffer, int mode, size_t size)",
    "void setbuf(FILE *stream, char *buffer)",
    "void perror(const char *_Nullable s)",
    "int remove(const char *path)",
    "int rename(const char *from, const char *to)",
    "FILE *tmpfile(void)",
    // string.h, strings.h
    "void *memcpy(void *to[n], const void *from[n], size_t n)",
    "void *mempcpy(void *to[n], const void *from[n], size_t n)",
    "void *memmove(void *to[n], const void *from[n], size_t n)",
    "void *memset(void *to[n], int c, size_t n)",
    "int memcmp(const void *a[n], const void *b[n], size_t n)",
    "int bcmp(const void *a[n], const void *b[n], size_t n)",
    "void bzero(void *to[n], size_t n)",
    "void *memchr(const void *s[n], int c, size_t n)",
    "void *memrchr(const void *s[n], int c, size_t n)",
    "void *memmem(const void *s[n], size_t n, const void *find[m], size_t m)",
    "size_t strlen(const char *s)",
    "size_t strnlen(const char *s[n], size_t n)",
    "int strcmp(const char *a, const char *b)",
    "int strncmp(const char *a, const char *b, size_t n)",
    "int strcasecmp(const char *a, const char *b)",
    "int strncasecmp(const char *a, const char *b, size_t n)",
    "int strcoll(const char *a, const char *b)",
    "char *strcpy(char *to, const char *from)",
    "char *stpcpy(char *to, const char *from)",
    "char *strncpy(char *to[n], const char *from, size_t n)",
    "char *strcat(char *to, const char *from)",
    "char *strncat(char *to, const char *from, size_t n)",
    "size_t strlcpy(char *to[n], const char *from, size_t n)",
    "char *strchr(const char *s, int c)",
    "char *strrchr(const char *s, int c)",
    "char *strchrnul(const char *s, int c)",
    "char *strstr(const char *s, const char *find)",
    "char *strcasestr(const char *s, const char *find)",
    "size_t strspn(const char *s, const char *accept)",
    "size_t strcspn(const char *s, const char *reject)",
    "char *strpbrk(const char *s, const char *accept)",
    "char *strtok(char *s, const char *delimiters)",
    "char *strtok_r(char *s, const char *delimiters, char **state)",
    "char *strsep(char **s, const char *delimiters)",
    "char *strdup(const char *s)",
    "char *strndup(const char *s, size_t n)",
    "char *strerror(int number)",
    "char *strsignal(int number)",
    "int ffs(int i)",
    "int ffsl(long i)",
    // stdlib.h
    "void *malloc(size_t size)",
    "void *calloc(size_t count, size_t size)",
    "void *realloc(void *_Nullable p, size_t size)",
    "void *reallocarray(void *_Nullable p, size_t count, size_t size)",
    "void *aligned_alloc(size_t align, size_t size)",
    "int posix_memalign(void **to, size_t align, size_t size)",
    "void free(void *_Nullable p)",
    "void exit(int status)",
    "void _exit(int status)",
    "void _Exit(int status)",
    "void quick_exit(int status)",
    "void abort(void)",
    "int atexit(void (*function)(void))",
    "char *getenv(const char *name)",
    "char *secure_getenv(const char *name)",
    "int setenv(const char *name, const char *value, int overwrite)",
    "int unsetenv(const char *name)",
    "int putenv(char *text)",
    "int system(const char *_Nullable command)",
    "int atoi(const char *s)",
    "long atol(const char *s)",
    "long long atoll(const char *s)",
    "long strtol(const char *s, char **_Nullable end[1], int base)",
    "unsigned long strtoul(const char *s, char **_Nullable end[1], int base)",
    "long long strtoll(const char *s, char **_Nullable end[1], int base)",
    "unsigned long long strtoull(const char *s, char **_Nullable end[1], int base)",
    "int abs(int i)",
    "long labs(long i)",
    "long long llabs(long long i)",
    "int rand(void)",
    "void srand(unsigned seed)",
    "int rand_r(unsigned *seed[1])",
    "long random(void)",
    "void srandom(unsigned seed)",
    "uint32_t arc4random(void)",
    "uint32_t arc4random_uniform(uint32_t bound)",
    "void qsort(void *base[n * size], size_t n, size_t size, int (*compare)(const void *, const void *))",
    "void *bsearch(const void *key[size], const void *base[n * size], size_t n, size_t size, int (*compare)(const void *))",
    "char *realpath(const char *path, char *_Nullable to)",
    "int mkstemp(char *path)",
    "char *mkdtemp(char *path)",
    // unistd.h, fcntl.h, sys/*.h
    "ssize_t read(int fd, void *to[n], size_t n)",
    "ssize_t write(int fd, const void *from[n], size_t n)",
    "ssize_t pread(int fd, void *to[n], size_t n, off_t offset)",
    "ssize_t pwrite(int fd, const void *from[n], size_t n, off_t offset)",
    "int open(const char *path, int flags, ...)",
    "int openat(int fd, const char *path, int flags, ...)",
    "int creat(const char *path, mode_t mode)",
    "int close(int fd)",
    "off_t lseek(int fd, off_t offset, int whence)",
    "int fcntl(int fd, int command, ...)",
    "int ioctl(int fd, unsigned long request, ...)",
    "int dup(int fd)",
    "int dup2(int from, int to)",
    "int pipe(int *fds[2])",
    "int fsync(int fd)",
    "int ftruncate(int fd, off_t size)",
    "int access(const char *path, int mode)",
    "int unlink(const char *path)",
    "int rmdir(const char *path)",
    "int mkdir(const char *path, mode_t mode)",
    "int chdir(const char *path)",
    "int chmod(const char *path, mode_t mode)",
    "int link(const char *from, const char *to)",
    "int symlink(const char *from, const char *to)",
    "ssize_t readlink(const char *path, char *to[n], size_t n)",
    "char *getcwd(char *to[n], size_t n)",
    "int isatty(int fd)",
    "int gethostname(char *to[n], size_t n)",
    "unsigned sleep(unsigned seconds)",
    "int usleep(useconds_t microseconds)",
    "unsigned alarm(unsigned seconds)",
    "int pause(void)",
    "pid_t fork(void)",
    "pid_t getpid(void)",
    "pid_t getppid(void)",
    "pid_t gettid(void)",
    "uid_t getuid(void)",
    "uid_t geteuid(void)",
    "gid_t getgid(void)",
    "gid_t getegid(void)",
    "pid_t wait(int *_Nullable status[1])",
    "pid_t waitpid(pid_t pid, int *_Nullable status[1], int options)",
    "int kill(pid_t pid, int signal)",
    "int raise(int signal)",
    "void *signal(int number, void (*handler)(int))",
    "long sysconf(int name)",
    "long syscall(long number, ...)",
    "int getpagesize(void)",
    "int sched_yield(void)",
    "int sched_getcpu(void)",
    "int poll(void *fds, unsigned long n, int milliseconds)",
    "int *__errno_location(void)",
    // time.h, sys/time.h
    "time_t time(time_t *_Nullable to[1])",
    "clock_t clock(void)",
    "int clock_gettime(clockid_t id, void *to[16])",
    "int clock_getres(clockid_t id, void *_Nullable to[16])",
    "int gettimeofday(void *_Nullable to[16], void *_Nullable zone)",
    "int nanosleep(const void *time[16], void *_Nullable rest[16])",
    "time_t mktime(struct tm *tm)",
    "time_t timegm(struct tm *tm)",
    "struct tm *gmtime(const time_t *time[1])",
    "struct tm *localtime(const time_t *time[1])",
    "struct tm *gmtime_r(const time_t *time[1], struct tm *to)",
    "struct tm *localtime_r(const time_t *time[1], struct tm *to)",
    "size_t strftime(char *to[size], size_t size, const char *format, const struct tm *tm)",
    "char *ctime(const time_t *time[1])",
    "char *asctime(const struct tm *tm)",
    // ctype.h: glibc looks up any int in a table of 384, so a checked program must not pass one.
    "int isalnum(unsigned char c)",
    "int isalpha(unsigned char c)",
    "int isascii(int c)",
    "int isblank(unsigned char c)",
    "int iscntrl(unsigned char c)",
    "int isdigit(unsigned char c)",
    "int isgraph(unsigned char c)",
    "int islower(unsigned char c)",
    "int isprint(unsigned char c)",
    "int ispunct(unsigned char c)",
    "int isspace(unsigned char c)",
    "int isupper(unsigned char c)",
    "int isxdigit(unsigned char c)",
    "int tolower(int c)",
    "int toupper(int c)",
];

#[cfg(test)]
mod tests {
    use super::{PROTOTYPES, VARIABLES, functions, name_of, signature};
    use crate::host::process;
    use crate::host::signature::Signature;

    #[test]
    fn every_line_is_a_prototype() {
        for line in PROTOTYPES {
            match Signature::parse(line) {
                Ok((name, _)) => assert_eq!(name, name_of(line)),
                Err(error) => panic!("{error}"),
            }
        }
        assert!(signature("printf").is_some_and(|printf| printf.is_variadic()));
        assert_eq!(signature("frobnicate"), None);
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<&str> = functions().chain(VARIABLES.iter().copied()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    /// What newer or other C libraries lack need not be there.
    #[test]
    fn the_names_are_real() {
        let missing: Vec<&str> = super::names().filter(|name| process::find(name).is_none()).collect();
        let known = ["strlcpy", "arc4random", "arc4random_uniform", "gettid", "atexit"];
        assert!(missing.iter().all(|name| known.contains(name)), "{missing:?}");
    }
}
