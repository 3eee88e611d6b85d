/* Marshal buffers and URLs. Part of <ts/ts.h>.
 *
 * A message, a URL, a field is a place in a buffer: both go together through all calls. The buffers of a transaction's
 * messages are the transaction's; they are used like the transaction itself. A buffer that a plugin made is its own, on
 * one thread at a time.
 *
 * A text that a call gives stays until what it is of is changed, and may be null with a length of zero. There is a NUL behind it,
 * and who does not want its length may give null for the place; elsewhere neither can be relied upon.
 * Where a text is given, a length below zero says that it ends with a NUL. TS_ERROR: the place may not be changed, or the
 * text cannot stand there. Faults: a place that is of another buffer, or of something else.
 */

#ifndef TS_PARTS_MBUFFER_H
#define TS_PARTS_MBUFFER_H

#include <ts/apidefs.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Buffers ---- */

/** An empty one. */
TSMBuffer TSMBufferCreate(void);

/** Ends a buffer that a plugin made, and every place in it. TS_SUCCESS. Faults: it is a transaction's. */
TSReturnCode TSMBufferDestroy(TSMBuffer bufp);

/** Gives a place back, but not what is there. TS_NULL_MLOC does nothing. Nobody looks at `parent`, what it was found in. */
TSReturnCode TSHandleMLocRelease(TSMBuffer bufp, TSMLoc parent, TSMLoc mloc);

/* ---- URLs ---- */

/** An empty one. */
TSReturnCode TSUrlCreate(TSMBuffer bufp, TSMLoc *locp);

/** A new one like another, which may be in another buffer. */
TSReturnCode TSUrlClone(TSMBuffer dest_bufp, TSMBuffer src_bufp, TSMLoc src_url, TSMLoc *locp);

/** Makes one like another. */
TSReturnCode TSUrlCopy(TSMBuffer dest_bufp, TSMLoc dest_url, TSMBuffer src_bufp, TSMLoc src_url);

/** Reads a URL that ends at `end`. With TS_PARSE_DONE `start` is there too; with TS_PARSE_ERROR it is none. */
TSParseResult TSUrlParse(TSMBuffer bufp, TSMLoc offset, const char **start, const char *end);

/** Appends the URL's text to an IO buffer. */
void TSUrlPrint(TSMBuffer bufp, TSMLoc offset, TSIOBuffer iobufp);

/** The length of its text. */
int TSUrlLengthGet(TSMBuffer bufp, TSMLoc offset);

/** Its text, ended by a NUL, for TSfree(). */
char *TSUrlStringGet(TSMBuffer bufp, TSMLoc offset, int *length);

/** Its text so that it can stand in another URL; see TSStringPercentEncode(). */
TSReturnCode
TSUrlPercentEncode(TSMBuffer bufp, TSMLoc offset, char *dst, size_t dst_size, size_t *length, const unsigned char *map);

/* ---- Parts of URLs. Null, or an empty text, takes one away, with the mark before it ---- */

/** As it is written; null if it is not. */
const char *TSUrlRawSchemeGet(TSMBuffer bufp, TSMLoc offset, int *length);
/** As it is written, or as it is meant. */
const char  *TSUrlSchemeGet(TSMBuffer bufp, TSMLoc offset, int *length);
TSReturnCode TSUrlSchemeSet(TSMBuffer bufp, TSMLoc offset, const char *value, int length);

const char  *TSUrlUserGet(TSMBuffer bufp, TSMLoc offset, int *length);
TSReturnCode TSUrlUserSet(TSMBuffer bufp, TSMLoc offset, const char *value, int length);

const char  *TSUrlPasswordGet(TSMBuffer bufp, TSMLoc offset, int *length);
TSReturnCode TSUrlPasswordSet(TSMBuffer bufp, TSMLoc offset, const char *value, int length);

const char  *TSUrlHostGet(TSMBuffer bufp, TSMLoc offset, int *length);
TSReturnCode TSUrlHostSet(TSMBuffer bufp, TSMLoc offset, const char *value, int length);

/** As it is written, or the scheme's own. */
int TSUrlPortGet(TSMBuffer bufp, TSMLoc offset);
/** As it is written; 0 if it is not. */
int          TSUrlRawPortGet(TSMBuffer bufp, TSMLoc offset);
TSReturnCode TSUrlPortSet(TSMBuffer bufp, TSMLoc offset, int port);

/** Without the slash it begins with. */
const char  *TSUrlPathGet(TSMBuffer bufp, TSMLoc offset, int *length);
TSReturnCode TSUrlPathSet(TSMBuffer bufp, TSMLoc offset, const char *value, int length);

/** Without the question mark before it. */
const char  *TSUrlHttpQueryGet(TSMBuffer bufp, TSMLoc offset, int *length);
TSReturnCode TSUrlHttpQuerySet(TSMBuffer bufp, TSMLoc offset, const char *value, int length);

/** Without the number sign before it. */
const char  *TSUrlHttpFragmentGet(TSMBuffer bufp, TSMLoc offset, int *length);
TSReturnCode TSUrlHttpFragmentSet(TSMBuffer bufp, TSMLoc offset, const char *value, int length);

#ifdef __cplusplus
}
#endif

#endif
