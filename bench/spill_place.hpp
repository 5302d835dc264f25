#pragma once

#include <cstddef>
#include <string>

#include "fio.hpp"
#include "harness.hpp"
#include "spill/scratch.hpp"

namespace bench {

/// A directory where weft would spill: under WEFT_SPILL, or /var/tmp. It goes with this object.
class spill_place {
 public:
  spill_place();
  const std::string& path() const noexcept { return directory_.path(); }

 private:
  weft::detail::scratch_directory directory_;
};

/// The fastest way in which fio writes or reads so many bytes of a file there.
fio_job fastest_fio(const spill_place& place, bool writes, std::size_t bytes);
/// Makes that the peer, in nanoseconds a byte; says why there is none. `out.weft` keeps the place.
void limit_by_fio(sides& out, const settings& s, const spill_place& place, bool writes, std::size_t bytes);

}  // namespace bench
