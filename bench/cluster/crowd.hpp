#pragma once

/// Many workers of one scheduler.
#include <cstddef>
#include <memory>
#include <vector>

#include "place.hpp"
#include "transport/link.hpp"
#include "weft/pool.hpp"

namespace bench {

/// A scheduler, and so many workers that are links of this process and do nothing: real sessions over real sockets.
class crowd {
 public:
  explicit crowd(std::size_t count);
  ~crowd();
  crowd(const crowd&) = delete;
  crowd& operator=(const crowd&) = delete;
  cluster_servers& servers() noexcept { return servers_; }

 private:
  cluster_servers servers_{transport::tcp, 0};
  weft::pool pool_{{.threads = 1}};
  std::vector<std::shared_ptr<weft::net::peer_link>> links_;
};

}  // namespace bench
