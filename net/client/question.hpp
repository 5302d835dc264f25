#pragma once

#include <string>

#include "weft/cluster_info.hpp"
#include "weft/sync.hpp"
#include "wire/cluster_messages.hpp"

namespace weft::net {

/// What a client has asked its scheduler of the cluster, and waits to be told.
struct question {
  event over;
  cluster_info answer;
  std::string lost;  // why there is no answer; empty: there is
};

/// What the scheduler says of the cluster. Throws protocol_error when its parts do not fit together.
cluster_info info_of(const cluster_state& m);

}  // namespace weft::net
