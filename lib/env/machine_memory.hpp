#pragma once

#include <cstdint>
#include <string>

namespace weft::detail {

/// How many bytes of memory this process may use: those of the machine, or what the cgroups of the process allow,
/// over both versions and all levels. `root` and `self` replace /sys/fs/cgroup and /proc/self/cgroup.
std::uint64_t usable_memory(const std::string& root = "/sys/fs/cgroup",
                            const std::string& self = "/proc/self/cgroup");

/// So much of so many bytes, rounded down.
constexpr std::uint64_t part_of(std::uint64_t bytes, double fraction) noexcept {
  return static_cast<std::uint64_t>(static_cast<double>(bytes) * fraction);
}

/// Bytes of memory that this process takes, by /proc/self/statm; 0 where that cannot be read.
std::uint64_t resident_memory() noexcept;
/// The same of another process.
std::uint64_t resident_memory_of(int process) noexcept;

/// Who keeps memory to use it again. It stays for good.
struct memory_keeper {
  void (*give_back)() noexcept;  // on any thread
  /// Some client's limit for this process, in bytes: it is to keep little beside that.
  void (*limit)(std::uint64_t bytes) noexcept = nullptr;
  memory_keeper* next = nullptr;
};
void add_keeper(memory_keeper& k) noexcept;
/// Tells all keepers of a limit, which stays for good.
void limit_keepers(std::uint64_t bytes) noexcept;
/// The lowest one that they were told of, or usable_memory(): for who begins to keep.
std::uint64_t limit_of_keepers();

/// Has all keepers give back what they have, and gives what the heap has free back to the system, page by page.
void trim_memory() noexcept;

}  // namespace weft::detail
