/* Headers of requests and responses: their first line, and their fields. Part of <ts/ts.h>.
 *
 * The rules of <ts/parts/mbuffer.h> hold here too.
 */

#ifndef TS_PARTS_HEADER_H
#define TS_PARTS_HEADER_H

#include <ts/apidefs.h>

#ifdef __cplusplus
#include <string_view>
extern "C" {
#endif

/* ---- Headers with a first line ---- */

/** An empty one, of no type. */
TSMLoc TSHttpHdrCreate(TSMBuffer bufp);
/** Ends it, with its URL and its fields. The places are still to be given back. Faults: it is a transaction's. */
void TSHttpHdrDestroy(TSMBuffer bufp, TSMLoc offset);

/** A new one like another, which may be in another buffer. */
TSReturnCode TSHttpHdrClone(TSMBuffer dest_bufp, TSMBuffer src_bufp, TSMLoc src_hdr, TSMLoc *locp);

/** Makes one like another. */
TSReturnCode TSHttpHdrCopy(TSMBuffer dest_bufp, TSMLoc dest_hdr, TSMBuffer src_bufp, TSMLoc src_hdr);

/** Appends it to an IO buffer as HTTP/1 writes it, the empty line too. */
void TSHttpHdrPrint(TSMBuffer bufp, TSMLoc offset, TSIOBuffer iobufp);

/** The length of what TSHttpHdrPrint() writes. */
int TSHttpHdrLengthGet(TSMBuffer bufp, TSMLoc offset);

TSHttpType TSHttpHdrTypeGet(TSMBuffer bufp, TSMLoc offset);
/** Once for each header; later TS_ERROR. */
TSReturnCode TSHttpHdrTypeSet(TSMBuffer bufp, TSMLoc offset, TSHttpType type);

/** See TS_HTTP_VERSION(). */
int          TSHttpHdrVersionGet(TSMBuffer bufp, TSMLoc offset);
TSReturnCode TSHttpHdrVersionSet(TSMBuffer bufp, TSMLoc offset, int ver);

/* Of requests. */
const char  *TSHttpHdrMethodGet(TSMBuffer bufp, TSMLoc offset, int *length);
TSReturnCode TSHttpHdrMethodSet(TSMBuffer bufp, TSMLoc offset, const char *value, int length);
/** TS_ERROR: it is no request's. */
TSReturnCode TSHttpHdrUrlGet(TSMBuffer bufp, TSMLoc offset, TSMLoc *locp);
TSReturnCode TSHttpHdrUrlSet(TSMBuffer bufp, TSMLoc offset, TSMLoc url);
/** The host it is for, from its URL or its Host field. */
const char *TSHttpHdrHostGet(TSMBuffer bufp, TSMLoc offset, int *length);
/**
 * The whole URL it asks for, its Host field taken into account, scheme and host in small letters: as much as fits into `size`
 * bytes, and in `length` how long it is.
 */
TSReturnCode TSHttpHdrEffectiveUrlBufGet(TSMBuffer hdr_buf, TSMLoc hdr_loc, char *buf, int64_t size, int64_t *length);

/* Of responses. */
TSHttpStatus TSHttpHdrStatusGet(TSMBuffer bufp, TSMLoc offset);
TSReturnCode TSHttpHdrStatusSet(TSMBuffer bufp, TSMLoc offset, TSHttpStatus status);
/** As TSHttpHdrStatusSet(), and who says so in which transaction, or in none with null, for logs. */
TSReturnCode TSHttpHdrStatusSetBy(TSMBuffer bufp, TSMLoc offset, TSHttpStatus status, TSHttpTxn txnp, const char *setter,
                                  int setter_len);
const char  *TSHttpHdrReasonGet(TSMBuffer bufp, TSMLoc offset, int *length);
TSReturnCode TSHttpHdrReasonSet(TSMBuffer bufp, TSMLoc offset, const char *value, int length);
/** The usual phrase for a status, ended by a NUL. On any thread. */
const char *TSHttpHdrReasonLookup(TSHttpStatus status);

/* ---- Fields alone ----
 *
 * The calls from here on take headers with a first line as well.
 */

TSReturnCode TSMimeHdrCreate(TSMBuffer bufp, TSMLoc *locp);
/** As TSHttpHdrDestroy(). TS_ERROR: it is a transaction's. */
TSReturnCode TSMimeHdrDestroy(TSMBuffer bufp, TSMLoc offset);
TSReturnCode TSMimeHdrClone(TSMBuffer dest_bufp, TSMBuffer src_bufp, TSMLoc src_hdr, TSMLoc *locp);
TSReturnCode TSMimeHdrCopy(TSMBuffer dest_bufp, TSMLoc dest_hdr, TSMBuffer src_bufp, TSMLoc src_hdr);

/** Appends the fields to an IO buffer as HTTP/1 writes them. */
void TSMimeHdrPrint(TSMBuffer bufp, TSMLoc offset, TSIOBuffer iobufp);
int  TSMimeHdrLengthGet(TSMBuffer bufp, TSMLoc offset);

/** Removes all fields. */
TSReturnCode TSMimeHdrFieldsClear(TSMBuffer bufp, TSMLoc offset);
int          TSMimeHdrFieldsCount(TSMBuffer bufp, TSMLoc offset);

/* ---- Fields: finding them. TS_NULL_MLOC: there is none. What is found is given back with TSHandleMLocRelease() ---- */

/** By place, from 0. */
TSMLoc TSMimeHdrFieldGet(TSMBuffer bufp, TSMLoc hdr, int idx);
/** The first of a name, whatever its letters' case. */
TSMLoc TSMimeHdrFieldFind(TSMBuffer bufp, TSMLoc hdr, const char *name, int length);
/** The one after. */
TSMLoc TSMimeHdrFieldNext(TSMBuffer bufp, TSMLoc hdr, TSMLoc field);
/** The one after that has the same name. */
TSMLoc TSMimeHdrFieldNextDup(TSMBuffer bufp, TSMLoc hdr, TSMLoc field);

/** The pointer that getters give for a name, value or method that they know, whatever its letters' case; else null. On any thread. */
const char *TSMimeHdrStringToWKS(const char *str, int length);

/* ---- Fields: making them, and taking them away ---- */

/* A field whose name begins with '@' stays within the host: plugins tell each other things in it. It is not sent, nor printed. */

/** One without a name, which is in no header yet. */
TSReturnCode TSMimeHdrFieldCreate(TSMBuffer bufp, TSMLoc hdr, TSMLoc *locp);
/** One with a name, which is in no header yet. */
TSReturnCode TSMimeHdrFieldCreateNamed(TSMBuffer bufp, TSMLoc hdr, const char *name, int name_len, TSMLoc *locp);
/** Puts it at the end of the header; without a name, when it gets one. */
TSReturnCode TSMimeHdrFieldAppend(TSMBuffer bufp, TSMLoc hdr, TSMLoc field);
/** Takes it out of the header; it can be appended again. */
TSReturnCode TSMimeHdrFieldRemove(TSMBuffer bufp, TSMLoc hdr, TSMLoc field);
/** Takes it out of the header and ends it. The place is still to be given back. */
TSReturnCode TSMimeHdrFieldDestroy(TSMBuffer bufp, TSMLoc hdr, TSMLoc field);
TSReturnCode TSMimeHdrFieldClone(TSMBuffer dest_bufp, TSMLoc dest_hdr, TSMBuffer src_bufp, TSMLoc src_hdr, TSMLoc src_field,
                                 TSMLoc *locp);
TSReturnCode TSMimeHdrFieldCopy(TSMBuffer dest_bufp, TSMLoc dest_hdr, TSMLoc dest_field, TSMBuffer src_bufp, TSMLoc src_hdr,
                                TSMLoc src_field);
TSReturnCode TSMimeHdrFieldCopyValues(TSMBuffer dest_bufp, TSMLoc dest_hdr, TSMLoc dest_field, TSMBuffer src_bufp,
                                      TSMLoc src_hdr, TSMLoc src_field);

/* ---- Fields: what they say ---- */

/** The length of its line. */
int          TSMimeHdrFieldLengthGet(TSMBuffer bufp, TSMLoc hdr, TSMLoc field);
const char  *TSMimeHdrFieldNameGet(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, int *length);
TSReturnCode TSMimeHdrFieldNameSet(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, const char *name, int length);

/* A field's value is a list, parted by commas. Places in it count from 0; -1 is all of it as one. */
int          TSMimeHdrFieldValuesCount(TSMBuffer bufp, TSMLoc hdr, TSMLoc field);
TSReturnCode TSMimeHdrFieldValuesClear(TSMBuffer bufp, TSMLoc hdr, TSMLoc field);

const char  *TSMimeHdrFieldValueStringGet(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, int idx, int *value_len_ptr);
int          TSMimeHdrFieldValueIntGet(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, int idx);
int64_t      TSMimeHdrFieldValueInt64Get(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, int idx);
unsigned int TSMimeHdrFieldValueUintGet(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, int idx);
/** Seconds since 1970; 0 if it is no date. */
time_t TSMimeHdrFieldValueDateGet(TSMBuffer bufp, TSMLoc hdr, TSMLoc field);

TSReturnCode
TSMimeHdrFieldValueStringSet(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, int idx, const char *value, int length);
TSReturnCode TSMimeHdrFieldValueIntSet(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, int idx, int value);
TSReturnCode TSMimeHdrFieldValueInt64Set(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, int idx, int64_t value);
TSReturnCode TSMimeHdrFieldValueUintSet(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, int idx, unsigned int value);
TSReturnCode TSMimeHdrFieldValueDateSet(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, time_t value);

/** Appends to the text of one value. */
TSReturnCode TSMimeHdrFieldValueAppend(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, int idx, const char *value, int length);

/* Before the value at this place; -1 is the end. */
TSReturnCode
TSMimeHdrFieldValueStringInsert(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, int idx, const char *value, int length);
TSReturnCode TSMimeHdrFieldValueIntInsert(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, int idx, int value);
TSReturnCode TSMimeHdrFieldValueUintInsert(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, int idx, unsigned int value);
TSReturnCode TSMimeHdrFieldValueDateInsert(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, time_t value);

TSReturnCode TSMimeHdrFieldValueDelete(TSMBuffer bufp, TSMLoc hdr, TSMLoc field, int idx);

#ifdef __cplusplus
}

/** As TSHttpHdrStatusSet(), and who says so in which transaction, for logs. */
inline TSReturnCode
TSHttpHdrStatusSet(TSMBuffer bufp, TSMLoc offset, TSHttpStatus status, TSHttpTxn txnp, std::string_view setter)
{
  return TSHttpHdrStatusSetBy(bufp, offset, status, txnp, setter.data(), static_cast<int>(setter.size()));
}
#endif

#endif
