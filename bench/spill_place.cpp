#include "spill_place.hpp"

#include "base/config.hpp"

namespace bench {

spill_place::spill_place() : directory_(weft::detail::setting("WEFT_SPILL", "/var/tmp")) {}

fio_job fastest_fio(const spill_place& place, bool writes, std::size_t bytes) {
  const auto job = [&](const char* engine, bool huge_pages) {
    return fio_job{
        .path = place.path() + "/fio", .bytes = bytes, .writes = writes, .engine = engine, .huge_pages = huge_pages};
  };
  return fastest({job("io_uring", true), job("io_uring", false), job("psync", true), job("psync", false)});
}

void limit_by_fio(sides& out, const settings& s, const spill_place& place, bool writes, std::size_t bytes) {
  if (!fio_installed()) {
    out.note += "; fio is not installed (sh bench/peers.sh)";
    return;
  }
  fio_job limit;
  if (s.peers) {
    limit = fastest_fio(place, writes, bytes);
    out.peer_name = limit_name(limit);
  }
  out.peer = [limit] { return fio_seconds(limit) * 1e9 / static_cast<double>(limit.bytes); };
}

}  // namespace bench
