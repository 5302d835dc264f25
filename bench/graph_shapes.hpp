#pragma once

/// Graphs of tiny tasks, for clients of one process and of clusters.
#include "weft/client.hpp"
#include "weft/task.hpp"

namespace bench {

/// Each submits its tasks one at a time, awaits and checks the result, and gives how many tasks they were.
using graph_shape = weft::task<long> (*)(weft::client& c, long n);

/// n tasks of one argument.
weft::task<long> independent(weft::client& c, long n);
/// n tasks, each of which takes the result of the one before.
weft::task<long> chain(weft::client& c, long n);
/// A sum of `leaves` numbers by pairs; a power of two.
weft::task<long> tree(weft::client& c, long leaves);

}  // namespace bench
