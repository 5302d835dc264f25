#pragma once

#include <memory>
#include <string>
#include <utility>

#include "transport/stream.hpp"
#include "weft/pool.hpp"

namespace weft::net {

/// The two ends of a connection within the process. Small writes go through a ring of 64 KiB each way; of a large one
/// the reader takes the bytes from where they are, by one copy.
std::pair<std::unique_ptr<stream>, std::unique_ptr<stream>> make_in_process_pair(const std::string& name);

/// What in-process addresses lead to: names within the process, unless a pool was given something else, as those of a
/// simulation are, which stand for processes.
class in_process_network {
 public:
  virtual ~in_process_network() = default;
  /// Throws transport_error when nobody listens under the name.
  virtual task<std::unique_ptr<stream>> connect(address a) = 0;
  /// Throws transport_error when somebody listens under the name already.
  virtual std::unique_ptr<listener> listen(const address& a) = 0;
};

std::shared_ptr<in_process_network> in_process_network_of(pool& p);
/// Before the pool connects or listens; throws misuse afterwards.
void give_network(pool& p, std::shared_ptr<in_process_network> n);

}  // namespace weft::net
