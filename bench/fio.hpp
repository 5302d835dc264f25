#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace bench {

/// A file that fio reads or writes from its beginning to its end, past the page cache, in blocks of 1 MiB: the limit
/// of what does input and output.
struct fio_job {
  std::string path;
  std::size_t bytes = 0;
  bool writes = false;
  std::string engine;  // of fio: io_uring (16 blocks at once), psync (one)
  /// Its buffers are in huge pages (glibc's malloc asks for them): a device that is told of fewer places may be twice
  /// as fast.
  bool huge_pages = false;
};

bool fio_installed();
/// Seconds by fio's own clock. Throws `wrong` when it fails.
double fio_seconds(const fio_job& job);
/// The fastest of some jobs by the median of three runs; the first run of all makes the file, and does not count.
fio_job fastest(const std::vector<fio_job>& jobs);
/// As a peer's name: `limit: fio io_uring, huge pages`.
std::string limit_name(const fio_job& job);

}  // namespace bench
