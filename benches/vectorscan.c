/* Vectorscan on a file: the seven patterns that stand for the structured kinds, in block mode. A peer of the benches.
 * gcc -O2 vectorscan.c -lhs -o vectorscan; prints raw matches by pattern (no check digits: it cannot). */
#include <fcntl.h>
#include <hs/hs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATTERNS 7
#define CHUNK (256 << 10)

static unsigned long matches[PATTERNS];

static int matched(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context) {
    (void)from, (void)to, (void)flags, (void)context;
    matches[id]++;
    return 0;
}

int main(int count, char **arguments) {
    static const char *const patterns[PATTERNS] = {
        "\\b\\d{12}\\b",
        "\\b(4\\d{3}|5[1-5]\\d{2}|2[2-7]\\d{2})[ -]?\\d{4}[ -]?\\d{4}[ -]?\\d{4}\\b",
        "\\bKZ\\d{5}[0-9A-Z]{13}\\b",
        "(\\+7|\\b8)[ -]?\\(?7[0467]\\d\\)?[ -]?\\d{3}[ -]?\\d{2}[ -]?\\d{2}\\b",
        "[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,6}\\b",
        "(удостоверен|куәлік|уд\\. личн|id card)[^\\d\\n]{0,40}\\d{9}\\b",
        "[А-ЯӘІҢҒҮҰҚӨҺ][а-яәіңғүұқөһ]{2,20} [А-ЯӘІҢҒҮҰҚӨҺ][а-яәіңғүұқөһ]{2,20} "
        "[А-ЯӘІҢҒҮҰҚӨҺ][а-яәіңғүұқөһ]{2,20}(ич|вна|ұлы|қызы)",
    };
    static const unsigned flags[PATTERNS] = {
        HS_FLAG_DOTALL, HS_FLAG_DOTALL, HS_FLAG_DOTALL, HS_FLAG_DOTALL, HS_FLAG_DOTALL,
        HS_FLAG_DOTALL | HS_FLAG_UTF8 | HS_FLAG_CASELESS, HS_FLAG_DOTALL | HS_FLAG_UTF8,
    };
    static const unsigned ids[PATTERNS] = {0, 1, 2, 3, 4, 5, 6};
    static char buffer[CHUNK];
    hs_database_t *database;
    hs_compile_error_t *error;
    hs_scratch_t *scratch = NULL;
    if (count < 2) return 2;
    if (hs_compile_multi(patterns, flags, ids, PATTERNS, HS_MODE_BLOCK, NULL, &database, &error) != HS_SUCCESS) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS) return 1;
    int file = open(arguments[1], O_RDONLY);
    size_t filled = 0;
    ssize_t got;
    while ((got = read(file, buffer + filled, CHUNK - filled)) > 0) {
        filled += (size_t)got;
        size_t cut = filled;
        while (cut > 0 && buffer[cut - 1] != '\n') cut--;
        if (cut == 0) cut = filled;
        hs_scan(database, buffer, (unsigned)cut, 0, scratch, matched, NULL);
        memmove(buffer, buffer + cut, filled - cut);
        filled -= cut;
    }
    hs_scan(database, buffer, (unsigned)filled, 0, scratch, matched, NULL);
    for (int index = 0; index < PATTERNS; index++) printf("%lu ", matches[index]);
    puts("");
    return 0;
}
