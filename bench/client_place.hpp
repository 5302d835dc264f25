#pragma once

/// Where tasks that are measured run: a pool, and a client on it.
#include "weft/client.hpp"
#include "weft/pool.hpp"

namespace bench {

struct client_place {
  explicit client_place(unsigned threads, bool pin = false) : pool({.threads = threads, .pin = pin}), client(pool) {}
  weft::pool pool;
  weft::client client;
};

}  // namespace bench
