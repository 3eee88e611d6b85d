/* IO buffers, their readers and blocks; and what is a fault with them. */
#include "bench.h"

#define SIZE 128

static TSIOBuffer       bufp;
static TSIOBufferReader readerp;

static void
begin(void)
{
  bufp    = TSIOBufferSizedCreate(TS_IOBUFFER_SIZE_INDEX_128);
  readerp = TSIOBufferReaderAlloc(bufp);
}

/* What a reader has before it, by its blocks. */
static void
show(TSIOBufferReader reader)
{
  char    text[1024];
  int64_t count = 0;
  for (TSIOBufferBlock block = TSIOBufferReaderStart(reader); block; block = TSIOBufferBlockNext(block)) {
    int64_t     avail;
    const char *start = TSIOBufferBlockReadStart(block, reader, &avail);
    MUST(avail == TSIOBufferBlockReadAvail(block, reader));
    MUST(avail <= TSIOBufferBlockDataSizeGet(block));
    memcpy(text + count, start, avail);
    count += avail;
  }
  MUST(count == TSIOBufferReaderAvail(reader));
  say("%.*s.", (int)count, text);
}

ENTRY(readers_go_along)
{
  (void)argc, (void)argv;
  begin();
  show(readerp);
  MUST(TSIOBufferWrite(bufp, "one two", 7) == 7);
  TSIOBufferReaderConsume(readerp, 4);
  TSIOBufferReader other = TSIOBufferReaderClone(readerp);
  TSIOBufferReaderConsume(readerp, 100);
  MUST(TSIOBufferWrite(bufp, " three", 6) == 6);
  show(readerp);
  show(other);
  char some[8];
  MUST(TSIOBufferReaderCopy(other, some, 5) == 5 && memcmp(some, "two t", 5) == 0);
  MUST(TSIOBufferReaderAvail(other) == 9);
  TSIOBufferReaderFree(readerp);
  TSIOBufferWaterMarkSet(bufp, 9);
  say("%d", (int)TSIOBufferWaterMarkGet(bufp));
  TSIOBufferDestroy(bufp);
}

ENTRY(bytes_are_written_in_place)
{
  (void)argc, (void)argv;
  begin();
  for (int i = 0; i < 3; i++) {
    int64_t         avail;
    TSIOBufferBlock block = TSIOBufferStart(bufp);
    char           *start = TSIOBufferBlockWriteStart(block, &avail);
    MUST(avail == TSIOBufferBlockWriteAvail(block) && avail > 0);
    MUST(start == TSIOBufferBlockWriteStart(block, NULL));
    memset(start, 'a' + i, avail);
    TSIOBufferProduce(bufp, i == 1 ? avail - 100 : avail);
    MUST(TSIOBufferBlockWriteAvail(block) == (i == 1 ? 100 : 0));
  }
  MUST(TSIOBufferReaderAvail(readerp) == 2 * SIZE);
  show(readerp);
  TSIOBufferDestroy(bufp);
}

ENTRY(bytes_are_shared)
{
  (void)argc, (void)argv;
  begin();
  TSIOBuffer       to     = TSIOBufferCreate();
  TSIOBufferReader reader = TSIOBufferReaderAlloc(to);
  TSIOBufferWrite(bufp, "one two three", 13);
  MUST(TSIOBufferCopy(to, readerp, 3, 4) == 3);
  MUST(TSIOBufferCopy(to, readerp, 100, 7) == 6);
  MUST(TSIOBufferCopy(to, readerp, 100, 13) == 0);
  const char *there = TSIOBufferBlockReadStart(TSIOBufferReaderStart(readerp), readerp, NULL);
  const char *here  = TSIOBufferBlockReadStart(TSIOBufferReaderStart(reader), reader, NULL);
  MUST(here == there + 4);
  /* Of itself, too. */
  MUST(TSIOBufferCopy(bufp, readerp, 100, 0) == 13);
  MUST(TSIOBufferReaderAvail(readerp) == 26);
  TSIOBufferDestroy(bufp);
  TSIOBufferWrite(to, "!", 1);
  show(reader);
  TSIOBufferReaderFree(reader);
  TSIOBufferDestroy(to);
}

/* Nobody's handle of that kind: "null", "stale", "other" or "twice", which has been destroyed by the function itself. */
static TSIOBuffer
bad_buffer(const char *how)
{
  if (*how == 'n') {
    return NULL;
  }
  TSIOBuffer bad = TSIOBufferCreate();
  TSIOBufferDestroy(bad);
  return *how == 's' ? bad : (TSIOBuffer)readerp;
}

static TSIOBufferReader
bad_reader(const char *how)
{
  if (*how == 'n') {
    return NULL;
  }
  TSIOBufferReader bad = TSIOBufferReaderClone(readerp);
  TSIOBufferReaderFree(bad);
  return *how == 's' ? bad : (TSIOBufferReader)bufp;
}

static TSIOBufferBlock
bad_block(const char *how)
{
  if (*how == 'n') {
    return NULL;
  }
  TSIOBuffer      buffer = TSIOBufferCreate();
  TSIOBufferBlock bad    = TSIOBufferStart(buffer);
  TSIOBufferDestroy(buffer);
  return *how == 's' ? bad : (TSIOBufferBlock)readerp;
}

#define CASE(name, call)                                                     \
  if (strcmp(argv[1], #name) == 0) {                                         \
    name call;                                                               \
    return;                                                                  \
  }

/* Calls the function argv[1] with a handle that is bad in the way argv[2]. */
ENTRY(bad_handle)
{
  MUST(argc == 3);
  const char *how = argv[2];
  begin();
  TSIOBufferBlock block = TSIOBufferStart(bufp);
  char            some[8];
  CASE(TSIOBufferDestroy, (bad_buffer(how)))
  CASE(TSIOBufferStart, (bad_buffer(how)))
  CASE(TSIOBufferWaterMarkGet, (bad_buffer(how)))
  CASE(TSIOBufferWaterMarkSet, (bad_buffer(how), 1))
  CASE(TSIOBufferCopy, (bad_buffer(how), readerp, 1, 0))
  CASE(TSIOBufferWrite, (bad_buffer(how), "", 0))
  CASE(TSIOBufferProduce, (bad_buffer(how), 0))
  CASE(TSIOBufferReaderAlloc, (bad_buffer(how)))
  CASE(TSIOBufferReaderFree, (bad_reader(how)))
  CASE(TSIOBufferReaderClone, (bad_reader(how)))
  CASE(TSIOBufferReaderStart, (bad_reader(how)))
  CASE(TSIOBufferReaderConsume, (bad_reader(how), 0))
  CASE(TSIOBufferReaderAvail, (bad_reader(how)))
  CASE(TSIOBufferReaderCopy, (bad_reader(how), some, 1))
  CASE(TSIOBufferBlockNext, (bad_block(how)))
  CASE(TSIOBufferBlockDataSizeGet, (bad_block(how)))
  CASE(TSIOBufferBlockReadStart, (bad_block(how), readerp, NULL))
  CASE(TSIOBufferBlockReadAvail, (bad_block(how), readerp))
  CASE(TSIOBufferBlockWriteStart, (bad_block(how), NULL))
  CASE(TSIOBufferBlockWriteAvail, (bad_block(how)))
  if (strcmp(argv[1], "the reader of TSIOBufferCopy") == 0) {
    TSIOBufferCopy(bufp, bad_reader(how), 1, 0);
  } else if (strcmp(argv[1], "the reader of TSIOBufferBlockReadStart") == 0) {
    TSIOBufferBlockReadStart(block, bad_reader(how), NULL);
  } else if (strcmp(argv[1], "the reader of TSIOBufferBlockReadAvail") == 0) {
    TSIOBufferBlockReadAvail(block, bad_reader(how));
  } else {
    say("there is no case %s", argv[1]);
  }
}

static TSIOBufferReader
of_another_buffer(void)
{
  return TSIOBufferReaderAlloc(TSIOBufferCreate());
}

#define WRONG(name, call)                                                    \
  if (strcmp(argv[1], name) == 0) {                                          \
    call;                                                                    \
    return;                                                                  \
  }

/* Does what argv[1] says, with handles that are good. */
ENTRY(wrong)
{
  MUST(argc == 2);
  begin();
  TSIOBufferBlock block = TSIOBufferStart(bufp);
  int64_t         many[2];
  WRONG("a size below all", TSIOBufferSizedCreate((TSIOBufferSizeIndex)-1))
  WRONG("a size above all", TSIOBufferSizedCreate((TSIOBufferSizeIndex)15))
  WRONG("a length below zero", TSIOBufferWrite(bufp, "one", -1))
  WRONG("no bytes", TSIOBufferWrite(bufp, NULL, 1))
  WRONG("a copy of less than nothing", TSIOBufferCopy(bufp, readerp, -1, 0))
  WRONG("a copy from before", TSIOBufferCopy(bufp, readerp, 1, -1))
  WRONG("a mark below zero", TSIOBufferWaterMarkSet(bufp, -1))
  WRONG("less than nothing produced", TSIOBufferProduce(bufp, -1))
  WRONG("more than there is room for", TSIOBufferProduce(bufp, SIZE + 1))
  WRONG("less than nothing consumed", TSIOBufferReaderConsume(readerp, -1))
  WRONG("less than nothing read", TSIOBufferReaderCopy(readerp, many, -1))
  WRONG("no room to read to", TSIOBufferReaderCopy(readerp, NULL, 1))
  WRONG("a count out of line", TSIOBufferBlockReadStart(block, readerp, (int64_t *)((char *)many + 1)))
  WRONG("a room out of line", TSIOBufferBlockWriteStart(block, (int64_t *)((char *)many + 1)))
  WRONG("another buffer's reader at a block", TSIOBufferBlockReadStart(block, of_another_buffer(), NULL))
  WRONG("another buffer's reader asked", TSIOBufferBlockReadAvail(block, of_another_buffer()))
  if (strcmp(argv[1], "a block that all are past") == 0) {
    char bytes[SIZE + 1] = {0};
    TSIOBufferWrite(bufp, bytes, sizeof bytes);
    TSIOBufferReaderConsume(readerp, SIZE - 1);
    MUST(TSIOBufferBlockReadAvail(block, readerp) == 1);
    TSIOBufferReaderConsume(readerp, 1);
    TSIOBufferBlockNext(block);
  } else if (strcmp(argv[1], "a reader after its buffer") == 0) {
    TSIOBufferDestroy(bufp);
    TSIOBufferReaderFree(readerp);
  } else {
    say("there is no case %s", argv[1]);
  }
}

static void *
writes_and_reads(void *shared)
{
  TSIOBuffer       own    = TSIOBufferSizedCreate(TS_IOBUFFER_SIZE_INDEX_128);
  TSIOBufferReader of_own = TSIOBufferReaderAlloc(own);
  for (int i = 0; i < 3000; i++) {
    TSIOBufferReader reader = TSIOBufferReaderClone(readerp);
    TSIOBufferWrite((TSIOBuffer)shared, "0123456789", 10);
    MUST(TSIOBufferReaderAvail(reader) % 10 == 0);
    int64_t count = TSIOBufferCopy(own, reader, 40, 0);
    char    some[40];
    MUST(count % 10 == 0 && TSIOBufferReaderCopy(of_own, some, 40) == count);
    for (int64_t at = 0; at < count; at++) {
      MUST(some[at] == '0' + at % 10);
    }
    TSIOBufferReaderConsume(of_own, 40);
    TSIOBufferReaderConsume(reader, 500);
    TSIOBufferReaderFree(reader);
    TSIOBufferReaderConsume(readerp, 10);
  }
  TSIOBufferDestroy(own);
  return NULL;
}

ENTRY(threads_share_one)
{
  (void)argc, (void)argv;
  begin();
  pthread_t threads[3];
  for (int i = 0; i < 3; i++) {
    MUST(pthread_create(&threads[i], NULL, writes_and_reads, bufp) == 0);
  }
  for (int i = 0; i < 3; i++) {
    MUST(pthread_join(threads[i], NULL) == 0);
  }
  show(readerp);
  TSIOBufferDestroy(bufp);
}
