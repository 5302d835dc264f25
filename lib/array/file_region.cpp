#include "array/file_region.hpp"

#include <algorithm>
#include <stdexcept>

#include "array/file_chunks.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

std::string range(std::int64_t first, std::int64_t last) {
  return std::to_string(first) + ":" + std::to_string(last);
}

/// `(100:200, 0:50, 3)`, of a box.
std::string text_of(const weft::shape& first, const weft::shape& extents, std::uint32_t dropped) {
  std::string s = "(";
  for (std::size_t a = 0; a < first.size(); ++a) {
    if (a != 0) s += ", ";
    s += (dropped >> a & 1) != 0 ? std::to_string(first[a]) : range(first[a], first[a] + extents[a]);
  }
  return s + (first.size() == 1 ? ",)" : ")");
}

}  // namespace

void throw_part_of_part(const std::string& name) {
  throw misuse("weft: a region of a region of " + name + ": give one region, by indices of the whole array");
}

file_region region_by(std::vector<index_item> indices, const std::string& name) {
  for (const index_item& i : indices)
    if (i.what == index_item::kind::slice && i.range.step != 1)
      throw misuse("weft: a region of " + name + " by a slice of step " + std::to_string(i.range.step) +
                   ": regions are boxes, of step 1; store the array that has the elements between as well");
  file_region r;
  r.indices = std::move(indices);
  return r;
}

void settle_region(file_region& r, std::span<const std::size_t> sizes, const std::string& name) {
  if (sizes.size() > most_axes)
    throw misuse("weft: " + name + " has an array of " + std::to_string(sizes.size()) + " axes, of at most 8");
  const weft::shape whole = extents_from(sizes);
  grid g;
  g.rank = static_cast<std::uint32_t>(whole.size());
  for (std::size_t a = 0; a < whole.size(); ++a) {
    const std::int64_t n = std::max<std::int64_t>(whole[a], 1);
    g.axes[a] = {whole[a], n, n};
  }
  spelled_indices all;
  try {
    all = spell_out(r.indices, g);
  } catch (const misuse& e) { throw misuse(std::string(e.what()) + ": a region of " + name); }
  if (all.items.size() != whole.size()) throw std::logic_error("weft: a region that has not an index for each axis");
  r.settled = true;
  r.first = r.extents = weft::shape::of_rank(whole.size());
  r.dropped = 0;
  for (std::size_t a = 0; a < whole.size(); ++a) {
    const index_item& i = all.items[a];
    if (i.what == index_item::kind::number) {
      r.first[a] = i.at;
      r.extents[a] = 1;
      r.dropped |= 1u << a;
      continue;
    }
    const found_slice s = find_slice(i.range, whole[a]);
    r.first[a] = s.first;
    r.extents[a] = s.count;
  }
}

array_ref in_region(array_ref x, const file_region& r, const std::string& name) {
  weft::shape wanted;
  std::vector<index_item> indices(r.extents.size());
  std::size_t rank = 0;
  for (std::size_t a = 0; a < r.extents.size(); ++a) rank += (r.dropped >> a & 1) == 0;
  wanted = weft::shape::of_rank(rank);
  rank = 0;
  for (std::size_t a = 0; a < r.extents.size(); ++a) {
    if ((r.dropped >> a & 1) != 0)
      indices[a].what = index_item::kind::newaxis;
    else
      wanted[rank++] = r.extents[a];
  }
  if (x->chunks.whole() != wanted)
    throw misuse("weft: an array of shape " + weft::to_string(x->chunks.whole()) + " for the region " + to_string(r) +
                 " of " + name + ", which has the shape " + weft::to_string(wanted) +
                 ": store an array of that shape (broadcast_to makes one), or another region");
  return r.dropped == 0 ? x : slice_view(std::move(x), indices);
}

array_ref part_in_region(array_ref whole, const file_region& r) {
  std::vector<index_item> indices(r.extents.size());
  for (std::size_t a = 0; a < r.extents.size(); ++a) {
    if ((r.dropped >> a & 1) != 0) {
      indices[a].what = index_item::kind::number;
      indices[a].at = r.first[a];
    } else {
      indices[a].range = slice(r.first[a], r.first[a] + r.extents[a]);
    }
  }
  return slice_view(std::move(whole), indices);
}

void check_chunks_of_region(const file_region& r, const weft::shape& whole, const weft::shape& chunk,
                            const std::string& name) {
  bool whole_chunks = true;
  weft::shape first = r.first, extents = r.extents;
  for (std::size_t a = 0; a < whole.size(); ++a) {
    if (extents[a] == 0) return;  // nothing is written
    const std::int64_t end = std::min((first[a] + extents[a] + chunk[a] - 1) / chunk[a] * chunk[a], whole[a]);
    first[a] = first[a] / chunk[a] * chunk[a];
    extents[a] = end - first[a];
    whole_chunks = whole_chunks && first[a] == r.first[a] && extents[a] == r.extents[a];
  }
  if (whole_chunks) return;
  throw misuse("weft: the region " + to_string(r) + " of " + name + " begins or ends within chunks of " +
               weft::to_string(chunk) + ", which others may write at the same time: store the region " +
               text_of(first, extents, 0) + ", with what is there around it, or make the file in chunks that fit");
}

void check_type_of_region(element of, const std::string& type_there, bool same, const std::string& name) {
  if (!same)
    throw misuse("weft: " + name + " has elements of type " + type_there + ", and an array of " +
                 weft::to_string(of.type) + " is stored in a region of it: make it that with astype<>");
}

void find_bytes(file_region& r, std::span<const std::size_t> sizes, std::size_t item, std::uint64_t offset,
                bool fortran_order) {
  r.layout = std::to_string(offset) + " " + std::to_string(item) + (fortran_order ? " F " : " C ") +
             weft::to_string(extents_from(sizes));
  const std::size_t rank = sizes.size();
  std::uint64_t step = item, first = offset, last = offset;
  bool empty = false;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::size_t a = fortran_order ? i : rank - 1 - i;
    empty = empty || r.extents[a] == 0;
    first += static_cast<std::uint64_t>(r.first[a]) * step;
    last += static_cast<std::uint64_t>(r.first[a] + r.extents[a] - 1) * step;
    step *= sizes[a];
  }
  r.first_byte = first;
  r.end_byte = empty ? first : last + item;
}

bool regions_overlap(const file_region& a, const file_region& b) noexcept {
  if (a.layout != b.layout) return std::max(a.first_byte, b.first_byte) < std::min(a.end_byte, b.end_byte);
  for (std::size_t i = 0; i < a.extents.size(); ++i)
    if (std::max(a.first[i], b.first[i]) >= std::min(a.first[i] + a.extents[i], b.first[i] + b.extents[i]))
      return false;
  return true;
}

bool is_part_of(const grid& chunks, const weft::shape& begin, const weft::shape& whole) noexcept {
  if (begin.size() != whole.size() || (begin.size() != 0 && begin.size() != chunks.rank)) return false;
  for (std::size_t a = 0; a < begin.size(); ++a)
    if (whole[a] < 0 || begin[a] < 0 || begin[a] > whole[a] || chunks.axes[a].extent > whole[a] - begin[a])
      return false;
  return true;
}

std::string to_string(const file_region& r) { return text_of(r.first, r.extents, r.dropped); }

}  // namespace weft::detail::arrays
