/* IO buffers: bytes in blocks, and readers that go along them. Part of <ts/ts.h>.
 *
 * A block goes when every reader is past it and there are bytes behind it; without readers as soon as another follows. A pointer
 * into a block is good for as long as the block, and so is its handle.
 *
 * Any thread may call. What is read or written by pointers is the plugin's to keep apart.
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
/** Appends bytes of a reader's, at most so many, after leaving out `offset` of them, and says how many. The reader stays where it
 *  is; the bytes are not copied, both buffers have them. */
int64_t TSIOBufferCopy(TSIOBuffer bufp, TSIOBufferReader readerp, int64_t length, int64_t offset);
/** The block that is written to, with room in it: a new one if need be. */
TSIOBufferBlock TSIOBufferStart(TSIOBuffer bufp);
/** Appends so many bytes, which were written to where TSIOBufferBlockWriteStart() said since TSIOBufferStart(), without another
 *  write to the buffer between. What was not written is zero. Faults: there is no such room. */
void TSIOBufferProduce(TSIOBuffer bufp, int64_t nbytes);

/** How many bytes should be there before somebody reads, zero at first. The plugin's to use: nobody here looks at it. */
int64_t TSIOBufferWaterMarkGet(TSIOBuffer bufp);
void    TSIOBufferWaterMarkSet(TSIOBuffer bufp, int64_t water_mark);

/* ---- Readers ---- */

/** One at the beginning of the block that is written to: in a new buffer, at the first byte. */
TSIOBufferReader TSIOBufferReaderAlloc(TSIOBuffer bufp);
/** One at the same byte as another. */
TSIOBufferReader TSIOBufferReaderClone(TSIOBufferReader readerp);
void             TSIOBufferReaderFree(TSIOBufferReader readerp);

/** How many bytes are before it. */
int64_t TSIOBufferReaderAvail(TSIOBufferReader readerp);
/** Goes on by so many bytes, to the last at most. */
void TSIOBufferReaderConsume(TSIOBufferReader readerp, int64_t nbytes);
/** Copies the bytes before it, at most so many, and says how many. It stays where it is. */
int64_t TSIOBufferReaderCopy(TSIOBufferReader readerp, void *buf, int64_t length);

/* ---- Blocks ---- */

/** The block with the reader's next byte; if there is none yet, a block all the same, with none for the reader. */
TSIOBufferBlock TSIOBufferReaderStart(TSIOBufferReader readerp);
/** The block after, or null. */
TSIOBufferBlock TSIOBufferBlockNext(TSIOBufferBlock blockp);
/** The bytes of the block that the reader has not passed; `avail` may be null. Faults: the reader is another buffer's. */
const char *TSIOBufferBlockReadStart(TSIOBufferBlock blockp, TSIOBufferReader readerp, int64_t *avail);
/** How many they are. */
int64_t TSIOBufferBlockReadAvail(TSIOBufferBlock blockp, TSIOBufferReader readerp);
/** All bytes of the block. */
int64_t TSIOBufferBlockDataSizeGet(TSIOBufferBlock blockp);
/** Where bytes may be written that TSIOBufferProduce() then appends; `avail` may be null. */
char *TSIOBufferBlockWriteStart(TSIOBufferBlock blockp, int64_t *avail);
/** How many bytes there is room for. */
int64_t TSIOBufferBlockWriteAvail(TSIOBufferBlock blockp);

#ifdef __cplusplus
}
#endif

#endif
