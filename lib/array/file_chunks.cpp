#include "array/file_chunks.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "array/copy.hpp"
#include "array/nodes.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

/// Whether an axis, which begins that far into a stored chunk, is cut where those end.
bool is_cut_there(const cut& c, std::int64_t chunk, std::int64_t begin) {
  for (std::int64_t i = 1; c.table && i < c.count(); ++i)
    if ((begin + c.first(i)) % chunk != 0) return false;
  if (c.count() > 1 && (begin + c.lead) % chunk != 0) return false;
  return c.table != nullptr || c.count() <= 2 || c.chunk % chunk == 0;
}

}  // namespace

std::optional<item_type> item_type_of(element e, bool swapped) {
  using kind = item_type::kind;
  const std::size_t size = e.item;
  switch (e.type) {
    case dtype::boolean:
      return item_type{kind::boolean, size, swapped};
    case dtype::i8:
    case dtype::i16:
    case dtype::i32:
    case dtype::i64:
      return item_type{kind::integer, size, swapped};
    case dtype::u8:
    case dtype::u16:
    case dtype::u32:
    case dtype::u64:
      return item_type{kind::natural, size, swapped};
    case dtype::f32:
    case dtype::f64:
      return item_type{kind::real, size, swapped};
    case dtype::c64:
    case dtype::c128:
      return item_type{kind::complex, size, swapped};
    default:
      return std::nullopt;
  }
}

std::vector<std::size_t> extents_of(const grid& g) {
  std::vector<std::size_t> extents;
  for (std::uint32_t a = 0; a < g.rank; ++a) extents.push_back(static_cast<std::size_t>(g.axes[a].extent));
  return extents;
}

weft::shape extents_from(std::span<const std::size_t> sizes) {
  weft::shape s = weft::shape::of_rank(sizes.size());
  for (std::size_t a = 0; a < s.size(); ++a) s[a] = static_cast<std::int64_t>(sizes[a]);
  return s;
}

grid grid_of_stored(const weft::shape& whole, const weft::shape& stored, const std::string& name, const creation& how,
                    std::size_t item) {
  make_grid(whole, how.chunk, how.bytes, item);  // which knows what is impossible
  weft::shape chunk = how.chunk;
  for (std::size_t a = 0; a < chunk.size(); ++a) {
    if (chunk[a] == 0) chunk[a] = stored[a];
    if (chunk[a] != -1 && chunk[a] < whole[a] && chunk[a] % stored[a] != 0)
      throw misuse("weft: " + name + " is stored in chunks of " + weft::to_string(stored) +
                   ", and is read in chunks of " + weft::to_string(how.chunk) +
                   ": read multiples of those that are stored, and use rechunk for other ones");
  }
  return make_grid(whole, chunk, how.bytes, item);
}

weft::shape multiple_of_stored(const weft::shape& whole, const weft::shape& stored, std::int64_t bytes,
                               std::size_t item) {
  auto own = static_cast<std::int64_t>(item);
  for (const std::int64_t n : stored) own *= n;
  weft::shape chunk = stored;
  for (std::size_t a = chunk.size(); a-- > 0;) {
    const std::int64_t times = std::max<std::int64_t>(bytes / own, 1);
    chunk[a] = std::min(std::max(whole[a], stored[a]), stored[a] * times);
    own = own / stored[a] * chunk[a];
  }
  return chunk;
}

weft::shape chunk_to_write(const grid& x, const weft::shape& stored, std::size_t item) {
  const auto bytes_in = [item](const weft::shape& s) {
    return std::accumulate(s.begin(), s.end(), static_cast<std::int64_t>(item), std::multiplies<>());
  };
  const std::int64_t most = std::max({bytes_in(x.largest()), bytes_in(stored), creation().bytes});
  return multiple_of_stored(x.whole(), stored, most, item);
}

array_ref in_chunks_of(array_ref x, const weft::shape& stored, const weft::shape& begin) {
  const grid& g = x->chunks;
  const auto first = [&](std::uint32_t a) { return begin.size() == 0 ? 0 : begin[a] % stored[a]; };
  bool fits = true;
  for (std::uint32_t a = 0; a < g.rank; ++a) fits = fits && is_cut_there(g.axes[a], stored[a], first(a));
  if (fits) return x;
  const weft::shape chunk = chunk_to_write(g, stored, x->of.item);
  std::vector<std::vector<std::int64_t>> sizes(g.rank);
  for (std::uint32_t a = 0; a < g.rank; ++a) {
    // What is no multiple is the whole axis.
    const std::int64_t lead = chunk[a] % stored[a] == 0 ? chunk[a] - first(a) : chunk[a];
    for (std::int64_t at = 0, extent = g.axes[a].extent; at < extent; at += sizes[a].back())
      sizes[a].push_back(std::min(at == 0 ? lead : chunk[a], extent - at));
  }
  return rechunked(std::move(x), sizes);
}

chunk_box box_of(const grid& chunks, const coordinates& at, std::size_t item) {
  chunk_box b;
  for (std::size_t a = 0; a < chunks.rank; ++a) {
    b.first.push_back(static_cast<std::size_t>(chunks.axes[a].first(at[a])));
    b.extents.push_back(static_cast<std::size_t>(chunks.axes[a].size(at[a])));
  }
  b.steps.resize(chunks.rank);
  row_major_steps(b.extents, item, b.steps);
  return b;
}

void check_own(const block& b, element of, const weft::shape& extents) {
  if (b.of().item != of.item || b.extents() != extents)
    throw std::logic_error("weft: a task that writes an array was given another chunk than its own");
}

}  // namespace weft::detail::arrays
