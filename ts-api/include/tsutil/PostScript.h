/* A function that is called at the end of a scope. In C there is nothing here. */

#ifndef TSUTIL_POSTSCRIPT_H
#define TSUTIL_POSTSCRIPT_H

#ifdef __cplusplus

#include <utility>

namespace ts
{
/**
 * Calls what it was made with when it goes, unless it was released.
 *
 *     ts::PostScript done([=]() { TSHandleMLocRelease(bufp, TS_NULL_MLOC, hdr); });
 */
template <typename Callable>
class PostScript
{
public:
  PostScript(Callable last) : last_(std::move(last)) {}
  ~PostScript()
  {
    if (armed_) {
      last_();
    }
  }
  PostScript(const PostScript &)            = delete;
  PostScript &operator=(const PostScript &) = delete;

  /** Calls nothing at the end. */
  void
  release()
  {
    armed_ = false;
  }

private:
  Callable last_;
  bool     armed_ = true;
};
} // namespace ts

#endif

#endif
