#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graph/shape.hpp"

namespace weft::detail {

/// The sequence to run a graph in so that few results are held at once: element t is the rank of task t, and the
/// ranks are a topological order. `weights`, when given, has the bytes of each task's result; otherwise all results
/// count the same.
///
/// The aim is that of dask.order: memory first. What is begun is brought to an end, a reducer's inputs are made one
/// reducer at a time, and new data is loaded only when nothing can be finished without it. The parts:
///
///  - A task that frees at least what it makes runs as soon as it can. (Where all results count the same this
///    never costs anything: it may be moved to the front of any sequence, and nothing in between holds more.)
///  - Else a goal is chosen: a dependent of what was just made; a task that lacks no input; a dependent of the
///    result held longest, until that has ended; of a few such dependents the one with the fewest inputs missing.
///    The goal's inputs are made depth-first, the most demanding first, which for a tree is the best of depth-first
///    orders (Sethi and Ullman, JACM 17(4), 1970, p. 715; Liu, ACM TOMS 12(3), 1986, p. 249).
///  - Where results are shared that may go wrong: a stencil over few cells and many steps is better run step by
///    step. So a connected part whose result is not obviously the best is run on paper by layers and plainly
///    depth-first as well, and the sequence with the least peak is taken; with equal peaks, the least mean.
///
/// So the peak is never above that of plain depth-first search from the outputs in the order of their ids.
/// Connected parts follow one another, by their least output. Deterministic.
///
/// Cost: linear, but for sorting within a task's dependencies; 20 to 250 ns a task where the ids of inputs are near
/// that of the task, and up to four times that where they are far (the caches miss); about 60 bytes a task and 12 an
/// edge. Throws misuse for a cycle, for weights of another number than the tasks, and for weights whose sum is 2^63
/// or more.
std::vector<std::uint32_t> order(const graph_shape& shape, std::span<const std::uint64_t> weights = {});

/// The most that is held at once when the tasks run one by one in the order of `ranks`: a result is held from the
/// start of its task to the end of the last task that needs it. The result of a task that nobody needs counts while
/// the task runs: it is the caller's, and whatever the order, all of them are there in the end. Linear. Throws
/// misuse when `ranks` is no topological order of the shape, and as order() does.
std::uint64_t peak_live(const graph_shape& shape, std::span<const std::uint32_t> ranks,
                        std::span<const std::uint64_t> weights = {});

}  // namespace weft::detail
