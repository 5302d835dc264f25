// Arrays one after the other, and one upon the other.
#include <algorithm>
#include <string>
#include <utility>

#include "array/gather.hpp"
#include "array/layered.hpp"
#include "weft/array/index.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

void check_joined(const std::vector<array_ref>& all, const char* what) {
  if (all.empty()) throw misuse(std::string("weft: ") + what + " of no array: give one at least");
  for (const array_ref& x : all) common_client(all.front()->owner, x->owner);
}

[[noreturn]] void throw_unlike(const array_node& a, const array_node& b, const std::string& why) {
  throw misuse("weft: arrays of shapes " + to_string(a.chunks) + " and " + to_string(b.chunks) +
               " cannot be joined: " + why);
}

/// Of two that cut the same axis, that which has more chunks.
void take_finer(cut& own, const cut& other) {
  if (other.count() > own.count()) own = other;
}

/// By trees of as many as a task may read.
template <class F>
array_ref join_by_groups(std::vector<array_ref> all, F join) {
  while (all.size() > most_inputs) {
    std::vector<array_ref> next;
    for (std::size_t i = 0; i < all.size(); i += most_inputs) {
      const auto first = all.begin() + static_cast<std::ptrdiff_t>(i);
      const auto n = static_cast<std::ptrdiff_t>(std::min(most_inputs, all.size() - i));
      next.push_back(n == 1 ? *first : join(std::vector<array_ref>(first, first + n)));
    }
    all = std::move(next);
  }
  return all.size() == 1 ? all.front() : join(std::move(all));
}

array_ref concatenate_some(std::vector<array_ref> all, std::size_t axis) {
  grid chunks = all.front()->chunks;
  cut along{0, 1, 1};
  for (const array_ref& x : all) {
    for (std::uint32_t a = 0; a < chunks.rank; ++a)
      if (a != axis) take_finer(chunks.axes[a], x->chunks.axes[a]);
    along.extent += x->chunks.axes[axis].extent;
    along.chunk = std::max(along.chunk, x->chunks.axes[axis].chunk);
  }
  along.lead = along.chunk;
  chunks.axes[axis] = along;
  client c = all.front()->owner;
  const element e = all.front()->of;
  std::vector<operand> operands;
  std::vector<reading> what;
  std::int64_t offset = 0;
  for (array_ref& x : all) {
    const grid own = x->chunks;
    operand o = settled(std::move(x), identity_map(own.rank));
    reading r = reading_of(o, own);
    for (segment& s : r.axes[axis]) s.to = offset;
    offset += own.axes[axis].extent;
    operands.push_back(std::move(o));
    what.push_back(std::move(r));
  }
  return make_gather(gathering::concatenate, std::move(c), e, chunks, std::move(operands), std::move(what));
}

}  // namespace

array_ref concatenated(std::vector<array_ref> all, std::int64_t along) {
  check_joined(all, "a concatenation");
  const grid& first = all.front()->chunks;
  const std::size_t axis = checked_axis(along, first);
  for (const array_ref& x : all) {
    if (x->chunks.rank != first.rank) throw_unlike(*all.front(), *x, "they have unlike numbers of axes");
    for (std::uint32_t a = 0; a < first.rank; ++a)
      if (a != axis && x->chunks.axes[a].extent != first.axes[a].extent)
        throw_unlike(*all.front(), *x,
                     "axis " + std::to_string(a) + " has " + std::to_string(first.axes[a].extent) + " and " +
                         std::to_string(x->chunks.axes[a].extent) + " elements");
  }
  return join_by_groups(std::move(all),
                        [&](std::vector<array_ref> some) { return concatenate_some(std::move(some), axis); });
}

array_ref stacked(std::vector<array_ref> all, std::int64_t along) {
  check_joined(all, "a stack");
  const std::uint32_t rank = all.front()->chunks.rank;
  if (rank == most_axes)
    throw misuse("weft: a stack of arrays of shape " + to_string(all.front()->chunks) +
                 " has 9 axes, and may have 8");
  const std::size_t axis = checked_new_axis(along, all.front()->chunks);
  for (array_ref& x : all) {
    if (x->chunks.whole() != all.front()->chunks.whole())
      throw_unlike(*all.front(), *x, "a stack is of arrays of one shape");
  }
  for (array_ref& x : all) x = expand_view(std::move(x), static_cast<std::int64_t>(axis));
  if (all.size() == 1) return all.front();
  return concatenated(std::move(all), static_cast<std::int64_t>(axis));
}

}  // namespace weft::detail::arrays
