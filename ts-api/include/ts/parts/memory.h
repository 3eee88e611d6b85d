/* Memory, texts, time, UUIDs, files. Part of <ts/ts.h>. All of it on any thread. */

#ifndef TS_PARTS_MEMORY_H
#define TS_PARTS_MEMORY_H

#include <ts/apidefs.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Memory: the heap of malloc() and free(). If there is none left the process ends ---- */

/** So many bytes; null for none. */
void *TSmalloc(size_t size);

/** The same bytes in a place of another size. Null for `ptr` gives a new place; a size of zero gives it back, and null. */
void *TSrealloc(void *ptr, size_t size);

/** Gives back what TSmalloc() and the like gave. Null does nothing. */
void TSfree(void *ptr);

/** A copy of a text. Null gives null. */
char *TSstrdup(const char *str);

/** A copy of a text up to its NUL, at most so many bytes, ended by a NUL. Below zero there is no limit. Null gives null. */
char *TSstrndup(const char *str, int64_t length);

/** Copies a text into room for `size` bytes, always ended by a NUL. The length it would have had: not cut if less than `size`. */
size_t TSstrlcpy(char *dst, const char *str, size_t size);

/** Appends a text to one in room for `size` bytes. The length it would have had: not cut if less than `size`. */
size_t TSstrlcat(char *dst, const char *str, size_t size);

/* ---- Texts in other writing. TS_ERROR: it does not fit, or is not written so ---- */

/**
 * Writes bytes so that they can stand in a URL, ended by a NUL, and says how long that is. Bit `c` of `map`, counted from the
 * highest of its first byte, says that the byte `c` has to be written otherwise; null stands for the usual 256 bits.
 */
TSReturnCode
TSStringPercentEncode(const char *str, int str_len, char *dst, size_t dst_size, size_t *length, const unsigned char *map);

/** The way back. Both places may be the same. */
TSReturnCode TSStringPercentDecode(const char *str, size_t str_len, char *dst, size_t dst_size, size_t *length);

/** Writes bytes in Base64, ended by a NUL. */
TSReturnCode TSBase64Encode(const char *str, size_t str_len, char *dst, size_t dst_size, size_t *length);

/** The way back. */
TSReturnCode TSBase64Decode(const char *str, size_t str_len, unsigned char *dst, size_t dst_size, size_t *length);

/* ---- Time ---- */

/** The time of day: nanoseconds since 1970. */
TSHRTime TShrtime(void);

/* ---- UUIDs ---- */

/** One without a value. */
TSUuid TSUuidCreate(void);
void   TSUuidDestroy(TSUuid uuid);

/** Gives it a new value. TS_ERROR: another version than TS_UUID_V4. */
TSReturnCode TSUuidInitialize(TSUuid uuid, TSUuidVersion v);

/** Gives `dest` the value of `src`. TS_ERROR: that has none. */
TSReturnCode TSUuidCopy(TSUuid dest, const TSUuid src);

/** Its 36 characters, which stay as they are until it gets another value; null without a value. */
const char *TSUuidStringGet(const TSUuid uuid);

/** Gives it the value that is written there. TS_ERROR: none is. */
TSReturnCode TSUuidStringParse(TSUuid uuid, const char *uuid_str);

/** Its version, TS_UUID_UNDEFINED without a value. */
TSUuidVersion TSUuidVersionGet(const TSUuid uuid);

/** The process's own, made when it started. It is not destroyed. */
TSUuid TSProcessUuidGet(void);

/** The process's UUID, a hyphen, and the transaction's number: into room for TS_CRUUID_STRING_LEN + 1 bytes. */
TSReturnCode TSClientRequestUuidGet(TSHttpTxn txnp, char *uuid_str);

/* ---- Files, with a buffer. They block: for threads that may ---- */

/** Opens for reading with "r", for writing with "w", for writing at the end with "a". Null: it cannot be opened. */
TSFile TSfopen(const char *filename, const char *mode);

/** Writes what is still to be written, and closes. */
void TSfclose(TSFile filep);

/** Reads at most so many bytes; 0 at the end, -1 if it cannot be read. A length that was a negative number is a fault. */
ssize_t TSfread(TSFile filep, void *buf, size_t length);

/** Writes bytes and says how many; -1 if it cannot be written. A length that was a negative number is a fault. */
ssize_t TSfwrite(TSFile filep, const void *buf, size_t length);

/** Hands on what TSfwrite() kept back. */
void TSfflush(TSFile filep);

/** Reads a line with its end, at most `length - 1` bytes, and ends it with a NUL. Null at the end. */
char *TSfgets(TSFile filep, char *buf, size_t length);

#ifdef __cplusplus
}

/** Room for so many of a type, which are not constructed. */
template <typename T>
T *
TSRalloc(size_t count = 1)
{
  return static_cast<T *>(TSmalloc(sizeof(T) * count));
}
#endif

#endif
