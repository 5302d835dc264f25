#pragma once

/// The drivers of Task Bench: ways to run its graphs with weft.
#include <vector>

#include "metg.hpp"
#include "weft/client.hpp"
#include "weft/task.hpp"

namespace bench {

/// Makes a driver for so many threads; what it needs, like a pool, lives as long as the driver.
using driver_maker = driver (*)(unsigned threads);

/// Coroutines that live for all steps and wait for one another; no graph, no futures. As many as threads, each with a
/// block of neighbouring points: how a user who has few processors and small tasks writes it.
driver coroutines_driver(unsigned threads);
/// The same with a coroutine for each point: each task waits for its neighbours, and the pool balances the load.
driver point_coroutines_driver(unsigned threads);

/// Each task submitted by itself to a client, with the futures of the step before as its inputs.
driver futures_driver(unsigned threads);
/// What it submits: to any client, the points by turns to some that differ in their options. Ends when the last step
/// has.
weft::task<> submit_graph(std::vector<weft::client> clients, graph_spec graph);

/// All tasks as one layer (weft/layer.hpp).
driver engine_driver(unsigned threads);

}  // namespace bench
