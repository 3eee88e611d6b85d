/* Debug output that is switched on by tag while the process runs. Part of <ts/ts.h>.
 *
 *     static DbgCtl dbg_ctl{"my_plugin"};              in C++
 *     static DbgCtl dbg_ctl = DBG_CTL("my_plugin");    in C
 *
 *     Dbg(dbg_ctl, "%d hosts", count);
 *
 * What follows the control is evaluated only if the output is on. All of it on any thread, and before TSPluginInit() too.
 */

#ifndef TSUTIL_DBGCTL_H
#define TSUTIL_DBGCTL_H

#include <ts/parts/log.h>

#ifdef __cplusplus
#include <utility>
extern "C" {
#endif

/* ---- The calls below ---- */

/** A tag as the host keeps it, for good. */
typedef struct TSDbgTag {
  volatile char on;  /**< Not zero while the configured expression matches the tag. */
  const char   *tag; /**< The host's copy. */
} TSDbgTag;

/** The host's record of a tag: for equal tags the same. */
const TSDbgTag *TSDbgTagGet(const char *tag);

/**
 * Zero while debug output is off altogether; odd while it is on: for all, or for the session or transaction that this thread calls a
 * handler for.
 */
int TSDbgGlobalOn(void);

/** Writes one line, with the tag and the place in the source. */
void TSDbgWrite(const char *tag, const char *file, const char *function, int line, const char *text);

#ifdef __cplusplus
}
#endif

/* ---- Formats ---- */

TS_PRINTFLIKE(5, 6)
static inline void
ts_detail_debug(const char *tag, const char *file, const char *function, int line, const char *format, ...)
{
  char    room[512];
  char   *text;
  va_list arguments;

  va_start(arguments, format);
  text = ts_detail_format(room, sizeof(room), format, arguments);
  va_end(arguments);
  TSDbgWrite(tag, file, function, line, text);
  if (text != room) {
    TSfree(text);
  }
}

/* ---- Controls ---- */

#ifdef __cplusplus

/** Whether the output of a tag is on. */
class DbgCtl
{
public:
  /** Without a tag: off, always. */
  DbgCtl() = default;

  /** The tag is copied. */
  DbgCtl(const char *tag) : tag_(TSDbgTagGet(tag)) {}

  DbgCtl(const DbgCtl &)            = delete;
  DbgCtl &operator=(const DbgCtl &) = delete;

  /** What was moved from has no tag any more. */
  DbgCtl(DbgCtl &&other) noexcept : tag_(std::exchange(other.tag_, nullptr)) {}
  DbgCtl &
  operator=(DbgCtl &&other) noexcept
  {
    tag_ = std::exchange(other.tag_, nullptr);
    return *this;
  }

  /** Gives it a tag. */
  void
  set(const char *tag)
  {
    tag_ = TSDbgTagGet(tag);
  }

  /** The tag, or null. */
  const char *
  tag() const
  {
    return tag_ ? tag_->tag : nullptr;
  }

  /** Whether the tag is among those that are wanted. */
  bool
  tag_on() const
  {
    return tag_ && tag_->on;
  }

  /** Whether its output is written. */
  bool
  on() const
  {
    return tag_on() && global_on();
  }

  /** Whether any debug output is written. */
  static bool
  global_on()
  {
    return (TSDbgGlobalOn() & 1) != 0;
  }

private:
  const TSDbgTag *tag_ = nullptr;
};

#define TS_DETAIL_DBG_TAG(ctl)  ((ctl).tag())
#define TS_DETAIL_DBG_ON(ctl)   ((ctl).on())
#define TS_DETAIL_DBG_GLOBAL_ON (DbgCtl::global_on())

#else

/** Whether the output of a tag is on. Made with DBG_CTL(); without, it is off, always. */
typedef struct DbgCtl {
  const char     *ts_detail_name;
  const TSDbgTag *ts_detail_tag; /* Looked up when it is asked for first. */
} DbgCtl;

/** What a control begins with. The tag is a text that stays. */
#define DBG_CTL(tag) {(tag), NULL}

static inline const TSDbgTag *
ts_detail_dbg_tag(DbgCtl *ctl)
{
  /* Several threads may look it up at once: they find the same. */
  const TSDbgTag *tag = __atomic_load_n(&ctl->ts_detail_tag, __ATOMIC_ACQUIRE);
  if (tag == NULL && ctl->ts_detail_name != NULL) {
    tag = TSDbgTagGet(ctl->ts_detail_name);
    __atomic_store_n(&ctl->ts_detail_tag, tag, __ATOMIC_RELEASE);
  }
  return tag;
}

/** The tag, or null. */
static inline const char *
DbgCtlTag(DbgCtl *ctl)
{
  const TSDbgTag *tag = ts_detail_dbg_tag(ctl);
  return tag == NULL ? NULL : tag->tag;
}

/** Whether any debug output is written. */
static inline bool
DbgCtlGlobalOn(void)
{
  return (TSDbgGlobalOn() & 1) != 0;
}

/** Whether its output is written. */
static inline bool
DbgCtlOn(DbgCtl *ctl)
{
  const TSDbgTag *tag = ts_detail_dbg_tag(ctl);
  return tag != NULL && tag->on && DbgCtlGlobalOn();
}

#define TS_DETAIL_DBG_TAG(ctl)  DbgCtlTag(&(ctl))
#define TS_DETAIL_DBG_ON(ctl)   DbgCtlOn(&(ctl))
#define TS_DETAIL_DBG_GLOBAL_ON DbgCtlGlobalOn()

#endif

/** Writes, whether the output is on or not. */
#define DbgPrint(ctl, ...) ts_detail_debug(TS_DETAIL_DBG_TAG(ctl), __FILE__, __func__, __LINE__, __VA_ARGS__)

/** Writes if the output is on. */
#define Dbg(ctl, ...)              \
  do {                             \
    if (TS_DETAIL_DBG_ON(ctl)) {   \
      DbgPrint(ctl, __VA_ARGS__);  \
    }                              \
  } while (0)

/** Writes if debug output is on at all, and `flag` holds or the control is on. */
#define SpecificDbg(flag, ctl, ...)                                        \
  do {                                                                     \
    if (TS_DETAIL_DBG_GLOBAL_ON && ((flag) || TS_DETAIL_DBG_ON(ctl))) {    \
      DbgPrint(ctl, __VA_ARGS__);                                          \
    }                                                                      \
  } while (0)

#endif
