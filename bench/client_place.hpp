#pragma once

/// Where tasks that are measured run: a pool, and a client on it.
#include <utility>

#include "weft/client.hpp"
#include "weft/pool.hpp"

namespace bench {

struct client_place {
  explicit client_place(unsigned threads, bool pin = false, weft::client_options options = {})
      : pool({.threads = threads, .pin = pin}), client(pool, std::move(options)) {}
  weft::pool pool;
  weft::client client;
};

}  // namespace bench
