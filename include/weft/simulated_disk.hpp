#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "weft/simulation.hpp"

namespace weft {

/// The disk of a simulation: files in memory, reached through weft::file, in simulated time, with what real disks
/// do: they delay, transfer a part, fail, fill up, and forget at a crash what was not synced.
class simulated_disk {
 public:
  struct options {
    /// An operation takes between half of this and twice as much, as the seed says.
    std::chrono::nanoseconds latency = std::chrono::microseconds(100);
    /// All files together; a write past it transfers what fits, then fails with "no space left on device".
    std::uint64_t capacity = std::uint64_t{1} << 40;
    /// How many of a million reads and writes transfer a part only.
    std::uint32_t short_per_million = 0;
    /// How many of a million operations fail with an input/output error.
    std::uint32_t errors_per_million = 0;
    /// How many of a million reads see a bit that is not as it was written, and how many of a million writes are
    /// torn: they transfer a part, and say all. Neither is an error that the system would tell.
    std::uint32_t flips_per_million = 0, torn_per_million = 0;
  };

  /// Becomes the disk of the simulation, or of one of its pools, each of which may have one (weft::misuse otherwise).
  explicit simulated_disk(simulation& s) : simulated_disk(s, options{}) {}
  simulated_disk(simulation& s, options o) : simulated_disk(s, s.pool(), o) {}
  simulated_disk(simulation& s, pool& p, options o);
  ~simulated_disk();
  simulated_disk(const simulated_disk&) = delete;
  simulated_disk& operator=(const simulated_disk&) = delete;

  /// Changes what goes wrong from here on.
  void set(options o);
  void put(const std::string& path, std::span<const std::byte> bytes);
  /// What a reader would see now; empty for a file that is not there.
  std::vector<std::byte> contents(const std::string& path) const;
  bool exists(const std::string& path) const;
  void remove(const std::string& path);
  /// The machine stops: of the writes since a file's last sync each is kept, lost or torn, as the seed says. Open
  /// files stay open, for a test that goes on as the next process would open its own.
  void crash();

 private:
  class service;
  std::shared_ptr<service> service_;
};

}  // namespace weft
