/* Diagnostics, text logs, assertions. Part of <ts/ts.h>. All of it on any thread. */

#ifndef TS_PARTS_LOG_H
#define TS_PARTS_LOG_H

#include <ts/parts/memory.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The calls below the formats ---- */

/**
 * Writes one line. Levels: 2 status, 3 note, 4 warning, 5 error, and those that end the process: 6 fatal and 7 alert with the
 * exit code 70, 8 emergency with 33. A supervisor that finds 33 leaves it at that. Faults: another level.
 */
void TSDiagsWrite(int level, const char *text);

/** Hands on one line for a text log, and does not wait. TS_ERROR: too much is waiting for the disk, and the line is lost. */
TSReturnCode TSTextLogObjectWriteText(TSTextLogObject the_object, const char *text);

/** Says which assertion failed, and ends the process. */
TS_NORETURN void TSAssertFailed(const char *text, const char *file, int line);

/* ---- Text logs: files of a plugin's own in the host's log folder ---- */

/**
 * Opens a log; a name without an extension gets ".log". The mode is made of TS_LOG_MODE_ADD_TIMESTAMP and
 * TS_LOG_MODE_DO_NOT_RENAME. TS_ERROR: the mode says something else, the name is taken, or the file cannot be written.
 */
TSReturnCode TSTextLogObjectCreate(const char *filename, int mode, TSTextLogObject *new_log_obj);

/** Writes what is still to be written, and closes the log. */
TSReturnCode TSTextLogObjectDestroy(TSTextLogObject the_object);

/** Writes what is still to be written, on this thread. */
void TSTextLogObjectFlush(TSTextLogObject the_object);

/** The first line of each file; null for none. */
void TSTextLogObjectHeaderSet(TSTextLogObject the_object, const char *header);

/** When to begin a new file: 0 never, 1 by time, 2 by size, 3 by either, 4 by both. TS_ERROR: another number. */
TSReturnCode TSTextLogObjectRollingEnabledSet(TSTextLogObject the_object, int rolling_enabled);

/** By time: every so many seconds, 60 to 86400, and a part of a day without a rest. */
void TSTextLogObjectRollingIntervalSecSet(TSTextLogObject the_object, int rolling_interval_sec);

/** By time: counted from this hour of the day, 0 to 23. */
void TSTextLogObjectRollingOffsetHrSet(TSTextLogObject the_object, int rolling_offset_hr);

/** By size: so many MiB. */
void TSTextLogObjectRollingSizeMbSet(TSTextLogObject the_object, int rolling_size_mb);

#ifdef __cplusplus
}
#endif

/* ---- Formats ---- */

/* A text as vsnprintf() makes it: in `room` if it fits there, otherwise in a place for TSfree(). */
TS_PRINTFLIKE(3, 0)
static inline char *
ts_detail_format(char *room, size_t size, const char *format, va_list arguments)
{
  va_list again;
  char   *text;
  int     length;

  va_copy(again, arguments);
  length = vsnprintf(room, size, format, arguments);
  if (length < 0) {
    room[0] = '\0';
  }
  if (length < 0 || TS_CAST(size_t, length) < size) {
    va_end(again);
    return room;
  }
  text = TS_CAST(char *, TSmalloc(TS_CAST(size_t, length) + 1));
  (void)vsnprintf(text, TS_CAST(size_t, length) + 1, format, again);
  va_end(again);
  return text;
}

TS_PRINTFLIKE(2, 0)
static inline void
ts_detail_diags(int level, const char *format, va_list arguments)
{
  char  room[512];
  char *text = ts_detail_format(room, sizeof(room), format, arguments);
  TSDiagsWrite(level, text);
  if (text != room) {
    TSfree(text);
  }
}

/** How things stand. */
TS_PRINTFLIKE(1, 2)
static inline void
TSStatus(const char *fmt, ...)
{
  va_list arguments;
  va_start(arguments, fmt);
  ts_detail_diags(2, fmt, arguments);
  va_end(arguments);
}

/** Something worth knowing. */
TS_PRINTFLIKE(1, 2)
static inline void
TSNote(const char *fmt, ...)
{
  va_list arguments;
  va_start(arguments, fmt);
  ts_detail_diags(3, fmt, arguments);
  va_end(arguments);
}

/** Something that may become a fault. */
TS_PRINTFLIKE(1, 2)
static inline void
TSWarning(const char *fmt, ...)
{
  va_list arguments;
  va_start(arguments, fmt);
  ts_detail_diags(4, fmt, arguments);
  va_end(arguments);
}

/** Something that did not work. */
TS_PRINTFLIKE(1, 2)
static inline void
TSError(const char *fmt, ...)
{
  va_list arguments;
  va_start(arguments, fmt);
  ts_detail_diags(5, fmt, arguments);
  va_end(arguments);
}

/** Ends the process, with the exit code 70: another start may help. */
TS_NORETURN TS_PRINTFLIKE(1, 2)
static inline void
TSFatal(const char *fmt, ...)
{
  va_list arguments;
  va_start(arguments, fmt);
  ts_detail_diags(6, fmt, arguments);
  va_end(arguments);
  abort();
}

/** Ends the process, with the exit code 70: another start may help, and somebody should look. */
TS_NORETURN TS_PRINTFLIKE(1, 2)
static inline void
TSAlert(const char *fmt, ...)
{
  va_list arguments;
  va_start(arguments, fmt);
  ts_detail_diags(7, fmt, arguments);
  va_end(arguments);
  abort();
}

/** Ends the process, with the exit code 33: another start does not help. */
TS_NORETURN TS_PRINTFLIKE(1, 2)
static inline void
TSEmergency(const char *fmt, ...)
{
  va_list arguments;
  va_start(arguments, fmt);
  ts_detail_diags(8, fmt, arguments);
  va_end(arguments);
  abort();
}

/** Hands on one line for a text log, and does not wait. TS_ERROR: too much is waiting for the disk, and the line is lost. */
TS_PRINTFLIKE(2, 3)
static inline TSReturnCode
TSTextLogObjectWrite(TSTextLogObject the_object, const char *format, ...)
{
  char         room[512];
  char        *text;
  va_list      arguments;
  TSReturnCode result;

  va_start(arguments, format);
  text = ts_detail_format(room, sizeof(room), format, arguments);
  va_end(arguments);
  result = TSTextLogObjectWriteText(the_object, text);
  if (text != room) {
    TSfree(text);
  }
  return result;
}

/* ---- Assertions. What they are about is always evaluated ---- */

/** Ends the process if it does not hold. */
#define TSReleaseAssert(holds) ((holds) ? (void)0 : TSAssertFailed(#holds, __FILE__, __LINE__))

/** Ends the process if it does not hold, unless the plugin is compiled with NDEBUG. */
#ifdef NDEBUG
#define TSAssert(holds) ((holds) ? (void)0 : (void)0)
#else
#define TSAssert(holds) TSReleaseAssert(holds)
#endif

#endif
