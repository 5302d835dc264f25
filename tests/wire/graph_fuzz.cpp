/// Arbitrary bytes as the tasks of a graph: what is read is written again, and read the same. For libFuzzer.
#include <cstdlib>
#include <span>
#include <vector>

#include "wire/graph.hpp"

using namespace weft::net;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::vector<std::uint32_t> links{0, 1, 2};
  graph_reader in(1000, links, 4);
  graph_writer out(1000, links.size());
  std::vector<graph_task> tasks;
  std::span<const std::byte> rest = std::as_bytes(std::span(data, size));
  try {
    while (!rest.empty()) {
      graph_task t;
      in.read(rest, t, 64);
      out.task(t.layer, t.index, t.wanted, t.taken, t.rank);
      std::size_t next = 0;
      for (const std::uint32_t count : t.counts) {
        out.link(count);
        for (std::uint32_t i = 0; i < count; ++i, ++next)
          t.inputs[next].number == 0 ? out.other(t.inputs[next].other)
                                     : out.input(t.inputs[next].number, t.inputs[next].last);
      }
      tasks.push_back(std::move(t));
    }
  } catch (const protocol_error&) {}
  graph_reader again(1000, links, 4);
  rest = out.bytes();
  for (const graph_task& was : tasks) {
    graph_task t;
    again.read(rest, t, 64);
    if (t.layer != was.layer || t.index != was.index || t.wanted != was.wanted || t.taken != was.taken ||
        t.rank != was.rank || t.counts != was.counts || t.inputs != was.inputs)
      std::abort();
  }
  if (!rest.empty()) std::abort();
  return 0;
}
