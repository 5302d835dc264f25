#pragma once

#include <sched.h>

namespace bench {

/// Puts the calling thread on a processor of those it may use, and back at the end.
class on_cpu {
 public:
  explicit on_cpu(int which) {
    ::sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    int seen = 0, last = 0;
    for (int i = 0; i < CPU_SETSIZE; ++i)
      if (CPU_ISSET(i, &before_)) {
        last = i;
        if (seen++ == which) break;
      }
    CPU_SET(last, &one);
    ::sched_setaffinity(0, sizeof one, &one);
  }
  on_cpu(const on_cpu&) = delete;
  on_cpu& operator=(const on_cpu&) = delete;
  ~on_cpu() { ::sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_{};
};

}  // namespace bench
