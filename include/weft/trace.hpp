#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>

#include "weft/pool.hpp"

namespace weft {

/// Records what the workers of a pool do while it lives: when tasks run, by the names of their coroutines, those of a
/// client by the names of their functions; steals, sleeps, completions, and operations on files. For Perfetto
/// (ui.perfetto.dev) and chrome://tracing.
///
/// `weft::trace t(pool); pool.run(work()); t.save("work.json");`
///
/// Each worker keeps its last events in a ring of 24 bytes an event. Cost: about ten nanoseconds an event, and some
/// tenths of a microsecond for the name of a client's task; nothing at all while there is no trace. One trace at a
/// time for each pool (weft::misuse otherwise); it ends before its pool.
class trace {
 public:
  explicit trace(pool& p, std::size_t events_per_worker = std::size_t{1} << 16);
  /// For weft::simulation, whose time it tells: `weft::trace t(sim.core());`
  explicit trace(detail::pool_core& p, std::size_t events_per_worker = std::size_t{1} << 16);
  ~trace();
  trace(const trace&) = delete;
  trace& operator=(const trace&) = delete;

  /// Writes what was recorded so far; the pool may go on. Throws std::system_error when the file cannot be written.
  void save(const std::string& path) const;
  void write(std::ostream& out) const;
  /// How many events were recorded, those included that the rings have no room for any more.
  std::uint64_t recorded() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace weft
