#include "trace/task_names.hpp"

#include <cstddef>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace weft::detail {

namespace {

constexpr std::size_t most_names = std::size_t{1} << 16;

struct table {
  std::mutex lock;
  std::unordered_map<std::string, std::uint64_t> numbers;
  std::vector<const std::string*> names;
};
/// Never destroyed: workers may trace to the end.
table& all_names() {
  static auto* const all = new table;
  return *all;
}

}  // namespace

std::uint64_t number_of_name(const std::string& name) {
  table& all = all_names();
  std::lock_guard guard(all.lock);
  if (const auto at = all.numbers.find(name); at != all.numbers.end()) return at->second;
  if (all.names.size() + 1 >= most_names) return 0;
  const auto [at, fresh] = all.numbers.emplace(name, all.names.size() + 1);
  all.names.push_back(&at->first);
  return at->second;
}

std::string name_of_number(std::uint64_t number) {
  table& all = all_names();
  std::lock_guard guard(all.lock);
  return number == 0 || number > all.names.size() ? "a task" : *all.names[static_cast<std::size_t>(number) - 1];
}

}  // namespace weft::detail
