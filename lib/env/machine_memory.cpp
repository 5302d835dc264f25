#include "env/machine_memory.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>

#include "env/cgroups.hpp"

namespace weft::detail {

std::uint64_t usable_memory(const std::string& root, const std::string& self) {
  std::uint64_t least =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
  for_each_cgroup("memory", root, self, [&](const std::string& directory, bool version_2) {
    std::ifstream in(directory + (version_2 ? "/memory.max" : "/memory.limit_in_bytes"));
    std::uint64_t limit = 0;
    if (in >> limit) least = std::min(least, limit);  // "max" is no number
  });
  return least;
}

namespace {

std::uint64_t resident_by(const char* statm) noexcept {
  const int file = ::open(statm, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[128];
  const ssize_t size = ::read(file, text, sizeof text - 1);
  ::close(file);
  if (size <= 0) return 0;
  text[size] = 0;
  char* at = text;
  std::strtoull(at, &at, 10);  // of the address space, in pages; the next is what is resident
  return std::strtoull(at, nullptr, 10) * static_cast<std::uint64_t>(::sysconf(_SC_PAGE_SIZE));
}

}  // namespace

std::uint64_t resident_memory() noexcept { return resident_by("/proc/self/statm"); }

std::uint64_t resident_memory_of(int process) noexcept {
  char name[64];
  std::snprintf(name, sizeof name, "/proc/%d/statm", process);
  return resident_by(name);
}

namespace {
constinit std::atomic<memory_keeper*> keepers{nullptr};
}

void add_keeper(memory_keeper& k) noexcept {
  k.next = keepers.load(std::memory_order_relaxed);
  while (!keepers.compare_exchange_weak(k.next, &k, std::memory_order_release, std::memory_order_relaxed)) {}
}

namespace {
constinit std::atomic<std::uint64_t> lowest_limit{UINT64_MAX};
}

void limit_keepers(std::uint64_t bytes) noexcept {
  std::uint64_t known = lowest_limit.load(std::memory_order_relaxed);
  while (bytes < known && !lowest_limit.compare_exchange_weak(known, bytes, std::memory_order_relaxed)) {}
  for (const memory_keeper* k = keepers.load(std::memory_order_acquire); k; k = k->next)
    if (k->limit) k->limit(bytes);
}

std::uint64_t limit_of_keepers() { return std::min(usable_memory(), lowest_limit.load(std::memory_order_relaxed)); }

void trim_memory() noexcept {
  for (const memory_keeper* k = keepers.load(std::memory_order_acquire); k; k = k->next) k->give_back();
  // One at a time: where a sanitizer has a heap of its own, the C library makes its heap here, and does not look who
  // else is making it.
  static std::mutex trimming;
  std::lock_guard guard(trimming);
  ::malloc_trim(0);
}

}  // namespace weft::detail
