// Layers as they are described.
#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/layer.hpp"
#include "weft/detail/layer_node.hpp"
#include "weft/errors.hpp"

namespace weft {

void intervals::grow() noexcept {
  auto* more = new interval[2 * capacity_];
  std::copy(items_, items_ + size_, more);
  if (items_ != own_) delete[] items_;
  items_ = more;
  capacity_ *= 2;
}

}  // namespace weft

namespace weft::detail {

layer_spec::layer_spec(std::size_t n) : count(n) {
  if (n >= most_tasks)
    throw misuse("weft: a layer of " + std::to_string(n) + " tasks; it may have 4294967295 at most");
}

layer_spec::~layer_spec() {
  for (node* n : given) drop_handle(*n);
}

void drop_reference(layer_spec* s) noexcept {
  const auto last = [](layer_spec& l) { return l.references.fetch_sub(1, std::memory_order_acq_rel) == 1; };
  if (!last(*s)) return;
  std::vector<layer_spec*> dead{s};
  while (!dead.empty()) {
    const std::unique_ptr<layer_spec> l(dead.back());
    dead.pop_back();
    for (const auto& link : l->links)
      if (&link->from() != l.get() && last(link->from())) dead.push_back(&link->from());
  }
}

node& given_layer::make(engine&, std::uint32_t) const { std::terminate(); }
void given_layer::discard(node&) const noexcept {}
std::string given_layer::function_name() const { return "value"; }

void throw_no_fit(std::size_t from, std::size_t to, const char* dependency) {
  throw misuse("weft: " + readable_type(dependency) + " cannot join a layer of " + std::to_string(from) +
               " tasks to one of " + std::to_string(to));
}
void throw_empty_layer(const char* what) { throw misuse(std::string("weft: ") + what); }

void check_earlier(const layer_link& link, std::size_t count, const char* dependency) {
  for (std::size_t j = 0; j < count; ++j)
    for (const interval& i : link.inputs(j))
      if (i.last >= j)
        throw misuse("weft: task " + std::to_string(j) + " of a layer over time would wait for task " +
                     std::to_string(i.last) + ", since " + readable_type(dependency) +
                     " names it: a cycle, which never ends; it may name earlier tasks only");
}

void computed_inverse::build(const layer_link& link, std::size_t from, std::size_t to) {
  std::call_once(once_, [&] {
    constexpr std::size_t none = ~std::size_t{0};
    // The tasks come in order, so that an interval grows until one does not take the value.
    std::vector<std::size_t> last(from, none), begin(from + 1, 0);
    const auto each = [&](auto begins_interval) {
      std::fill(last.begin(), last.end(), none);
      for (std::size_t j = 0; j < to; ++j)
        for (const interval& in : link.inputs(j))
          for (std::size_t i = in.first; i <= in.last; ++i) begins_interval(i, j);
    };
    each([&](std::size_t i, std::size_t j) {
      if (last[i] == none || last[i] + 1 != j) ++begin[i + 1];
      last[i] = j;
    });
    for (std::size_t i = 0; i < from; ++i) begin[i + 1] += begin[i];
    std::vector<interval> all(begin[from]);
    std::vector<std::size_t> at(begin.begin(), begin.end() - 1);
    each([&](std::size_t i, std::size_t j) {
      if (last[i] == none || last[i] + 1 != j)
        all[at[i]++] = {j, j};
      else
        all[at[i] - 1].last = j;
      last[i] = j;
    });
    begin_ = std::move(begin);
    intervals_ = std::move(all);
  });
}

}  // namespace weft::detail
