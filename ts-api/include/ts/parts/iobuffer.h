/* IO buffers: bytes in blocks, and readers that go along them. Part of <ts/ts.h>.
 *
 * A buffer and its readers are used on one thread at a time.
 */

#ifndef TS_PARTS_IOBUFFER_H
#define TS_PARTS_IOBUFFER_H

#include <ts/apidefs.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An empty one with blocks of 32 KiB. */
TSIOBuffer TSIOBufferCreate(void);
/** An empty one with blocks of this size. */
TSIOBuffer TSIOBufferSizedCreate(TSIOBufferSizeIndex index);
/** Ends it, its readers and its blocks. */
void TSIOBufferDestroy(TSIOBuffer bufp);

/** Appends bytes and says how many. */
int64_t TSIOBufferWrite(TSIOBuffer bufp, const void *buf, int64_t length);
/** Appends bytes of a reader's, at most so many, after leaving out `offset` of them. The reader stays where it is. */
int64_t TSIOBufferCopy(TSIOBuffer bufp, TSIOBufferReader readerp, int64_t length, int64_t offset);

/** How many bytes should be there before somebody reads. */
int64_t TSIOBufferWaterMarkGet(TSIOBuffer bufp);
void    TSIOBufferWaterMarkSet(TSIOBuffer bufp, int64_t water_mark);

/* ---- Readers ---- */

/** One at the first byte that is still there. */
TSIOBufferReader TSIOBufferReaderAlloc(TSIOBuffer bufp);
/** One at the same byte as another. */
TSIOBufferReader TSIOBufferReaderClone(TSIOBufferReader readerp);
void             TSIOBufferReaderFree(TSIOBufferReader readerp);

/** How many bytes are before it. */
int64_t TSIOBufferReaderAvail(TSIOBufferReader readerp);
/** Goes on by so many bytes. Faults: there are fewer. */
void TSIOBufferReaderConsume(TSIOBufferReader readerp, int64_t nbytes);
/** Copies the bytes before it, at most so many, and says how many. It stays where it is. */
int64_t TSIOBufferReaderCopy(TSIOBufferReader readerp, void *buf, int64_t length);

/* ---- Blocks ---- */

/** The block with the reader's byte, or null. */
TSIOBufferBlock TSIOBufferReaderStart(TSIOBufferReader readerp);
/** The block after, or null. */
TSIOBufferBlock TSIOBufferBlockNext(TSIOBufferBlock blockp);
/** The bytes of the block that the reader has not passed. They stay until the reader goes on. */
const char *TSIOBufferBlockReadStart(TSIOBufferBlock blockp, TSIOBufferReader readerp, int64_t *avail);
/** How many they are. */
int64_t TSIOBufferBlockReadAvail(TSIOBufferBlock blockp, TSIOBufferReader readerp);

#ifdef __cplusplus
}
#endif

#endif
