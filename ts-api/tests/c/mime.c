/* Marshal buffers of a plugin's own: heads, fields, values, URLs, and what is a fault with them. */
#include "bench.h"

/* A request with some fields, in a buffer of its own. */
static TSMBuffer bufp;
static TSMLoc hdr;

static void
build(void)
{
  bufp = TSMBufferCreate();
  hdr  = TSHttpHdrCreate(bufp);
  MUST(TSHttpHdrTypeGet(bufp, hdr) == TS_HTTP_TYPE_UNKNOWN);
  MUST(TSHttpHdrTypeSet(bufp, hdr, TS_HTTP_TYPE_REQUEST) == TS_SUCCESS);
  MUST(TSHttpHdrMethodSet(bufp, hdr, "PUT", -1) == TS_SUCCESS);
  append_field(bufp, hdr, "Host", "h.example:81");
  append_field(bufp, hdr, "Accept", "text/html, text/*;q=\"0,5\" , */*");
  append_field(bufp, hdr, "Content-Length", "12");
  append_field(bufp, hdr, "X-Two", "1");
  append_field(bufp, hdr, "x-two", "2");
}

static void
show(void)
{
  TSIOBuffer       out    = TSIOBufferCreate();
  TSIOBufferReader reader = TSIOBufferReaderAlloc(out);
  TSHttpHdrPrint(bufp, hdr, out);
  MUST(TSIOBufferReaderAvail(reader) == TSHttpHdrLengthGet(bufp, hdr));
  int64_t          length;
  TSIOBufferBlock  block = TSIOBufferReaderStart(reader);
  const char      *text  = TSIOBufferBlockReadStart(block, reader, &length);
  for (const char *end; (end = memchr(text, '\r', length)); length -= end + 2 - text, text = end + 2) {
    say("%.*s.", (int)(end - text), text);
  }
  TSIOBufferReaderFree(reader);
  TSIOBufferDestroy(out);
}

static TSMLoc
find(const char *name)
{
  TSMLoc field = TSMimeHdrFieldFind(bufp, hdr, name, -1);
  MUST(field != TS_NULL_MLOC);
  return field;
}

ENTRY(a_head_is_built_and_printed)
{
  (void)argc, (void)argv;
  build();
  TSMLoc url;
  MUST(TSHttpHdrUrlGet(bufp, hdr, &url) == TS_SUCCESS);
  MUST(TSUrlPathSet(bufp, url, "a/b", -1) == TS_SUCCESS);
  MUST(TSUrlHttpQuerySet(bufp, url, "q=1", -1) == TS_SUCCESS);
  show();
  int         length;
  const char *host = TSHttpHdrHostGet(bufp, hdr, &length);
  MUST(TSHttpHdrMethodGet(bufp, hdr, &length) == TS_HTTP_METHOD_PUT && length == TS_HTTP_LEN_PUT);
  MUST(TSMimeHdrFieldNameGet(bufp, hdr, find("host"), &length) == TS_MIME_FIELD_HOST);
  MUST(TSMimeHdrStringToWKS("hOST", -1) == TS_MIME_FIELD_HOST && TSMimeHdrStringToWKS("Hosts", 4) == TS_MIME_FIELD_HOST);
  MUST(TSMimeHdrStringToWKS("bytes", -1) == TS_HTTP_VALUE_BYTES && TSMimeHdrStringToWKS("Bytes", -1) == TS_MIME_FIELD_BYTES);
  MUST(TSMimeHdrStringToWKS("x-two", -1) == NULL && TSMimeHdrStringToWKS("", 0) == NULL);
  host = TSHttpHdrHostGet(bufp, hdr, &length);
  say("%.*s %d %d", length, host, TSUrlPortGet(bufp, url), TSMimeHdrFieldsCount(bufp, hdr));
  char *whole = TSUrlStringGet(bufp, url, &length);
  say("%s %d", whole, length == (int)strlen(whole));
  TSfree(whole);
  MUST(TSHttpHdrTypeSet(bufp, hdr, TS_HTTP_TYPE_RESPONSE) == TS_SUCCESS);
  MUST(TSHttpHdrStatusSet(bufp, hdr, (TSHttpStatus)404) == TS_SUCCESS);
  MUST(TSHttpHdrReasonSet(bufp, hdr, "Gone Fishing", -1) == TS_SUCCESS);
  MUST(TSHttpHdrUrlGet(bufp, hdr, &url) == TS_ERROR && url == TS_NULL_MLOC);
  MUST(TSHttpHdrStatusSet(bufp, hdr, (TSHttpStatus)40) == TS_ERROR);
  show();
  say("%s %d", TSHttpHdrReasonLookup((TSHttpStatus)503), TSHttpHdrReasonLookup((TSHttpStatus)599) == NULL);
  MUST(TSMBufferDestroy(bufp) == TS_SUCCESS);
}

ENTRY(fields_come_and_go)
{
  (void)argc, (void)argv;
  build();
  /* However it is spelled, and one after the other. */
  TSMLoc first = find("X-TWO"), second = TSMimeHdrFieldNextDup(bufp, hdr, first);
  MUST(second != TS_NULL_MLOC && TSMimeHdrFieldNextDup(bufp, hdr, second) == TS_NULL_MLOC);
  MUST(TSMimeHdrFieldNext(bufp, hdr, first) == second && TSMimeHdrFieldGet(bufp, hdr, 4) == second);
  MUST(TSMimeHdrFieldGet(bufp, hdr, 5) == TS_NULL_MLOC && TSMimeHdrFieldGet(bufp, hdr, -1) == TS_NULL_MLOC);
  int length;
  say("%s", TSMimeHdrFieldNameGet(bufp, hdr, second, &length));

  /* Taken out and put back, it is the last one. */
  MUST(TSMimeHdrFieldAppend(bufp, hdr, first) == TS_ERROR);
  MUST(TSMimeHdrFieldRemove(bufp, hdr, first) == TS_SUCCESS && TSMimeHdrFieldRemove(bufp, hdr, first) == TS_ERROR);
  MUST(TSMimeHdrFieldNameSet(bufp, hdr, first, "X-New", -1) == TS_SUCCESS);
  MUST(TSMimeHdrFieldAppend(bufp, hdr, first) == TS_SUCCESS);

  /* A copy of the whole, which goes its own way. */
  TSMBuffer other = TSMBufferCreate();
  TSMLoc    copy;
  MUST(TSHttpHdrClone(other, bufp, hdr, &copy) == TS_SUCCESS);
  TSMLoc clone;
  MUST(TSMimeHdrFieldClone(other, copy, bufp, hdr, second, &clone) == TS_SUCCESS);
  MUST(TSMimeHdrFieldAppend(other, copy, clone) == TS_SUCCESS);
  say("%d %d", TSMimeHdrFieldsCount(bufp, hdr), TSMimeHdrFieldsCount(other, copy));

  /* Destroyed, and released as plugins do it. */
  MUST(TSMimeHdrFieldDestroy(bufp, hdr, second) == TS_SUCCESS);
  MUST(TSHandleMLocRelease(bufp, hdr, second) == TS_SUCCESS);
  MUST(TSHandleMLocRelease(bufp, hdr, TS_NULL_MLOC) == TS_SUCCESS);
  show();
  /* What would be two fields, or none, is none. */
  MUST(TSMimeHdrFieldCreateNamed(bufp, hdr, "a b", -1, &clone) == TS_SUCCESS);
  MUST(TSMimeHdrFieldAppend(bufp, hdr, clone) == TS_ERROR);
  MUST(TSMimeHdrFieldNameSet(bufp, hdr, clone, "a", -1) == TS_SUCCESS);
  MUST(TSMimeHdrFieldValueStringSet(bufp, hdr, clone, -1, "x\r\ny: z", -1) == TS_SUCCESS);
  MUST(TSMimeHdrFieldAppend(bufp, hdr, clone) == TS_ERROR);
  MUST(TSMimeHdrCopy(bufp, hdr, other, copy) == TS_SUCCESS && TSMimeHdrFieldsCount(bufp, hdr) == 6);
  MUST(TSMimeHdrFieldsClear(bufp, hdr) == TS_SUCCESS && TSMimeHdrFieldsCount(bufp, hdr) == 0);
  MUST(TSMBufferDestroy(other) == TS_SUCCESS && TSMBufferDestroy(bufp) == TS_SUCCESS);
}

/* The places of what was destroyed are given back, in whatever order, and then there is nothing left of them. */
ENTRY(a_header_is_destroyed_and_its_places_are_given_back)
{
  (void)argc, (void)argv;
  build();
  TSMLoc url, field = find("accept"), again = find("Accept"), clone;
  MUST(TSHttpHdrUrlGet(bufp, hdr, &url) == TS_SUCCESS && again == field);
  TSMLoc other = TSHttpHdrCreate(bufp);
  MUST(TSMimeHdrFieldClone(bufp, other, bufp, hdr, field, &clone) == TS_SUCCESS);
  TSHttpHdrDestroy(bufp, hdr);
  MUST(TSHandleMLocRelease(bufp, TS_NULL_MLOC, hdr) == TS_SUCCESS);
  MUST(TSHandleMLocRelease(bufp, hdr, field) == TS_SUCCESS && TSHandleMLocRelease(bufp, hdr, again) == TS_SUCCESS);
  MUST(TSHandleMLocRelease(bufp, hdr, url) == TS_SUCCESS);
  /* What is of another header is as it was. */
  MUST(TSMimeHdrFieldAppend(bufp, other, clone) == TS_SUCCESS && TSMimeHdrFieldsCount(bufp, other) == 1);
  MUST(TSMimeHdrDestroy(bufp, other) == TS_SUCCESS);
  MUST(TSHandleMLocRelease(bufp, other, clone) == TS_SUCCESS);
  MUST(TSHandleMLocRelease(bufp, TS_NULL_MLOC, other) == TS_SUCCESS);
  MUST(TSMBufferDestroy(bufp) == TS_SUCCESS);
  say("given back");
}

ENTRY(values_are_read_and_changed_one_by_one)
{
  (void)argc, (void)argv;
  build();
  TSMLoc field = find("accept");
  int    length;
  say("%d", TSMimeHdrFieldValuesCount(bufp, hdr, field));
  for (int idx = -1; idx < 4; idx++) {
    const char *value = TSMimeHdrFieldValueStringGet(bufp, hdr, field, idx, &length);
    say("%d: %.*s", idx, length, value ? value : "");
  }
  MUST(TSMimeHdrFieldValueStringInsert(bufp, hdr, field, 0, "first", -1) == TS_SUCCESS);
  MUST(TSMimeHdrFieldValueIntInsert(bufp, hdr, field, -1, -7) == TS_SUCCESS);
  MUST(TSMimeHdrFieldValueDelete(bufp, hdr, field, 2) == TS_SUCCESS);
  MUST(TSMimeHdrFieldValueAppend(bufp, hdr, field, 1, ";q=1", -1) == TS_SUCCESS);
  MUST(TSMimeHdrFieldValueStringSet(bufp, hdr, field, 2, "text/plain", -1) == TS_SUCCESS);
  MUST(TSMimeHdrFieldValueDelete(bufp, hdr, field, 9) == TS_ERROR);
  say("%s", TSMimeHdrFieldValueStringGet(bufp, hdr, field, -1, &length));
  say("%d", TSMimeHdrFieldValueIntGet(bufp, hdr, field, 3));

  field = find("content-length");
  say("%u", TSMimeHdrFieldValueUintGet(bufp, hdr, field, -1));
  MUST(TSMimeHdrFieldValueInt64Set(bufp, hdr, field, -1, INT64_C(99999999999)) == TS_SUCCESS);
  say("%lld %d", (long long)TSMimeHdrFieldValueInt64Get(bufp, hdr, field, -1), TSMimeHdrFieldValueIntGet(bufp, hdr, field, -1));
  MUST(TSMimeHdrFieldValueDateSet(bufp, hdr, field, 784111777) == TS_SUCCESS);
  const char *date = TSMimeHdrFieldValueStringGet(bufp, hdr, field, -1, &length);
  MUST(TSMimeHdrFieldValueDateGet(bufp, hdr, field) == 784111777);
  MUST(TSMimeHdrFieldValuesClear(bufp, hdr, field) == TS_SUCCESS);
  MUST(TSMimeHdrFieldValuesCount(bufp, hdr, field) == 0);
  /* What was lent is still there. */
  say("%s", date);
}

/* In the order of plugins that put a field into its header first, and say then what it is. */
ENTRY(fields_are_appended_before_they_have_a_name)
{
  (void)argc, (void)argv;
  build();
  TSMLoc first, second, again;
  MUST(TSMimeHdrFieldCreate(bufp, hdr, &first) == TS_SUCCESS && TSMimeHdrFieldAppend(bufp, hdr, first) == TS_SUCCESS);
  MUST(TSMimeHdrFieldAppend(bufp, hdr, first) == TS_ERROR && TSMimeHdrFieldsCount(bufp, hdr) == 5);
  MUST(TSMimeHdrFieldCreate(bufp, hdr, &second) == TS_SUCCESS && TSMimeHdrFieldAppend(bufp, hdr, second) == TS_SUCCESS);
  MUST(TSMimeHdrFieldCopy(bufp, hdr, second, bufp, hdr, find("x-two")) == TS_SUCCESS);
  MUST(TSMimeHdrFieldNameSet(bufp, hdr, first, "a b", -1) == TS_ERROR);
  MUST(TSMimeHdrFieldNameSet(bufp, hdr, first, "X-First", -1) == TS_SUCCESS);
  MUST(TSMimeHdrFieldValueStringInsert(bufp, hdr, first, -1, "public", -1) == TS_SUCCESS);
  MUST((again = TSMimeHdrFieldGet(bufp, hdr, 6)) == first && TSHandleMLocRelease(bufp, hdr, again) == TS_SUCCESS);
  MUST(TSMimeHdrFieldAppend(bufp, hdr, first) == TS_ERROR);
  /* Taken out again before it has a name, it does not come in with one. */
  MUST(TSMimeHdrFieldCreate(bufp, hdr, &again) == TS_SUCCESS && TSMimeHdrFieldAppend(bufp, hdr, again) == TS_SUCCESS);
  MUST(TSMimeHdrFieldRemove(bufp, hdr, again) == TS_SUCCESS && TSMimeHdrFieldRemove(bufp, hdr, again) == TS_ERROR);
  MUST(TSMimeHdrFieldNameSet(bufp, hdr, again, "X-Last", -1) == TS_SUCCESS && TSMimeHdrFieldsCount(bufp, hdr) == 7);
  show();
}

/* Plugins that want no length give no place for it. */
ENTRY(texts_are_given_without_their_lengths)
{
  (void)argc, (void)argv;
  build();
  TSMLoc url;
  MUST(TSHttpHdrUrlGet(bufp, hdr, &url) == TS_SUCCESS && TSUrlHostSet(bufp, url, "h.example", -1) == TS_SUCCESS);
  say("%s %s %s %s", TSHttpHdrMethodGet(bufp, hdr, NULL), TSHttpHdrHostGet(bufp, hdr, NULL), TSUrlHostGet(bufp, url, NULL),
      TSUrlSchemeGet(bufp, url, NULL));
  say("%s: %s", TSMimeHdrFieldNameGet(bufp, hdr, find("host"), NULL),
      TSMimeHdrFieldValueStringGet(bufp, hdr, find("host"), -1, NULL));
}

ENTRY(urls_are_taken_apart)
{
  (void)argc, (void)argv;
  bufp = TSMBufferCreate();
  TSMLoc      url, other;
  const char *text = "https://me:pw@h.example:444/a/b?q#f", *start = text, *end = text + strlen(text);
  MUST(TSUrlCreate(bufp, &url) == TS_SUCCESS);
  MUST(TSUrlParse(bufp, url, &start, end) == TS_PARSE_DONE && start == end);
  int len;
#define PART(name) say(#name " %s", TSUrl##name##Get(bufp, url, &len))
  PART(Scheme), PART(User), PART(Password), PART(Host), PART(Path), PART(HttpQuery), PART(HttpFragment);
  MUST(TSUrlPortSet(bufp, url, 0) == TS_SUCCESS && TSUrlPortGet(bufp, url) == 443 && TSUrlRawPortGet(bufp, url) == 0);
  MUST(TSUrlSchemeSet(bufp, url, "HTTPS", -1) == TS_SUCCESS && TSUrlPortGet(bufp, url) == 443);
  MUST(TSUrlSchemeSet(bufp, url, "https", -1) == TS_SUCCESS && TSUrlHostSet(bufp, url, "a:81", -1) == TS_ERROR);
  MUST(TSUrlUserSet(bufp, url, NULL, 0) == TS_SUCCESS && TSUrlPasswordSet(bufp, url, NULL, 0) == TS_SUCCESS);
  MUST(TSUrlHostSet(bufp, url, "a/b", -1) == TS_ERROR && TSUrlPathSet(bufp, url, "c", -1) == TS_SUCCESS);
  MUST(TSUrlClone(bufp, bufp, url, &other) == TS_SUCCESS);
  MUST(TSUrlHttpFragmentSet(bufp, url, NULL, 0) == TS_SUCCESS && TSUrlHttpFragmentGet(bufp, url, &len) == NULL);
  char *one = TSUrlStringGet(bufp, url, NULL), *two = TSUrlStringGet(bufp, other, &len);
  say("%s %s", one, two);
  MUST(TSUrlLengthGet(bufp, other) == len);
  TSfree(one);
  TSfree(two);
  /* What is empty is not there, and leaves no mark. */
  MUST(TSUrlHttpQuerySet(bufp, url, "", -1) == TS_SUCCESS && TSUrlHttpFragmentSet(bufp, url, "", 0) == TS_SUCCESS);
  MUST(TSUrlUserSet(bufp, url, "", 0) == TS_SUCCESS && TSUrlPathSet(bufp, url, "", 0) == TS_SUCCESS);
  say("%s", one = TSUrlStringGet(bufp, url, NULL));
  TSfree(one);
  TSMLoc of_hdr;
  hdr = TSHttpHdrCreate(bufp);
  MUST(TSHttpHdrTypeSet(bufp, hdr, TS_HTTP_TYPE_REQUEST) == TS_SUCCESS && TSHttpHdrUrlSet(bufp, hdr, other) == TS_SUCCESS);
  MUST(TSHttpHdrUrlGet(bufp, hdr, &of_hdr) == TS_SUCCESS && TSUrlHttpQuerySet(bufp, of_hdr, "", 0) == TS_SUCCESS);
  say("%s", one = TSUrlStringGet(bufp, of_hdr, NULL));
  TSfree(one);
  start = "http://h:port/";
  MUST(TSUrlParse(bufp, url, &start, start + strlen(start)) == TS_PARSE_ERROR);
}

/* Each step is a fault. */
ENTRY(fault)
{
  build();
  const char *which = argv[argc - 1];
  TSMLoc      field = find("accept"), url;
  int         length;
  MUST(TSHttpHdrUrlGet(bufp, hdr, &url) == TS_SUCCESS);
#define CASE(name) if (strcmp(which, name) == 0)
  CASE("null buffer") TSHttpHdrStatusGet(NULL, hdr);
  CASE("no buffer") TSHttpHdrStatusGet((TSMBuffer)TSMutexCreate(), hdr);
  CASE("destroyed buffer") { TSMBufferDestroy(bufp); TSMimeHdrFieldsCount(bufp, hdr); }
  CASE("destroyed twice") { TSMBufferDestroy(bufp); TSMBufferDestroy(bufp); }
  CASE("null place") TSMimeHdrFieldsCount(bufp, TS_NULL_MLOC);
  CASE("another kind of place") TSMimeHdrFieldsCount(bufp, field);
  CASE("a url for a field") TSMimeHdrFieldNameGet(bufp, hdr, url, &length);
  CASE("released") { TSHandleMLocRelease(bufp, hdr, field); TSMimeHdrFieldNameGet(bufp, hdr, field, &length); }
  CASE("released twice") { TSHandleMLocRelease(bufp, hdr, field); TSHandleMLocRelease(bufp, hdr, field); }
  CASE("destroyed field") { TSMimeHdrFieldDestroy(bufp, hdr, field); TSMimeHdrFieldValuesCount(bufp, hdr, field); }
  CASE("another buffer") TSMimeHdrFieldsCount(TSMBufferCreate(), hdr);
  CASE("another header") TSMimeHdrFieldValuesCount(bufp, TSHttpHdrCreate(bufp), field);
  CASE("destroyed header") { TSHttpHdrDestroy(bufp, hdr); TSMimeHdrFieldsCount(bufp, hdr); }
  CASE("destroyed header released twice") {
    TSHttpHdrDestroy(bufp, hdr);
    TSHandleMLocRelease(bufp, TS_NULL_MLOC, hdr);
    TSHandleMLocRelease(bufp, TS_NULL_MLOC, hdr);
  }
  CASE("url of a destroyed header") { TSHttpHdrDestroy(bufp, hdr); TSUrlPortGet(bufp, url); }
  CASE("field of a destroyed header") { TSHttpHdrDestroy(bufp, hdr); TSMimeHdrFieldNameGet(bufp, hdr, field, &length); }
  CASE("field in a destroyed header") {
    TSHttpHdrDestroy(bufp, hdr);
    TSMimeHdrFieldNameGet(bufp, TSHttpHdrCreate(bufp), field, &length);
  }
  CASE("index") TSMimeHdrFieldValueIntGet(bufp, hdr, field, -2);
  CASE("type") TSHttpHdrTypeSet(bufp, hdr, (TSHttpType)7);
  CASE("null place of a URL") TSHttpHdrUrlGet(bufp, hdr, NULL);
  CASE("null name") TSMimeHdrFieldFind(bufp, hdr, NULL, -1);
  CASE("end before start") { const char *start = which + 1; TSUrlParse(bufp, url, &start, which); }
}

ENTRY(texts_in_other_writing)
{
  (void)argc, (void)argv;
  char   place[64];
  size_t length;
  MUST(TSStringPercentEncode("a b/%\xc3\xa9?", -1, place, sizeof place, &length, NULL) == TS_SUCCESS);
  say("%s %zu", place, length);
  MUST(TSStringPercentDecode(place, length, place, sizeof place, &length) == TS_SUCCESS);
  say("%s %zu", place, length);
  unsigned char map[32] = {0};
  map['a' / 8] |= 0x80 >> ('a' % 8);
  MUST(TSStringPercentEncode("a b", 3, place, sizeof place, &length, map) == TS_SUCCESS);
  say("%s", place);
  MUST(TSBase64Encode("any carnal", 10, place, sizeof place, &length) == TS_SUCCESS);
  say("%s %zu", place, length);
  MUST(TSBase64Decode(place, length - 2, (unsigned char *)place, sizeof place, &length) == TS_SUCCESS);
  say("%s %zu", place, length);
  MUST(TSBase64Decode("?", 1, (unsigned char *)place, sizeof place, &length) == TS_ERROR);
  MUST(TSBase64Encode("abc", 3, place, 4, &length) == TS_ERROR && length == 0);

  build();
  TSMLoc  url;
  int     len;
  int64_t needed;
  MUST(TSHttpHdrUrlGet(bufp, hdr, &url) == TS_SUCCESS && TSUrlPathSet(bufp, url, "A", -1) == TS_SUCCESS);
  MUST(TSUrlHostSet(bufp, url, "H.Example", -1) == TS_SUCCESS && TSUrlRawSchemeGet(bufp, url, &len) == NULL);
  say("%s", TSUrlSchemeGet(bufp, url, &len));
  MUST(TSHttpHdrEffectiveUrlBufGet(bufp, hdr, place, 12, &needed) == TS_SUCCESS);
  say("%.12s %d", place, (int)needed);
  MUST(TSUrlPercentEncode(bufp, url, place, sizeof place, &length, NULL) == TS_SUCCESS);
  say("%s", place);
}
