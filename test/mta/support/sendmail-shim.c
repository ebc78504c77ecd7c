/*
 * Loaded into Sendmail before the C library (LD_PRELOAD), for two things that a container lacks:
 *
 * - a host name with a dot, without which Sendmail sleeps for a minute before it starts;
 * - a system log: what is logged goes to the file that RXMILTER_SYSLOG names.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[4096];

/* Sendmail empties its environment, so this is the time to look. */
__attribute__((constructor)) static void look(void)
{
    const char *given = getenv("RXMILTER_SYSLOG");

    if (given != NULL)
        snprintf(path, sizeof path, "%s", given);
}

/* One write for a line, so that the lines of several processes do not mix. */
static void note(const char *format, va_list arguments)
{
    char line[8192];
    int kept = errno;
    int length, file;

    length = snprintf(line, sizeof line, "[%ld] ", (long)getpid());
    vsnprintf(line + length, sizeof line - length - 1, format, arguments);
    strcat(line, "\n");
    file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (file >= 0) {
        if (write(file, line, strlen(line)) < 0)
            abort();
        close(file);
    }
    errno = kept;
}

void openlog(const char *name, int options, int facility) { (void)name; (void)options; (void)facility; }

void closelog(void) {}

void vsyslog(int priority, const char *format, va_list arguments)
{
    (void)priority;
    note(format, arguments);
}

void syslog(int priority, const char *format, ...)
{
    va_list arguments;

    (void)priority;
    va_start(arguments, format);
    note(format, arguments);
    va_end(arguments);
}

/* What syslog() is called when a program was compiled with checks of its buffers. */
void __syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list arguments;

    (void)priority;
    (void)flag;
    va_start(arguments, format);
    note(format, arguments);
    va_end(arguments);
}

void __vsyslog_chk(int priority, int flag, const char *format, va_list arguments)
{
    (void)priority;
    (void)flag;
    note(format, arguments);
}

int gethostname(char *name, size_t size)
{
    snprintf(name, size, "%s", "mx.test.example");
    return 0;
}
