// Elements by a mask of their array's shape, and their numbers: the mask stays where it is computed, and only how
// many of each of its chunks are true is known here.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "array/given.hpp"
#include "array/layered.hpp"
#include "array/names.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/layer.hpp"

namespace weft::detail::arrays {

namespace {

std::int64_t trues_of(const block& mask) {
  demand_given(mask.of().item == 1 && mask.extents().size() == 1, "a mask that is none");
  const auto* const m = reinterpret_cast<const std::uint8_t*>(mask.bytes().data());
  return std::accumulate(m, m + mask.count(), std::int64_t{0},
                         [](std::int64_t n, std::uint8_t b) { return n + (b != 0); });
}

struct count_trues {
  block operator()(std::size_t, const block& mask) const {
    block n(element_of<std::int64_t>, weft::shape(1));
    *n.data<std::int64_t>() = trues_of(mask);
    return n;
  }
  std::string task_name() const { return "count-true"; }
  std::string task_subject(std::size_t j) const { return "chunk (" + std::to_string(j) + ")"; }
};

/// Where the elements of each chunk of the result are.
struct compress_plan {
  cut source = {}, result = {};
  std::vector<std::int64_t> before = {0};  // how many are taken of the chunks before each, and of all

  /// The chunks of the source that have some of those of chunk j; they are in no more.
  interval sources(std::size_t j) const {
    const auto at = static_cast<std::int64_t>(j);
    const auto first = std::upper_bound(before.begin(), before.end(), result.first(at)) - before.begin() - 1;
    const auto last = std::lower_bound(before.begin(), before.end(), result.end(at)) - before.begin() - 1;
    return {static_cast<std::size_t>(std::max<std::ptrdiff_t>(first, 0)),
            static_cast<std::size_t>(std::max<std::ptrdiff_t>({first, last, 0}))};
  }
};

/// Task j takes those. Nothing at all where the result is empty.
struct compress_range {
  shared<compress_plan> plan;
  intervals of(std::size_t j) const { return plan->result.extent == 0 ? intervals() : intervals(plan->sources(j)); }
  intervals dependents(std::size_t i) const {
    if (i + 1 >= plan->before.size()) return {};
    const cut& result = plan->result;
    const std::int64_t begin = plan->before[i], end = plan->before[i + 1];
    if (begin == end) {  // of one that gives none, between others that give some of one chunk
      if (begin == 0 || begin == result.extent || result.first(result.of(begin)) == begin) return {};
      return interval{static_cast<std::size_t>(result.of(begin)), static_cast<std::size_t>(result.of(begin))};
    }
    return interval{static_cast<std::size_t>(result.of(begin)), static_cast<std::size_t>(result.of(end - 1))};
  }
};

/// Copies those of x's elements whose mask is true, after the first `skip`, until there is no more room. How many.
/// `copy(place, i)` copies element i; what is copied to a place last stays.
template <class Copy>
std::size_t take_true(const block& mask, std::int64_t skip, std::size_t room, Copy copy) {
  const auto* const m = reinterpret_cast<const std::uint8_t*>(mask.bytes().data());
  std::size_t i = 0, taken = 0;
  for (; skip > 0 && i < mask.count(); ++i) skip -= m[i] != 0;
  for (; i < mask.count() && taken < room; ++i) {
    copy(taken, i);  // whether it is taken or not: no branch that is guessed wrong
    taken += m[i] != 0;
  }
  return taken;
}
template <class Word>
std::size_t take_words(const block& x, const block& mask, std::int64_t skip, std::byte* to, std::size_t room) {
  const auto* const from = reinterpret_cast<const Word*>(x.bytes().data());
  auto* const out = reinterpret_cast<Word*>(to);
  return take_true(mask, skip, room, [=](std::size_t place, std::size_t i) { out[place] = from[i]; });
}
std::size_t take_items(const block& x, const block& mask, std::int64_t skip, std::byte* to, std::size_t room) {
  const std::size_t item = x.of().item;
  switch (item) {
    case 1:
      return take_words<std::uint8_t>(x, mask, skip, to, room);
    case 2:
      return take_words<std::uint16_t>(x, mask, skip, to, room);
    case 4:
      return take_words<std::uint32_t>(x, mask, skip, to, room);
    case 8:
      return take_words<std::uint64_t>(x, mask, skip, to, room);
    default:
      return take_true(mask, skip, room, [=, from = x.bytes().data()](std::size_t place, std::size_t i) {
        std::memcpy(to + place * item, from + i * item, item);
      });
  }
}

/// Chunk j of the result. `take(k, skip, to, room)` writes what mask k takes, but the first `skip`, and says how
/// many.
template <class Take>
block take_of_masks(const compress_plan& plan, element of, std::size_t j, values<block> masks, Take take) {
  const cut& result = plan.result;
  demand_cut(result);
  demand_cut(plan.source);
  const auto at = static_cast<std::int64_t>(j);
  demand_given(is_possible(of) && at < result.count() && plan.before.size() >= 2 &&
                   plan.before.size() == static_cast<std::size_t>(plan.source.count()) + 1 &&
                   std::is_sorted(plan.before.begin(), plan.before.end()) && plan.before.front() == 0 &&
                   plan.before.back() == result.extent,
               "another plan than there can be");
  block out(of, weft::shape(result.size(at)));
  if (out.count() == 0) return out;
  const interval range = plan.sources(j);
  demand_given(masks.size() == range.last - range.first + 1, "other chunks than it takes");
  std::size_t done = 0;
  for (std::size_t k = 0; k < masks.size(); ++k) {
    const std::size_t chunk = range.first + k;
    demand_given(masks[k].count() == static_cast<std::size_t>(plan.source.size(static_cast<std::int64_t>(chunk))) &&
                     trues_of(masks[k]) == plan.before[chunk + 1] - plan.before[chunk],
                 "another mask than was counted");
    done += take(k, std::max<std::int64_t>(result.first(at) - plan.before[chunk], 0),
                 out.bytes().data() + done * of.item, out.count() - done);
  }
  return out;
}

struct compress_chunk {
  shared<compress_plan> plan;
  element of = {};
  block operator()(std::size_t j, values<block> x, values<block> masks) const {
    const auto take = [&](std::size_t k, std::int64_t skip, std::byte* to, std::size_t room) {
      demand_given(
          k < x.size() && x[k].of().item == of.item && x[k].extents().size() == 1 && x[k].count() == masks[k].count(),
          "a mask of another shape than its chunk");
      return take_items(x[k], masks[k], skip, to, room);
    };
    return take_of_masks(*plan, of, j, masks, take);
  }
  std::uint64_t result_bytes(std::size_t j) const noexcept {
    return static_cast<std::uint64_t>(plan->result.size(static_cast<std::int64_t>(j))) * of.item;
  }
  std::string task_name() const { return "compress"; }
  std::string task_subject(std::size_t j) const { return "chunk (" + std::to_string(j) + ")"; }
};

/// The numbers of the elements that are true.
struct number_trues {
  shared<compress_plan> plan;
  block operator()(std::size_t j, values<block> masks) const {
    const auto first = static_cast<std::int64_t>(plan->sources(j).first);
    const auto take = [&](std::size_t k, std::int64_t skip, std::byte* to, std::size_t room) {
      const std::int64_t before = plan->source.first(first + static_cast<std::int64_t>(k));
      auto* const out = reinterpret_cast<std::int64_t*>(to);
      return take_true(masks[k], skip, room,
                       [=](std::size_t place, std::size_t i) { out[place] = before + static_cast<std::int64_t>(i); });
    };
    return take_of_masks(*plan, element_of<std::int64_t>, j, masks, take);
  }
  std::uint64_t result_bytes(std::size_t j) const noexcept {
    return static_cast<std::uint64_t>(plan->result.size(static_cast<std::int64_t>(j))) * sizeof(std::int64_t);
  }
  std::string task_name() const { return "nonzero"; }
  std::string task_subject(std::size_t j) const { return "chunk (" + std::to_string(j) + ")"; }
};

/// A mask that has been computed, in these chunks, and what it takes.
struct counted_mask {
  array_ref kept;
  grid chunks;  // of the result
  compress_range range;
};
/// Of elements of `item` bytes. The result's chunks have up to `most` bytes.
task<counted_mask> count_mask(client c, array_ref mask, grid source, std::size_t item, std::int64_t most) {
  const std::size_t n = source.tasks();
  mask = in_chunks(std::move(mask), source);
  const array_ref kept = make_stored(c, mask->of, source, start(*mask));
  grid each;
  each.rank = 1;
  each.axes[0] = {static_cast<std::int64_t>(n), 1, 1};
  const array_ref counts = make_layered(
      c, element_of<std::int64_t>, each, {kept},
      recipe(n, [n](std::span<const layer<block>> in) { return layer_of(n, count_trues{}, in[0], one_to_one{}); }));
  compress_plan plan;
  const std::vector<future<block>> found = start(*counts);
  for (const future<block>& f : found) {
    const block& count = co_await f;
    demand_given(count.count() == 1 && count.of().item == sizeof(std::int64_t), "a count that is none");
    plan.before.push_back(plan.before.back() + *count.data<std::int64_t>());
  }
  const grid chunks = within(with_extent(source, 0, plan.before.back(), item), most, item);
  plan.source = source.axes[0];
  plan.result = chunks.axes[0];
  co_return counted_mask{kept, chunks, {shared<compress_plan>(std::move(plan))}};
}

}  // namespace

task<array_ref> compressed_list(array_ref x, array_ref mask) {
  const client c = common_client(x->owner, mask->owner);
  const element e = x->of;
  const grid source = x->chunks;
  x = in_chunks(std::move(x), source);  // no view
  const counted_mask m = co_await count_mask(c, std::move(mask), source, e.item, most_chunk_bytes);
  const std::size_t n = m.chunks.tasks();
  co_return make_layered(c, e, m.chunks, {x, m.kept},
                         recipe(n, [range = m.range, e, n](std::span<const layer<block>> in) {
                           return layer_of(n, compress_chunk{range.plan, e}, from(in[0], range), from(in[1], range));
                         }));
}

task<array_ref> numbers_of_trues(array_ref mask, std::size_t each) {
  const client c = mask->owner;
  const grid source = mask->chunks;
  const counted_mask m = co_await count_mask(c, std::move(mask), source, each, automatic_chunk_bytes);
  const std::size_t n = m.chunks.tasks();
  co_return make_layered(c, element_of<std::int64_t>, m.chunks, {m.kept},
                         recipe(n, [range = m.range, n](std::span<const layer<block>> in) {
                           return layer_of(n, number_trues{range.plan}, from(in[0], range));
                         }));
}

}  // namespace weft::detail::arrays
