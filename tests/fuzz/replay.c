/* Runs a fuzz target once on each file of the folders named on the command line, so that seeds and past findings are tested
 * by every build. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    size_t count = 0;
    for (int i = 1; i < argc; i++) {
        struct dirent **entries = NULL;
        int n = scandir(argv[i], &entries, NULL, alphasort);
        for (int j = 0; j < n; j++) {
            char path[4096];
            struct stat st;
            struct error err = {0};
            struct buf bytes;
            snprintf(path, sizeof path, "%s/%s", argv[i], entries[j]->d_name);
            free(entries[j]);
            if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
                continue;
            buf_init(&bytes, 64 << 20);
            if (file_read(path, &bytes, &err) != STATUS_OK) {
                fprintf(stderr, "%s\n", err.text);
                return 1;
            }
            LLVMFuzzerTestOneInput((const uint8_t *)(bytes.data != NULL ? bytes.data : ""), bytes.len);
            buf_release(&bytes);
            count++;
        }
        free(entries);
    }
    printf("%zu inputs replayed\n", count);
    return count > 0 ? 0 : 1; /* a target without seeds tests nothing */
}
