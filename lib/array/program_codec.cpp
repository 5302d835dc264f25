// Programs as they travel. Who decodes one may trust that its tasks read and write nothing but its inputs and its
// result, whatever the bytes were: what the kernels do is code of this program.
#include <algorithm>
#include <vector>

#include "array/program.hpp"

namespace weft::detail::arrays {

namespace {

void put(encoder& e, std::int64_t x) { e.put(&x, sizeof x); }
std::int64_t take(decoder& d) {
  std::int64_t x = 0;
  d.get(&x, sizeof x, "an array's program");
  return x;
}

/// Whether every element of the domain has a place in the source.
bool is_within(const load& l, const grid& domain) {
  constexpr std::int64_t most = std::int64_t{1} << 62;
  for (std::size_t s = 0; s < l.source.rank; ++s) {
    const axis_map& m = l.map.axes[s];
    const std::int64_t extent = m.axis < 0 ? 1 : domain.axes[static_cast<std::size_t>(m.axis)].extent;
    if (extent == 0) continue;
    std::int64_t last = 0;
    if (m.start < 0 || m.start > most || __builtin_mul_overflow(m.axis < 0 ? 0 : m.step, extent - 1, &last) ||
        __builtin_add_overflow(last, m.start, &last) || last < 0 ||
        std::max(last, m.start) >= l.source.axes[s].extent)
      return false;
  }
  return true;
}

void check(const program& p, decoder& d) {
  const auto demand = [&](bool right, const char* why) {
    if (!right) d.fail("an array's program", why);
  };
  const std::size_t rank = p.domain.rank;
  demand(p.first.size() == rank && p.counts.size() == rank, "its box has another rank");
  for (std::size_t a = 0; a < rank; ++a)
    demand(p.counts[a] >= 1 && p.first[a] <= p.domain.axes[a].count() - p.counts[a], "its box is not in its domain");
  demand(p.loads.size() <= most_loads && p.steps.size() <= most_steps, "it is too long");
  const auto item_of = [&](std::int16_t r) {
    return r >= 0 ? p.loads[static_cast<std::size_t>(r)].of.item : p.steps[static_cast<std::size_t>(-1 - r)].item;
  };
  const auto is_register = [&](std::int16_t r, std::size_t steps) {
    return r >= 0 ? static_cast<std::size_t>(r) < p.loads.size() : static_cast<std::size_t>(-1 - r) < steps;
  };
  constexpr std::uint32_t most_item = 4096;
  std::int32_t inputs = 0;
  for (const load& l : p.loads) {
    demand(is_possible(l.of), "its elements have an impossible size");
    if (l.input < 0) {
      demand(l.of.item == sizeof(std::int64_t) && l.steps.size() == rank, "its indices have another rank");
      continue;
    }
    demand(l.input == inputs++, "its inputs are not in order");
    demand(l.map.rank == l.source.rank, "a view has another rank than its source");
    for (std::size_t s = 0; s < l.map.rank; ++s)
      demand(l.map.axes[s].axis >= -1 && l.map.axes[s].axis < static_cast<std::int32_t>(rank),
             "a view has no such axis");
    demand(is_within(l, p.domain), "a view is larger than its source");
  }
  for (std::size_t k = 0; k < p.steps.size(); ++k) {
    const step& s = p.steps[k];
    demand(s.item >= 1 && s.item <= most_item && s.arguments.size() <= most_arguments, "a step is impossible");
    std::vector<std::uint32_t> items;
    for (const std::int16_t r : s.arguments) {
      demand(is_register(r, k), "a step reads what is not there");
      items.push_back(item_of(r));
    }
    demand(s.what->takes(items, s.item), "a step reads other elements than it takes");
  }
  demand(is_register(p.result, p.steps.size()) && item_of(p.result) == p.of.item, "it has no such result");
  demand(p.steps.empty() ? p.result >= 0 : p.result == -static_cast<std::int16_t>(p.steps.size()),
         "its result is not that of its last step");
}

}  // namespace

void weft_encode(encoder& e, const view_map& m) {
  e.put_count(m.rank);
  for (std::uint32_t s = 0; s < m.rank; ++s) {
    e.put_count(static_cast<std::uint64_t>(m.axes[s].axis + 1));
    put(e, m.axes[s].start);
    put(e, m.axes[s].step);
  }
}
view_map weft_decode(decoder& d, std::type_identity<view_map>) {
  view_map m;
  const std::uint64_t rank = d.take_count("a view");
  if (rank > most_axes) d.fail("a view", "it has more than 8 axes");
  m.rank = static_cast<std::uint32_t>(rank);
  for (std::uint32_t s = 0; s < m.rank; ++s) {
    const std::uint64_t axis = d.take_count("an axis of a view");
    if (axis > most_axes) d.fail("a view", "it has more than 8 axes");
    m.axes[s].axis = static_cast<std::int32_t>(axis) - 1;
    m.axes[s].start = take(d);
    m.axes[s].step = take(d);
  }
  return m;
}

void weft_encode(encoder& e, const program& p) {
  weft::encode(e, p.domain);
  weft::encode(e, p.first);
  weft::encode(e, p.counts);
  weft::encode(e, p.loads);
  weft::encode(e, p.steps);
  weft::encode(e, p.result);
  weft::encode(e, p.of);
}
program weft_decode(decoder& d, std::type_identity<program>) {
  program p{weft::decode<grid>(d)};
  p.first = weft::decode<weft::shape>(d);
  p.counts = weft::decode<weft::shape>(d);
  p.loads = weft::decode<std::vector<load>>(d);
  p.steps = weft::decode<std::vector<step>>(d);
  p.result = weft::decode<std::int16_t>(d);
  p.of = weft::decode<element>(d);
  check(p, d);
  return p;
}

}  // namespace weft::detail::arrays
