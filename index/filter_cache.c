#include "index/filter_cache.h"

#include "index/filter.h"

void filter_cache_init(struct filter_cache *cache)
{
    *cache = (struct filter_cache){0};
    pthread_mutex_init(&cache->lock, NULL);
}

static void forget(struct filter_kept *kept)
{
    buf_release(&kept->key);
    document_set_release(&kept->set);
    *kept = (struct filter_kept){0};
}

void filter_cache_release(struct filter_cache *cache)
{
    for (size_t i = 0; i < FILTERS_KEPT; i++)
        forget(&cache->kept[i]);
    pthread_mutex_destroy(&cache->lock);
}

/* ---- keys ---- */

static bool append_number(struct buf *key, uint64_t number)
{
    return buf_append(key, &number, sizeof number, NULL) == STATUS_OK;
}

static bool append_text(struct buf *key, struct text text)
{
    return append_number(key, text.len) &&
           (text.len == 0 || buf_append(key, text.data, text.len, NULL) == STATUS_OK);
}

/* Different filters give different bytes. False when they are too many. */
static bool append_filter(struct buf *key, const struct filter *f)
{
    bool good = append_number(key, f->kind) && append_text(key, f->field) && append_number(key, f->op) &&
                append_number(key, f->item_count) && append_number(key, f->value_count);
    for (size_t i = 0; i < f->value_count && good; i++)
        good = append_number(key, f->values[i].type) && append_text(key, f->values[i].string) &&
               buf_append(key, &f->values[i].number, sizeof f->values[i].number, NULL) == STATUS_OK;
    for (size_t i = 0; i < f->item_count && good; i++)
        good = append_filter(key, &f->items[i]);
    return good;
}

/* ---- sets ---- */

/* The caller holds the lock. */
static struct filter_kept *find(struct filter_cache *cache, int64_t generation, struct text key)
{
    for (size_t i = 0; i < FILTERS_KEPT; i++) {
        struct filter_kept *kept = &cache->kept[i];
        if (kept->generation == generation && kept->key.len > 0 && text_equal(buf_text(&kept->key), key)) {
            kept->asked = ++cache->asked;
            return kept;
        }
    }
    return NULL;
}

/* Takes over the key, and keeps a copy of the set in the place of the one not asked for for longest. Without
 * memory nothing is kept. */
static void keep(struct filter_cache *cache, int64_t generation, struct buf *key,
                 const struct document_set *set)
{
    struct filter_kept fresh = {.key = *key, .generation = generation};
    *key = (struct buf){0};
    if (document_set_bytes(set) > FILTERS_KEPT_BYTES ||
        document_set_copy(&fresh.set, set, NULL) != STATUS_OK) {
        forget(&fresh);
        return;
    }
    pthread_mutex_lock(&cache->lock);
    struct filter_kept *oldest = &cache->kept[0];
    for (size_t i = 1; i < FILTERS_KEPT; i++)
        if (cache->kept[i].asked < oldest->asked)
            oldest = &cache->kept[i];
    fresh.asked = ++cache->asked;
    forget(oldest);
    *oldest = fresh;
    pthread_mutex_unlock(&cache->lock);
}

static enum status subtract_expired(struct collection *c, struct sql *sql, struct document_set *set,
                                    struct error *err)
{
    struct document_set expired = {0};
    enum status status = expired_documents(c, sql, &expired, err);
    if (expired.count > 0)
        document_set_subtract(set, &expired);
    document_set_release(&expired);
    return status;
}

enum status filter_cache_resolve(struct filter_cache *cache, int64_t generation, struct collection *c,
                                 struct sql *sql, const struct filter *filter, struct document_set *out,
                                 struct filter_report *report, struct error *err)
{
    struct document_set set = {0};
    struct buf key;
    buf_init(&key, FILTERS_KEPT_KEY);
    enum status status = STATUS_OK;
    bool known = false, keyed = append_filter(&key, filter);
    if (keyed) {
        pthread_mutex_lock(&cache->lock);
        const struct filter_kept *kept = find(cache, generation, buf_text(&key));
        known = kept != NULL;
        if (known)
            status = document_set_copy(&set, &kept->set, err);
        pthread_mutex_unlock(&cache->lock);
    }
    if (known && status == STATUS_OK) {
        *report = (struct filter_report){.kind = FILTER_KEPT};
        status = subtract_expired(c, sql, &set, err);
    } else if (!known) {
        status = filter_resolve(c, sql, filter, &set, report, err);
        if (status == STATUS_OK && keyed)
            keep(cache, generation, &key, &set);
    }
    buf_release(&key);
    if (status == STATUS_OK)
        *out = set;
    else
        document_set_release(&set);
    return status;
}
