#include "client/question.hpp"

#include <utility>
#include <vector>

#include "client/lines.hpp"
#include "wire/batch.hpp"

namespace weft::net {

cluster_info info_of(const cluster_state& m) {
  constexpr std::size_t lines_each = 4;
  std::vector<std::string> names = lines_of(m.names);
  if (names.size() != lines_each * m.workers.size())
    throw protocol_error("weft: the scheduler describes " + std::to_string(m.workers.size()) + " workers in " +
                         std::to_string(names.size()) + " lines; there are four for each");
  cluster_info all;
  all.target = m.target;
  all.waiting = lines_of(m.waiting);
  all.workers.reserve(m.workers.size());
  std::string* text = names.data();
  for (const worker_counts& c : m.workers) {
    worker_info w;
    w.name = std::move(*text++);
    w.address = std::move(*text++);
    w.host = std::move(*text++);
    w.machine = std::move(*text++);
    w.mode = name_of(static_cast<worker_mode>(c.mode));
    w.slots = c.slots;
    w.leased = c.leased;
    w.tasks = c.tasks;
    w.values = c.values;
    w.memory_used = c.memory_used;
    w.memory_limit = c.memory_limit;
    all.workers.push_back(std::move(w));
  }
  return all;
}

}  // namespace weft::net
