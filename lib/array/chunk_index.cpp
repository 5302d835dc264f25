// The array of some of another's chunks.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "array/gather.hpp"
#include "array/layered.hpp"
#include "weft/array/chunk_index.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

using kind = index_item::kind;

std::string counted(std::int64_t n, const char* what) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); }

/// The numbers of the chunks that an index names along an axis of g.
std::vector<std::int64_t> numbers_of(const index_item& i, std::size_t axis, const grid& g) {
  const std::int64_t n = g.axes[axis].count();
  const auto fail = [&](const std::string& what) {
    throw misuse("weft: " + what + " along axis " + std::to_string(axis) + " of an array of shape " + to_string(g) +
                 ", which has " + counted(n, "chunk") + " there");
  };
  std::vector<std::int64_t> numbers;
  if (i.what == kind::slice) {
    const found_slice s = find_slice(i.range, n);
    for (std::int64_t k = 0; k < s.count; ++k) numbers.push_back(s.first + k * s.step);
    return numbers;
  }
  if (i.mask >= 0 && i.mask != n) fail("a mask of " + counted(i.mask, "chunk"));
  numbers = i.list;
  if (i.what == kind::number) numbers.push_back(i.at);
  for (std::int64_t& k : numbers) {
    if (k < -n || k >= n) fail("chunk " + std::to_string(k));
    if (k < 0) k += n;
  }
  return numbers;
}

bool are_neighbours(const std::vector<std::int64_t>& numbers) {
  return std::adjacent_find(numbers.begin(), numbers.end(),
                            [](std::int64_t a, std::int64_t b) { return b != a + 1; }) == numbers.end();
}

}  // namespace

array_ref chosen_chunks(array_ref x, std::span<const index_item> indices) {
  const grid all = x->chunks;
  const auto named = static_cast<std::size_t>(
      std::count_if(indices.begin(), indices.end(), [](const index_item& i) { return i.what != kind::ellipsis; }));
  if (named > all.rank)
    throw misuse("weft: chunks by " + std::to_string(named) + " numbers, of an array of shape " + to_string(all));
  std::vector<index_item> each;  // for each axis; those without an index are whole
  for (const index_item& i : indices) {
    if (i.what == kind::ellipsis)
      each.resize(each.size() + all.rank - named);
    else
      each.push_back(i);
  }
  each.resize(all.rank);

  // What is a slice is read as one; of the rest each chunk is a run of elements.
  grid chunks = all;
  std::vector<std::vector<segment>> runs(all.rank);
  for (std::size_t a = 0; a < all.rank; ++a) {
    const cut& own = all.axes[a];
    const std::vector<std::int64_t> numbers = numbers_of(each[a], a, all);
    each[a] = {};
    if (are_neighbours(numbers)) {
      each[a].range = numbers.empty() ? slice(0, 0) : slice(own.first(numbers.front()), own.end(numbers.back()));
      continue;
    }
    std::vector<std::int64_t> sizes;
    std::int64_t to = 0;
    for (const std::int64_t k : numbers) {
      sizes.push_back(own.size(k));
      if (!runs[a].empty() && runs[a].back().from + runs[a].back().count == own.first(k))
        runs[a].back().count += sizes.back();
      else
        runs[a].push_back({to, 1, sizes.back(), own.first(k), 1});
      to += sizes.back();
    }
    chunks.axes[a] = cut_into_sizes(sizes);
  }
  x = slice_view(std::move(x), each);
  bool whole = true;
  for (std::size_t a = 0; a < all.rank; ++a) {
    if (runs[a].empty())
      chunks.axes[a] = x->chunks.axes[a];
    else
      whole = false;
  }
  if (whole) return x;
  client c = x->owner;
  const element e = x->of;
  operand o = settled(std::move(x), identity_map(chunks.rank));
  reading r = reading_of(o, chunks);
  for (std::size_t a = 0; a < all.rank; ++a)
    if (!runs[a].empty()) r.axes[a] = std::move(runs[a]);
  return make_gather(gathering::take, std::move(c), e, chunks, {std::move(o)}, {std::move(r)});
}

}  // namespace weft::detail::arrays
